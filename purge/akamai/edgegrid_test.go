package akamai

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/larderdev/larder/purge/purgeapi"
)

// The signatures are those of the test data that Akamai publishes with its own
// signers (akamai/AkamaiOPEN-edgegrid-python, testcases.json): all of its cases
// that sign no header and no body longer than the limit of the test data.
func TestSign_PublishedVectors(t *testing.T) {
	s := signer{
		clientToken:  purgeapi.NewSecret("akab-client-token-xxx-xxxxxxxxxxxxxxxx"),
		accessToken:  purgeapi.NewSecret("akab-access-token-xxx-xxxxxxxxxxxxxxxx"),
		clientSecret: purgeapi.NewSecret("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx="),
	}
	now := time.Date(2014, 3, 21, 21, 34, 21, 0, time.FixedZone("", 2*3600))
	for _, tt := range []struct{ name, method, path, body, signature string }{
		{"simple GET", "GET", "/", "", "tL+y4hxyHxgWVD30X3pWnGKHcPzmrIF+LThiAOhMxYU="},
		{"GET with query", "GET", "/testapi/v1/t1?p1=1&p2=2", "", "hKDH1UlnQySSHjvIcZpDMbQHihTQ0XyVAKZaApabdeA="},
		{"POST", "POST", "/testapi/v1/t3", "datadatadatadatadatadatadatadata", "hXm4iCxtpN22m4cbZb4lVLW5rhX8Ca82vCFqXzSTPe4="},
		{"POST of the longest body", "POST", "/testapi/v1/t3", strings.Repeat("d", 2048), "6Q6PiTipLae6n4GsSIDTCJ54bEbHUBp+4MUXrbQCBoY="},
		{"POST without a body", "POST", "/testapi/v1/t6", "", "1gEDxeQGD5GovIkJJGcBaKnZ+VaPtrc4qBUHixjsPCQ="},
		{"PUT", "PUT", "/testapi/v1/t6", "PPPPPPPPPPPPPPPPPPPPPPPPPPPPPPP", "GNBWEYSEWOLtu+7dD52da2C39aX/Jchpon3K/AmBqBU="},
		{"semicolons in the path", "GET", "/testapi/v1/configs/111;222;333?from=12345&limit=200000", "", "pmQF7Is2+O4r/mMojPR4yeF58BrempNNoBX5/DT0Fxs="},
	} {
		r, err := http.NewRequest(tt.method, "https://akaa-baseurl-xxxxxxxxxxx-xxxxxxxxxxxxx.luna.akamaiapis.net"+tt.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		want := "EG1-HMAC-SHA256 client_token=akab-client-token-xxx-xxxxxxxxxxxxxxxx;access_token=akab-access-token-xxx-xxxxxxxxxxxxxxxx;" +
			"timestamp=20140321T19:34:21+0000;nonce=nonce-xx-xxxx-xxxx-xxxx-xxxxxxxxxxxx;signature=" + tt.signature
		if got := s.sign(r, []byte(tt.body), now, "nonce-xx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"); got != want {
			t.Errorf("%s:\n got %s\nwant %s", tt.name, got, want)
		}
	}
}

package cloudfront

import (
	"net/http"
	"testing"
	"time"

	"github.com/larderdev/larder/purge/purgeapi"
)

// The first four are of the test suite that AWS publishes for Signature Version
// 4 (get-vanilla, post-vanilla, post-x-www-form-urlencoded and
// post-sts-header-before). The last is a call of this API, whose signature was
// computed with another implementation, in Python, from the documentation.
func TestSign(t *testing.T) {
	const suiteToken = "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA=="
	suite := time.Date(2015, 8, 30, 12, 36, 0, 0, time.UTC)
	for _, tt := range []struct {
		name, service, method, url, kind, body, token string
		at                                            time.Time
		want                                          string
	}{
		{
			"get-vanilla", "service", "GET", "https://example.amazonaws.com/", "", "", "", suite,
			"20150830/us-east-1/service/aws4_request, SignedHeaders=host;x-amz-date, Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
		},
		{
			"post-vanilla", "service", "POST", "https://example.amazonaws.com/", "", "", "", suite,
			"20150830/us-east-1/service/aws4_request, SignedHeaders=host;x-amz-date, Signature=5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
		},
		{
			"post-x-www-form-urlencoded", "service", "POST", "https://example.amazonaws.com/", "application/x-www-form-urlencoded", "Param1=value1", "", suite,
			"20150830/us-east-1/service/aws4_request, SignedHeaders=content-type;host;x-amz-date, Signature=ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
		},
		{
			"post-sts-header-before", "service", "POST", "https://example.amazonaws.com/", "", "", suiteToken, suite,
			"20150830/us-east-1/service/aws4_request, SignedHeaders=host;x-amz-date;x-amz-security-token, Signature=85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead",
		},
		{
			"CreateInvalidation", "cloudfront", "POST", "https://cloudfront.amazonaws.com/2020-05-31/distribution/E2QWRUHAPOMQZL/invalidation",
			"text/xml", "<InvalidationBatch/>", "session/token==", time.Date(2026, 11, 26, 1, 59, 59, 0, time.FixedZone("", 2*3600)),
			"20261125/us-east-1/cloudfront/aws4_request, SignedHeaders=content-type;host;x-amz-date;x-amz-security-token, Signature=8f07fe676bdc4baae54ab63da80c14d6f351d25494fb5731cd94eb063078b493",
		},
	} {
		r, err := http.NewRequest(tt.method, tt.url, nil)
		if err != nil {
			t.Fatal(err)
		}
		if tt.kind != "" {
			r.Header.Set("Content-Type", tt.kind)
		}
		s := signer{region: "us-east-1", service: tt.service}
		s.sign(r, []byte(tt.body), Credentials{
			AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: purgeapi.NewSecret("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
			SessionToken: purgeapi.NewSecret(tt.token),
		}, tt.at)
		if got, want := r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/"+tt.want; got != want {
			t.Errorf("%s:\n got %s\nwant %s", tt.name, got, want)
		}
		if got := r.Header.Get("X-Amz-Security-Token"); got != tt.token {
			t.Errorf("%s: X-Amz-Security-Token %q, want %q", tt.name, got, tt.token)
		}
	}
}

package cloudfront

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// signer signs requests with AWS Signature Version 4 (AWS, "Create a signed AWS
// API request"). It knows no query and no path with characters that must be
// escaped: the API has neither.
type signer struct {
	region, service string
}

// sign sets X-Amz-Date, X-Amz-Security-Token if there is a session, and
// Authorization. AWS refuses a time that is more than some minutes from its own.
func (s *signer) sign(r *http.Request, body []byte, c Credentials, now time.Time) {
	at := now.UTC().Format("20060102T150405Z")
	r.Header.Set("X-Amz-Date", at)
	if !c.SessionToken.IsZero() {
		r.Header.Set("X-Amz-Security-Token", c.SessionToken.Reveal())
	}
	// Proxies may add and change other fields: what is signed must arrive as it was.
	signed := map[string]string{"host": r.URL.Host}
	for _, name := range []string{"Content-Type", "X-Amz-Date", "X-Amz-Security-Token"} {
		if value := r.Header.Get(name); value != "" {
			signed[strings.ToLower(name)] = value
		}
	}
	names := slices.Sorted(maps.Keys(signed))
	// Between path and fields is the query, which is empty here.
	canonical := r.Method + "\n" + r.URL.Path + "\n\n"
	for _, name := range names {
		canonical += name + ":" + signed[name] + "\n"
	}
	list := strings.Join(names, ";")
	canonical += "\n" + list + "\n" + sum(body)

	scope := at[:8] + "/" + s.region + "/" + s.service + "/aws4_request"
	text := "AWS4-HMAC-SHA256\n" + at + "\n" + scope + "\n" + sum([]byte(canonical))
	key := []byte("AWS4" + c.SecretAccessKey.Reveal())
	// The key is good for one day, region and service: who steals it has not got the
	// secret.
	for part := range strings.SplitSeq(scope, "/") {
		key = mac(key, part)
	}
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+c.AccessKeyID+"/"+scope+
		", SignedHeaders="+list+", Signature="+hex.EncodeToString(mac(key, text)))
}

func sum(data []byte) string {
	s := sha256.Sum256(data)
	return hex.EncodeToString(s[:])
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

package akamai

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"
	"time"

	"github.com/larderdev/larder/purge/purgeapi"
)

// signer signs requests with EdgeGrid, Akamai's scheme EG1-HMAC-SHA256
// (techdocs.akamai.com, "Authenticate with EdgeGrid"). No header is signed:
// which ones are is agreed for an API, and for this one none is.
type signer struct {
	clientToken, accessToken, clientSecret purgeapi.Secret
}

// sign returns the value of Authorization. The nonce may be used once; Akamai
// refuses a time that is more than 30 s from its own.
//
// Of a longer body only the first 131,072 bytes would be hashed; no purge has
// that many.
func (s *signer) sign(r *http.Request, body []byte, now time.Time, nonce string) string {
	at := now.UTC().Format("20060102T15:04:05+0000")
	unsigned := "EG1-HMAC-SHA256 client_token=" + s.clientToken.Reveal() +
		";access_token=" + s.accessToken.Reveal() + ";timestamp=" + at + ";nonce=" + nonce + ";"
	hash := ""
	if r.Method == http.MethodPost && len(body) > 0 {
		sum := sha256.Sum256(body)
		hash = base64.StdEncoding.EncodeToString(sum[:])
	}
	data := strings.Join([]string{r.Method, r.URL.Scheme, r.URL.Host, r.URL.RequestURI(), "", hash, unsigned}, "\t")
	key := mac([]byte(s.clientSecret.Reveal()), at)
	return unsigned + "signature=" + mac([]byte(key), data)
}

// mac is HMAC-SHA256 in base64.
func mac(key []byte, text string) string {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return base64.StdEncoding.EncodeToString(h.Sum(nil))
}

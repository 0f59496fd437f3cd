package googlecdn

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/larderdev/larder/purge/purgeapi"
)

// TokenSource returns an access token that may compute.urlMaps.invalidateCache
// (OAuth scope https://www.googleapis.com/auth/compute). It is called for each
// call, by several goroutines at once, and should remember the token while it is
// valid. Its error must not hold a secret.
type TokenSource func(ctx context.Context) (purgeapi.Secret, error)

// metadata is where the metadata server of Google Cloud answers.
const metadata = "http://metadata.google.internal"

// margin is how long before its end a token is not used any more: it has to
// arrive, and clocks differ. The metadata server has a new one long before.
const margin = time.Minute

// MetadataToken returns the token of the service account that this machine, pod
// or Cloud Run service has been given, from the metadata server of Google Cloud.
// It remembers the token until a minute before its end. client makes the
// requests; nil: one that uses no proxy.
func MetadataToken(client *http.Client) TokenSource {
	if client == nil {
		// The server is this machine's own: through a proxy it would be another's.
		client = &http.Client{Transport: &http.Transport{IdleConnTimeout: time.Minute}}
	}
	return metadataToken(metadata, client)
}

func metadataToken(base string, client *http.Client) TokenSource {
	m := &metadataSource{
		api: purgeapi.Client{
			Target: "metadata server", HTTP: client,
			// Nothing of its answers goes into an error: what they hold is secret.
			Explain: func(purgeapi.Answer) (string, time.Duration) { return "see its log", 0 },
		},
		url: strings.TrimSuffix(base, "/") + "/computeMetadata/v1/instance/service-accounts/default/token",
	}
	return m.token
}

// metadataSource remembers a token.
type metadataSource struct {
	api purgeapi.Client
	url string

	mu    sync.Mutex
	last  purgeapi.Secret
	until time.Time
}

// token returns the one that is remembered, or asks. Several goroutines may ask
// at once: the server tells them the same.
func (m *metadataSource) token(ctx context.Context) (purgeapi.Secret, error) {
	m.mu.Lock()
	last, valid := m.last, time.Now().Before(m.until)
	m.mu.Unlock()
	if valid {
		return last, nil
	}
	asked := time.Now()
	a, err := m.api.Call(ctx, purgeapi.Request{Method: http.MethodGet, URL: m.url, Header: http.Header{"Metadata-Flavor": {"Google"}}})
	if err != nil {
		return purgeapi.Secret{}, err
	}
	var said struct {
		Token   string `json:"access_token"`
		Seconds int64  `json:"expires_in"`
	}
	if err := json.Unmarshal(a.Body, &said); err != nil || said.Token == "" {
		return purgeapi.Secret{}, errors.New("the metadata server's answer has no token")
	}
	token := purgeapi.NewSecret(said.Token)
	m.mu.Lock()
	defer m.mu.Unlock()
	// An hour is what there is; a number beyond it is not believed.
	m.last, m.until = token, asked.Add(time.Duration(min(said.Seconds, 3600))*time.Second-margin)
	return token, nil
}

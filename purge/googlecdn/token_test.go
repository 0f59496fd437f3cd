package googlecdn

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// server is the metadata server, in the process.
type server struct {
	asked  int
	status int
	body   string
}

func (s *server) RoundTrip(r *http.Request) (*http.Response, error) {
	if want := "http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/token"; r.URL.String() != want {
		return nil, fmt.Errorf("asked for %s, want %s", r.URL, want)
	}
	if r.Header.Get("Metadata-Flavor") != "Google" {
		return nil, fmt.Errorf("Metadata-Flavor %q, want Google", r.Header.Get("Metadata-Flavor"))
	}
	s.asked++
	return &http.Response{StatusCode: s.status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(s.body))}, nil
}

func TestMetadataToken_IsRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{status: 200}
		source := MetadataToken(&http.Client{Transport: s})
		get := func(want string, asked int) {
			t.Helper()
			token, err := source(t.Context())
			if err != nil || token.Reveal() != want || s.asked != asked {
				t.Errorf("token %q, %v, after %d requests, want %q after %d", token.Reveal(), err, s.asked, want, asked)
			}
		}
		s.body = `{"access_token":"first","expires_in":3599,"token_type":"Bearer"}`
		get("first", 1)
		s.body = `{"access_token":"second","expires_in":30}`
		time.Sleep(3599*time.Second - margin - time.Nanosecond)
		get("first", 1)
		time.Sleep(time.Nanosecond)
		get("second", 2)
		s.body = `{"access_token":"third","expires_in":9223372036854775807}`
		get("third", 3) // the second would have ended too soon
		get("third", 3)
		s.body = `{"access_token":"fourth"}`
		time.Sleep(time.Hour)
		get("fourth", 4)
		get("fourth", 5) // nobody knows how long
	})
}

func TestMetadataToken_Fails(t *testing.T) {
	for _, s := range []server{
		{status: 404, body: "access_token s3cr3t"},
		{status: 500, body: `{"access_token":"s3cr3t"}`},
		{status: 200, body: `{"token":"s3cr3t"}`},
		{status: 200, body: `s3cr3t`},
	} {
		_, err := MetadataToken(&http.Client{Transport: &s})(t.Context())
		if err == nil || !strings.Contains(err.Error(), "metadata server") || strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("after %d %s: %v, want an error that names the server and holds nothing of the answer", s.status, s.body, err)
		}
	}
}

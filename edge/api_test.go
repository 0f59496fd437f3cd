package edge

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func call(h http.Handler, path, body string, change ...func(*http.Request)) (*httptest.ResponseRecorder, apiAnswer) {
	r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1:9"+path, strings.NewReader(body))
	r.RemoteAddr = "127.0.0.1:1234"
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer secret")
	for _, c := range change {
		c(r)
	}
	w := do(h, r)
	var a apiAnswer
	if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil {
		a.Errors = []apiMessage{{0, err.Error()}}
	}
	return w, a
}

// TestAPI_Purges: each selector of Cloudflare's API, for both calls.
func TestAPI_Purges(t *testing.T) {
	for _, body := range []string{
		`{"tags":["x"]}`,
		`{"files":["http://www.example.com/a"]}`,
		`{"files":[{"url":"https://www.example.com/a","headers":{"CF-IPCountry":"US"}}]}`,
		`{"prefixes":["www.example.com/a"]}`,
		`{"hosts":["www.example.com"]}`,
		`{"purge_everything":true}`,
	} {
		for _, path := range []string{"/client/v4/zones/z/purge_cache", "/zones/z/invalidate_cache", "/zones/z/environments/e/invalidate_cache"} {
			asked := ""
			h := newEdge(t, func(r *http.Request) (*http.Response, error) {
				asked = "asked " + r.Header.Get("If-None-Match")
				return respond(200, "one", "Cache-Control: max-age=60", "Cache-Tag: x", `ETag: "1"`), nil
			})
			get(h, "/a")
			w, a := call(h.API("secret"), path, body)
			if w.Code != 200 || !a.Success || a.Result == nil || a.Result.ID == "" || a.Errors == nil || a.Messages == nil {
				t.Errorf("POST %s %s: %d %s", path, body, w.Code, w.Body)
			}
			asked = ""
			get(h, "/a")
			wanted := "asked "
			if strings.HasSuffix(path, "/invalidate_cache") {
				wanted = `asked "1"`
			}
			if asked != wanted {
				t.Errorf("POST %s %s: then the origin was %q, want %q", path, body, asked, wanted)
			}
		}
	}
}

func TestAPI_Refuses(t *testing.T) {
	h := newEdge(t, func(*http.Request) (*http.Response, error) { return respond(200, ""), nil })
	const path = "/zones/z/purge_cache"
	set := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	from := func(address string) func(*http.Request) { return func(r *http.Request) { r.RemoteAddr = address } }
	for _, tt := range []struct {
		name, token, path, body string
		change                  func(*http.Request)
		status                  int
	}{
		{"no token given", "secret", path, `{"tags":["x"]}`, set("Authorization", ""), 401},
		{"wrong token", "secret", path, `{"tags":["x"]}`, set("Authorization", "Bearer secrets"), 401},
		{"wrong scheme", "secret", path, `{"tags":["x"]}`, set("Authorization", "Basic secret"), 401},
		{"from afar without a token", "", path, `{"tags":["x"]}`, from("192.0.2.1:5"), 403},
		{"from afar, IPv6", "", path, `{"tags":["x"]}`, from("[2001:db8::1]:5"), 403},
		{"by another name without a token", "", path, `{"tags":["x"]}`, func(r *http.Request) { r.Host = "evil.example" }, 403},
		{"through a proxy without a token", "", path, `{"tags":["x"]}`, set("X-Forwarded-For", "192.0.2.1"), 403},
		{"a web page without a token", "", path, `{"tags":["x"]}`, set("Content-Type", "text/plain"), 415},
		{"another path", "secret", "/zones/z/purge", `{"tags":["x"]}`, nil, 404},
		{"another method", "secret", path, ``, func(r *http.Request) { r.Method = "GET" }, 405},
		{"no JSON", "secret", path, `tags`, nil, 400},
		{"nothing", "secret", path, `{}`, nil, 400},
		{"two selectors", "secret", path, `{"tags":["x"],"hosts":["y"]}`, nil, 400},
		{"an unknown selector", "secret", path, `{"tag":["x"]}`, nil, 400},
		{"two objects", "secret", path, `{"tags":["x"]}{"tags":["x"]}`, nil, 400},
		{"not everything", "secret", path, `{"purge_everything":false}`, nil, 400},
		{"a bad tag", "secret", path, `{"tags":["a b"]}`, nil, 400},
		{"a bad file", "secret", path, `{"files":[{"uri":"x"}]}`, nil, 400},
		{"too many items", "secret", path, `{"tags":[` + strings.Repeat(`"x",`, 1000) + `"x"]}`, nil, 400},
		{"too many bytes", "secret", path, `{"tags":["` + strings.Repeat("x", 1<<20) + `"]}`, nil, 413},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := h.Stats().Purges
			change := tt.change
			if change == nil {
				change = func(*http.Request) {}
			}
			w, a := call(h.API(tt.token), tt.path, tt.body, change)
			if w.Code != tt.status || a.Success || len(a.Errors) != 1 || a.Errors[0].Message == "" {
				t.Errorf("got %d %s, want %d and an error", w.Code, w.Body, tt.status)
			}
			if strings.Contains(w.Body.String(), "secret") {
				t.Errorf("the answer shows the token: %s", w.Body)
			}
			if h.Stats().Purges != before {
				t.Error("something was purged")
			}
		})
	}
}

// TestAPI_Open: without a token this machine is let in.
func TestAPI_Open(t *testing.T) {
	h := newEdge(t, func(*http.Request) (*http.Response, error) { return respond(200, ""), nil })
	for _, address := range []string{"127.0.0.1:5", "127.8.8.8:5", "[::1]:5"} {
		w, _ := call(h.API(""), "/purge_cache", `{"tags":["x"]}`, func(r *http.Request) {
			r.RemoteAddr = address
			r.Header.Del("Authorization")
		})
		if w.Code != 200 {
			t.Errorf("from %s: %d %s, want 200", address, w.Code, w.Body)
		}
	}
}

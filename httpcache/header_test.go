package httpcache_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"testing"

	"github.com/larderdev/larder/httpcache"
)

// TestHold_Header: what a handler changes in the header after it has begun the
// response is not sent, held back or not, as without a layer; only trailers are.
func TestHold_Header(t *testing.T) {
	for name, begin := range map[string]func(http.ResponseWriter){
		"WriteHeader": func(w http.ResponseWriter) { w.WriteHeader(200) },
		"Write":       func(w http.ResponseWriter) { io.WriteString(w, "begin ") },
	} {
		server := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			h := w.Header()
			h.Set("Vary", "X-A")
			h.Set("X-Before", "1")
			begin(w)
			h.Del("Vary")
			h["X-Before"][0] = "2"
			h.Set("X-After", "1")
			h.Set("Content-Length", "1")
			h.Set("Set-Cookie", "a=b")
			h.Set(http.TrailerPrefix+"X-Sum", "3")
			io.WriteString(w, "end")
		})
		resp := fetch(t, server, "GET", "/")
		if body, err := io.ReadAll(resp.Body); err != nil || !strings.HasSuffix(string(body), "end") {
			t.Errorf("%s: the body is %q, %v", name, body, err)
		}
		h := resp.Header
		got := fmt.Sprintf("%s %s %s %s %s %s", h.Get("Vary"), h.Get("X-Before"), h.Get("X-After"), h.Get("Set-Cookie"), h.Get("Cache-Control"), resp.Trailer.Get("X-Sum"))
		if want := "X-A 1   public, max-age=60 3"; got != want || h.Get("ETag") == "" {
			t.Errorf("%s: the fields are %q, ETag %q, want %q and an ETag", name, got, h.Get("ETag"), want)
		}
	}
}

// TestSetCookie_Unusual: a cookie that is sent before the header, or is to be
// sent after it, keeps the response from being kept. One of which nobody could
// know when the header was sent is not sent.
func TestSetCookie_Unusual(t *testing.T) {
	early := func(w http.ResponseWriter) {
		w.Header().Set("Set-Cookie", "sid=1")
		w.WriteHeader(http.StatusEarlyHints)
		w.Header().Del("Set-Cookie")
	}
	for _, tt := range []struct {
		name         string
		begin, after func(http.ResponseWriter)
		kept         bool
	}{
		{"in a 103", early, nil, false},
		{
			"announced", func(w http.ResponseWriter) { w.Header().Set("Trailer", "X-Sum, set-cookie") },
			func(w http.ResponseWriter) { w.Header().Set("Set-Cookie", "sid=1") }, false,
		},
		{"a trailer before the header", func(w http.ResponseWriter) { w.Header().Set(http.TrailerPrefix+"Set-Cookie", "sid=1") }, nil, false},
		{"a trailer while held", nil, func(w http.ResponseWriter) { w.Header().Set(http.TrailerPrefix+"Set-Cookie", "sid=1") }, false},
		{"a trailer too late", nil, func(w http.ResponseWriter) {
			w.(http.Flusher).Flush()
			w.Header().Set(http.TrailerPrefix+"Set-Cookie", "sid=1")
			w.Header().Set(http.TrailerPrefix+"X-Sum", "3")
		}, true},
	} {
		for _, drop := range []bool{false, true} {
			policy := kept
			policy.SameForEveryoneSoDropSetCookie = drop
			layer := newLayer(t, map[string]httpcache.Policy{"/": policy}, httpcache.Options{})
			mux := http.NewServeMux()
			mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
				if tt.begin != nil {
					tt.begin(w)
				}
				io.WriteString(w, "x")
				if tt.after != nil {
					tt.after(w)
				}
			})
			server := httptest.NewServer(layer.Handler(mux))
			cookies := ""
			trace := &httptrace.ClientTrace{Got1xxResponse: func(_ int, h textproto.MIMEHeader) error {
				cookies += h.Get("Set-Cookie")
				return nil
			}}
			r, err := http.NewRequestWithContext(httptrace.WithClientTrace(t.Context(), trace), "GET", server.URL, nil)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := server.Client().Do(r)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.Copy(io.Discard, resp.Body); err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			server.Close()
			cookies += resp.Header.Get("Set-Cookie") + resp.Trailer.Get("Set-Cookie")
			want, wantCookies := "private, no-store", "sid=1"
			if tt.kept || drop {
				want, wantCookies = "public, max-age=60", ""
			}
			if got := resp.Header.Get("Cache-Control"); got != want || cookies != wantCookies {
				t.Errorf("%s, cookies dropped %v: Cache-Control %q, cookies %q, want %q, %q", tt.name, drop, got, cookies, want, wantCookies)
			}
			if got := resp.Trailer.Get("X-Sum"); tt.kept && got != "3" {
				t.Errorf("%s, cookies dropped %v: the trailer X-Sum is %q, want 3", tt.name, drop, got)
			}
		}
	}
}

package httpcache_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larderdev/larder/httpcache"
)

// kept is a policy that lets bodies be held back and hashed.
var kept = httpcache.Policy{Edge: time.Hour, Browser: time.Minute, HashUpTo: 1000}

// serve starts a server whose "/" has the policy kept and "/none" has none.
func serve(t *testing.T, h http.HandlerFunc, around ...func(http.Handler) http.Handler) *httptest.Server {
	t.Helper()
	mux := http.NewServeMux()
	mux.Handle("/", h)
	mux.Handle("/none", h)
	handler := newLayer(t, map[string]httpcache.Policy{"/": kept}, httpcache.Options{}).Handler(mux)
	for _, f := range around {
		handler = f(handler)
	}
	server := httptest.NewUnstartedServer(handler)
	server.EnableHTTP2 = true
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // mistakes are made on purpose here
	server.StartTLS()
	t.Cleanup(server.Close)
	return server
}

// fetch asks a server over HTTP/2.
func fetch(t *testing.T, server *httptest.Server, method, path string, fields ...string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(fields); i += 2 {
		r.Header.Add(fields[i], fields[i+1])
	}
	resp, err := server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	return resp
}

// TestStreaming: what a handler flushes arrives while it is still at work, also
// what it had written before and was held back.
func TestStreaming(t *testing.T) {
	long := strings.Repeat("x", 100_000)
	for _, tt := range []struct {
		name, first string
		write       func(w http.ResponseWriter, s string)
	}{
		{"Flush", "held, then flushed", func(w http.ResponseWriter, s string) {
			io.WriteString(w, s)
			w.(http.Flusher).Flush()
		}},
		{"ResponseController", "held, then flushed", func(w http.ResponseWriter, s string) {
			w.Write([]byte(s))
			if err := http.NewResponseController(w).Flush(); err != nil {
				t.Errorf("Flush: %v", err)
			}
		}},
		{"more than HashUpTo", long, func(w http.ResponseWriter, s string) { w.Write([]byte(s)) }},
		{"more than HashUpTo, in pieces", long, func(w http.ResponseWriter, s string) {
			for s != "" {
				io.WriteString(w, s[:500])
				s = s[500:]
			}
		}},
		{"io.Copy", long, func(w http.ResponseWriter, s string) { io.Copy(w, struct{ io.Reader }{strings.NewReader(s)}) }},
	} {
		for _, path := range []string{"/", "/none"} {
			more := make(chan struct{})
			server := serve(t, func(w http.ResponseWriter, r *http.Request) {
				tt.write(w, tt.first)
				select {
				case <-more:
				case <-r.Context().Done():
				}
				io.WriteString(w, "end")
			})
			resp := fetch(t, server, "GET", path)
			first := make([]byte, min(len(tt.first), 50_000)) // the connection has buffers of its own
			if _, err := io.ReadFull(resp.Body, first); err != nil || !strings.HasPrefix(tt.first, string(first)) {
				t.Errorf("%s %s: while the handler works: %.30q…, %v", tt.name, path, first, err)
			}
			close(more)
			rest, err := io.ReadAll(resp.Body)
			if got := string(first) + string(rest); err != nil || got != tt.first+"end" {
				t.Errorf("%s %s: %d bytes, %v, want %d", tt.name, path, len(got), err, len(tt.first)+3)
			}
			if resp.Header.Get("ETag") != "" {
				t.Errorf("%s %s: a stream has the ETag %s", tt.name, path, resp.Header.Get("ETag"))
			}
			server.Close()
		}
	}
}

// TestHold: a body that ends within HashUpTo has an ETag of its bytes and its
// length.
func TestHold(t *testing.T) {
	for _, tt := range []struct {
		name  string
		size  int
		write func(w http.ResponseWriter, s string)
		etag  bool
	}{
		{"Write", 1000, func(w http.ResponseWriter, s string) { w.Write([]byte(s)) }, true},
		{"Write", 1001, func(w http.ResponseWriter, s string) { w.Write([]byte(s)) }, false},
		{"two Writes", 1000, func(w http.ResponseWriter, s string) { io.WriteString(w, s[:1]); io.WriteString(w, s[1:]) }, true},
		{"two Writes", 1001, func(w http.ResponseWriter, s string) { io.WriteString(w, s[:1]); io.WriteString(w, s[1:]) }, false},
		{"WriteHeader", 10, func(w http.ResponseWriter, s string) { w.WriteHeader(200); io.WriteString(w, s) }, true},
		{"ReadFrom with a length", 1000, func(w http.ResponseWriter, s string) {
			w.Header().Set("Content-Length", fmt.Sprint(len(s)))
			io.Copy(w, struct{ io.Reader }{strings.NewReader(s)})
		}, true},
		{"ReadFrom with a length", 1001, func(w http.ResponseWriter, s string) {
			w.Header().Set("Content-Length", fmt.Sprint(len(s)))
			io.Copy(w, struct{ io.Reader }{strings.NewReader(s)})
		}, false},
		{"ReadFrom without", 10, func(w http.ResponseWriter, s string) { io.Copy(w, struct{ io.Reader }{strings.NewReader(s)}) }, false},
		{"an ETag of its own", 10, func(w http.ResponseWriter, s string) { w.Header().Set("ETag", `"own"`); io.WriteString(w, s) }, false},
	} {
		server := serve(t, func(w http.ResponseWriter, _ *http.Request) { tt.write(w, strings.Repeat("x", tt.size)) })
		resp := fetch(t, server, "GET", "/")
		body, err := io.ReadAll(resp.Body)
		if err != nil || len(body) != tt.size {
			t.Errorf("%s: %d bytes, %v, want %d", tt.name, len(body), err, tt.size)
		}
		etag := resp.Header.Get("ETag")
		if own := etag == `"own"`; (etag != "" && !own) != tt.etag {
			t.Errorf("%s, %d bytes: ETag %q, want one: %v", tt.name, tt.size, etag, tt.etag)
		}
		if tt.etag && resp.ContentLength != int64(tt.size) {
			t.Errorf("%s: Content-Length %d, want %d", tt.name, resp.ContentLength, tt.size)
		}
		if cc := resp.Header.Get("Cache-Control"); cc != "public, max-age=60" {
			t.Errorf("%s: Cache-Control %q", tt.name, cc)
		}
		server.Close()
	}
}

// A body that is not what was declared has no ETag, and net/http makes the
// client see that it is not whole.
func TestHold_WrongLength(t *testing.T) {
	server := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "20")
		io.WriteString(w, "only this")
	})
	r, err := http.NewRequestWithContext(t.Context(), "GET", server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := server.Client().Do(r)
	if err != nil {
		return // the connection ended: good, too
	}
	defer resp.Body.Close()
	if _, err := io.ReadAll(resp.Body); err == nil || resp.Header.Get("ETag") != "" {
		t.Errorf("9 of 20 bytes: error %v, ETag %q, want an error, none", err, resp.Header.Get("ETag"))
	}
}

func TestHijack(t *testing.T) {
	layer := newLayer(t, map[string]httpcache.Policy{"/": kept}, httpcache.Options{})
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		conn, rw, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Errorf("Hijack: %v", err)
			return
		}
		defer conn.Close()
		fmt.Fprint(rw, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\nraw")
		rw.Flush()
		if _, err := w.Write([]byte("late")); !errors.Is(err, http.ErrHijacked) {
			t.Errorf("Write after Hijack: %v, want ErrHijacked", err)
		}
	})
	server := httptest.NewUnstartedServer(layer.Handler(mux))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // of the late Write
	server.Start()
	defer server.Close()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	if got, err := io.ReadAll(conn); err != nil || string(got) != "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\nraw" {
		t.Errorf("the connection gave %q, %v", got, err)
	}
}

// TestUnsupported: what the connection cannot do is an error, and no panic.
func TestUnsupported(t *testing.T) {
	h := serveRecorded(t, func(w http.ResponseWriter, _ *http.Request) {
		if _, _, err := w.(http.Hijacker).Hijack(); !errors.Is(err, http.ErrNotSupported) {
			t.Errorf("Hijack: %v, want ErrNotSupported", err)
		}
		if err := w.(http.Pusher).Push("/x", nil); !errors.Is(err, http.ErrNotSupported) {
			t.Errorf("Push: %v, want ErrNotSupported", err)
		}
		if err := http.NewResponseController(w).SetReadDeadline(time.Time{}); !errors.Is(err, http.ErrNotSupported) {
			t.Errorf("SetReadDeadline: %v, want ErrNotSupported", err)
		}
		io.WriteString(w, "x")
	})
	if got := get(h, "/"); got.Header.Get("ETag") == "" {
		t.Error("no ETag: something was sent before its time")
	}
}

// serveRecorded is a handler for recorders, with the policy kept.
func serveRecorded(t *testing.T, h http.HandlerFunc) http.Handler {
	t.Helper()
	mux := http.NewServeMux()
	mux.Handle("/", h)
	return newLayer(t, map[string]httpcache.Policy{"/": kept}, httpcache.Options{}).Handler(mux)
}

// fakeWriter can do what a recorder cannot.
type fakeWriter struct {
	*httptest.ResponseRecorder
	pushed string
	read   int
}

func (f *fakeWriter) Push(target string, _ *http.PushOptions) error { f.pushed = target; return nil }

func (f *fakeWriter) ReadFrom(src io.Reader) (int64, error) {
	n, err := io.Copy(f.ResponseRecorder, src)
	f.read += int(n)
	return n, err
}

// wrapper is the writer of other middleware.
type wrapper struct{ http.ResponseWriter }

func (w wrapper) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func TestPushAndReadFrom(t *testing.T) {
	h := serveRecorded(t, func(w http.ResponseWriter, _ *http.Request) {
		if err := w.(http.Pusher).Push("/style.css", nil); err != nil {
			t.Errorf("Push: %v", err)
		}
		io.Copy(w, struct{ io.Reader }{strings.NewReader("from a reader")})
	})
	w := &fakeWriter{ResponseRecorder: httptest.NewRecorder()}
	h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if w.pushed != "/style.css" || w.read != len("from a reader") || w.Body.String() != "from a reader" {
		t.Errorf("pushed %q, read %d bytes, body %q", w.pushed, w.read, w.Body)
	}
	w = &fakeWriter{ResponseRecorder: httptest.NewRecorder()}
	h.ServeHTTP(wrapper{w}, httptest.NewRequest("GET", "/", nil))
	if w.pushed != "/style.css" || w.Body.String() != "from a reader" {
		t.Errorf("through a wrapper: pushed %q, body %q", w.pushed, w.Body)
	}
}

func TestResponseController(t *testing.T) {
	server := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		c := http.NewResponseController(w)
		for name, f := range map[string]func() error{
			"SetReadDeadline":  func() error { return c.SetReadDeadline(time.Now().Add(time.Minute)) },
			"SetWriteDeadline": func() error { return c.SetWriteDeadline(time.Now().Add(time.Minute)) },
			"EnableFullDuplex": c.EnableFullDuplex,
		} {
			if err := f(); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
	fetch(t, server, "GET", "/")
}

func TestEarlyHints(t *testing.T) {
	server := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Link", "</style.css>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
		w.WriteHeader(http.StatusOK)
		io.WriteString(w, "body")
	})
	var hints []string
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
		Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
			hints = append(hints, fmt.Sprint(code, " ", h.Get("Link"), h.Get("Cache-Control")))
			return nil
		},
	})
	r, err := http.NewRequestWithContext(ctx, "GET", server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	if len(hints) != 1 || hints[0] != "103 </style.css>; rel=preload" || string(body) != "body" || resp.Header.Get("ETag") == "" {
		t.Errorf("hints %q, body %q, ETag %q", hints, body, resp.Header.Get("ETag"))
	}
}

// TestPanic: of a response that was not finished nothing is sent, and what
// middleware around the layer makes of it is kept by nobody.
func TestPanic(t *testing.T) {
	recovering := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			defer func() {
				if v := recover(); v == http.ErrAbortHandler {
					panic(v)
				} else if v != nil {
					w.WriteHeader(http.StatusInternalServerError)
				}
			}()
			next.ServeHTTP(w, r)
		})
	}
	for _, path := range []string{"/", "/none"} {
		server := serve(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Cache-Control", "public, max-age=1000")
			w.Header().Set("CDN-Cache-Control", "max-age=1000")
			if r.URL.Query().Has("begin") && path == "/" {
				io.WriteString(w, "half")
			}
			if r.URL.Query().Has("abort") {
				panic(http.ErrAbortHandler)
			}
			panic("a bug")
		}, recovering)
		for _, query := range []string{"", "?begin"} {
			resp := fetch(t, server, "GET", path+query)
			body, _ := io.ReadAll(resp.Body)
			if resp.StatusCode != http.StatusInternalServerError || len(body) > 0 {
				t.Errorf("%s%s: %d, %q, want 500 without a body", path, query, resp.StatusCode, body)
			}
			checkFields(t, path+query, resp, nobody...)
		}
		r, err := http.NewRequestWithContext(t.Context(), "GET", server.URL+path+"?begin&abort", nil)
		if err != nil {
			t.Fatal(err)
		}
		if resp, err := server.Client().Do(r); err == nil {
			resp.Body.Close()
			t.Errorf("%s: an aborted handler answered %d", path, resp.StatusCode)
		}
		server.Close()
	}
}

// A hook that panics leaves nothing behind that could be kept.
func TestPanic_Hook(t *testing.T) {
	layer := newLayer(t, nil, httpcache.Options{CDNs: all, OnTagError: func(*http.Request, *httpcache.TagError) { panic("a bug") }})
	for _, flush := range []bool{false, true} {
		h := wrap(t, layer, httpcache.Policy{Edge: time.Hour}, answer("x", setField("Cache-Control", "public, max-age=1000"), tag("a b"),
			func(w http.ResponseWriter, _ *http.Request) {
				if flush {
					w.(http.Flusher).Flush()
				}
			}))
		w := httptest.NewRecorder()
		func() {
			defer func() {
				if recover() == nil {
					t.Error("the panic is lost")
				}
			}()
			h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
		}()
		w.WriteHeader(500)
		checkFields(t, "500", w.Result(), nobody...)
	}
}

func TestNeverWrites(t *testing.T) {
	server := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Cache-Control", "public") })
	resp := fetch(t, server, "GET", "/")
	if resp.StatusCode != http.StatusOK {
		t.Errorf("status %d, want 200", resp.StatusCode)
	}
	checkFields(t, "a handler that never writes", resp, nobody...)

	// One that says 200 has decided.
	server = serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	if got := fetch(t, server, "GET", "/").Header.Get("Cache-Control"); got != "public, max-age=60" {
		t.Errorf("an empty 200: Cache-Control %q", got)
	}
}

func TestWriteHeaderTwice(t *testing.T) {
	for _, first := range []int{200, 404} {
		h := serveRecorded(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(first)
			w.WriteHeader(503)
			io.WriteString(w, "x")
			w.WriteHeader(100)
		})
		if got := get(h, "/"); got.StatusCode != first || (got.Header.Get("Cache-Control") == "public, max-age=60") != (first == 200) {
			t.Errorf("%d, then 503: %d, %q", first, got.StatusCode, got.Header.Get("Cache-Control"))
		}
	}
}

func TestNoBody(t *testing.T) {
	for _, status := range []int{204, 304} {
		server := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			if _, err := io.WriteString(w, "x"); !errors.Is(err, http.ErrBodyNotAllowed) {
				t.Errorf("%d: Write: %v, want ErrBodyNotAllowed", status, err)
			}
		})
		resp := fetch(t, server, "GET", "/")
		body, err := io.ReadAll(resp.Body)
		if resp.StatusCode != status || len(body) > 0 || err != nil || resp.Header.Get("ETag") != "" || resp.Header.Get("Cache-Control") != "public, max-age=60" {
			t.Errorf("%d: %d, %q, %v, ETag %q, Cache-Control %q", status, resp.StatusCode, body, err, resp.Header.Get("ETag"), resp.Header.Get("Cache-Control"))
		}
	}
}

func TestTrailers(t *testing.T) {
	for _, declared := range []bool{true, false} {
		server := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			name := http.TrailerPrefix + "Checksum"
			if declared {
				w.Header().Set("Trailer", "Checksum")
				name = "Checksum"
			}
			io.WriteString(w, "body")
			w.Header().Set(name, "abc")
		})
		plain := server.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
		plain.NextProtos = []string{"http/1.1"}
		for _, client := range []*http.Client{server.Client(), {Transport: &http.Transport{TLSClientConfig: plain}}} {
			resp, err := client.Get(server.URL)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if err != nil || string(body) != "body" || resp.Trailer.Get("Checksum") != "abc" || resp.Header.Get("Checksum") != "" {
				t.Errorf("declared %v, %s: body %q, %v, trailer %q, header %q", declared, resp.Proto, body, err, resp.Trailer, resp.Header.Get("Checksum"))
			}
			client.CloseIdleConnections()
		}
	}
}

func TestHead(t *testing.T) {
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == "HEAD" && r.URL.Query().Has("silent") {
			w.WriteHeader(http.StatusOK)
			return
		}
		io.WriteString(w, "body")
	})
	got, want := fetch(t, server, "HEAD", "/").Header, fetch(t, server, "GET", "/").Header
	for _, name := range []string{"ETag", "Content-Length", "Cache-Control", "CDN-Cache-Control"} {
		if got.Get(name) != want.Get(name) || got.Get(name) == "" {
			t.Errorf("%s of HEAD is %q, of GET %q", name, got.Get(name), want.Get(name))
		}
	}
	if etag := fetch(t, server, "HEAD", "/?silent").Header.Get("ETag"); etag != "" {
		t.Errorf("a HEAD without what GET sends has the ETag %s", etag)
	}
}

// TestTimeoutHandler: the handler goes on after its request has been answered
// for it, and says things that nobody hears.
func TestTimeoutHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		layer := newLayer(t, map[string]httpcache.Policy{"/": kept}, httpcache.Options{})
		mux := http.NewServeMux()
		heard := make(chan bool, 1)
		mux.Handle("/", http.TimeoutHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			httpcache.From(r.Context()).Version(7)
			if r.URL.Path == "/slow" {
				time.Sleep(time.Hour)
			}
			heard <- httpcache.From(r.Context()).NoStore() || httpcache.From(r.Context()).Version(8)
			io.WriteString(w, "body")
		}), time.Second, "too slow"))
		h := layer.Handler(mux)
		got := get(h, "/slow")
		if got.StatusCode != http.StatusServiceUnavailable || got.Header.Get("ETag") != "" {
			t.Errorf("too slow: %d, ETag %q", got.StatusCode, got.Header.Get("ETag"))
		}
		checkFields(t, "too slow", got, nobody...)
		time.Sleep(2 * time.Hour)
		if <-heard {
			t.Error("the handler was heard when the response was over")
		}
		if checkFields(t, "in time", get(h, "/"), nobody...); !<-heard {
			t.Error("a handler below http.TimeoutHandler was not heard")
		}
	})
}

// TestPattern: middleware around the layer sees the pattern, as around a mux.
func TestPattern(t *testing.T) {
	h := serveRecorded(t, answer("x"))
	r := httptest.NewRequest("GET", "/", nil)
	if h.ServeHTTP(httptest.NewRecorder(), r); r.Pattern != "/" {
		t.Errorf("pattern %q, want /", r.Pattern)
	}
}

// TestHTTP1: the plain case on a plain connection, byte for byte.
func TestHTTP1(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Date"] = nil
		io.WriteString(w, "body")
	})
	layer := newLayer(t, map[string]httpcache.Policy{"/": {Edge: time.Hour, Tags: []string{"a", "b"}}}, httpcache.Options{CDNs: all[:2]})
	server := httptest.NewServer(layer.Handler(mux))
	defer server.Close()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	got, err := io.ReadAll(bufio.NewReader(conn))
	want := "HTTP/1.1 200 OK\r\nCache-Control: public, max-age=0, must-revalidate\r\nCache-Tag: a,b\r\nCdn-Cache-Control: max-age=3600\r\n" +
		"Content-Length: 4\r\nEtag: \"Iw2DWNyOiJC0xY3utikS7g\"\r\nSurrogate-Control: max-age=3600\r\nSurrogate-Key: a b\r\n" +
		"Content-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\nbody"
	if err != nil || string(got) != want {
		t.Errorf("got %q, %v,\nwant %q", got, err, want)
	}
}

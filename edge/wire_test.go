package edge

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// wire starts an origin and an edge before it, on loopback.
func wire(t *testing.T, origin http.Handler, change ...func(*Options)) (edge *httptest.Server) {
	t.Helper()
	o := httptest.NewServer(origin)
	t.Cleanup(o.Close)
	return wireTo(t, o.URL, change...)
}

func wireTo(t *testing.T, origin string, change ...func(*Options)) *httptest.Server {
	t.Helper()
	u, err := url.Parse(origin)
	if err != nil {
		t.Fatal(err)
	}
	options := Options{Origin: u}
	for _, c := range change {
		c(&options)
	}
	h, err := New(options)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(h)
	server.EnableHTTP2 = true
	server.Start()
	t.Cleanup(func() {
		server.Close()
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	return server
}

// TestWire_Interim: responses of 1xx pass, and leave nothing behind.
func TestWire_Interim(t *testing.T) {
	edge := wire(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Link", "</a.css>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
		w.Header().Del("Link")
		w.WriteHeader(http.StatusProcessing)
		w.Header().Set("Cache-Control", "max-age=60")
		fmt.Fprint(w, "one")
	}))
	for i, method := range []string{http.MethodGet, http.MethodGet, http.MethodPost} {
		var mu sync.Mutex
		var seen []string
		trace := &httptrace.ClientTrace{Got1xxResponse: func(status int, h textproto.MIMEHeader) error {
			mu.Lock()
			defer mu.Unlock()
			seen = append(seen, fmt.Sprint(status, h.Get("Link")))
			return nil
		}}
		r, err := http.NewRequestWithContext(httptrace.WithClientTrace(t.Context(), trace), method, edge.URL+"/a", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := edge.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		got := strings.Join(seen, "; ")
		want := "103</a.css>; rel=preload; 102"
		if i == 1 {
			want = "" // from the cache
		}
		if got != want || string(body) != "one" || resp.Header.Get("Link") != "" {
			t.Errorf("request %d, %s: interim %q, body %q, Link %q, want %q, %q and none", i, method, got, body, resp.Header.Get("Link"), want, "one")
		}
	}
}

// TestWire_Trailers: the trailers of what passes through arrive.
func TestWire_Trailers(t *testing.T) {
	edge := wire(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "X-Sum")
		fmt.Fprint(w, "one")
		w.Header().Set("X-Sum", "42")
	}))
	resp, err := edge.Client().Get(edge.URL + "/a")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil || string(body) != "one" || resp.Trailer.Get("X-Sum") != "42" {
		t.Errorf("body %q, %v, trailer %v, want X-Sum: 42", body, err, resp.Trailer)
	}
}

// TestWire_WebSocket: a connection that changes its protocol passes; h2c, which
// would carry requests past the cache, does not.
func TestWire_WebSocket(t *testing.T) {
	edge := wire(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") == "" {
			fmt.Fprint(w, "plain")
			return
		}
		conn, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer func() { _ = conn.Close() }()
		fmt.Fprint(rw, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: "+r.Header.Get("Upgrade")+"\r\n\r\n")
		_ = rw.Flush()
		line, _ := rw.ReadString('\n')
		fmt.Fprint(rw, "echo "+line)
		_ = rw.Flush()
	}))
	for _, tt := range []struct{ protocol, want string }{{"websocket", "101"}, {"h2c", "200"}} {
		conn, err := net.Dial("tcp", edge.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(conn, "GET /a HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: x\r\nUpgrade: %s\r\n\r\n", tt.protocol)
		br := bufio.NewReader(conn)
		resp, err := http.ReadResponse(br, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(resp.StatusCode); got != tt.want {
			t.Errorf("Upgrade: %s: %s, want %s", tt.protocol, got, tt.want)
		}
		if resp.StatusCode == http.StatusSwitchingProtocols {
			fmt.Fprint(conn, "hello\n")
			if line, _ := br.ReadString('\n'); line != "echo hello\n" {
				t.Errorf("through the connection came %q, want the echo", line)
			}
		}
		_ = conn.Close()
	}
}

// TestWire_WebSocketEndsWithTheHandler: Close ends connections that have changed
// their protocol, and waits for them.
func TestWire_WebSocketEndsWithTheHandler(t *testing.T) {
	edge := wire(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer func() { _ = conn.Close() }()
		fmt.Fprint(rw, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
		_ = rw.Flush()
		_, _ = rw.ReadString('\n') // until the edge hangs up
	}))
	conn, err := net.Dial("tcp", edge.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	fmt.Fprint(conn, "GET /a HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
	in := bufio.NewReader(conn)
	if resp, err := http.ReadResponse(in, nil); err != nil || resp.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("%v, %v, want 101", resp, err)
	}
	if err := edge.Config.Handler.(*Handler).Close(); err != nil {
		t.Error(err)
	}
	if rest, err := io.ReadAll(in); len(rest) > 0 {
		t.Errorf("%q, %v after Close, want the end", rest, err)
	}
}

// TestWire_Smuggling: requests whose length is in doubt reach the origin as what
// the edge took them for, or not at all; no second request hides in one.
func TestWire_Smuggling(t *testing.T) {
	var asked atomic.Int64
	var mu sync.Mutex
	var paths []string
	edge := wire(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		asked.Add(1)
		mu.Lock()
		paths = append(paths, r.Method+" "+r.URL.Path)
		mu.Unlock()
	}))
	const hidden = "GET /hidden HTTP/1.1\r\nHost: h\r\n\r\n"
	for _, tt := range []struct{ name, request string }{
		{"two lengths", "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\nContent-Length: 36\r\n\r\n" + hidden},
		{"two lengths in a line", "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 0, 36\r\n\r\n" + hidden},
		{"a length with a sign", "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: +36\r\n\r\n" + hidden},
		{"an unknown coding", "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + hidden},
		{"two codings", "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" + hidden},
		{"a coding with a space before the colon", "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + hidden},
		{"a bad chunk", "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n\r\n" + hidden},
		{"two hosts", "GET /a HTTP/1.1\r\nHost: h\r\nHost: i\r\n\r\n"},
		{"no host", "GET /a HTTP/1.1\r\n\r\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			conn, err := net.Dial("tcp", edge.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close() }()
			fmt.Fprint(conn, tt.request)
			resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatal(err)
			}
			if resp.StatusCode < 400 {
				t.Errorf("status %d, want the request refused", resp.StatusCode)
			}
		})
	}
	mu.Lock()
	defer mu.Unlock()
	for _, path := range paths {
		if strings.Contains(path, "hidden") {
			t.Errorf("the origin saw %q, which was hidden in another request", paths)
		}
	}
}

// TestWire_ChunkedWins: with a length beside a coding the length is dropped, and
// the origin gets one request with one framing (RFC 9112 6.3).
func TestWire_ChunkedWins(t *testing.T) {
	var mu sync.Mutex
	var seen []string
	edge := wire(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, fmt.Sprintf("%s %s %q %v %v", r.Method, r.URL.Path, body, r.TransferEncoding, r.Header["Content-Length"]))
	}))
	conn, err := net.Dial("tcp", edge.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	fmt.Fprint(conn, "POST /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
	if _, err := io.ReadAll(conn); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	if want := `[POST /a "abc" [chunked] []]`; fmt.Sprint(seen) != want {
		t.Errorf("the origin saw %v, want %v", seen, want)
	}
}

// rawOrigin answers each connection with the same bytes and closes it.
func rawOrigin(t *testing.T, response string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = conn.Close() }()
				if _, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
					_, _ = io.WriteString(conn, response)
				}
			}()
		}
	}()
	return "http://" + l.Addr().String()
}

// TestWire_BadResponses: a response whose length is in doubt is not stored.
func TestWire_BadResponses(t *testing.T) {
	for _, tt := range []struct {
		name, response string
		status         int
	}{
		{"two lengths", "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", 502},
		{"an unknown coding", "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nTransfer-Encoding: x\r\n\r\nabc", 502},
		{"cut short", "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 10\r\n\r\nabc", 0},
		{"cut in a chunk", "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nTransfer-Encoding: chunked\r\n\r\na\r\nabc", 0},
		{"without the last chunk", "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", 0},
		{"no length", "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\n\r\nabc", 200},
		{"a field with a line break", "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nX: a\rb\r\nContent-Length: 3\r\n\r\nabc", 502},
		{"no HTTP", "hello", 502},
	} {
		t.Run(tt.name, func(t *testing.T) {
			edge := wireTo(t, rawOrigin(t, tt.response))
			for range 2 {
				resp, err := edge.Client().Get(edge.URL + "/a")
				if err != nil && tt.status == 0 {
					continue // broken off before the client had its header
				}
				if err != nil {
					t.Fatal(err)
				}
				_, err = io.ReadAll(resp.Body)
				_ = resp.Body.Close()
				if strings.Contains(resp.Header.Get("Cache-Status"), "hit") {
					t.Errorf("it was stored: %q", resp.Header["Cache-Status"])
				}
				if tt.status == 0 && err == nil {
					t.Error("the body came to an end, want it broken off")
				}
				if tt.status != 0 && (err != nil || resp.StatusCode != tt.status) {
					t.Errorf("status %d, %v, want %d", resp.StatusCode, err, tt.status)
				}
			}
		})
	}
}

// TestLoop: an edge whose origin leads back to it answers 508 at once, whatever the
// method, and says so once. Another edge of the same name is no circle.
func TestLoop(t *testing.T) {
	var log bytes.Buffer
	var h *Handler
	back := func(r *http.Request) (*http.Response, error) {
		in := r.Clone(r.Context())
		in.Header.Set("Via", r.Header.Get("Via")+", 1.1 proxy (it says so)") // something is between
		return do(h, in).Result(), nil
	}
	h = newEdge(t, back, func(o *Options) { o.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
	for _, method := range []string{"GET", "HEAD", "POST", "PUT", "OPTIONS", "NONSENSE"} {
		r := newGet("/a")
		r.Method = method
		if w := do(h, r); w.Code != http.StatusLoopDetected {
			t.Errorf("%s: %d, want 508", method, w.Code)
		}
	}
	if n := strings.Count(log.String(), "\n"); n != 1 || !strings.Contains(log.String(), string(troubleLoop)) {
		t.Errorf("the log has %d lines, want one on the circle: %s", n, log.String())
	}
	inner := newEdge(t, func(*http.Request) (*http.Response, error) { return respond(200, "tea"), nil })
	outer := newEdge(t, func(r *http.Request) (*http.Response, error) { return do(inner, r).Result(), nil })
	want(t, get(outer, "/a", "Via: 1.1 larder, 1.1 larder, 1.1"), 200, "tea")
}

package cli

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestRun_Usage(t *testing.T) {
	for _, tt := range []struct {
		args string
		code int
		want string
	}{
		{"", exitUsage, "usage: larder"},
		{"help", exitOK, "usage: larder"},
		{"help edge", exitOK, "-origin"},
		{"help nonsense", exitUsage, `no command "nonsense"`},
		{"version", exitOK, "larder "},
		{"nonsense", exitUsage, `no command "nonsense"`},
		{"edge -h", exitOK, "-origin"},
		{"edge", exitUsage, "-origin is missing"},
		{"edge -origin http://o extra", exitUsage, `unexpected argument "extra"`},
		{"edge -origin http://o -profile x", exitUsage, `-profile is "x"`},
		{"edge -origin http://o -tls-cert x", exitUsage, "belong together"},
		{"edge -origin http://o -drain -1s", exitUsage, "-drain is -1s"},
		{"edge -origin http://user:hunter2@%zz", exitUsage, "-origin is no URL"},
		{"edge -origin ftp://o -listen 127.0.0.1:0", exitUsage, "-origin is"},
		{"edge -origin http://user:hunter2@o -listen 127.0.0.1:0", exitUsage, "-origin is"},
		{"edge -origin http://o -listen 127.0.0.1:0 -name a/b -max-bytes 1", exitUsage, "-max-bytes is 1"},
		{"edge -origin http://o -listen 127.0.0.1:0 -name a/b -max-bytes 1", exitUsage, `-name is "a/b"`},
		{"edge -origin http://o -max-bytes 64mb", exitUsage, "want a size such as 64MiB"},
		{"edge -origin http://o -listen 127.0.0.1:0 -max-bytes 1KiB", exitUsage, "-max-bytes is 1024"},
		{"edge -origin http://o -listen 127.0.0.1:0 -max-object-bytes -1", exitUsage, "-max-object-bytes is -1, want 1 to a quarter of the memory"},
		{"edge -origin http://o -listen 127.0.0.1:0 -target-fields a/b", exitUsage, "-target-fields has"},
		{"edge -origin http://o -listen 127.0.0.1:0 -origin-timeout -1s", exitUsage, "-origin-timeout is -1s"},
		{"edge -origin http://o -listen 127.0.0.1:0 -disk-bytes 1", exitUsage, "-disk-bytes is 1"},
		{"edge -origin http://o -listen 127.0.0.1:0 -disk /nowhere -disk-bytes 1", exitUsage, "-disk-bytes is 1"},
		{"edge -origin http://o -listen nonsense", exitUsage, `-listen is "nonsense"`},
		{"edge -origin http://o -listen 127.0.0.1:99999", exitUsage, `-listen is "127.0.0.1:99999"`},
		{"edge -origin http://o -admin nonsense", exitUsage, `-admin is "nonsense"`},
		{"edge -origin http://o -listen 127.0.0.1:0 -tls-cert /nowhere -tls-key /nowhere", exitEnvironment, "-tls-cert, -tls-key"},
		{"edge -origin http://o -listen 127.0.0.1:0 -token-file /nowhere", exitEnvironment, "-token-file"},
		{"edge -origin http://o -listen 127.0.0.1:0 -access-log /nowhere/x", exitEnvironment, "-access-log"},
		{"edge -origin http://o -listen 256.0.0.1:0", exitEnvironment, "-listen"},
		{"edge -origin http://o -listen 127.0.0.1:0 -disk edge_test.go", exitEnvironment, "disk store"},
		{"edge -origin http://o -listen 127.0.0.1:0 -policy /nowhere", exitEnvironment, "larder edge: open /nowhere"},
		{"edge -origin http://o -listen 127.0.0.1:0 -policy edge_test.go", exitFindings, "edge_test.go cannot be used"},
		{"edge -origin http://o -listen 127.0.0.1:0 -admin 0.0.0.0:0", exitUsage, "there is no token"},
	} {
		var out strings.Builder
		code := Run(t.Context(), strings.Fields(tt.args), func(string) string { return "" }, &out, &out)
		if code != tt.code || !strings.Contains(out.String(), tt.want) {
			t.Errorf("larder %s: exit %d, %q, want %d and %q", tt.args, code, out.String(), tt.code, tt.want)
		}
		for field := range edgeFlags() {
			if strings.Contains(out.String(), field) {
				t.Errorf("larder %s names %s, which is no flag: %q", tt.args, field, out.String())
			}
		}
		if code != exitOK && strings.Contains(out.String(), "listen http") {
			t.Errorf("larder %s says that it listens: %q", tt.args, out.String())
		}
		if strings.Contains(out.String(), "hunter2") {
			t.Errorf("larder %s shows a password: %q", tt.args, out.String())
		}
	}
}

// started is a larder edge that runs in this process.
type started struct {
	clients, admin string // URLs
	reload         chan os.Signal
	stop           func()
}

// start runs larder edge before an origin, on free ports of loopback.
func start(t *testing.T, origin http.Handler, token string, args ...string) *started {
	t.Helper()
	o := httptest.NewServer(origin)
	t.Cleanup(o.Close)
	args = append([]string{"-origin", o.URL, "-listen", "127.0.0.1:0", "-admin", "127.0.0.1:0"}, args...)
	cfg, err := parseEdge(args, env{getenv: func(string) string { return token }, out: io.Discard, err: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	r, w := io.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	s := &started{reload: make(chan os.Signal)}
	done := make(chan error, 1)
	go func() {
		err := serveEdge(ctx, cfg, slog.New(slog.DiscardHandler), w, s.reload)
		_ = w.CloseWithError(io.EOF)
		done <- err
	}()
	lines := bufio.NewScanner(r)
	for _, to := range []*string{&s.clients, &s.admin} {
		if lines.Scan() {
			_, *to, _ = strings.Cut(lines.Text(), " ")
		}
	}
	s.stop = func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("serveEdge: %v", err)
		}
		s.stop = func() {}
	}
	t.Cleanup(func() { s.stop() })
	return s
}

func ask(t *testing.T, client *http.Client, method, url, token, body string) (status int, text string, resp *http.Response) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	if resp, err = client.Do(r); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b), resp
}

// TestEdge serves, purges, counts and logs.
func TestEdge(t *testing.T) {
	logFile := filepath.Join(t.TempDir(), "access.log")
	s := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("CDN-Cache-Control", "max-age=60")
		w.Header().Set("Cache-Tag", "products")
		fmt.Fprint(w, "tea")
	}), "secret", "-access-log", logFile)
	client := http.DefaultClient
	for i, want := range []string{"fwd=uri-miss", "hit"} {
		_, body, resp := ask(t, client, "GET", s.clients+"/products?token=hunter2", "", "")
		if got := resp.Header.Get("Cache-Status"); body != "tea" || !strings.Contains(got, want) {
			t.Errorf("request %d: %q, Cache-Status %q, want tea and %s", i, body, got, want)
		}
	}
	if status, body, _ := ask(t, client, "POST", s.admin+"/client/v4/zones/z/purge_cache", "wrong", `{"tags":["products"]}`); status != 401 {
		t.Errorf("a purge with the wrong token: %d %s, want 401", status, body)
	}
	if status, body, _ := ask(t, client, "POST", s.admin+"/client/v4/zones/z/purge_cache", "secret", `{"tags":["products"]}`); status != 200 {
		t.Errorf("a purge: %d %s, want 200", status, body)
	}
	if _, _, resp := ask(t, client, "GET", s.clients+"/products?token=hunter2", "", ""); !strings.Contains(resp.Header.Get("Cache-Status"), "fwd=") {
		t.Errorf("after the purge: %q, want the origin asked", resp.Header.Get("Cache-Status"))
	}
	for path, want := range map[string]string{
		"/healthz": "ok", "/readyz": "ready", "/metrics": `larder_edge_requests_total{result="hit"} 1`,
	} {
		if status, body, _ := ask(t, client, "GET", s.admin+path, "", ""); status != 200 || !strings.Contains(body, want) {
			t.Errorf("GET %s: %d %q, want 200 and %q", path, status, body, want)
		}
	}
	if status, _, _ := ask(t, client, "GET", s.clients+"/metrics", "", ""); status != 200 {
		t.Errorf("the clients' /metrics is the origin's: %d", status)
	}
	s.stop()
	checkLog(t, logFile)
}

func checkLog(t *testing.T, file string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), "hunter2") {
		t.Errorf("the access log has the query: %s", text)
	}
	first, _, _ := strings.Cut(string(text), "\n")
	var line struct {
		Method, Path, Cache string
		Status, Bytes       int
		Whole               bool
	}
	if err := json.Unmarshal([]byte(first), &line); err != nil {
		t.Fatal(err)
	}
	if line.Method != "GET" || line.Path != "/products" || line.Status != 200 || line.Bytes != 3 || !line.Whole || line.Cache == "" {
		t.Errorf("the access log begins with %s", first)
	}
}

// TestEdge_Drains: a request under way ends well when the edge is stopped.
func TestEdge_Drains(t *testing.T) {
	arrived, leave := make(chan struct{}), make(chan struct{})
	s := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-leave
		fmt.Fprint(w, "late")
	}), "")
	got := make(chan string, 1)
	go func() {
		resp, err := http.Get(s.clients + "/a")
		if err != nil {
			got <- err.Error()
			return
		}
		b, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		got <- string(b)
	}()
	<-arrived
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		s.stop()
	}()
	for { // until the port is closed, so that the shutdown has begun
		conn, err := net.Dial("tcp", strings.TrimPrefix(s.clients, "http://"))
		if err != nil {
			break
		}
		_ = conn.Close()
	}
	close(leave)
	if body := <-got; body != "late" {
		t.Errorf("the request under way got %q, want its answer", body)
	}
	<-stopped
}

// TestEdge_TLS speaks HTTP/2, and takes a new certificate when told to; a broken
// one leaves the old.
func TestEdge_TLS(t *testing.T) {
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	writeCertificate(t, certFile, keyFile, 1)
	s := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.Header.Get("X-Forwarded-Proto"))
	}), "", "-tls-cert", certFile, "-tls-key", keyFile)
	serial := func() string {
		t.Helper()
		client := &http.Client{Transport: &http.Transport{
			TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true, DisableKeepAlives: true,
		}}
		_, body, resp := ask(t, client, "GET", s.clients+"/a", "", "")
		if body != "https" || resp.ProtoMajor != 2 {
			t.Errorf("the origin saw scheme %q, over HTTP/%d, want https and 2", body, resp.ProtoMajor)
		}
		return resp.TLS.PeerCertificates[0].SerialNumber.String()
	}
	if got := serial(); got != "1" {
		t.Errorf("the certificate is %s, want 1", got)
	}
	writeCertificate(t, certFile, keyFile, 2)
	reload := func() {
		s.reload <- os.Interrupt
		s.reload <- os.Interrupt // taken when the first has been done
	}
	reload()
	if got := serial(); got != "2" {
		t.Errorf("after a reload the certificate is %s, want 2", got)
	}
	if err := os.WriteFile(certFile, []byte("broken"), 0o600); err != nil {
		t.Fatal(err)
	}
	reload()
	if got := serial(); got != "2" {
		t.Errorf("after a reload of a broken file the certificate is %s, want 2", got)
	}
}

// TestEdge_TokenFile: a new token is in force after a reload.
func TestEdge_TokenFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	write := func(token string) {
		if err := os.WriteFile(file, []byte(token+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("one")
	s := start(t, http.NotFoundHandler(), "", "-token-file", file)
	purge := func(token string) int {
		status, _, _ := ask(t, http.DefaultClient, "POST", s.admin+"/purge_cache", token, `{"purge_everything":true}`)
		return status
	}
	if got := purge("one"); got != 200 {
		t.Errorf("with the token of the file: %d, want 200", got)
	}
	write("two")
	s.reload <- os.Interrupt
	s.reload <- os.Interrupt
	if one, two := purge("one"), purge("two"); one != 401 || two != 200 {
		t.Errorf("after a reload the old token gets %d, the new one %d, want 401 and 200", one, two)
	}
}

func writeCertificate(t *testing.T, certFile, keyFile string, serial int64) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "edge"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyBytes, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{
		certFile: {Type: "CERTIFICATE", Bytes: cert}, keyFile: {Type: "PRIVATE KEY", Bytes: keyBytes},
	} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestEdge_TwoTokens: nobody could say which one counts.
func TestEdge_TwoTokens(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("one"), 0o600); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	args := []string{"edge", "-origin", "http://o", "-listen", "127.0.0.1:0", "-token-file", file}
	if code := Run(t.Context(), args, func(string) string { return "two" }, &out, &out); code != exitUsage || !strings.Contains(out.String(), "unset one") {
		t.Errorf("exit %d, %s", code, out.String())
	}
}

// TestEdge_Token: a token that no client could send is refused.
func TestEdge_Token(t *testing.T) {
	for _, token := range []string{"a b", "a\nb", "ü"} {
		var out strings.Builder
		args := []string{"edge", "-origin", "http://o", "-listen", "127.0.0.1:0"}
		code := Run(t.Context(), args, func(string) string { return token }, &out, &out)
		if code != exitEnvironment || !strings.Contains(out.String(), "LARDER_EDGE_TOKEN") || strings.Contains(out.String(), token) {
			t.Errorf("token %q: exit %d, %s", token, code, out.String())
		}
	}
}

// TestEdge_Disk: the cache outlives a restart, and is confirmed by the origin. No
// other edge can have its folder meanwhile.
func TestEdge_Disk(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "disk")
	asked := ""
	origin := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r.Method + " " + r.Header.Get("If-None-Match")
		w.Header().Set("Cache-Control", "max-age=60")
		w.Header().Set("ETag", `"1"`)
		if r.Header.Get("If-None-Match") == `"1"` {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		fmt.Fprint(w, "tea")
	})
	s := start(t, origin, "", "-disk", dir, "-disk-bytes", "1048576")
	get := func() string {
		r, err := http.NewRequestWithContext(t.Context(), "GET", s.clients+"/a", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = "www.example.com" // the same whatever the port
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		b, _ := io.ReadAll(resp.Body)
		return string(b)
	}
	get()
	var out strings.Builder
	args := []string{"edge", "-origin", "http://o", "-listen", "127.0.0.1:0", "-disk", dir}
	if code := Run(t.Context(), args, func(string) string { return "" }, &out, &out); code != exitEnvironment || !strings.Contains(out.String(), "another edge uses it") {
		t.Errorf("a second edge on the folder: exit %d, %s", code, out.String())
	}
	s.stop()
	s = start(t, origin, "", "-disk", dir)
	// Until the folder is read the edge asks for the whole.
	for !strings.Contains(metric(t, s, "larder_edge_disk_entries"), " 1") {
		runtime.Gosched()
	}
	if body := get(); body != "tea" || asked != `GET "1"` {
		t.Errorf("after a restart: %q, the origin saw %q, want tea, confirmed", body, asked)
	}
	if got := metric(t, s, "larder_edge_disk_found_total"); got != "larder_edge_disk_found_total 1" {
		t.Errorf("the metrics say %q, want one found", got)
	}
}

// metric returns the line of a counter.
func metric(t *testing.T, s *started, name string) string {
	t.Helper()
	_, text, _ := ask(t, http.DefaultClient, "GET", s.admin+"/metrics", "", "")
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, name+" ") {
			return strings.TrimSpace(line)
		}
	}
	t.Fatalf("no %s in the metrics", name)
	return ""
}

// TestEdge_LogMoved: after a reload the access log is a new file under its name; the
// old one, which was moved away, gets no more lines.
func TestEdge_LogMoved(t *testing.T) {
	file := filepath.Join(t.TempDir(), "access.log")
	s := start(t, http.NotFoundHandler(), "", "-access-log", file)
	lines := func(name string) int {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Count(string(text), "\n")
	}
	ask(t, http.DefaultClient, "GET", s.clients+"/a", "", "")
	ask(t, http.DefaultClient, "GET", s.clients+"/b", "", "") // on the same connection: the first line is written
	if err := os.Rename(file, file+".1"); err != nil {
		t.Fatal(err)
	}
	s.reload <- os.Interrupt
	s.reload <- os.Interrupt // taken when the first has been done
	ask(t, http.DefaultClient, "GET", s.clients+"/c", "", "")
	s.stop()
	if before, after := lines(file+".1"), lines(file); before+after != 3 || after == 0 {
		t.Errorf("%d lines before the reload and %d after it, want 3 in all", before, after)
	}
}

// TestEdge_SIGHUP: the signal itself reloads, and ends neither the edge nor the
// cache.
func TestEdge_SIGHUP(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("one"), 0o600); err != nil {
		t.Fatal(err)
	}
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "max-age=60")
		fmt.Fprint(w, "tea")
	}))
	defer origin.Close()
	ctx, cancel := context.WithCancel(t.Context())
	out, places := io.Pipe()
	errs, said := io.Pipe()
	code := make(chan int, 1)
	go func() {
		args := []string{"edge", "-origin", origin.URL, "-listen", "127.0.0.1:0", "-token-file", file}
		code <- Run(ctx, args, func(string) string { return "" }, places, said)
		_ = said.Close()
	}()
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	address := strings.TrimSpace(strings.TrimPrefix(line, "listen "))
	ask(t, http.DefaultClient, "GET", address+"/a", "", "")
	self, err := os.FindProcess(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if err := self.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	log := bufio.NewScanner(errs)
	if !log.Scan() || !strings.Contains(log.Text(), "reload: token read") {
		t.Errorf("after SIGHUP the edge says %q, want that it has read the token", log.Text())
	}
	if _, _, resp := ask(t, http.DefaultClient, "GET", address+"/a", "", ""); !strings.Contains(resp.Header.Get("Cache-Status"), "; hit") {
		t.Errorf("after SIGHUP: %q, want a hit", resp.Header["Cache-Status"])
	}
	cancel()
	go func() { _, _ = io.Copy(io.Discard, errs) }()
	if got := <-code; got != exitOK {
		t.Errorf("exit %d, want %d", got, exitOK)
	}
}

// TestRunEdge_TakenPort says what to do about a port that somebody has.
func TestRunEdge_TakenPort(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = taken.Close() })
	for _, tt := range []struct{ flag, address, next string }{
		{"-listen", taken.Addr().String(), "end what has the port"},
		{"-admin", taken.Addr().String(), "end what has the port"},
		{"-listen", "192.0.2.1:8080", "give an address of this machine"},
	} {
		var out, errs strings.Builder
		args := []string{"edge", "-origin", "http://127.0.0.1:1", "-listen", "127.0.0.1:0", tt.flag, tt.address}
		if code := Run(t.Context(), args, func(string) string { return "" }, &out, &errs); code != exitEnvironment || !strings.Contains(errs.String(), "\n  next: "+tt.next) {
			t.Errorf("larder %q: exit %d, %q; want %d, and next: %s", args, code, errs.String(), exitEnvironment, tt.next)
		}
	}
}

package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/larderdev/larder/examples/storefront/internal/catalog/catalogtest"
	"github.com/larderdev/larder/internal/redisproc"
	"github.com/larderdev/larder/internal/redistest"
)

// program is a run of the whole shop.
type program struct {
	shop, inner, admin string // base URLs; inner is that behind the edge
	log                syncBuffer
	end                func() int
}

// syncBuffer may be read while the shop writes.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// until waits until something is so.
func until(t *testing.T, what string, so func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	late := time.After(30 * time.Second)
	for !so() {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("it never came true: %s", what)
		}
	}
}

// logged waits until the log holds text.
func (p *program) logged(t *testing.T, text string) {
	t.Helper()
	until(t, fmt.Sprintf("the log says %q", text), func() bool { return strings.Contains(p.log.String(), text) })
}

// trusting waits until the shop trusts its shared tier.
func (p *program) trusting(t *testing.T) {
	t.Helper()
	p.logged(t, "the shared tier is trusted")
}

// start runs the shop on free ports until end is called.
func start(t *testing.T, env map[string]string, args ...string) *program {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	read, write := io.Pipe()
	p := &program{}
	code := make(chan int, 1)
	args = append([]string{"-addr", "127.0.0.1:0", "-shop", "127.0.0.1:0", "-admin", "127.0.0.1:0", "-edge=false"}, args...)
	go func() {
		code <- run(ctx, args, func(name string) string { return env[name] }, write, &p.log)
		write.Close()
	}()
	p.end = sync.OnceValue(func() int { cancel(); return <-code })
	t.Cleanup(func() { p.end() })
	lines := bufio.NewScanner(read)
	for p.admin == "" {
		if !lines.Scan() {
			t.Fatalf("the shop ended with %d: %s", p.end(), p.log.String())
		}
		name, rest, _ := strings.Cut(lines.Text(), "http://")
		host, _, _ := strings.Cut(rest, "/")
		switch strings.TrimSpace(name) {
		case "shop":
			p.shop = "http://" + host
		case "no edge":
			p.inner = "http://" + host
		case "statistics":
			p.admin = "http://" + host
		}
	}
	return p
}

func fetch(t *testing.T, url string) string {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != 200 {
		t.Fatalf("%s: %d %s %v", url, res.StatusCode, body, err)
	}
	return string(body)
}

func TestRun_SharedTier(t *testing.T) {
	server := redistest.Start(t, "--requirepass", "hunter2")
	url := "redis://:hunter2@" + server.Addr() + "/0"
	for i, tt := range []struct {
		name  string
		noBin bool
		env   map[string]string
		flags []string
		want  string
	}{
		{name: "flag", flags: []string{"-redis", url}, env: map[string]string{"REDIS_URL": "redis://no.such.host.invalid"}, want: "Redis at redis://" + server.Addr()},
		{name: "environment", env: map[string]string{"REDIS_URL": url}, want: "Redis at redis://" + server.Addr()},
		{name: "private server", want: "private Redis at 127.0.0.1:"},
		{name: "none", noBin: true, want: "inside this process"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.noBin {
				t.Setenv("PATH", t.TempDir())
				t.Setenv(redisproc.ServerEnv, "")
			}
			p := start(t, tt.env, append(tt.flags, "-db", catalogtest.File(t), "-node", "n7")...)
			// Another product each time, for two of them share a server.
			if got := fetch(t, fmt.Sprintf("%s/api/products/%d", p.shop, i+1)); !strings.Contains(got, fmt.Sprintf(`"id":%d,`, i+1)) {
				t.Errorf("product %d is %s", i+1, got)
			}
			if got := fetch(t, p.admin+"/debug/larder"); !strings.Contains(got, `"node":"n7"`) || !strings.Contains(got, `"origin":{"queries":1}`) {
				t.Errorf("statistics: %s", got)
			}
			if code := p.end(); code != exitOK {
				t.Errorf("ended with %d", code)
			}
			log := p.log.String()
			if strings.Count(log, "shared_tier=") != 1 || !strings.Contains(log, tt.want) || strings.Contains(log, "hunter2") {
				t.Errorf("the log does not name the tier once, as %q, without the password:\n%s", tt.want, log)
			}
			if _, err := http.Get(p.shop + "/healthz"); err == nil {
				t.Error("it still serves")
			}
		})
	}
}

// TestRun_Fleet runs two shops on one database and one Redis.
func TestRun_Fleet(t *testing.T) {
	env := map[string]string{
		"REDIS_URL":    "redis://" + redistest.Start(t).Addr(),
		"DATABASE_URL": catalogtest.File(t),
	}
	one, two := start(t, env), start(t, env)
	one.trusting(t)
	two.trusting(t)
	fetch(t, one.shop+"/api/users/5")
	fetch(t, two.shop+"/api/users/5")
	req, _ := http.NewRequest("PUT", one.shop+"/api/users/5", strings.NewReader(`{"name":"New Name"}`))
	res, err := http.DefaultClient.Do(req)
	if err != nil || res.StatusCode != 200 {
		t.Fatalf("PUT: %v, %v", res, err)
	}
	res.Body.Close()
	if got := fetch(t, one.shop+"/api/users/5"); !strings.Contains(got, "New Name") {
		t.Errorf("the shop that wrote shows %s", got)
	}
	if got := fetch(t, two.admin+"/debug/larder"); !strings.Contains(got, `"origin":{"queries":0}`) {
		t.Errorf("the second shop has asked the database: %s", got)
	}
}

// TestRun_PrivateRedisComesBack asks the server itself to end.
func TestRun_PrivateRedisComesBack(t *testing.T) {
	p := start(t, nil, "-db", catalogtest.File(t))
	fetch(t, p.shop+"/api/products/1")
	_, address, _ := strings.Cut(p.log.String(), "private Redis at ")
	address, _, _ = strings.Cut(address, ",")
	shutdown(t, address)
	p.logged(t, "the private Redis runs again")
	shutdown(t, address)
	fetch(t, p.shop+"/api/products/1")
	if code := p.end(); code != exitOK {
		t.Errorf("ended with %d: %s", code, p.log.String())
	}
	if got := p.log.String(); !strings.Contains(got, `"exit status 0"`) || strings.Count(got, "Redis has ended") > 2 {
		t.Errorf("want each end once, with the exit state: %s", got)
	}
	if c, err := net.Dial("tcp", address); err == nil {
		c.Close()
		t.Error("the private Redis outlives the shop")
	}
}

// shutdown ends a Redis and waits until it has closed the connection.
func shutdown(t *testing.T, address string) {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, "SHUTDOWN NOSAVE\r\n"); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, c); err != nil && !errors.Is(err, syscall.ECONNRESET) {
		t.Fatal(err)
	}
}

func TestRun_SharedTierNotReached(t *testing.T) {
	p := start(t, nil, "-db", catalogtest.File(t), "-redis", "redis://:hunter2@127.0.0.1:1", "-node", "n7")
	fetch(t, p.shop+"/api/products/1")
	log := p.log.String()
	for _, want := range []string{"level=WARN msg=\"the shared tier cannot be reached", "NOT REACHED YET", "shop=n7"} {
		if !strings.Contains(log, want) {
			t.Errorf("the log has no %q", want)
		}
	}
	if strings.Contains(log, "node=n7") || strings.Contains(log, "hunter2") {
		t.Errorf("the log names the shop as a node, or holds the password:\n%s", log)
	}
}

// TestRun_LostInvalidation ends the shop while the tier is out of reach.
func TestRun_LostInvalidation(t *testing.T) {
	server := redistest.Start(t)
	p := start(t, nil, "-db", catalogtest.File(t), "-redis", "redis://"+server.Addr(), "-relay=false")
	server.Kill()
	invalidate(t, p, `{"ids":[5,6]}`, http.StatusAccepted)
	if code := p.end(); code != exitLost {
		t.Errorf("ended with %d, want %d", code, exitLost)
	}
	if log := p.log.String(); !strings.Contains(log, `level=ERROR msg=storefront err="2 invalidations are lost`) {
		t.Errorf("the log does not say what is lost:\n%s", log)
	}
}

// invalidate says that users are wrong.
func invalidate(t *testing.T, p *program, ids string, status int) {
	t.Helper()
	res, err := http.Post(p.shop+"/api/users/invalidate", "application/json", strings.NewReader(ids))
	if err != nil || res.StatusCode != status {
		t.Fatalf("POST: %v, %v", res, err)
	}
	res.Body.Close()
}

// TestRun_KeptInvalidation does the same with an outbox, and starts again.
func TestRun_KeptInvalidation(t *testing.T) {
	server := redistest.Start(t)
	args := []string{"-db", catalogtest.File(t), "-redis", "redis://" + server.Addr()}
	p := start(t, nil, args...)
	p.trusting(t)
	server.Kill()
	invalidate(t, p, `{"ids":[5,6]}`, http.StatusAccepted)
	if code := p.end(); code != exitOK || !strings.Contains(p.log.String(), "they are in the outbox") {
		t.Errorf("ended with %d, want %d: %s", code, exitOK, p.log.String())
	}
	server.Restart()
	p = start(t, nil, args...)
	until(t, "the next shop delivers them", func() bool {
		return strings.Contains(fetch(t, p.admin+"/debug/larder"), `"outbox":{"pending":0,"oldest_seconds":0,"done":2,"set_aside":0,"relay":{"delivered":2,`)
	})
}

// TestRun_Keys starts with keys for what the tier holds of logins, and without: it
// is encrypted in either case.
func TestRun_Keys(t *testing.T) {
	db := catalogtest.File(t)
	for keys, want := range map[string]string{
		"":                                  "for this shop alone ($LARDER_KEYS is not set)",
		strings.Repeat("QUJD", 10) + "QUI=": "sessions_in_it=encrypted",
	} {
		t.Setenv(keysEnv, keys)
		server := redistest.Start(t)
		p := start(t, map[string]string{keysEnv: keys}, "-db", db, "-relay=false", "-redis", "redis://"+server.Addr())
		if log := p.log.String(); !strings.Contains(log, want) || keys != "" && strings.Contains(log, keys) {
			t.Errorf("the log does not say %q, or shows the keys: %s", want, log)
		}
		auth := p.login(t, 7)
		until(t, "the session is in the tier", func() bool {
			_, _, header := p.request(t, "GET", "/api/session", "", auth)
			return strings.HasSuffix(header.Get("Cache-Status"), "detail=shared")
		})
		names, values := contents(t, server)
		if strings.Contains(values, `"user_id"`) {
			t.Errorf("with %q the tier holds %q", keys, values)
		}
		if strings.Contains(names+values, strings.TrimPrefix(auth, "Bearer ")) {
			t.Error("the tier holds a token")
		}
		p.end()
	}
	t.Setenv(keysEnv, "hunter2")
	var log syncBuffer
	code := run(t.Context(), nil, func(string) string { return "hunter2" }, io.Discard, &log)
	if got := log.String(); code != exitEnvironment || !strings.Contains(got, "LARDER_KEYS: key 1") || strings.Contains(got, "hunter2") {
		t.Errorf("with a bad key: %d, %s", code, got)
	}
}

func TestRun_WaitsForTheDatabase(t *testing.T) {
	var log syncBuffer
	args := []string{"-addr", "127.0.0.1:0", "-shop", "127.0.0.1:0", "-admin", "127.0.0.1:0", "-wait", "400ms", "-db", "postgres://u:hunter2@127.0.0.1:1/db"}
	code := run(t.Context(), args, func(string) string { return "" }, io.Discard, &log)
	got := log.String()
	if code != exitEnvironment || strings.Count(got, "waiting for the database") < 2 || !strings.Contains(got, "gave up after 400ms") || strings.Contains(got, "hunter2") {
		t.Errorf("run = %d, want two tries, then an error without the password:\n%s", code, got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	p := &program{}
	ended := make(chan int)
	go func() {
		ended <- run(ctx, append(args, "-wait", "1h"), func(string) string { return "" }, io.Discard, &p.log)
	}()
	p.logged(t, "waiting for the database")
	cancel()
	if code := <-ended; code != exitOK {
		t.Errorf("cancelled while it waits: %d", code)
	}
}

func TestRun_Mistakes(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	free := []string{"-addr", "127.0.0.1:0", "-shop", "127.0.0.1:0", "-admin", "127.0.0.1:0", "-db"}
	for _, tt := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"-h"}, exitOK, "-admin"},
		{[]string{"-no-such-flag"}, exitUsage, "no-such-flag"},
		{[]string{"surplus"}, exitUsage, `"surplus"`},
		{[]string{"-addr", taken.Addr().String()}, exitEnvironment, "in use: choose another address with -addr (make run ARGS='-addr "},
		{[]string{"-addr", "127.0.0.1:0", "-admin", taken.Addr().String()}, exitEnvironment, "ARGS='-admin "},
		{append(free, catalogtest.File(t), "-shop", taken.Addr().String()), exitEnvironment, "ARGS='-shop "},
		{append(free, catalogtest.File(t), "-purge", "ftp://h/edge"), exitEnvironment, "-purge"},
		{append(free, catalogtest.File(t), "-journal", t.TempDir()), exitEnvironment, "-journal"},
		{append(free, "mysql://u:hunter2@h/db"), exitEnvironment, "neither"},
		{append(free, "postgres://u:hunter2@127.0.0.1:1/db", "-wait", "0s"), exitEnvironment, "127.0.0.1"},
		{append(free, catalogtest.File(t), "-redis", "http://u:hunter2@h"), exitEnvironment, "redis://"},
	} {
		var out bytes.Buffer
		code := run(t.Context(), tt.args, func(string) string { return "" }, &out, &out)
		if code != tt.code || !strings.Contains(out.String(), tt.want) || strings.Contains(out.String(), "hunter2") {
			t.Errorf("run(%q) = %d, %s; want %d, %q and no password", tt.args, code, &out, tt.code, tt.want)
		}
	}
}

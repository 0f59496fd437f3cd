package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/larderdev/larder/edge"
	"github.com/larderdev/larder/internal/proxyproc"
)

const (
	edgeEnv   = "LARDER_BENCH_EDGE" // an origin's URL makes this program an edge before it
	edgeConns = 64
	edgeBody  = 1 << 10
	edgeRun   = 2 * time.Second
	edgeRuns  = 5
	// tick is the kernel's unit of CPU time in /proc: USER_HZ, which is 100 on
	// all platforms that Go knows.
	tick = 10 * time.Millisecond
)

// edgeMember is a process that is an edge until its input ends.
func edgeMember(origin string, in io.Reader, out io.Writer) error {
	u, err := url.Parse(origin)
	if err != nil {
		return err
	}
	h, err := edge.New(edge.Options{Origin: u})
	if err != nil {
		return err
	}
	defer h.Close()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Fprintln(out, l.Addr())
	server := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute}
	go func() {
		_, _ = io.Copy(io.Discard, in)
		server.Close()
	}()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// cacheServer is a cache in a process of its own.
type cacheServer struct {
	name, addr string
	pid        int
	stop       func() error
}

// edgeHit compares the CPU time that caches take for a hit of 1 KB: what one core
// could answer if it did nothing else. That is the same whatever else the machine
// does, and whoever asks.
func edgeHit(ctx context.Context) (rows []row, err error) {
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "public, max-age=3600")
		w.Header().Set("Etag", `"1"`)
		w.Header().Set("Content-Type", "text/plain")
		_, _ = w.Write(make([]byte, edgeBody)) // the client has gone
	}))
	defer origin.Close()
	var servers []cacheServer
	defer func() {
		for _, s := range servers {
			err = errors.Join(err, s.stop())
		}
	}()
	for _, start := range []func(context.Context, string) (cacheServer, error){startEdge, startNginx, startVarnish} {
		s, err := start(ctx, origin.URL)
		if err != nil {
			return nil, err
		}
		servers = append(servers, s)
	}
	// By turns, so that what else the machine does meets all of them.
	figures := make([][]float64, len(servers))
	for range edgeRuns {
		for i, s := range servers {
			rate, err := s.perCoreSecond(ctx)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", s.name, err)
			}
			figures[i] = append(figures[i], rate)
		}
	}
	for i := range figures {
		slices.Sort(figures[i])
	}
	median := func(i int) float64 { return figures[i][edgeRuns/2] }
	for i, least := range map[int]float64{1: 0.8, 2: 1.4} {
		ratio := median(0) / median(i)
		rows = append(rows, row{
			what:   "edge hit, 1 KB, a core's worth",
			larder: perSecond(1e9 / median(0)), bare: perSecond(1e9/median(i)) + " " + servers[i].name,
			ratio: ratio, bar: fmt.Sprintf("≥ %.1f", least), kept: ratio >= least,
		})
	}
	slices.SortFunc(rows, func(a, b row) int { return strings.Compare(a.bar, b.bar) })
	return rows, nil
}

func startEdge(ctx context.Context, origin string) (cacheServer, error) {
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(os.Environ(), edgeEnv+"="+origin, "GOMAXPROCS=1")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return cacheServer{}, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return cacheServer{}, err
	}
	if err := cmd.Start(); err != nil {
		return cacheServer{}, err
	}
	stop := func() error { return errors.Join(in.Close(), cmd.Wait()) }
	addr, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return cacheServer{}, errors.Join(err, stop())
	}
	return cacheServer{"larder", strings.TrimSpace(addr), cmd.Process.Pid, stop}, nil
}

func startNginx(ctx context.Context, origin string) (cacheServer, error) {
	s, err := proxyproc.Nginx(ctx, func(addr, _ string) string {
		return fmt.Sprintf(`
	proxy_cache_path cache keys_zone=c:10m;
	keepalive_requests 1000000000;
	server {
		listen %s;
		location / { proxy_pass %s; proxy_cache c; }
	}
`, addr, origin)
	})
	if err != nil {
		return cacheServer{}, err
	}
	return cacheServer{"nginx", s.Addr(), s.PID(), s.Stop}, nil
}

func startVarnish(ctx context.Context, origin string) (cacheServer, error) {
	host, port, _ := strings.Cut(strings.TrimPrefix(origin, "http://"), ":")
	s, err := proxyproc.Varnish(ctx, fmt.Sprintf("vcl 4.1;\nbackend default { .host = %q; .port = %q; }\n", host, port))
	if err != nil {
		return cacheServer{}, err
	}
	return cacheServer{"varnish", s.Addr(), s.PID(), s.Stop}, nil
}

// perCoreSecond is how many hits the server answers in a second of CPU time.
func (s *cacheServer) perCoreSecond(ctx context.Context) (float64, error) {
	ctx, cancel := context.WithTimeout(ctx, edgeRun)
	defer cancel()
	var answers atomic.Int64
	var failed error
	var once sync.Once
	var clients sync.WaitGroup
	if err := s.ask(ctx, &answers, 2); err != nil { // the first is a miss
		return 0, err
	}
	answers.Store(0)
	before, err := cpuOf(s.pid)
	if err != nil {
		return 0, err
	}
	for range edgeConns {
		clients.Go(func() {
			if err := s.ask(ctx, &answers, 0); err != nil {
				once.Do(func() { failed = err })
			}
		})
	}
	clients.Wait()
	after, err := cpuOf(s.pid)
	if err = errors.Join(failed, err); err != nil {
		return 0, err
	}
	return float64(answers.Load()) / (after - before).Seconds(), nil
}

// ask sends n requests, one after the other, or as many as ctx has time for if n
// is 0.
func (s *cacheServer) ask(ctx context.Context, answers *atomic.Int64, n int) error {
	c, err := net.Dial("tcp", s.addr)
	if err != nil {
		return err
	}
	defer c.Close()
	in := bufio.NewReader(c)
	request := []byte("GET /a HTTP/1.1\r\nHost: www.example.com\r\n\r\n")
	for i := 0; ctx.Err() == nil && (n == 0 || i < n); i++ {
		if _, err := c.Write(request); err != nil {
			return err
		}
		if err := skipAnswer(in); err != nil {
			return err
		}
		answers.Add(1)
	}
	return nil
}

// skipAnswer reads one answer, which must be the body that the origin has.
func skipAnswer(in *bufio.Reader) error {
	line, err := in.ReadSlice('\n')
	if err != nil {
		return err
	}
	if !strings.HasPrefix(string(line), "HTTP/1.1 200") {
		return fmt.Errorf("it answers %q", line)
	}
	length := ""
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return err
		}
		text := strings.TrimSpace(string(line))
		if text == "" {
			break
		}
		if name, value, _ := strings.Cut(text, ": "); strings.EqualFold(name, "content-length") {
			length = value
		}
	}
	if length != strconv.Itoa(edgeBody) {
		return fmt.Errorf("its body has %q bytes, want %d", length, edgeBody)
	}
	_, err = in.Discard(edgeBody)
	return err
}

// cpuOf is the CPU time that a process and its children have taken.
func cpuOf(pid int) (time.Duration, error) {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return 0, err
	}
	var sum time.Duration
	found := false
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		// pid (name) state ppid …: the name may hold anything.
		_, rest, _ := strings.Cut(string(text[strings.LastIndexByte(string(text), ')')+1:]), " ")
		fields := strings.Fields(rest)
		id := filepath.Base(filepath.Dir(path))
		if len(fields) < 13 || id != strconv.Itoa(pid) && fields[1] != strconv.Itoa(pid) {
			continue
		}
		found = true
		for _, field := range fields[11:13] { // utime, stime
			n, err := strconv.ParseInt(field, 10, 64)
			if err != nil {
				return 0, err
			}
			sum += time.Duration(n) * tick
		}
	}
	if !found {
		return 0, fmt.Errorf("/proc knows no process %d", pid)
	}
	return sum, nil
}

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/larderdev/larder"
	"github.com/larderdev/larder/internal/redisproc"
	"github.com/larderdev/larder/redisstore"
)

const (
	herdEnv       = "LARDER_BENCH_HERD" // the server's address makes this program one of the herd
	herdProcesses = 4
	herdGets      = 250
	herdLoad      = 200 * time.Millisecond
)

// herdMember is one process: it waits for a line, asks for one cold key 250
// times at once, and says what came of it. A load is told as it begins, so
// that it counts even if the process is killed.
func herdMember(ctx context.Context, addr string, in io.Reader, out io.Writer) error {
	s, err := redisstore.Open(ctx, redisstore.Options{Addrs: []string{addr}})
	if err != nil {
		return err
	}
	defer s.Close()
	l, err := larder.Open(ctx, larder.Options{Policies: map[string]larder.Policy{"herd": {TTL: time.Hour}}, Shared: s, Logger: silent})
	if err != nil {
		return err
	}
	defer l.Close()
	c, err := larder.NewCache(l, "herd", larder.Loader[string, string]{
		Load: func(_ context.Context, key string) (string, error) {
			fmt.Fprintln(out, "load", key)
			<-time.After(herdLoad)
			return "value", nil
		},
	})
	if err != nil {
		return err
	}
	// The first touch of the server makes connections; it is not measured.
	if _, err := c.Get(ctx, "warm"); err != nil {
		return err
	}
	fmt.Fprintln(out, "ready")
	if _, err := bufio.NewReader(in).ReadString('\n'); err != nil {
		return err
	}
	var failed, worst atomic.Int64
	var wg sync.WaitGroup
	for range herdGets {
		wg.Go(func() {
			began := time.Now()
			if v, err := c.Get(ctx, "cold"); err != nil || v != "value" {
				failed.Add(1)
			}
			took := time.Since(began).Milliseconds()
			for old := worst.Load(); took > old && !worst.CompareAndSwap(old, took); old = worst.Load() {
			}
		})
	}
	wg.Wait()
	fmt.Fprintln(out, "done", failed.Load(), worst.Load())
	return nil
}

// herdResult is what a herd did.
type herdResult struct {
	loads, failed int
	worst         time.Duration // the slowest answer of those that lived
}

// herd lets four processes ask for one cold key. With kill, the process that
// loads is killed 50 ms after it began.
func herd(ctx context.Context, kill bool) (herdResult, error) {
	server, err := redisproc.Run(ctx, redisproc.Options{})
	if err != nil {
		return herdResult{}, err
	}
	defer server.Stop()
	members := make([]*member, herdProcesses)
	defer func() {
		for _, m := range members {
			if m != nil {
				m.cmd.Process.Kill()
				m.cmd.Wait()
			}
		}
	}()
	for i := range members {
		if members[i], err = startMember(server.Addr()); err != nil {
			return herdResult{}, err
		}
	}
	for _, m := range members {
		if line := <-m.lines; line != "ready" {
			return herdResult{}, fmt.Errorf("a process said %q, want ready", line)
		}
	}
	// Leases of the warm-up are over by now; everybody starts together.
	for _, m := range members {
		if _, err := io.WriteString(m.in, "\n"); err != nil {
			return herdResult{}, err
		}
	}
	var total herdResult
	var mu sync.Mutex
	var wg sync.WaitGroup
	for _, m := range members {
		wg.Go(func() { m.follow(kill, &mu, &total) })
	}
	wg.Wait()
	return total, nil
}

// member is one process of a herd.
type member struct {
	cmd   *exec.Cmd
	in    io.Writer
	lines chan string // closed when the process ends
}

func startMember(addr string) (*member, error) {
	m := &member{cmd: exec.Command(os.Args[0]), lines: make(chan string, 16)}
	m.cmd.Env = append(os.Environ(), herdEnv+"="+addr)
	m.cmd.Stderr = os.Stderr
	in, err := m.cmd.StdinPipe()
	out, err2 := m.cmd.StdoutPipe()
	if err := errors.Join(err, err2, m.cmd.Start()); err != nil {
		return nil, err
	}
	m.in = in
	go func() { // ends with the process
		defer close(m.lines)
		for s := bufio.NewScanner(out); s.Scan(); {
			if s.Text() != "load warm" {
				m.lines <- s.Text()
			}
		}
	}()
	return m, nil
}

// follow adds up what the process says. The first loader is killed if asked.
func (m *member) follow(kill bool, mu *sync.Mutex, total *herdResult) {
	for line := range m.lines {
		var failed, worst int
		mu.Lock()
		if _, err := fmt.Sscanf(line, "done %d %d", &failed, &worst); err == nil {
			total.failed += failed
			total.worst = max(total.worst, time.Duration(worst)*time.Millisecond)
		}
		if strings.HasPrefix(line, "load") {
			total.loads++
			if kill && total.loads == 1 {
				time.AfterFunc(50*time.Millisecond, func() { m.cmd.Process.Kill() })
			}
		}
		mu.Unlock()
	}
}

func coldKey(ctx context.Context) (row, error) {
	r, err := herd(ctx, false)
	return row{
		what:   fmt.Sprintf("one cold key, %d × %d Gets", herdProcesses, herdGets),
		larder: fmt.Sprintf("%d loads", r.loads), bare: fmt.Sprintf("%d errors", r.failed),
		ratio: r.worst.Seconds(), bar: "≤ 0.30 s", kept: r.loads == 1 && r.failed == 0 && r.worst <= 300*time.Millisecond,
	}, err
}

func loaderKilled(ctx context.Context) (row, error) {
	r, err := herd(ctx, true)
	return row{
		what:   "the same, its loader SIGKILLed",
		larder: fmt.Sprintf("%d loads", r.loads), bare: fmt.Sprintf("%d errors", r.failed),
		ratio: r.worst.Seconds(), bar: "≤ 1 s", kept: r.loads == 2 && r.failed == 0 && r.worst <= time.Second,
	}, err
}

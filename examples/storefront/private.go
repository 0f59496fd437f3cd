package main

import (
	"context"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"

	"github.com/larderdev/larder/internal/childproc"
	"github.com/larderdev/larder/internal/redisproc"
)

const (
	firstPause  = 100 * time.Millisecond // before an ended server is started again
	longPause   = 5 * time.Second        // the longest of the growing pauses
	steadyAfter = 10 * time.Second       // who ran that long begins with the first pause again
)

// privateRedis is a Redis or Valkey server for this shop alone, which is
// started again whenever it ends. One goroutine does that, until stop.
type privateRedis struct {
	log     *slog.Logger
	program string
	dir     string
	port    int
	cmd     *exec.Cmd // of the last start
	cancel  context.CancelFunc
	ended   chan struct{} // closed by the goroutine
}

// startPrivateRedis returns when the server accepts connections. The error is
// [redisproc.ErrNotInstalled] when there is none to run.
func startPrivateRedis(ctx context.Context, log *slog.Logger) (*privateRedis, error) {
	program, err := findRedis()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "storefront-redis-")
	if err != nil {
		return nil, err
	}
	p := &privateRedis{log: log, program: program, dir: dir, ended: make(chan struct{})}
	child, port, err := childproc.StartOnFreePort(ctx, p.spec)
	if err != nil {
		_ = os.RemoveAll(dir) // empty, and err is what counts
		return nil, err
	}
	p.port = port
	ctx, p.cancel = context.WithCancel(context.WithoutCancel(ctx))
	go p.keep(ctx, child)
	return p, nil
}

// findRedis returns the path of the server program, by the rules of package
// redisproc.
func findRedis() (string, error) {
	if name := os.Getenv(redisproc.ServerEnv); name != "" {
		return exec.LookPath(name)
	}
	for _, name := range []string{"redis-server", "valkey-server"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", redisproc.ErrNotInstalled
}

// spec says how to run the server on a port. It keeps nothing on the disk.
func (p *privateRedis) spec(port int) childproc.Spec {
	p.cmd = exec.Command(p.program, "--port", strconv.Itoa(port), "--bind", "127.0.0.1",
		"--dir", p.dir, "--save", "", "--appendonly", "no", "--daemonize", "no")
	p.cmd.Dir = p.dir
	return childproc.Spec{Cmd: p.cmd, Ready: "Ready to accept connections", Quit: syscall.SIGKILL}
}

// keep starts the server again whenever it has ended, on the same port.
func (p *privateRedis) keep(ctx context.Context, child *childproc.Child) {
	defer close(p.ended)
	pause := firstPause
	for child != nil {
		began := time.Now()
		select {
		case <-ctx.Done():
			child.Stop()
			return
		case <-child.Done():
		}
		if time.Since(began) > steadyAfter {
			pause = firstPause
		}
		p.log.Warn("the private Redis has ended; it is started again, empty", "address", p.addr(), "state", p.cmd.ProcessState.String())
		child = p.again(ctx, &pause)
	}
}

// again tries until a server runs, with pauses that grow. It returns nil when
// ctx ends first.
func (p *privateRedis) again(ctx context.Context, pause *time.Duration) *childproc.Child {
	for told := false; ; {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(*pause):
		}
		*pause = min(2**pause, longPause)
		child, err := p.startOnce(ctx)
		switch {
		case err == nil:
			p.log.Info("the private Redis runs again", "address", p.addr())
			return child
		case !told && ctx.Err() == nil:
			p.log.Error("the private Redis cannot be started; trying on", "address", p.addr(), "err", err)
			told = true
		}
	}
}

func (p *privateRedis) startOnce(ctx context.Context) (*childproc.Child, error) {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	return childproc.Start(ctx, p.spec(p.port))
}

func (p *privateRedis) addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(p.port)) }

// stop ends the server for good and removes its folder.
func (p *privateRedis) stop() error {
	p.cancel()
	<-p.ended
	return os.RemoveAll(p.dir)
}

package redisproc

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"

	"github.com/larderdev/larder/internal/childproc"
)

// Sentinel is a running Sentinel.
type Sentinel struct {
	child *childproc.Child
	dir   string
	port  int
}

// RunSentinel starts a Sentinel that watches the primary at an address under a
// name, and has it replaced when quorum of them have not heard from it for two
// seconds. The error is [ErrNotInstalled] when there is no server to run.
func RunSentinel(ctx context.Context, name, primary string, quorum int) (*Sentinel, error) {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	program, err := find()
	if err != nil {
		return nil, err
	}
	host, port, err := net.SplitHostPort(primary)
	if err != nil {
		return nil, err
	}
	s := &Sentinel{}
	if s.dir, err = os.MkdirTemp("", "larder-sentinel-"); err != nil {
		return nil, err
	}
	var wrote error
	s.child, s.port, err = childproc.StartOnFreePort(ctx, func(at int) childproc.Spec {
		conf := filepath.Join(s.dir, "sentinel.conf")
		wrote = os.WriteFile(conf, fmt.Appendf(nil, "port %d\nbind 127.0.0.1\ndir %s\n"+
			"sentinel monitor %s %s %s %d\nsentinel down-after-milliseconds %s 2000\nsentinel failover-timeout %s 10000\n",
			at, s.dir, name, host, port, quorum, name, name), 0o600)
		return childproc.Spec{Cmd: exec.Command(program, conf, "--sentinel"), Ready: "Sentinel ID is"}
	})
	if err = errors.Join(wrote, err); err != nil {
		return nil, errors.Join(err, os.RemoveAll(s.dir))
	}
	return s, nil
}

// Addr is the Sentinel's address, host:port.
func (s *Sentinel) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)) }

// Stop ends the Sentinel and removes its folder. It may be called again.
func (s *Sentinel) Stop() error {
	s.child.Stop()
	return os.RemoveAll(s.dir)
}

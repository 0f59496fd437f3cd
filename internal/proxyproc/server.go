// Package proxyproc runs private caching proxies, Varnish, nginx and falco, for tests
// and measurements. It knows nothing of package testing.
//
// # Invariants
//
//   - A server is new, empty and its owner's alone: its own folder, its own
//     ports on the loopback address. A server that already runs on the machine
//     is neither used nor touched.
//   - It ends with the process that started it: see package childproc. nginx is
//     a single process here; the second process of Varnish, which has the cache,
//     ends when the first does.
//   - When this process is root the server is not: it runs as the account that
//     its Debian package made or, without that, as nobody.
package proxyproc

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/larderdev/larder/internal/childproc"
)

// ErrNotInstalled reports that the server, or the module of it that purges need,
// was not found on this machine.
var ErrNotInstalled = errors.New("not installed")

// packaged is where Debian and Ubuntu put the servers: off the PATH of most.
const packaged = "/usr/sbin"

// startTimeout bounds a start. That of Varnish takes about two seconds on an
// idle machine: it has a C compiler translate its configuration.
const startTimeout = time.Minute

// Server is a running proxy.
type Server struct {
	child *childproc.Child
	who   childproc.Account
	dir   string
	addrs []string
}

// Addr is the address, host:port, of the server; of nginx the first.
func (s *Server) Addr() string { return s.addrs[0] }

// Addrs are all addresses of the server.
func (s *Server) Addrs() []string { return s.addrs }

// PID is the server's process, which may have children.
func (s *Server) PID() int { return s.child.Process().Pid }

// Output returns the last lines that the server printed.
func (s *Server) Output() string { return s.child.Output() }

// Stop ends the server and removes its folder. It may be called again.
func (s *Server) Stop() error {
	s.child.Stop()
	return os.RemoveAll(s.dir)
}

// find returns the path of a program.
func find(name string) (string, error) {
	for _, path := range []string{name, filepath.Join(packaged, name)} {
		if path, err := exec.LookPath(path); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s is neither on the PATH nor in %s: %w", name, packaged, ErrNotInstalled)
}

// run makes a folder for a server with two ports and starts it there. The
// configuration is written anew for each pair of ports that is tried.
func run(ctx context.Context, account string, spec func(s *Server) (conf string, _ childproc.Spec)) (*Server, error) {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	s := &Server{}
	var err error
	if s.who, err = childproc.Unprivileged(account); err != nil {
		return nil, err
	}
	if s.dir, err = os.MkdirTemp("", "larder-proxy-"); err != nil {
		return nil, err
	}
	var wrote error
	s.child, _, err = childproc.StartOnFreePort(ctx, func(port int) childproc.Spec {
		second, err := freePort()
		s.addrs = []string{local(port), local(second)}
		conf, child := spec(s)
		wrote = errors.Join(err, s.who.Own(s.dir),
			os.WriteFile(s.conf(), []byte(conf), 0o600), s.who.Own(s.conf()))
		child.Cmd.Dir = s.dir
		child.Cmd.Env = []string{"PATH=" + os.Getenv("PATH") + ":" + packaged, "LC_ALL=C", "TZ=UTC"}
		s.who.Become(child.Cmd)
		return child
	})
	if err = errors.Join(wrote, err); err != nil {
		return nil, errors.Join(err, s.end())
	}
	return s, nil
}

// end is Stop for a server that may not have started.
func (s *Server) end() error {
	if s.child != nil {
		s.child.Stop()
	}
	return os.RemoveAll(s.dir)
}

func (s *Server) conf() string { return filepath.Join(s.dir, "conf") }

func local(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }

func freePort() (int, error) {
	l, err := net.Listen("tcp", local(0))
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

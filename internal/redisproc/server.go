// Package redisproc runs private Redis or Valkey servers, for tests and for
// programs that need a shared tier at hand. It knows nothing of package
// testing: a test calls [github.com/larderdev/larder/internal/redistest].
//
// # Invariants
//
//   - A server is new, empty and its owner's alone: its own folder, its own
//     port on the loopback address. A server that already runs on the machine
//     is neither used nor touched.
//   - It writes nothing to the disk unless it is told SAVE. What it held is lost
//     when it ends, and so are the scripts it knew; see [Server.RestartSaved].
//   - It ends with the process that started it: see package childproc.
package redisproc

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/larderdev/larder/internal/childproc"
)

// ServerEnv names the environment variable with the server program to run, a
// path or a name on the PATH. When it is not set, redis-server and then
// valkey-server is looked for on the PATH.
const ServerEnv = "LARDER_REDIS_SERVER"

// ErrNotInstalled reports that no server program was found on this machine.
var ErrNotInstalled = errors.New("no Redis server here: neither redis-server nor valkey-server is on the PATH")

// dump is the file that SAVE writes, in the server's folder.
const dump = "dump.rdb"

// startTimeout bounds a start. It takes some 20 ms on an idle machine.
const startTimeout = 30 * time.Second

// Options configures a server. The zero value works.
type Options struct {
	// Args are more of the server's arguments, as "--maxmemory", "2mb". They
	// come last and so override the package's own.
	//
	// Default: none.
	Args []string
}

// Server is a running Redis or Valkey server. Its methods must not be called
// concurrently.
type Server struct {
	program string
	args    []string
	dir     string
	port    int
	child   *childproc.Child
}

// Run starts a server and returns when it accepts connections. The error is
// [ErrNotInstalled] when there is none to run.
func Run(ctx context.Context, o Options) (*Server, error) {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	program, err := find()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "larder-redis-")
	if err != nil {
		return nil, err
	}
	s := &Server{program: program, args: o.Args, dir: dir}
	s.child, s.port, err = childproc.StartOnFreePort(ctx, s.spec)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return s, nil
}

// find returns the path of the server program.
func find() (string, error) {
	if name := os.Getenv(ServerEnv); name != "" {
		path, err := exec.LookPath(name)
		if err != nil {
			return "", fmt.Errorf("%s: %w", ServerEnv, err)
		}
		return path, nil
	}
	for _, name := range []string{"redis-server", "valkey-server"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", ErrNotInstalled
}

// spec says how to run the server on a port.
func (s *Server) spec(port int) childproc.Spec {
	cmd := exec.Command(s.program, append([]string{
		"--port", strconv.Itoa(port),
		"--bind", "127.0.0.1",
		"--dir", s.dir,
		"--save", "",
		"--dbfilename", dump,
		"--appendonly", "no",
		"--daemonize", "no",
	}, s.args...)...)
	cmd.Dir = s.dir
	return childproc.Spec{
		Cmd:   cmd,
		Ready: "Ready to accept connections",
		// There is nothing to be saved, and after a SIGTERM the server would
		// first wait for its next tick.
		Quit: syscall.SIGKILL,
	}
}

// Addr is the server's address, host:port.
func (s *Server) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)) }

// Pause stops the server in its tracks (SIGSTOP): connections stay open and
// nothing is answered.
func (s *Server) Pause() error { return s.child.Process().Signal(syscall.SIGSTOP) }

// Resume lets a paused server go on (SIGCONT).
func (s *Server) Resume() error { return s.child.Process().Signal(syscall.SIGCONT) }

// Kill ends the server at once (SIGKILL). The port is free when it returns.
func (s *Server) Kill() { s.child.Stop() }

// Restart ends the server, if it runs, and starts an empty one on the same
// port. It fails when somebody else has taken the port meanwhile.
func (s *Server) Restart(ctx context.Context) error {
	s.child.Stop()
	if err := os.Remove(filepath.Join(s.dir, dump)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return s.RestartSaved(ctx)
}

// RestartSaved is like Restart, but the new server has what the old one held
// when it was last told SAVE, however long ago.
func (s *Server) RestartSaved(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	s.child.Stop()
	child, err := childproc.Start(ctx, s.spec(s.port))
	if err != nil {
		return err
	}
	s.child = child
	return nil
}

// Stop ends the server and removes its folder. It may be called again.
func (s *Server) Stop() error {
	s.child.Stop()
	return os.RemoveAll(s.dir)
}

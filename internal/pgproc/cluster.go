// Package pgproc runs private PostgreSQL clusters, for tests and for programs
// that prove something against a real database. It knows nothing of package
// testing: a test calls [github.com/larderdev/larder/internal/pgtest].
//
// # Invariants
//
//   - A cluster is new, empty and its owner's alone: its own data folder, its
//     own port on the loopback address, its own password. A server that
//     already runs on the machine is neither used nor touched.
//   - It ends with the process that started it: see package childproc. Its
//     folder is removed by [Cluster.Stop], and stays behind when the process
//     is killed.
//   - It is quick, not durable: the files are never forced to the disk, so they
//     do not survive a crash of the machine. A crash of the server alone loses
//     nothing that was committed.
//
// PostgreSQL refuses to run as root. When this process is root, the cluster
// runs as the account postgres or, without that, nobody.
package pgproc

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/larderdev/larder/internal/childproc"
)

// superuser is the name of the only role in a new cluster.
const superuser = "postgres"

// startTimeout bounds a start, initdb included. It takes about a second on an
// idle machine, and many clusters may start at once.
const startTimeout = time.Minute

// Options configures a cluster. The zero value works.
type Options struct {
	// Settings are server parameters, as "name=value".
	//
	// Default: none but the package's own.
	Settings []string
}

// Cluster is a running PostgreSQL server.
type Cluster struct {
	child    *childproc.Child
	dir      string
	port     int
	password string
}

// Start makes a cluster and returns when it accepts connections. The error is
// [ErrNotInstalled] when there is no PostgreSQL to run.
func Start(ctx context.Context, o Options) (*Cluster, error) {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	bin, err := binDir(packaged)
	if err != nil {
		return nil, err
	}
	who, err := childproc.Unprivileged("postgres")
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "larder-pg-")
	if err != nil {
		return nil, err
	}
	c := &Cluster{dir: dir, password: rand.Text()}
	if err := c.start(ctx, bin, who, o.Settings); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return c, nil
}

func (c *Cluster) start(ctx context.Context, bin string, who childproc.Account, settings []string) error {
	if err := c.initdb(ctx, bin, who); err != nil {
		return err
	}
	var err error
	c.child, c.port, err = childproc.StartOnFreePort(ctx, func(port int) childproc.Spec {
		return childproc.Spec{
			Cmd:   c.outfit(exec.Command(filepath.Join(bin, "postgres"), c.serverArgs(port, settings)...), who),
			Ready: "ready to accept connections",
			// Nobody needs the sessions or the data any more: neither wait for
			// the ones nor write the others.
			Quit: syscall.SIGQUIT,
		}
	})
	return err
}

// initdb fills the data folder.
func (c *Cluster) initdb(ctx context.Context, bin string, who childproc.Account) error {
	pwfile := filepath.Join(c.dir, "password")
	if err := os.WriteFile(pwfile, []byte(c.password), 0o600); err != nil {
		return err
	}
	for _, path := range []string{c.dir, pwfile} {
		if err := who.Own(path); err != nil {
			return err
		}
	}
	cmd := exec.CommandContext(ctx, filepath.Join(bin, "initdb"),
		"--pgdata="+c.data(), "--username="+superuser, "--pwfile="+pwfile,
		"--auth-host=scram-sha-256", "--auth-local=trust", // the socket is in a folder that only we can enter
		"--encoding=UTF8", "--no-locale", "--no-sync")
	if out, err := c.outfit(cmd, who).CombinedOutput(); err != nil {
		return fmt.Errorf("initdb in %s: %w\n%s", c.dir, err, out)
	}
	return nil
}

// outfit gives cmd a clean environment, where no PGDATA or PGPORT of the
// caller's has a say and all messages are in English, and a working folder
// that the account may enter.
func (c *Cluster) outfit(cmd *exec.Cmd, who childproc.Account) *exec.Cmd {
	cmd.Dir = c.dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "TZ=UTC"}
	who.Become(cmd)
	return cmd
}

func (c *Cluster) serverArgs(port int, settings []string) []string {
	args := []string{"-D", c.data(), "-p", strconv.Itoa(port)}
	for _, s := range append([]string{
		"listen_addresses=127.0.0.1",
		"unix_socket_directories=" + c.dir,
		"fsync=off",
		"full_page_writes=off",
		"shared_buffers=32MB",
		"max_connections=200",
	}, settings...) {
		args = append(args, "-c", s)
	}
	return args
}

func (c *Cluster) data() string { return filepath.Join(c.dir, "data") }

// DSN is the address of the cluster's database for any driver that takes URLs.
func (c *Cluster) DSN() string {
	u := url.URL{
		Scheme:   "postgres",
		User:     url.UserPassword(superuser, c.password),
		Host:     net.JoinHostPort("127.0.0.1", strconv.Itoa(c.port)),
		Path:     "/postgres",
		RawQuery: "sslmode=disable",
	}
	return u.String()
}

// Process is the server's main process, to pause it or to kill it in a test.
func (c *Cluster) Process() *os.Process { return c.child.Process() }

// Stop ends the server and removes its folder. It may be called again.
func (c *Cluster) Stop() error {
	c.child.Stop()
	return os.RemoveAll(c.dir)
}

// Package mariadbproc runs private MariaDB servers for tests. It knows nothing
// of package testing: a test calls
// [github.com/larderdev/larder/internal/mariadbtest].
//
// # Invariants
//
//   - A server is new, empty and its owner's alone: its own data folder, its
//     own port on the loopback address, its own password. A server that
//     already runs on the machine is neither used nor touched.
//   - It ends with the process that started it: see package childproc. Its
//     folder is removed by [Server.Stop], and stays behind when the process
//     is killed.
//   - It is quick, not durable: what was committed last may be lost when it is
//     killed.
//
// MariaDB refuses to run as root. When this process is root, the server runs as
// the account mysql or, without that, nobody.
package mariadbproc

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/larderdev/larder/internal/childproc"
)

// ErrNotInstalled reports that no MariaDB server was found on this machine.
var ErrNotInstalled = errors.New("no MariaDB server here: mariadbd and mariadb-install-db are neither on the PATH nor in " + packaged)

// packaged is where Debian and Ubuntu put the server: off the PATH of most.
const packaged = "/usr/sbin"

// user is the name of the account in a new server.
const user = "larder"

// startTimeout bounds a start, the making of the system tables included. It
// takes about two seconds on an idle machine.
const startTimeout = time.Minute

// Options configures a server. The zero value works.
type Options struct {
	// Settings are server variables, as "name=value".
	//
	// Default: none but the package's own.
	Settings []string
}

// Server is a running MariaDB server.
type Server struct {
	child    *childproc.Child
	dir      string
	port     int
	password string
}

// Start makes a server and returns when it accepts connections. The error is
// [ErrNotInstalled] when there is no MariaDB to run.
func Start(ctx context.Context, o Options) (*Server, error) {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	server, err := find("mariadbd")
	if err != nil {
		return nil, err
	}
	installer, err := find("mariadb-install-db")
	if err != nil {
		return nil, err
	}
	who, err := childproc.Unprivileged("mysql")
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "larder-mariadb-")
	if err != nil {
		return nil, err
	}
	s := &Server{dir: dir, password: rand.Text()}
	err = s.install(ctx, installer, who)
	if err == nil {
		err = s.start(ctx, server, who, o.Settings)
	}
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return s, nil
}

// find returns the path of a program.
func find(name string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	if path, err := exec.LookPath(filepath.Join(packaged, name)); err == nil {
		return path, nil
	}
	return "", ErrNotInstalled
}

// install fills the data folder, and writes what the server runs when it
// starts: an account for us. The one without a password that is made for root
// cannot be used from outside the folder, because names are not resolved.
func (s *Server) install(ctx context.Context, installer string, who childproc.Account) error {
	sql := fmt.Sprintf("CREATE USER '%s'@'%%' IDENTIFIED BY '%s';\nGRANT ALL PRIVILEGES ON *.* TO '%[1]s'@'%%' WITH GRANT OPTION;\n", user, s.password)
	if err := os.WriteFile(s.initFile(), []byte(sql), 0o600); err != nil {
		return err
	}
	for _, path := range []string{s.dir, s.initFile()} {
		if err := who.Own(path); err != nil {
			return err
		}
	}
	cmd := exec.CommandContext(ctx, installer,
		"--no-defaults", "--datadir="+s.data(), "--skip-test-db", "--skip-name-resolve",
		"--auth-root-authentication-method=normal", "--innodb-flush-log-at-trx-commit=0")
	if out, err := s.outfit(cmd, who).CombinedOutput(); err != nil {
		return fmt.Errorf("mariadb-install-db in %s: %w\n%s", s.dir, err, out)
	}
	return nil
}

func (s *Server) start(ctx context.Context, server string, who childproc.Account, settings []string) error {
	var err error
	s.child, s.port, err = childproc.StartOnFreePort(ctx, func(port int) childproc.Spec {
		return childproc.Spec{
			Cmd:   s.outfit(exec.Command(server, s.serverArgs(port, settings)...), who),
			Ready: "ready for connections",
			Quit:  syscall.SIGKILL, // nobody needs the data any more
		}
	})
	return err
}

// outfit gives cmd a clean environment and a working folder that the account
// may enter.
func (s *Server) outfit(cmd *exec.Cmd, who childproc.Account) *exec.Cmd {
	cmd.Dir = s.dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH") + ":" + packaged, "LC_ALL=C", "TZ=UTC"}
	who.Become(cmd)
	return cmd
}

func (s *Server) serverArgs(port int, settings []string) []string {
	args := []string{
		"--no-defaults",
		"--datadir=" + s.data(),
		"--port=" + strconv.Itoa(port),
		"--bind-address=127.0.0.1",
		"--socket=" + filepath.Join(s.dir, "socket"),
		"--pid-file=" + filepath.Join(s.dir, "pid"),
		"--init-file=" + s.initFile(),
		"--skip-name-resolve",
		"--innodb-flush-log-at-trx-commit=0",
		"--innodb-buffer-pool-size=32M",
		"--max-connections=200",
	}
	for _, setting := range settings {
		args = append(args, "--"+setting)
	}
	return args
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

func (s *Server) initFile() string { return filepath.Join(s.dir, "init.sql") }

// Addr is the server's address, host:port.
func (s *Server) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)) }

// DSN is the address of a database of the server, or of none if the name is
// empty, for the driver go-sql-driver/mysql.
func (s *Server) DSN(database string) string {
	return fmt.Sprintf("%s:%s@tcp(%s)/%s", user, s.password, s.Addr(), database)
}

// Process is the server's process, to pause it or to kill it in a test.
func (s *Server) Process() *os.Process { return s.child.Process() }

// Stop ends the server and removes its folder. It may be called again.
func (s *Server) Stop() error {
	s.child.Stop()
	return os.RemoveAll(s.dir)
}

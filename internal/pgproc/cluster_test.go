package pgproc

import (
	"errors"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// start runs a cluster for t. It is package pgtest's Start, which cannot be
// imported here.
func start(t *testing.T, settings ...string) *Cluster {
	t.Helper()
	c, err := Start(t.Context(), Options{Settings: settings})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Stop(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// psql runs one statement and returns what it printed.
func psql(t *testing.T, dsn, statement string) (string, error) {
	t.Helper()
	bin, err := binDir(packaged)
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(filepath.Join(bin, "psql"), "-XAtq", "-d", dsn, "-c", statement).CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

func TestStart_AnswersAsAsked(t *testing.T) {
	t.Setenv("PGPORT", "1") // an environment for another server has no say
	t.Setenv("PGDATA", "/no/such/folder")
	c := start(t, "application_name=shop", "max_connections=17")
	for _, tt := range []struct{ statement, want string }{
		{"SHOW max_connections", "17"},
		{"SHOW server_encoding", "UTF8"},
		{"SHOW listen_addresses", "127.0.0.1"},
		{"SELECT count(*) FROM pg_stat_user_tables", "0"},
	} {
		if got, err := psql(t, c.DSN(), tt.statement); got != tt.want || err != nil {
			t.Errorf("%s = %q, %v; want %q", tt.statement, got, err, tt.want)
		}
	}
}

func TestStart_ClustersAreApart(t *testing.T) {
	a, b := start(t), start(t)
	if out, err := psql(t, a.DSN(), "CREATE TABLE only_in_a()"); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if got, err := psql(t, b.DSN(), "SELECT to_regclass('only_in_a') IS NULL"); got != "t" || err != nil {
		t.Errorf("the table of one cluster is in the other: %q, %v", got, err)
	}
}

func TestStart_RefusesStrangers(t *testing.T) {
	u, err := url.Parse(start(t).DSN())
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword(superuser, "guess")
	if out, err := psql(t, u.String(), "SELECT 1"); err == nil || !strings.Contains(out, "authentication failed") {
		t.Errorf("with a wrong password: %q, %v; want a refusal", out, err)
	}
}

func TestStart_SaysWhyNot(t *testing.T) {
	tmp := t.TempDir()
	if err := os.Chmod(filepath.Dir(tmp), 0o755); err != nil { // for the account that the cluster runs as
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", tmp)
	_, err := Start(t.Context(), Options{Settings: []string{"no_such_setting=1"}})
	if err == nil || !strings.Contains(err.Error(), `unrecognized configuration parameter "no_such_setting"`) {
		t.Errorf("Start = %v, want the server's own words", err)
	}
	left, err := os.ReadDir(tmp)
	if len(left) > 0 || err != nil {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestStop_LeavesNothing(t *testing.T) {
	c := start(t)
	u, err := url.Parse(c.DSN())
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // it may be called again
		if err := c.Stop(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(c.dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder is still there: %v", err)
	}
	if conn, err := net.Dial("tcp", u.Host); err == nil {
		conn.Close()
		t.Errorf("something still listens on %s", u.Host)
	}
}

package mariadbproc

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestStart_ThenStopLeavesNothing(t *testing.T) {
	tmp := t.TempDir()
	t.Setenv("TMPDIR", open(t, tmp))
	s, err := Start(t.Context(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	greeting := make([]byte, 200)
	n, err := conn.Read(greeting)
	if err != nil || !strings.Contains(string(greeting[:n]), "MariaDB") {
		t.Errorf("the server says %q, %v", greeting[:n], err)
	}
	conn.Close()
	for range 2 { // it may be called again
		if err := s.Stop(); err != nil {
			t.Fatal(err)
		}
	}
	if conn, err := net.Dial("tcp", s.Addr()); err == nil {
		conn.Close()
		t.Errorf("something still listens on %s", s.Addr())
	}
	if left, err := os.ReadDir(tmp); len(left) > 0 || err != nil {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestStart_SaysWhyNot(t *testing.T) {
	tmp := t.TempDir()
	t.Setenv("TMPDIR", open(t, tmp))
	_, err := Start(t.Context(), Options{Settings: []string{"no-such-setting=1"}})
	if err == nil || !strings.Contains(err.Error(), "unknown variable 'no-such-setting=1'") {
		t.Errorf("Start = %v, want the server's own words", err)
	}
	if left, err := os.ReadDir(tmp); len(left) > 0 || err != nil {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// open lets the account that the server runs as enter a test's folder.
func open(t *testing.T, dir string) string {
	t.Helper()
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestFind_NotInstalled(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	if _, err := find("no-such-program"); !errors.Is(err, ErrNotInstalled) {
		t.Errorf("find = %v, want %v", err, ErrNotInstalled)
	}
}

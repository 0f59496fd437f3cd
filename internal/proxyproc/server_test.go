package proxyproc

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const vcl = `
vcl 4.1;
backend default none;
sub vcl_recv { return (synth(204)); }
`

func site(addr, second string) string {
	return fmt.Sprintf("server { listen %s; listen %s; return 204; }", addr, second)
}

// kinds starts each of the servers, with a mistake appended to its
// configuration.
var kinds = map[string]func(ctx context.Context, mistake string) (*Server, error){
	"Varnish": func(ctx context.Context, mistake string) (*Server, error) {
		return Varnish(ctx, vcl+mistake)
	},
	"nginx": func(ctx context.Context, mistake string) (*Server, error) {
		return Nginx(ctx, func(addr, second string) string { return site(addr, second) + mistake })
	},
}

func TestStart_ThenStopLeavesNothing(t *testing.T) {
	for kind, start := range kinds {
		t.Run(kind, func(t *testing.T) {
			temp := openTemp(t)
			s, err := start(t.Context(), "")
			if err != nil {
				t.Fatalf("%v\nTo install what the tests need: scripts/install-test-services", err)
			}
			for _, addr := range s.Addrs() {
				answer, err := http.Get("http://" + addr)
				if err != nil {
					t.Fatalf("%v\n%s", err, s.Output())
				}
				answer.Body.Close()
				if answer.StatusCode != http.StatusNoContent {
					t.Errorf("%s answers %s, want 204", addr, answer.Status)
				}
			}
			for range 2 { // it may be called again
				if err := s.Stop(); err != nil {
					t.Errorf("Stop: %v", err)
				}
			}
			for _, addr := range s.Addrs() {
				if c, err := net.Dial("tcp", addr); err == nil {
					c.Close()
					t.Errorf("something still listens on %s", addr)
				}
			}
			if left, err := os.ReadDir(temp); len(left) > 0 || err != nil {
				t.Errorf("left behind: %v, %v", left, err)
			}
		})
	}
}

func TestStart_SaysWhyNot(t *testing.T) {
	for kind, start := range kinds {
		t.Run(kind, func(t *testing.T) {
			temp := openTemp(t)
			s, err := start(t.Context(), "nonsense;")
			if err == nil {
				s.Stop()
			}
			if err == nil || !strings.Contains(err.Error(), "nonsense") {
				t.Errorf("got %v, want the server's own words", err)
			}
			if left, err := os.ReadDir(temp); len(left) > 0 || err != nil {
				t.Errorf("left behind: %v, %v", left, err)
			}
		})
	}
}

func TestFind_NotInstalled(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	if _, err := find("no-such-program"); !errors.Is(err, ErrNotInstalled) {
		t.Errorf("find = %v, want %v", err, ErrNotInstalled)
	}
}

func TestFindModule_NotInstalled(t *testing.T) {
	dir := t.TempDir()
	for name, script := range map[string]string{
		"static":  "#!/bin/sh\necho configure arguments: --with-debug >&2\n",
		"missing": "#!/bin/sh\necho configure arguments: --modules-path=" + dir + " --with-debug >&2\n",
	} {
		program := filepath.Join(dir, name)
		if err := os.WriteFile(program, []byte(script), 0o700); err != nil {
			t.Fatal(err)
		}
		if _, err := findModule(t.Context(), program); !errors.Is(err, ErrNotInstalled) {
			t.Errorf("%s module: %v, want %v", name, err, ErrNotInstalled)
		}
	}
}

// openTemp makes a folder the place for temporary files, that of the account
// that the server runs as too.
func openTemp(t *testing.T) string {
	t.Helper()
	temp := t.TempDir()
	if err := os.Chmod(filepath.Dir(temp), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", temp)
	return temp
}

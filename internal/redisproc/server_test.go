package redisproc

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
)

func TestRun_NotInstalled(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	t.Setenv(ServerEnv, "")
	if _, err := Run(t.Context(), Options{}); !errors.Is(err, ErrNotInstalled) {
		t.Errorf("with an empty PATH: %v, want ErrNotInstalled", err)
	}
}

func TestRun_NamedServerMissing(t *testing.T) {
	t.Setenv(ServerEnv, "no-such-server")
	_, err := Run(t.Context(), Options{})
	if !errors.Is(err, exec.ErrNotFound) || !strings.Contains(err.Error(), ServerEnv) {
		t.Errorf("got %v, want exec.ErrNotFound and the name of the variable", err)
	}
}

func TestRun_WrongArgument(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	_, err := Run(t.Context(), Options{Args: []string{"--no-such-option", "1"}})
	if err == nil || !strings.Contains(err.Error(), "no-such-option") {
		t.Errorf("got %v, want what the server said about the option", err)
	}
	if left, _ := os.ReadDir(temp); len(left) > 0 {
		t.Errorf("a failed start leaves %v behind", left)
	}
}

func TestStop_RemovesTheFolder(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	s, err := Run(t.Context(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := s.Stop(); err != nil {
			t.Errorf("Stop: %v", err)
		}
	}
	if left, _ := os.ReadDir(temp); len(left) > 0 {
		t.Errorf("Stop leaves %v behind", left)
	}
}

package purge_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/larderdev/larder/purge"
	"github.com/larderdev/larder/purge/purgetest"
)

// killed, in the environment, makes this binary the process that is killed.
const killed = "LARDER_PURGE_KILLED"

// silent is a cache that accepts what begins with "ok", writes it to the
// standard output, and refuses the rest.
type silent struct {
	mu   sync.Mutex
	sent map[string]bool
	all  bool // accepts everything
	tell io.Writer
}

func (s *silent) Name() string         { return "cdn" }
func (s *silent) Limits() purge.Limits { return purge.Limits{Tags: 10} }

func (s *silent) Purge(_ context.Context, p purge.Purge) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	refused := &purge.Error{Status: 503}
	for _, tag := range p.Tags {
		if !s.all && !strings.HasPrefix(tag, "ok") {
			refused.Items = append(refused.Items, tag)
			continue
		}
		if s.sent != nil {
			s.sent[tag] = true
		}
		if s.tell != nil {
			fmt.Fprintln(s.tell, "sent", tag)
		}
	}
	if refused.Items != nil {
		return refused
	}
	return nil
}

// child purges without end and tells what was acknowledged, until it is killed.
func child(path string) error {
	j, err := purge.OpenFile(path, purge.FileOptions{})
	if err != nil {
		return err
	}
	q, err := purge.Open(context.Background(), purge.Options{
		Targets: []purge.Purger{&silent{tell: os.Stdout}}, Journal: j, Window: -1, Settle: -1, MaxTries: 10_000,
		Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	if err != nil {
		return err
	}
	round := rand.Uint32()
	var tasks sync.WaitGroup
	for g := range 4 {
		tasks.Go(func() {
			for i := 0; ; i++ {
				tag := fmt.Sprintf("%s-%08x-%d-%d", []string{"ok", "no"}[i%2], round, g, i)
				if _, err := q.Purge(context.Background(), purge.Purge{Tags: []string{tag}}); err != nil {
					fmt.Println("error", err)
					return
				}
				fmt.Println("kept", tag)
			}
		})
	}
	tasks.Wait()
	return errors.New("the purges have ended")
}

func TestMain(m *testing.M) {
	if path := os.Getenv(killed); path != "" {
		fmt.Println(child(path))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// A process that is killed at any moment loses nothing that it has
// acknowledged: it was sent, or the next process sends it.
func TestKill_LosesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "purges")
	kept, sent := map[string]bool{}, map[string]bool{}
	const rounds = 10
	for round := range rounds {
		lines := 50 + rand.IntN(300)
		runAndKill(t, path, lines, kept, sent)
		if round == rounds/2 {
			// A tail that was torn by the end of the machine.
			f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = f.WriteString(`0badc0de {"key":"tag:to`)
			_ = f.Close()
		}
	}
	j, err := purge.OpenFile(path, purge.FileOptions{Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		t.Fatalf("the lock of a dead process: %v", err)
	}
	last := &silent{all: true, sent: sent}
	q, err := purge.Open(t.Context(), purge.Options{Targets: []purge.Purger{last}, Journal: j, Window: -1, Settle: -1})
	if err != nil {
		t.Fatal(err)
	}
	if err := q.Close(t.Context()); err != nil {
		t.Errorf("Close = %v, want nil", err)
	}
	lost := 0
	for tag := range kept {
		if !sent[tag] {
			lost++
			t.Logf("%s was acknowledged and is lost", tag)
		}
	}
	t.Logf("%d processes were killed, %d purges acknowledged, %d lost", rounds, len(kept), lost)
	if lost > 0 || len(kept) < rounds*10 {
		t.Errorf("of %d acknowledged purges %d are lost, want none of %d or more", len(kept), lost, rounds*10)
	}
}

// runAndKill starts a process on the journal, and kills it when it has told so
// many lines.
func runAndKill(t *testing.T, path string, lines int, kept, sent map[string]bool) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe, "-test.run=^$")
	cmd.Env = append(os.Environ(), killed+"="+path)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	// What the pipe holds when the process dies counts: it was acknowledged.
	for n, scan := 0, bufio.NewScanner(out); scan.Scan(); n++ {
		what, tag, _ := strings.Cut(scan.Text(), " ")
		switch what {
		case "kept":
			kept[tag] = true
		case "sent":
			sent[tag] = true
		default:
			t.Errorf("the process said %q", scan.Text())
		}
		if n == lines {
			if err := cmd.Process.Kill(); err != nil {
				t.Error(err)
			}
		}
	}
	_ = cmd.Wait() // it was killed
}

// While a process has the journal, no other gets it.
func TestKill_SecondProcessIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "purges")
	j, err := purge.OpenFile(path, purge.FileOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe, "-test.run=^$")
	cmd.Env = append(os.Environ(), killed+"="+path)
	out, err := cmd.Output()
	if err == nil || !strings.Contains(string(out), purge.ErrLocked.Error()) {
		t.Errorf("the second process said %q, %v, want ErrLocked", out, err)
	}
}

func TestFile_IsAJournal(t *testing.T) {
	purgetest.TestJournal(t, func(t *testing.T) func() purge.Journal {
		path := filepath.Join(t.TempDir(), "purges")
		return func() purge.Journal {
			j, err := purge.OpenFile(path, purge.FileOptions{})
			if err != nil {
				t.Fatal(err)
			}
			return j
		}
	})
}

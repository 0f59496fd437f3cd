package redistest_test

import (
	"errors"
	"net"
	"os"
	"testing"
	"time"

	"github.com/larderdev/larder/internal/redistest"
)

// ping sends one PING and reports whether the answer came within wait.
func ping(addr string, wait time.Duration) error {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(wait)); err != nil {
		return err
	}
	if _, err := conn.Write([]byte("PING\r\n")); err != nil {
		return err
	}
	answer := make([]byte, len("+PONG\r\n"))
	_, err = conn.Read(answer)
	return err
}

func TestStart_EndsWithTheTest(t *testing.T) {
	var addr string
	t.Run("a test with a server", func(t *testing.T) {
		addr = redistest.Start(t).Addr()
		if err := ping(addr, 5*time.Second); err != nil {
			t.Errorf("ping: %v", err)
		}
	})
	if err := ping(addr, 5*time.Second); err == nil {
		t.Errorf("the server on %s outlives its test", addr)
	}
}

func TestServer_PauseAndResume(t *testing.T) {
	s := redistest.Start(t)
	s.Pause()
	if err := ping(s.Addr(), 50*time.Millisecond); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("ping of a paused server: %v, want a timeout", err)
	}
	s.Resume()
	if err := ping(s.Addr(), 5*time.Second); err != nil {
		t.Errorf("ping of a resumed server: %v", err)
	}
}

func TestServer_KillAndRestart(t *testing.T) {
	s := redistest.Start(t)
	s.Kill()
	if err := ping(s.Addr(), 5*time.Second); err == nil {
		t.Error("a killed server answers")
	}
	s.Restart()
	if err := ping(s.Addr(), 5*time.Second); err != nil {
		t.Errorf("ping of a restarted server: %v", err)
	}
}

// TestServer_StopWhilePaused is the case that hangs a cleanup which only asks
// the server to end.
func TestServer_StopWhilePaused(t *testing.T) {
	redistest.Start(t).Pause()
}

func TestServer_RestartSaved(t *testing.T) {
	s := redistest.Start(t)
	o := redistest.NewOperator(t, s.Addr())
	restarted := func(restart func()) string {
		restart()
		return redistest.NewOperator(t, s.Addr()).Text("GET", "k")
	}
	o.Run("SET", "k", "saved")
	o.Run("SAVE")
	o.Run("SET", "k", "not saved")
	if got := restarted(s.RestartSaved); got != "saved" {
		t.Errorf("after RestartSaved: %q, want what was saved", got)
	}
	if got := restarted(s.Restart); got != "" {
		t.Errorf("after Restart: %q, want nothing", got)
	}
	if got := restarted(s.RestartSaved); got != "" {
		t.Errorf("after Restart and RestartSaved: %q, want nothing", got)
	}
}

func TestWire_CutIsSilent(t *testing.T) {
	w := redistest.NewWire(t, redistest.Start(t).Addr())
	if err := ping(w.Addr(), 5*time.Second); err != nil {
		t.Errorf("ping: %v", err)
	}
	w.Cut()
	if err := ping(w.Addr(), 50*time.Millisecond); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("ping while it is cut: %v, want a timeout", err)
	}
	w.Mend()
	if err := ping(w.Addr(), 5*time.Second); err != nil {
		t.Errorf("ping of a mended wire: %v", err)
	}
}

func TestOperator_OutlivesRestarts(t *testing.T) {
	s := redistest.Start(t)
	o := redistest.NewOperator(t, s.Addr())
	for range 20 {
		o.Run("SET", "k", "v")
		s.Restart()
		o.Run("SAVE") // on the connection that has just been lost
	}
}

// TestCutReplicas: a replica that is cut off lacks what is written, and is
// promoted all the same.
func TestCutReplicas(t *testing.T) {
	w := redistest.StartWatched(t, 1)
	w.Primary.Run("SET", "k", "old")
	for w.Replica.Text("GET", "k") != "old" {
		<-time.After(time.Millisecond)
	}
	w.Primary.CutReplicas()
	w.Primary.Run("SET", "k", "new")
	w.Primary.Kill()
	for !w.Replica.Holds([]string{"INFO", "replication"}, "role:master") {
		<-time.After(10 * time.Millisecond)
	}
	if got := w.Replica.Text("GET", "k"); got != "old" {
		t.Errorf("the replica that was promoted has %q, want the old value", got)
	}
}

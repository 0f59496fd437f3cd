package dbtest

import (
	"bufio"
	"context"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/larderdev/larder"
	"github.com/larderdev/larder/outbox"
)

// relayEnv makes the test binary run a relay instead of tests: see
// processKilled. It holds the dialect, the driver and the source.
const relayEnv = "LARDER_DBTEST_RELAY"

func TestMain(m *testing.M) {
	if what := os.Getenv(relayEnv); what != "" {
		fmt.Fprintln(os.Stderr, playRelay(what))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// playRelay delivers one batch, says so, and never returns from that.
func playRelay(what string) error {
	parts := strings.SplitN(what, "|", 3)
	dialect, err := strconv.Atoi(parts[0])
	if err != nil {
		return err
	}
	db, err := sql.Open(parts[1], parts[2])
	if err != nil {
		return err
	}
	box, err := outbox.New(db, outbox.Options{Dialect: outbox.Dialect(dialect)})
	if err != nil {
		return err
	}
	o := quick()
	o.DeliverTimeout = 100 * time.Millisecond // of which the limit of a transaction is made
	r, err := box.Relay(stuck{newTarget()}, o)
	if err != nil {
		return err
	}
	return r.Run(context.Background())
}

// stuck acknowledges nothing: by the time it could, it is killed.
type stuck struct{ *target }

func (s stuck) Deliver(ctx context.Context, changes []larder.Change) []error {
	for _, c := range changes {
		fmt.Println("delivered", show(c))
	}
	select {}
}

// relayProcess starts a relay in a process of its own, and returns when it is
// delivering.
func relayProcess(t *testing.T, w *world) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%d|%s|%s", relayEnv, w.dialect, w.driver, w.dsn))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // an error says that it has ended
		_ = cmd.Wait()         // "signal: killed"
	})
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "delivered product:1\n" {
		t.Fatalf("the relay says %q, %v", line, err)
	}
	return cmd
}

// processKilled kills a relay's process between delivering and marking. The
// lease or the locked row of a dead process must not keep the row for long.
func processKilled(t *testing.T, w *world) {
	w.enqueue(t, larder.Change{Class: "product", Key: "1"})
	cmd := relayProcess(t, w)
	g := newTarget()
	start(t, w.relay(t, g, quick()))
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	g.await(t, "product:1")
	until(t, "it is done", func() bool { return w.stats(t).Done == 1 })
}

// processStopped stops it instead: its connection stays open, and with it the
// lock. The database has to end the transaction.
func processStopped(t *testing.T, w *world) {
	w.enqueue(t, larder.Change{Class: "product", Key: "1"})
	cmd := relayProcess(t, w)
	if err := cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	g := newTarget()
	start(t, w.relay(t, g, quick()))
	g.await(t, "product:1")
	until(t, "it is done", func() bool { return w.stats(t).Done == 1 })
}

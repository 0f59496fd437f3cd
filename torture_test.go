package larder_test

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/larderdev/larder/internal/ledgertest"
	"github.com/larderdev/larder/internal/redistest"
)

// tortureTimeEnv sets how long TestTorture runs, for runs by hand.
const tortureTimeEnv = "LARDER_TORTURE_TIME"

// TestTorture drives three processes on a real server, with readers and
// writers on 200 keys, while processes and connections stop, die and fall
// silent and the server is flushed, and judges every read.
func TestTorture(t *testing.T) {
	run := newTorture(t, "", time.Second)
	length := 60 * time.Second
	if s := os.Getenv(tortureTimeEnv); s != "" {
		var err error
		if length, err = time.ParseDuration(s); err != nil {
			t.Fatal(err)
		}
	}
	run.until(length, func() bool { return false })
	run.ledger.report(t)
	if n := run.ledger.stale.Load(); n != 0 {
		t.Errorf("%d strict reads were stale, want 0 (P1)", n)
	}
	if age := time.Duration(run.ledger.worstAge.Load()); age > run.bound {
		t.Errorf("memory was older than acknowledged by %v, want %v at most (P2)", age, run.bound)
	}
	if n := run.ledger.strictReads.Load(); n < 1000 {
		t.Errorf("only %d strict reads were judged", n)
	}
	for i := range run.nodes {
		if run.ledger.nodeReads[i].Load() == 0 {
			t.Errorf("process %d has read nothing", i)
		}
	}
}

// TestTorture_FailsWithoutEachClause shows that the checker can fail.
func TestTorture_FailsWithoutEachClause(t *testing.T) {
	for _, mutant := range []string{"lease per process", "no taint", "no heartbeat", lateTags} {
		t.Run(mutant, func(t *testing.T) {
			run := newTorture(t, mutant, 250*time.Millisecond)
			caught := func() bool {
				return run.ledger.stale.Load() > 0 || time.Duration(run.ledger.worstAge.Load()) > run.bound
			}
			run.until(150*time.Second, caught)
			run.ledger.report(t)
			if !caught() {
				t.Errorf("the checker did not notice: %s", mutant)
			}
		})
	}
}

type torture struct {
	t      *testing.T
	ledger *ledger
	path   string
	mutant string
	bound  time.Duration // MaxStaleness
	redis  *redistest.Server
	nodes  []*tortureProcess
}

// tortureProcess is one process of the fleet, and its own wire to the server.
type tortureProcess struct {
	cmd  *exec.Cmd
	wire *redistest.Wire
}

func newTorture(t *testing.T, mutant string, bound time.Duration) *torture {
	run := &torture{t: t, mutant: mutant, bound: bound, path: filepath.Join(t.TempDir(), "ledger")}
	var err error
	if run.ledger, err = ledgertest.Open[ledger](run.path); err != nil {
		t.Fatal(err)
	}
	run.redis = redistest.Start(t)
	for i := range 3 {
		p := &tortureProcess{wire: redistest.NewWire(t, run.redis.Addr())}
		run.nodes = append(run.nodes, p)
		run.start(i)
		t.Cleanup(func() { p.kill() })
	}
	return run
}

func (r *torture) start(i int) {
	p := r.nodes[i]
	p.cmd = exec.Command(os.Args[0])
	p.cmd.Env = append(os.Environ(),
		tortureEnv+"="+r.path, tortureRedisEnv+"="+p.wire.Addr(),
		tortureNodeEnv+"="+fmt.Sprint(i), tortureMutantEnv+"="+r.mutant,
		tortureBoundEnv+"="+r.bound.String())
	p.cmd.Stderr = os.Stderr
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
}

func (p *tortureProcess) kill() {
	p.cmd.Process.Kill()
	p.cmd.Wait()
}

// until lets faults happen, one after another, until length is over or done.
func (r *torture) until(length time.Duration, done func() bool) {
	end := time.Now().Add(length)
	pause := func(from, to int) {
		<-time.After(time.Duration(from+rand.IntN(to-from)) * time.Millisecond)
	}
	pause(900, 1000) // the processes start
	for time.Now().Before(end) && !done() {
		r.fault(pause)
		pause(100, 500)
	}
	for _, p := range r.nodes {
		p.wire.Mend()
	}
}

func (r *torture) fault(pause func(from, to int)) {
	i := rand.IntN(len(r.nodes))
	p := r.nodes[i]
	switch rand.IntN(7) {
	case 0:
		r.redis.Pause()
		pause(50, 500)
		r.redis.Resume()
	case 1:
		r.command("FLUSHALL")
	case 2:
		r.command("CLIENT KILL TYPE normal")
	case 3:
		r.check(p.cmd.Process.Signal(syscall.SIGSTOP))
		pause(100, 1500)
		r.check(p.cmd.Process.Signal(syscall.SIGCONT))
	case 4:
		p.kill()
		r.start(i)
	case 5:
		p.wire.Cut()
		pause(500, 2500)
		p.wire.Mend()
	case 6:
		r.redis.Restart()
	}
}

func (r *torture) check(err error) {
	if err != nil {
		r.t.Error(err)
	}
}

// command sends an inline command to the server.
func (r *torture) command(line string) {
	conn, err := net.DialTimeout("tcp", r.redis.Addr(), time.Second)
	if err != nil {
		r.t.Error(err)
		return
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(2 * time.Second))
	fmt.Fprintf(conn, "%s\r\n", line)
	conn.Read(make([]byte, 64))
}

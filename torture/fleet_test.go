package torture

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/larderdev/larder/internal/ledgertest"
	"github.com/larderdev/larder/internal/redistest"
)

// fleet is the processes of a run, the databases and the ledger.
type fleet struct {
	t      *testing.T
	ledger *ledger
	path   string
	db     *databases
	nodes  []*process
	relays []*process
}

// newFleet starts the databases and makes the ledger.
func newFleet(t *testing.T) *fleet {
	f := &fleet{t: t, path: filepath.Join(t.TempDir(), "ledger"), db: startDatabases(t)}
	var err error
	if f.ledger, err = ledgertest.Open[ledger](f.path); err != nil {
		t.Fatal(err)
	}
	return f
}

// follow lets the replica follow until the test ends.
func (f *fleet) follow() {
	ctx, cancel := context.WithCancel(context.WithoutCancel(f.t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- f.db.follow(ctx) }()
	f.t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			f.t.Errorf("the replica does not follow: %v", err)
		}
	})
}

// wires returns a wire to the shared tier for each of n processes, and what
// these are told of it.
func (f *fleet) wires(redis *redistest.Server, n int) (wires []*redistest.Wire, ends []server) {
	for range n {
		w := redistest.NewWire(f.t, redis.Addr())
		wires = append(wires, w)
		ends = append(ends, server{Addrs: []string{w.Addr()}})
	}
	return wires, ends
}

// start starts a process for each of redis, with a role and what else c says.
func (f *fleet) start(c config, redis []server) (all []*process) {
	for i, o := range redis {
		all = append(all, f.startOne(c, i, o))
	}
	return all
}

// startOne starts one process.
func (f *fleet) startOne(c config, number int, redis server) *process {
	c.Ledger, c.Primary, c.Replica = f.path, f.db.primaryDSN, f.db.replicaDSN
	c.Number, c.Redis = number, redis
	p := &process{config: c}
	p.run(f.t)
	return p
}

// process is one process of the fleet, which is started again when it is
// killed.
type process struct {
	config
	mu       sync.Mutex
	cmd      *exec.Cmd
	stopping bool
	kills    atomic.Int64
	wg       sync.WaitGroup
}

// run starts the process and keeps it running until t ends or it exits in order.
func (p *process) run(t *testing.T) {
	text, err := json.Marshal(p.config)
	if err != nil {
		t.Fatal(err)
	}
	start := func() error {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.stopping {
			return os.ErrProcessDone
		}
		p.cmd = exec.Command(os.Args[0])
		p.cmd.Env = append(os.Environ(), roleEnv+"="+string(text))
		p.cmd.Stderr = os.Stderr
		p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		return p.cmd.Start()
	}
	if err := start(); err != nil {
		t.Fatal(err)
	}
	p.wg.Go(func() {
		for {
			err := p.cmd.Wait()
			p.kills.Add(1)
			if status, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || !status.Signaled() {
				if err != nil {
					t.Errorf("%s %d: %v", p.Role, p.Number, err)
				}
				return
			}
			if start() != nil {
				return
			}
		}
	})
	t.Cleanup(p.stop)
}

// kill ends the process by SIGKILL; it is started again.
func (p *process) kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = p.cmd.Process.Kill() // an error says that it has ended already
}

// stop ends the process for good.
func (p *process) stop() {
	p.mu.Lock()
	p.stopping = true
	_ = p.cmd.Process.Kill()
	p.mu.Unlock()
	p.wg.Wait()
}

// finish lets all become quiet, and each node compare its tiers with the
// database. Without a relay it only waits for what is under way.
func (f *fleet) finish() {
	f.t.Helper()
	f.ledger.phase.Store(quiet)
	<-time.After(500 * time.Millisecond) // the longest write
	if len(f.relays) > 0 {
		f.db.waitDrained(f.t)
	}
	<-time.After(bound + time.Second)
	f.db.settle(f.t, f.ledger)
	f.ledger.phase.Store(auditing)
	for i := range f.nodes {
		eventually(f.t, fmt.Sprintf("the audit of process %d", i), func() bool {
			return f.ledger.node[i].audited.Load() == auditing
		})
	}
}

// judge makes one test of each class.
func (f *fleet) judge(leastReads uint64) {
	f.ledger.report(f.t)
	for i, spec := range classes() {
		f.t.Run(spec.name, func(t *testing.T) { f.ledger.judge(t, i, spec, leastReads) })
	}
	for i := range f.nodes {
		if f.ledger.node[i].reads.Load() == 0 {
			f.t.Errorf("process %d has read nothing", i)
		}
	}
}

func (l *ledger) judge(t *testing.T, class int, spec class, leastReads uint64) {
	c := &l.class[class]
	if n := c.strict.Load(); n < leastReads {
		t.Errorf("only %d strict reads were judged", n)
	}
	if n := c.early.Load(); spec.policy.Strict && n < leastReads {
		t.Errorf("only %d reads were judged against what was committed", n)
	}
	if n := c.stale.Load(); n != 0 {
		t.Errorf("%d strict reads were stale, want 0 (P1)", n)
	}
	if n := c.tooEarly.Load(); n != 0 {
		t.Errorf("%d reads were older than committed, want 0", n)
	}
	if n := c.backwards.Load(); n != 0 {
		t.Errorf("%d reads went backwards in a process without an outage, want 0", n)
	}
	if n := c.tooOld.Load(); n != 0 {
		t.Errorf("memory was older than acknowledged by %v, want %v at most (P2)", time.Duration(c.worstAge.Load()), bound)
	}
	if n := c.stuckMemory.Load() + c.stuckShared.Load(); n != 0 {
		t.Errorf("%d audits found a key stuck, want 0 (P3)", n)
	}
	if want := uint64(3 * keysOf); c.audited.Load() < want {
		t.Errorf("%d audits of keys, want %d or more", c.audited.Load(), want)
	}
}

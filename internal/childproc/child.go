// Package childproc runs servers that belong to this process: a private Redis
// for the example shop, a private PostgreSQL for one test.
//
// # Invariants
//
//   - On Linux a child never outlives its parent, however the parent dies: the
//     kernel kills the child when the thread that started it ends. That thread
//     therefore stays with the child for the child's whole life. Elsewhere
//     only [Child.Stop] ends it.
//   - A child is ended by its own process, never by name or by port.
//   - A child counts as started when its own output says so. A port that
//     answers proves nothing: somebody else's server may have taken it.
//
// # Life of a child
//
//	Start ──> running ──> ready line seen ──> Stop, or it exits ──> Done
//	             └──> exits, or ctx ends first ──> error with the last output
package childproc

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Spec says how to run a child.
type Spec struct {
	// Cmd is the command to run, not started yet and not made by
	// [exec.CommandContext]. [Start] takes its Stdout, Stderr and SysProcAttr
	// over, except for the credentials in the latter.
	Cmd *exec.Cmd

	// Ready is a piece of the output line that says that the server accepts
	// connections.
	Ready string

	// Quit ends the child in order.
	//
	// Default: SIGTERM.
	Quit syscall.Signal

	// Grace is how long [Child.Stop] waits after Quit before it kills.
	//
	// Default: 10 s.
	Grace time.Duration
}

// Child is a running server.
type Child struct {
	cmd   *exec.Cmd
	quit  syscall.Signal
	grace time.Duration
	out   *output
	done  chan struct{}
	stop  sync.Once
}

// ErrPortTaken is in the error of a child that ended because something else
// listens on its port.
var ErrPortTaken = errors.New("port taken")

// Start runs the command and returns when its output contains spec.Ready. If
// the command exits first or ctx ends, nothing of it is left and the error
// holds the last lines of its output.
//
// One goroutine lives as long as the child; [Child.Done] is closed by it.
func Start(ctx context.Context, spec Spec) (*Child, error) {
	c := &Child{
		cmd:   spec.Cmd,
		quit:  spec.Quit,
		grace: spec.Grace,
		out:   newOutput(spec.Ready),
		done:  make(chan struct{}),
	}
	if c.quit == 0 {
		c.quit = syscall.SIGTERM
	}
	if c.grace == 0 {
		c.grace = 10 * time.Second
	}
	c.cmd.Stdout, c.cmd.Stderr = c.out, c.out
	// What the child started itself may hold its output open for a moment
	// longer than the child lives.
	c.cmd.WaitDelay = time.Second
	bind(c.cmd)

	started := make(chan error)
	go c.run(started)
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", c.cmd.Path, err)
	}
	select {
	case <-c.out.ready:
		return c, nil
	case <-c.done:
		return nil, c.early()
	case <-ctx.Done():
		c.kill()
		return nil, fmt.Errorf("%s was not ready in time: %w\n%s", c.cmd.Path, ctx.Err(), c.Output())
	}
}

// run starts the command and waits for its end, all on one thread: see the
// package comment.
func (c *Child) run(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := c.cmd.Start()
	started <- err
	if err != nil {
		return
	}
	_ = c.cmd.Wait() // how it ended is in ProcessState
	close(c.done)
}

// early is the error of a child that has ended before it was ready.
func (c *Child) early() error {
	cause := errors.New(c.cmd.ProcessState.String())
	if strings.Contains(c.Output(), "ddress already in use") {
		cause = ErrPortTaken
	}
	return fmt.Errorf("%s ended before it was ready: %w\n%s", c.cmd.Path, cause, c.Output())
}

// Process is the running child, to pause it or to kill it in a test.
func (c *Child) Process() *os.Process { return c.cmd.Process }

// Done is closed when the child has ended, for whatever reason.
func (c *Child) Done() <-chan struct{} { return c.done }

// Output returns the last lines that the child printed.
func (c *Child) Output() string { return strings.TrimSpace(c.out.String()) }

// Stop ends the child and waits for its end; a paused child too. It may be
// called again, by several goroutines, and after the child has ended by
// itself.
func (c *Child) Stop() {
	c.stop.Do(func() {
		if err := c.cmd.Process.Signal(c.quit); err != nil {
			c.kill() // ended already, or there is no such signal here
			return
		}
		resume(c.cmd.Process)
		select {
		case <-c.done:
		case <-time.After(c.grace):
			c.kill()
		}
	})
	<-c.done
}

// kill ends the child at once and waits for its end.
func (c *Child) kill() {
	_ = c.cmd.Process.Kill() // an error means that it has ended already
	<-c.done
}

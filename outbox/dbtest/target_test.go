package dbtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/larderdev/larder"
	"github.com/larderdev/larder/outbox"
)

var _ outbox.Target = (*target)(nil)

// target is a shared tier that remembers what it was told.
type target struct {
	mu        sync.Mutex
	history   string // of its one server
	down      bool   // it does not answer
	refuse    func(larder.Change) error
	onDeliver func(ctx context.Context) // called without the lock, before anything is noted

	asked     int // how often for its histories
	got       []delivery
	confirmed []confirmed
	working   int // calls of Deliver that go on
	most      int // the most of them at once
}

// delivery is a change that was acknowledged, and by which server.
type delivery struct {
	larder.Change
	history string
}

// confirmed is a confirmation, and how much had been delivered by then.
type confirmed struct {
	histories []string
	asked     int // which checkpoint it was
	got       int
}

func newTarget() *target { return &target{history: "first"} }

var errDown = errors.New("the server does not answer")

func (g *target) Deliver(ctx context.Context, changes []larder.Change) []error {
	g.mu.Lock()
	g.working++
	g.most = max(g.most, g.working)
	hook := g.onDeliver
	g.mu.Unlock()
	if hook != nil {
		hook(ctx)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.working--
	errs := make([]error, len(changes))
	for i, c := range changes {
		switch {
		case ctx.Err() != nil:
			errs[i] = ctx.Err()
		case g.down:
			errs[i] = errDown
		case g.refuse != nil:
			errs[i] = g.refuse(c)
		}
		if errs[i] == nil {
			g.got = append(g.got, delivery{c, g.history})
		}
	}
	return errs
}

func (g *target) Checkpoint(context.Context) (larder.Checkpoint, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.asked++
	if g.down {
		return larder.Checkpoint{}, errDown
	}
	return larder.NewCheckpoint(map[string]int64{g.history: int64(g.asked)}), nil
}

func (g *target) Confirm(_ context.Context, c larder.Checkpoint) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.down {
		return errDown
	}
	var asked int // a checkpoint shows its times to nobody but a printer
	_, err := fmt.Sscanf(fmt.Sprint(c), "{map["+g.history+":%d]}", &asked)
	g.confirmed = append(g.confirmed, confirmed{c.Histories(), asked, len(g.got)})
	return err
}

// set changes the target.
func (g *target) set(change func(g *target)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	change(g)
}

// askedAgain waits until the target was asked for its histories n times more.
func (g *target) askedAgain(t *testing.T, n int) {
	t.Helper()
	first := -1
	until(t, "much longer than Keep is over", func() (over bool) {
		g.set(func(g *target) {
			if first < 0 {
				first = g.asked
			}
			over = g.asked >= first+n
		})
		return over
	})
}

// deliveries are all so far, each as "class:key@version[tags]", with the
// history behind it if it is not the first one.
func (g *target) deliveries() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	all := make([]string, len(g.got))
	for i, d := range g.got {
		all[i] = show(d.Change)
		if d.history != "first" {
			all[i] += " " + d.history
		}
	}
	return all
}

func show(c larder.Change) string {
	text := c.Class
	if c.Class != "" {
		text += ":" + c.Key
	}
	if c.Version > 0 {
		text += fmt.Sprint("@", c.Version)
	}
	if len(c.Tags) > 0 {
		text += "[" + strings.Join(slices.Sorted(slices.Values(c.Tags)), " ") + "]"
	}
	return text
}

// await waits until all of want were delivered, in any order.
func (g *target) await(t *testing.T, want ...string) {
	t.Helper()
	until(t, fmt.Sprintf("delivered: %q", want), func() bool {
		got := g.deliveries()
		return !slices.ContainsFunc(want, func(w string) bool { return !slices.Contains(got, w) })
	})
}

// only waits until want were delivered and checks that nothing else was,
// neither before nor by the time that a change made later is.
func (g *target) only(t *testing.T, w *world, want ...string) {
	t.Helper()
	g.await(t, want...)
	w.enqueue(t, larder.Change{Class: "last", Key: "of all"})
	g.await(t, "last:of all")
	got := slices.DeleteFunc(g.deliveries(), func(d string) bool { return d == "last:of all" })
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("delivered %q, want %q", got, want)
	}
}

// confirmations returns how often everything was confirmed for a history, and
// how much had been delivered the last time.
func (g *target) confirmations(history string) (n, got int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, c := range g.confirmed {
		if slices.Equal(c.histories, []string{history}) {
			n, got = n+1, c.got
		}
	}
	return n, got
}

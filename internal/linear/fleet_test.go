// Package linear asks porcupine, a checker that knows nothing of Larder, whether
// what a fleet's callers have seen is linearizable. It is a module of its own, so
// that nobody else requires the checker.
//
// A fleet lives in a bubble of fake time and writes a history down: each call with
// the moments at which it began and ended. Many short histories are checked, since
// the work grows fast with the number of calls that overlap.
package linear

import (
	"context"
	"io"
	"log/slog"
	"math"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/larderdev/larder"
	"github.com/larderdev/larder/localstore"
	"github.com/larderdev/larder/store"
)

const (
	keys      = 4
	processes = 3
	callers   = 3  // of each process
	calls     = 50 // of each caller

	maxStaleness = 10 * time.Millisecond

	everything = "everything" // the tag of all values
)

// item is a value that a caller reads. Its tag follows from it.
type item struct {
	Version uint64
	Tag     string
}

// fleet is some processes, and the database that they share.
type fleet struct {
	t      *testing.T
	start  time.Time
	policy larder.Policy
	over   chan struct{}       // closed at the end: writers that have died go
	locks  [keys]chan struct{} // each holds a token while its row is free

	mu       sync.Mutex // guards the rest
	dice     *rand.Rand
	rows     [keys]item
	sequence uint64
	ticks    int64
	history  [keys][]porcupine.Operation
}

func newFleet(t *testing.T, seed uint64, p larder.Policy) *fleet {
	f := &fleet{t: t, start: time.Now(), policy: p, over: make(chan struct{}), dice: rand.New(rand.NewPCG(seed, 1))}
	for i := range keys {
		f.locks[i] = make(chan struct{}, 1)
		f.locks[i] <- struct{}{}
		f.rows[i] = item{Tag: "tea"}
	}
	return f
}

func (f *fleet) roll(n int) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.dice.IntN(n)
}

func (f *fleet) pause(most time.Duration) { time.Sleep(time.Duration(f.roll(int(most)))) }

// now is a moment of the history: no two are the same.
func (f *fleet) now() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ticks++
	return moment(time.Since(f.start)) | f.ticks
}

func moment(d time.Duration) int64 { return int64(d) << 20 }

func (f *fleet) load(_ context.Context, key int) (item, error) {
	f.mu.Lock()
	row := f.rows[key]
	f.mu.Unlock()
	f.pause(3 * time.Millisecond)
	return row, nil
}

// change commits new versions of rows, which are in ascending order, and returns
// them. locked is called before COMMIT.
func (f *fleet) change(rows []int, locked func() error) map[int]item {
	for _, key := range rows {
		<-f.locks[key]
	}
	f.pause(time.Millisecond)
	if err := locked(); err != nil {
		f.t.Errorf("Intend: %v", err)
	}
	f.pause(time.Millisecond)
	written := map[int]item{}
	f.mu.Lock()
	for _, key := range rows {
		f.sequence++
		f.rows[key] = item{Version: f.sequence, Tag: []string{"tea", "mugs"}[f.dice.IntN(2)]}
		written[key] = f.rows[key]
	}
	f.mu.Unlock()
	for _, key := range rows {
		f.locks[key] <- struct{}{}
	}
	if f.roll(100) == 0 { // the writer dies
		<-f.over
	}
	f.pause(time.Millisecond)
	return written
}

// process opens one of the fleet's.
func (f *fleet) process(s store.Store) (*larder.Larder, *larder.Cache[int, item]) {
	l, err := larder.Open(f.t.Context(), larder.Options{
		Policies:     map[string]larder.Policy{"item": f.policy},
		Shared:       &slow{Store: s, f: f},
		Lease:        20 * time.Millisecond,
		MaxStaleness: maxStaleness,
		Logger:       slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	if err != nil {
		f.t.Fatal(err)
	}
	c, err := larder.NewCache(l, "item", larder.Loader[int, item]{
		Load:    f.load,
		Version: func(v item) uint64 { return v.Version },
		Tags:    func(_ int, v item) []string { return []string{v.Tag} },
	})
	if err != nil {
		f.t.Fatal(err)
	}
	return l, c
}

// slow is one process's way to the shared tier.
type slow struct {
	store.Store
	f *fleet
}

func (s *slow) Get(ctx context.Context, keys []string) []store.Reply {
	s.f.pause(400 * time.Microsecond)
	defer s.f.pause(400 * time.Microsecond)
	return s.Store.Get(ctx, keys)
}

func (s *slow) Do(ctx context.Context, ops []store.Op) []store.Reply {
	s.f.pause(400 * time.Microsecond)
	defer s.f.pause(400 * time.Microsecond)
	return s.Store.Do(ctx, ops)
}

// run returns the histories of the keys.
func (f *fleet) run(wrap func(store.Store) store.Store) [keys][]porcupine.Operation {
	local := localstore.New(localstore.Options{})
	defer local.Close()
	var all, work sync.WaitGroup
	var open []*larder.Larder
	for p := range processes {
		l, c := f.process(wrap(local))
		open = append(open, l)
		for i := range callers {
			work.Add(1)
			all.Go(func() { f.call(l, c, p*callers+i, &work) })
		}
	}
	work.Wait()
	close(f.over)
	all.Wait()
	for _, l := range open {
		l.Close()
	}
	time.Sleep(time.Second) // loaders whose load was ended
	return f.history
}

// call makes the calls of one caller. One that has died makes no more, but does
// not keep the others.
func (f *fleet) call(l *larder.Larder, c *larder.Cache[int, item], caller int, work *sync.WaitGroup) {
	var once sync.Once
	leave := func() { once.Do(work.Done) }
	defer leave()
	gone := make(chan struct{})
	defer close(gone)
	go func() { // a call that takes this long is that of a writer who has died
		select {
		case <-gone:
		case <-time.After(10 * time.Second):
			leave()
		}
	}()
	for range calls {
		if f.ended() {
			return
		}
		f.one(l, c, caller)
		f.pause(f.rest())
	}
}

// ended reports whether those who have not died have made all their calls.
func (f *fleet) ended() bool {
	select {
	case <-f.over:
		return true
	default:
		return false
	}
}

func (f *fleet) memory() bool { return f.policy.Tiers&larder.Memory != 0 }

// rest is the longest pause between two calls. With memory it is long enough for
// something that is too old to be seen before the next write mends it.
func (f *fleet) rest() time.Duration {
	if f.memory() {
		return 16 * time.Millisecond
	}
	return 2 * time.Millisecond
}

// one makes one call and writes it down.
func (f *fleet) one(l *larder.Larder, c *larder.Cache[int, item], caller int) {
	ctx, key := f.t.Context(), f.roll(keys)
	dice, began := f.roll(10), f.now()
	if dice < 7 || f.memory() && f.roll(3) > 0 {
		v, err := c.Get(ctx, key)
		if err != nil {
			f.t.Errorf("Get: %v", err)
		}
		f.note(caller, key, access{version: v.Version}, began)
		return
	}
	rows := []int{key}
	var written map[int]item
	var err error
	switch dice {
	case 7:
		_, err = c.Update(ctx, key, func(ctx context.Context) (item, error) {
			written = f.change(rows, func() error { return larder.Intend(ctx) })
			return written[key], nil
		})
	case 8:
		written = f.change(rows, func() error { return nil })
		err = c.Invalidate(ctx, key)
	default:
		tags := []string{"tea", "mugs"}
		if f.roll(2) == 0 {
			rows, tags = []int{key / 2 * 2, key/2*2 + 1}, []string{everything}
		}
		written = f.change(rows, func() error { return nil })
		err = l.InvalidateTags(ctx, tags...)
	}
	if err != nil && !f.ended() { // who has died comes too late for its marks
		f.t.Errorf("a write: %v", err)
	}
	for _, row := range rows {
		f.note(caller, row, access{write: true, version: written[row].Version}, began)
	}
}

// note writes a call down that ends now, or, if its writer has died, never.
func (f *fleet) note(caller, key int, a access, began int64) {
	ended := f.now()
	if f.ended() {
		ended = math.MaxInt64
	}
	if f.memory() && !a.write { // anything that was current so long before will do
		began -= moment(maxStaleness)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.history[key] = append(f.history[key], porcupine.Operation{
		ClientId: caller, Input: a, Output: a, Call: began, Return: ended,
	})
}

// check lets a fleet live in a bubble, and has porcupine look at what it wrote.
func check(t *testing.T, seed uint64, p larder.Policy, wrap func(store.Store) store.Store) (result porcupine.CheckResult, n int) {
	var histories [keys][]porcupine.Operation
	synctest.Test(t, func(t *testing.T) { histories = newFleet(t, seed, p).run(wrap) })
	result = porcupine.Ok
	for _, h := range histories {
		n += len(h)
		if r := porcupine.CheckOperationsTimeout(register, h, time.Minute); r != porcupine.Ok {
			result = r
		}
	}
	return result, n
}

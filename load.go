package larder

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/larderdev/larder/internal/envelope"
	"github.com/larderdev/larder/store"
)

// errorMark is how long a failed load keeps others from trying.
const errorMark = 200 * time.Millisecond

// load reads fs from the origin under their leases and fills the shared tier.
// It returns the flights whose fill was refused: what they have read may be
// older than what others have seen by now, so it is thrown away.
func (c *Cache[K, V]) load(ctx context.Context, fs []*flight[K, V]) (again []*flight[K, V]) {
	stop := c.renewLeases(ctx, fs)
	began := c.l.now()
	answers := c.fetch(ctx, fs)
	cost := time.Duration(c.l.now() - began)
	if c.l.opts.mutant.lateTags {
		c.readTagsLate(ctx, fs)
	}
	c.markAll(ctx, fs, answers)
	stop()

	ops := make([]store.Op, len(fs))
	for i, f := range fs {
		ops[i] = c.fillOp(f, &answers[i], cost)
	}
	for i, r := range c.l.do(ctx, ops) {
		f := fs[i]
		failed := failure(answers[i].err)
		moved := answers[i].unmarked == errTagsMoved
		doubtful := answers[i].doubtful()
		refused := moved || r.Status == store.Lost || r.Status == store.Below
		switch {
		case !failed && (doubtful || refused && r.Err == nil):
			f.primary = f.primary || moved || doubtful || r.Status == store.Below
			if f.rounds++; f.rounds < maxRounds {
				again = append(again, f)
				continue
			}
			again = append(again, c.lastResort(ctx, []*flight[K, V]{f})...)
		case failed:
			c.settleError(f, c.loadError(f, answers[i].err))
		default:
			_, filled := ops[i].(store.Fill)
			if filled && r.Err != nil {
				c.class.stats.fillErrors.Add(1)
			}
			c.settleLoaded(f, &answers[i], cost, filled && r.Err == nil)
		}
	}
	return again
}

// lastResort answers fs by a read of the primary that is not cached.
func (c *Cache[K, V]) lastResort(ctx context.Context, fs []*flight[K, V]) []*flight[K, V] {
	for _, f := range fs {
		f.primary, f.gaveUp = true, true
	}
	return c.loadAlone(ctx, fs)
}

// outdate makes the shared tier forget what is older than f's uncached answer.
// Without it the next reader could get a value from there that is older than
// what f's readers have seen: the model finds that trace.
func (c *Cache[K, V]) outdate(ctx context.Context, f *flight[K, V], floor uint64) {
	if c.shared && f.gaveUp && c.trusted(f) {
		told := c.l.do(ctx, []store.Op{store.Invalidate{Key: f.text, Floor: floor, Hold: c.l.opts.Hold}})
		if told[0].Err != nil {
			c.class.stats.fillErrors.Add(1)
		}
	}
}

func (c *Cache[K, V]) loadError(f *flight[K, V], err error) error {
	if errors.Is(err, ErrOverloaded) || errors.Is(err, ErrClosed) {
		return err
	}
	return &LoadError{Class: c.class.name, Key: f.key, Err: err}
}

// answer is what the origin said of one key, and what is to be done with it.
type answer[V any] struct {
	loaded[V]
	version    uint64
	freshUntil int64
	size       int
	kept       bool // it may be cached
	replica    bool // it may come from one
	tags       []string
	marks      []mark
	inMemory   *entryTags
	unmarked   error // why there are no marks
}

// fetch asks the loader for fs, and the primary again for those that came
// from a lagging replica.
func (c *Cache[K, V]) fetch(ctx context.Context, fs []*flight[K, V]) []answer[V] {
	primary := false
	for _, f := range fs {
		primary = primary || f.primary || c.recent(f) || c.tagsRecent(f) || c.l.forgotten(f.text)
	}
	answers, asked := c.ask(ctx, fs, primary)
	if primary {
		return answers
	}
	for i := range answers {
		answers[i].replica = asked
	}
	var late []int
	var lateFlights []*flight[K, V]
	for i, f := range fs {
		a := &answers[i]
		missing := asked && errors.Is(a.err, ErrNotFound)
		behind := a.err == nil && a.version < max(f.beneath.Version, f.min)
		if missing || behind || asked && c.l.forgotten(f.text) {
			late, lateFlights = append(late, i), append(lateFlights, f)
		}
	}
	if len(late) > 0 {
		again, _ := c.ask(ctx, lateFlights, true)
		for n, i := range late {
			answers[i] = again[n]
		}
	}
	return answers
}

// ask calls the loader for fs, within the class's budget and time-outs.
// asked reports whether the loader wanted to know if it must read the primary.
func (c *Cache[K, V]) ask(ctx context.Context, fs []*flight[K, V], primary bool) (answers []answer[V], asked bool) {
	answers = make([]answer[V], len(fs))
	if c.policy.SoftTimeout > 0 {
		defer c.serveStaleAfter(c.policy.SoftTimeout, fs)()
	}
	hint := &primaryHint{need: primary}
	ctx = context.WithValue(ctx, primaryKey{}, hint)
	if c.loader.LoadMany == nil && len(fs) > 1 {
		c.askEach(ctx, fs, answers)
	} else if err := c.askOnce(ctx, fs, answers); err != nil {
		for i := range answers {
			answers[i].err = err
		}
	}
	return answers, hint.asked.Load()
}

// loadsOfBatch bounds how many Loads of one batch run at once, where there is
// no LoadMany.
const loadsOfBatch = 16

// askEach calls Load for each of fs: one that fails or takes too long does not
// harm the others.
func (c *Cache[K, V]) askEach(ctx context.Context, fs []*flight[K, V], answers []answer[V]) {
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(loadsOfBatch, len(fs)) {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(fs); i = int(next.Add(1)) - 1 {
				if err := c.askOnce(ctx, fs[i:i+1], answers[i:i+1]); err != nil {
					answers[i].err = err
				}
			}
		})
	}
	wg.Wait()
}

// askOnce makes one call of the loader and puts what it says into answers.
func (c *Cache[K, V]) askOnce(ctx context.Context, fs []*flight[K, V], answers []answer[V]) error {
	ctx, cancel := context.WithTimeout(ctx, c.policy.HardTimeout)
	defer cancel()
	if err := c.class.budget.acquire(ctx); err != nil {
		return err
	}
	result := make(chan []answer[V], 1)
	keys, floors := keysOf(fs), floorsOf(fs)
	// The caller's code has a goroutine of its own: a loader that ignores its
	// context must not hold the waiters. It keeps its place in the budget until
	// it returns.
	go func() {
		defer c.class.budget.release()
		var judged []answer[V]
		defer func() { result <- judged }() // also when that code ends its goroutine
		judged = c.judgeAll(keys, floors, c.timed(ctx, keys))
	}()
	select {
	case judged := <-result:
		if len(judged) == 0 {
			return errGoexit
		}
		copy(answers, judged)
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

var errGoexit = errors.New("the loader, or the codec, ended its goroutine (runtime.Goexit, or FailNow in a test)")

func keysOf[K comparable, V any](fs []*flight[K, V]) []K {
	keys := make([]K, len(fs))
	for i, f := range fs {
		keys[i] = f.key
	}
	return keys
}

// floorsOf returns the lowest versions that may be cached for fs.
func floorsOf[K comparable, V any](fs []*flight[K, V]) []uint64 {
	floors := make([]uint64, len(fs))
	for i, f := range fs {
		floors[i] = f.beneath.Version
	}
	return floors
}

// timed calls the loader, with hooks and statistics.
func (c *Cache[K, V]) timed(ctx context.Context, keys []K) []loaded[V] {
	hooks, stats := &c.l.opts.Hooks, &c.class.stats
	if hooks.LoadStart != nil {
		if err := guard(func() error {
			if traced := hooks.LoadStart(ctx, c.class.name, len(keys)); traced != nil {
				ctx = traced
			}
			return nil
		}); err != nil {
			return allLoaded[V](len(keys), err)
		}
	}
	began := c.l.now()
	got := c.loader.call(ctx, keys)
	took := time.Duration(c.l.now() - began)
	var failed error
	for i := range got {
		if err := got[i].err; failure(err) {
			failed = err
			stats.loadErrors.Add(1)
		}
	}
	stats.loads.Add(uint64(len(keys)))
	stats.loadNanos.Add(uint64(took))
	if hooks.LoadDone != nil {
		if err := guard(func() error {
			hooks.LoadDone(ctx, c.class.name, len(keys), took, failed)
			return nil
		}); err != nil {
			return allLoaded[V](len(keys), err)
		}
	}
	return got
}

func allLoaded[V any](n int, err error) []loaded[V] {
	got := make([]loaded[V], n)
	for i := range got {
		got[i].err = err
	}
	return got
}

func (c *Cache[K, V]) judgeAll(keys []K, floors []uint64, got []loaded[V]) []answer[V] {
	judged := make([]answer[V], len(got))
	for i := range got {
		judged[i] = c.judgeOne(keys[i], floors[i], got[i])
	}
	return judged
}

// judgeOne is judge, with a panic of the caller's functions as the answer's error.
func (c *Cache[K, V]) judgeOne(key K, floor uint64, got loaded[V]) (a answer[V]) {
	if err := guard(func() error { a = c.judge(key, floor, got); return nil }); err != nil {
		return answer[V]{loaded: loaded[V]{err: err}}
	}
	return a
}

// judge reads the version and the life of what was loaded. What is not there
// has the version floor.
func (c *Cache[K, V]) judge(key K, floor uint64, got loaded[V]) answer[V] {
	a := answer[V]{loaded: got, version: floor}
	life := c.policy.NegativeTTL
	switch {
	case got.err == nil:
		if c.loader.Version != nil {
			a.version = c.loader.Version(got.value)
		}
		life = c.policy.TTL
		if c.loader.TTL != nil {
			life = c.ownLife(key, got.value)
		}
	case failure(got.err):
		return a
	}
	life -= time.Duration(rand.Float64() * c.policy.Jitter * float64(life))
	if got.err == nil && c.loader.Expires != nil {
		life = min(life, c.untilExpiry(key, got.value))
	}
	a.kept = life >= time.Millisecond
	a.freshUntil = c.l.now() + int64(life)
	return a
}

// fillOp turns an answer into the operation that ends f's lease.
func (c *Cache[K, V]) fillOp(f *flight[K, V], a *answer[V], cost time.Duration) store.Op {
	negative := errors.Is(a.err, ErrNotFound)
	if failure(a.err) {
		op := store.Release{Key: f.text, ID: f.lease}
		if !errors.Is(a.err, ErrOverloaded) && !errors.Is(a.err, context.Canceled) {
			op.Mark = errorMark
		}
		return op
	}
	var payload []byte
	var err error
	if !negative && a.kept {
		if payload, err = c.encode(a.value); err != nil {
			a.kept = false
		}
	}
	if !a.kept || a.unmarked != nil || a.version < f.beneath.Version {
		return store.Release{Key: f.text, ID: f.lease}
	}
	a.size = len(payload)
	payload = c.withMarks(a.marks, payload)
	fill := store.Fill{Key: f.text, ID: f.lease, Kind: store.Value, Version: a.version}
	fill.Fresh = max(time.Duration(a.freshUntil-c.l.now()), time.Millisecond)
	fill.Life = fill.Fresh + c.policy.window()
	if negative {
		fill.Kind, fill.Life = store.Negative, fill.Fresh
	}
	fill.Body = envelope.SealSecret(envelope.Header{
		Schema: c.schema, Version: a.version, Cost: cost, Fresh: fill.Fresh, Kind: byte(fill.Kind),
	}, payload, c.policy.CompressAbove, c.secrets, f.text)
	return fill
}

// encode turns a value into bytes. That it cannot is logged, once a minute.
func (c *Cache[K, V]) encode(value V) (payload []byte, err error) {
	err = guard(func() (err error) {
		payload, err = c.loader.Codec.Marshal(value)
		return err
	})
	if err == nil {
		return payload, nil
	}
	now, last := c.l.now()+1, c.unencodable.Load()
	if (last == 0 || now-last > int64(time.Minute)) && c.unencodable.CompareAndSwap(last, now) {
		c.l.opts.Logger.Warn("larder: values cannot be encoded and are not cached", "class", c.class.name, "error", err)
	}
	return nil, err
}

// settleLoaded answers f with what was loaded. stored says that a tier has it.
func (c *Cache[K, V]) settleLoaded(f *flight[K, V], a *answer[V], cost time.Duration, stored bool) {
	out := outcome[V]{
		value: a.value, err: a.err, tier: Origin, cause: f.cause,
		version: a.version, freshUntil: a.freshUntil, stored: stored,
	}
	if out.err != nil {
		out.err = ErrNotFound
	}
	if out.cause == 0 {
		out.cause = Cold
	}
	if stored {
		c.seen.touch(f.text, a.freshUntil+int64(c.policy.window()))
	}
	var kept *entry[V]
	f.carries = a.inMemory
	if !c.shared && stored {
		kept = c.entryOf(f, out, cost, a.size)
		kept.tags = a.inMemory
	}
	c.flights.settleWith(f, out, kept)
}

// serveStaleAfter answers, after d, the flights that have a stale value; their
// load goes on.
func (c *Cache[K, V]) serveStaleAfter(d time.Duration, fs []*flight[K, V]) (stop func() bool) {
	stale := make(map[*flight[K, V]]*fallback[V])
	for _, f := range fs {
		if b := c.staleNow(f); b != nil {
			stale[f] = b
		}
	}
	return time.AfterFunc(d, func() {
		for f, b := range stale {
			c.flights.settleStale(f, b)
		}
	}).Stop
}

// staleNow finds what StaleIfError lets f have.
func (c *Cache[K, V]) staleNow(f *flight[K, V]) *fallback[V] {
	if f.stale != nil {
		return f.stale
	}
	return c.staleInMemory(f)
}

// renewLeases keeps the leases of fs while they load. stop ends it and waits.
func (c *Cache[K, V]) renewLeases(ctx context.Context, fs []*flight[K, V]) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	ops := make([]store.Op, len(fs))
	for i, f := range fs {
		ops[i] = store.Renew{Key: f.text, ID: f.lease, For: c.l.opts.Lease}
	}
	go func() {
		defer close(ended)
		tick := time.NewTicker(max(c.l.opts.Lease/3, time.Millisecond))
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				c.l.do(ctx, ops)
			}
		}
	}()
	return func() { cancel(); <-ended }
}

// loadAlone reads fs from the origin without a lease: the class has no shared
// tier, or that does not answer, or must not be trusted. Of each key one load
// runs in the process; the flights that find it taken become open again and
// start over when it ends.
func (c *Cache[K, V]) loadAlone(ctx context.Context, fs []*flight[K, V]) (again []*flight[K, V]) {
	mine := c.takeTurns(ctx, fs)
	if len(mine) == 0 {
		return nil
	}
	c.sendAll(mine)
	for _, f := range mine {
		f.primary = f.primary || c.unsure(f)
	}
	if !c.shared {
		c.viewTags(ctx, mine)
	}
	began := c.l.now()
	answers := c.fetch(ctx, mine)
	cost := time.Duration(c.l.now() - began)
	if !c.shared {
		c.markAll(ctx, mine, answers)
	}
	for i, f := range mine {
		c.flights.giveAlone(f.text)
		if err := answers[i].err; failure(err) {
			c.settleError(f, c.loadError(f, err))
			continue
		}
		if answers[i].doubtful() {
			f.primary = true
			again = append(again, f)
			continue
		}
		c.measure(&answers[i])
		c.outdate(ctx, f, c.floorAbove(&answers[i]))
		c.settleLoaded(f, &answers[i], cost, !c.shared && answers[i].kept && answers[i].unmarked == nil)
	}
	return again
}

// takeTurns returns those of fs that may load without a lease now. The others
// become open again and start over when the load of their key ends.
func (c *Cache[K, V]) takeTurns(ctx context.Context, fs []*flight[K, V]) (mine []*flight[K, V]) {
	for _, f := range fs {
		end, ok := c.flights.takeAlone(f.text)
		if ok {
			mine = append(mine, f)
			continue
		}
		if f.background { // the load that runs is as good
			c.flights.settle(f, outcome[V]{})
			continue
		}
		if !c.flights.reopen(f) {
			continue
		}
		one := []*flight[K, V]{f}
		c.detach(ctx, one, func(ctx context.Context) {
			select {
			case <-end:
			case <-ctx.Done():
			}
			c.run(ctx, one)
		})
	}
	return mine
}

// measure finds the size of a value that is never encoded otherwise, for
// classes whose memory is bounded by bytes.
func (c *Cache[K, V]) measure(a *answer[V]) {
	if c.shared || c.policy.MaxBytes == 0 || a.err != nil || !a.kept {
		return
	}
	b, err := c.encode(a.value)
	if err != nil {
		a.kept = false
		return
	}
	a.size = len(b)
}

// primaryHint travels in a load's context; see NeedPrimary.
type primaryHint struct {
	need  bool
	asked atomic.Bool
}

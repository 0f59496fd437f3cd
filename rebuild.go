package larder

import "sync"

const (
	// rebuilders load keys of one class again at the same time.
	rebuilders = 4
	// maxRebuild bounds the keys that wait for it. Those beyond are loaded when
	// they are asked for.
	maxRebuild = 10_000
)

// rebuilds are the keys of a class that are to be loaded again in the background.
type rebuilds[K comparable] struct {
	mu      sync.Mutex
	queue   []K
	queued  map[K]bool
	workers int
}

// add queues keys, and reports how many more workers are wanted.
func (r *rebuilds[K]) add(keys []K) (workers int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, key := range keys {
		if r.queued[key] || len(r.queue) >= maxRebuild {
			continue
		}
		if r.queued == nil {
			r.queued = map[K]bool{}
		}
		r.queued[key] = true
		r.queue = append(r.queue, key)
	}
	workers = min(rebuilders-r.workers, len(r.queue))
	r.workers += workers
	return workers
}

// next takes a key from the queue. Without one the worker that asked is over.
func (r *rebuilds[K]) next() (key K, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.queue) == 0 {
		r.workers--
		return key, false
	}
	key, r.queue = r.queue[0], r.queue[1:]
	delete(r.queued, key)
	return key, true
}

// rebuild loads keys again in the background, if the policy asks for it.
func (c *Cache[K, V]) rebuild(keys []K) {
	if c.policy.Rebuild > 0 {
		c.rebuildNow(keys)
	}
}

// rebuildNow loads keys again in the background, under the same lease as
// everybody else. An error is the affair of the next Get.
func (c *Cache[K, V]) rebuildNow(keys []K) {
	if len(keys) == 0 {
		return
	}
	for range c.rebuilds.add(keys) {
		if !c.l.spawn(c.rebuildAll) {
			return // the Larder is closed
		}
	}
}

// rebuildAll works until the queue is empty or the Larder is closed.
func (c *Cache[K, V]) rebuildAll() {
	for {
		key, ok := c.rebuilds.next()
		if !ok {
			return
		}
		text, err := c.text(key)
		if err != nil || c.l.ctx.Err() != nil {
			continue
		}
		f := c.newFlight(key, text, 0, true)
		f.background = true
		c.run(c.l.ctx, []*flight[K, V]{f})
	}
}

// keeper is what a Larder knows of its caches without their types.
type keeper interface {
	close()
	// invalidated notes why the key with this text will be missing.
	invalidated(text string)
	// tagsMove is called when tags are about to be invalidated here; or when they
	// have been softly, and moved are their stamps: it makes their entries in
	// memory stale. What it returns is called afterwards.
	tagsMove(tags []string, moved map[string]stamp) (rebuild func())
}

func (c *Cache[K, V]) invalidated(text string) { c.seen.invalidated(text) }

func (c *Cache[K, V]) tagsMove(tags []string, moved map[string]stamp) (rebuild func()) {
	soft := moved != nil
	if c.mem == nil || !c.tagged() || c.policy.Rebuild == 0 && !soft {
		return func() {}
	}
	var found []K
	for key, e := range c.mem.Hottest() { // which must not be written to meanwhile
		if e.tags.any(tags) {
			found = append(found, key)
		}
		if !soft && len(found) == c.policy.Rebuild {
			break
		}
	}
	if soft {
		for _, key := range found {
			c.soften(key, moved)
		}
	}
	hot := found[:min(len(found), c.policy.Rebuild)]
	return func() { c.rebuildNow(hot) }
}

// softenAll does what a soft invalidation of keys, whose texts are in changes,
// does where there is no shared tier.
func (c *Cache[K, V]) softenAll(keys []K, changes []change) {
	moved := make(map[string]stamp, len(changes))
	for i := range changes {
		if _, twice := moved[changes[i].text]; !twice {
			moved[changes[i].text] = c.l.changed(changes[i].text)
		}
	}
	for _, key := range keys {
		c.soften(key, moved)
	}
}

// soften makes the entry in memory stale whose key or tags have moved: it may be
// served until it is replaced, and not longer than before. It takes the stamps
// in moved, so that it stays while the loads that began before are not kept. An
// entry that something else has moved as well does not stay.
func (c *Cache[K, V]) soften(key K, moved map[string]stamp) {
	text, err := c.text(key)
	if err != nil {
		return
	}
	shard := c.flights.shard(text) // whose lock keeps a newer entry from coming in between
	shard.mu.Lock()
	defer shard.mu.Unlock()
	e := c.mem.Get(key)
	if e == nil || e.err != nil {
		return
	}
	softer := *e
	if now, ok := moved[text]; ok {
		if !softer.stamp.before(now) {
			return
		}
		softer.stamp = now
	}
	if e.tags != nil {
		if softer.tags = e.tags.after(moved); softer.tags == nil {
			return
		}
	}
	if e.softUntil == 0 {
		softer.softUntil = e.freshUntil + int64(c.policy.StaleWhileRevalidate)
		softer.freshUntil, softer.earlyFrom = min(e.freshUntil, c.l.now()), 0
	}
	c.mem.Set(key, &softer)
}

package larder

import (
	"math"
	"math/rand/v2"
	"time"
)

// untilExpiry is how long a value with an end of its own may live: by the later
// of this host's clock and the shared tier's, so that one that is slow does not
// extend it. It is nothing while the shared tier's is not known.
func (c *Cache[K, V]) untilExpiry(key K, value V) time.Duration {
	end := c.loader.Expires(key, value)
	if end.IsZero() {
		return longest
	}
	now := time.Now()
	if c.shared {
		text, err := c.text(key)
		if err != nil {
			return 0
		}
		ses := c.l.sessionOf(text)
		if !ses.told.Load() {
			return 0
		}
		if there := time.UnixMilli(c.l.now()/int64(time.Millisecond) + ses.offset.Load()); there.After(now) {
			now = there
		}
	}
	return end.Sub(now)
}

// ownLife is the class's TTL, or less if the value says so.
func (c *Cache[K, V]) ownLife(key K, value V) time.Duration {
	own := c.loader.TTL(key, value)
	if own == 0 {
		return c.policy.TTL
	}
	return min(own, c.policy.TTL)
}

// earlyFrom is the time before which drawEarly is practically never true: one
// draw in nine million lies beyond sixteen times the load's cost.
func (c *Cache[K, V]) earlyFrom(freshUntil int64, cost time.Duration) int64 {
	return freshUntil - int64(16*c.policy.EarlyRefresh*float64(cost))
}

// drawEarly is XFetch: true with a probability that grows as the end of
// freshness comes nearer, measured in load times.
func (c *Cache[K, V]) drawEarly(now, freshUntil int64, cost time.Duration) bool {
	if c.policy.EarlyRefresh == 0 || now < c.earlyFrom(freshUntil, cost) {
		return false
	}
	ahead := -math.Log(1-rand.Float64()) * c.policy.EarlyRefresh * float64(cost)
	return ahead >= float64(freshUntil-now)
}

// refreshLater loads key in the background, if no process does already. The
// draw says when, the lease says who.
func (c *Cache[K, V]) refreshLater(key K) {
	text, err := c.prepare(key)
	if err != nil || !c.flights.beginRefresh(text) {
		return
	}
	f := c.newFlight(key, text, 0, true)
	f.background = true
	if !c.l.spawn(func() {
		defer c.flights.endRefresh(text)
		c.run(c.l.ctx, []*flight[K, V]{f})
	}) {
		c.flights.endRefresh(text)
	}
}

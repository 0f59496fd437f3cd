package larder

import (
	"github.com/larderdev/larder/internal/envelope"
	"github.com/larderdev/larder/store"
)

// When the origin's replicas must not be asked, or not believed: they may not
// have heard yet of what was invalidated.

// recent reports whether f's key was invalidated so lately that a replica may
// not have heard of it: its tombstone is there, or a value that lives on after
// its windows only because it has replaced one, or one that may have replaced
// one a moment ago and has no version that a replica's answer could be held to.
func (c *Cache[K, V]) recent(f *flight[K, V]) bool {
	switch f.beneath.Kind {
	case store.Tombstone, store.Stale, store.Intent:
		return true
	case store.Value:
		return f.renew || c.loader.Version == nil && c.young(f) ||
			c.l.now() >= f.session.local(f.beneath.FreshUntil)+int64(c.policy.window())
	case store.Negative:
		return c.young(f)
	}
	return false
}

// young reports whether what f's load is to replace was stored within Hold, or
// may have been: within a session its node has one clock.
func (c *Cache[K, V]) young(f *flight[K, V]) bool {
	now := c.l.now()
	h, _, err := envelope.OpenSecret(f.beneath.Body, c.schema, c.secrets, f.text)
	if err != nil || now < f.session.quiet || !f.session.told.Load() {
		return true
	}
	stored := f.session.local(f.beneath.FreshUntil) - int64(h.Fresh)
	return now < stored+int64(c.l.opts.Hold)
}

// unsure reports whether a load of f without a lease must read the primary. No
// tombstone says then that the key was invalidated: the shared tier does not
// answer, or the class is not kept there. Of such a class this process has heard
// itself what must not come back from a replica, except for strict Gets, which
// must not even miss what is on its way here.
func (c *Cache[K, V]) unsure(f *flight[K, V]) bool {
	return c.shared || c.flights.strict(f) || !c.l.settled(f.text, f.session) || c.tagsRecent(f)
}

// doubtful reports whether a may come from a replica, and there are no tags that
// could tell that it is not too old.
func (a *answer[V]) doubtful() bool { return a.replica && a.unmarked != nil }

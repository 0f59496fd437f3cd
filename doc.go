// Package larder is a layered cache: the memory of each process, a shared
// tier on Redis or Valkey, and the origin behind them, kept in step.
//
// A class is a named kind of data with one [Policy]. [Open] takes the policies
// of all classes, [NewCache] gives the typed cache of one. [Cache.Get] asks
// memory, then the shared tier, then the origin, once for the whole fleet.
// [Cache.Update] changes the origin and then every tier. [Cache.Invalidate] says
// that a value is wrong, [Larder.InvalidateTags] that all are which carry a tag.
// Package outbox makes sure that what was committed is said.
//
// # Promises
//
// P1, linearizable shared tier. Of one key, strict reads and acknowledged
// invalidations and updates behave like one register: once Invalidate, Update or
// InvalidateTags has returned nil, no strict Get that starts later returns an
// older value, with loads in flight, loaders and writers that die, leases that
// run out, keys and tags evicted or flushed. Reads of a class without the memory
// tier are always strict. In a Strict class that holds from the moment at which
// a write commits. A soft invalidation is none in this sense: its owner allows
// the older value for a while.
//
// P2, bounded memory. Another process's memory may serve the older value for
// the delay of a push, and never longer than MaxStaleness, under any network
// fault. The process that invalidated sees its own change at once.
//
// P3, no lost invalidation. With an outbox (package outbox) a writer that dies
// after COMMIT still invalidates, and what a node of the shared tier has
// forgotten is delivered again before it is trusted. Without one, invalidations
// that the shared tier has not acknowledged wait in the memory of their process,
// 100,000 at most, and are lost with it; the TTL is what is left then.
//
// P4, one load. At most one load per key and lease period runs in the fleet.
// If the loader's process dies, another takes over within the lease time.
//
// P5, it stays up. While the shared tier is down or slow, reads are answered
// by memory while P2 covers it, then by the origin, one load per key and
// process, at most MaxLoads at once. No caller waits for the tier longer than
// SharedTimeout at a time.
//
// With a lagging replica P1 holds while the tier remembers an invalidation:
// for Hold, unless it evicts or loses the tombstone, or what replaced it. After
// that a load that reads the replica may bring back what it still has.
//
// Not promised: atomicity over several keys; anything for writers that go round
// both this package and an outbox's triggers; and, while the shared tier is out
// of reach, that two processes agree.
//
// # Model
//
// Every key has a data slot and a lease slot in the shared tier (package
// store). A Get that misses registers a flight before it sends anything, takes
// the lease with an id of its own, loads, and fills only if it still holds the
// lease; an invalidation takes the lease away. A refused fill is thrown away
// and the Get starts again: returning it would let reads go backwards.
//
// In the process, a change of a key raises a counter that flights and memory
// entries have noted when they began, and a broken connection ends the session
// they belong to. What has noted an older counter or another session is not
// used any more. That one comparison is the taint of a flight, the drop of an
// entry and the flush of memory.
//
// An Update puts its value into the shared tier over an older value only: where
// there is none, something newer may have been evicted. A Strict one marks the
// key first, under the row's lock; a reader that meets the mark waits a little,
// reads the primary, looks again, and keeps nothing.
//
// A tag has an identity that every invalidation replaces. A value carries those
// that its tags had before it was read from the origin, and is valid while they
// are the tags'.
package larder

// Package model is Larder's consistency protocol, written down so that a
// machine can walk through every interleaving of it. It is the specification
// of what the code must do, and contains none of that code.
//
// # The model
//
// There is one key. A fleet ([Config]) of up to three readers and two writers
// works on it, in up to three processes:
//
//	 process A                        process B
//	┌──────────────────────────┐     ┌──────────────────────────┐
//	│ reader 1     reader 2    │     │ reader 3      writer 1   │
//	│    └─ flight map ─┘      │     │ flight map        │      │
//	│      memory entry        │     │ memory entry      │      │
//	│      session             │     │ session           │      │
//	└────┬───────────────▲─────┘     └─────┬─────────────┼──────┘
//	 GET, LEASE,       push            GET, LEASE,   INVALIDATE
//	 FILL, RELEASE       │             FILL, RELEASE     │
//	     v               │                 v             v
//	┌─────────────────────────────────────────────────────────────┐
//	│ shared tier    data: absent, value vN, or a tombstone or    │
//	│                      an intent with floor N                 │
//	│                lease: absent, or the id of a load           │
//	└─────────────────────────────────────────────────────────────┘
//	 origin: primary, committed vN ──lag──> replica, applied vM
//
// A Get of a reader is a sequence of steps (see phase), a write is another (see
// writePhase, and writeStrict), a tracking session a third (see link), the
// relay's way with an outbox row a fourth (see row); each script of the shared
// tier is one step. Sending a command, serving it and receiving its reply are
// steps of their own wherever somebody else can tell the difference, so that a
// reply may be overtaken by anything. Between any two steps, anything else may
// happen that [Faults] still allows.
//
// The rules of one process are comparisons with a counter of the key (advanced
// by every invalidation) and with the session (a new one after every
// reconnect), as in the code: a flight notes both when it is registered, before
// it sends anything; what it brings home, and whoever wants to join it, needs
// both unchanged. The model keeps the results of these comparisons.
//
// [Check] visits every state that can be reached, breadth first, and compares
// it with what is promised ([Properties]). The way to a broken promise is
// therefore a shortest one, in words:
//
//	reader 1: LEASE granted, floor v0
//	reader 2: LEASE busy, waits
//	reader 2: gives up waiting, will read the primary
//	reader 1: reads v1 from the primary
//	...
//
// # The clauses
//
// Each [Mutant] leaves one clause of the protocol out, and names it. Its test
// shows the fleet in which that breaks a promise, and that the same fleet keeps
// it otherwise. Four clauses are spare, nothing breaks without them: the fill's
// look at the floor, as long as the loader looks at it; the first PING; the
// fill's look at an intent, as long as intents drop the lease; and the floor
// that an intent takes over, as long as loads after an intent read the primary.
//
// Three rules are more precise here than "join what has not been sent", "the
// eighth round is answered by the primary" and "hold":
//
//   - The answering command of a load is its FILL. A strict Get may join a load
//     until then, because a FILL that is accepted vouches for what was loaded.
//   - A reader that gives up must invalidate with the version it has read as
//     the floor before it returns. See bareLastRead.
//   - Over a lagging replica, a value too must outlive the lag: it carries the
//     floor of the tombstone that it replaced. See shortTTL. Neither may be
//     evicted or flushed before; the promises end where memory pressure does
//     that.
//
// # Rules for writes
//
//   - A write-through puts its value over an older value only. A value in the
//     slot is never older than what was acknowledged, so that a newer one is
//     not either. Nothing else says as much: after an eviction, a tombstone's
//     floor may be that of a write long ago. See mayWrite. (Nor does a
//     negative, which the model has none of: its version is but the floor that
//     its load was given.)
//   - The outbox row commits with the write, whatever the write then does by
//     itself. The relay invalidates, also what was written through, and marks
//     a row done after that was acknowledged. Its query takes every row that
//     is not locked: ids commit out of order. See visible.
//   - An intent is placed under the row lock, over whatever is there, and drops
//     the lease. An invalidation leaves it in place and raises its floor.
//   - A reader that meets an intent reads the primary, and then looks again in
//     a script that raises the intent's floor to what was read. If there is a
//     live intent, no matter whose, the reader may return, and caches nothing;
//     if there is none, it starts again. A look alone is not enough: a write
//     without an intent (by a trigger, for one) may have committed meanwhile,
//     and the finish of the older one would put its value behind what the
//     reader has returned. See bareRecheck. (The invalidation of a reader that
//     gives up would do as well, but ends the load of another reader.)
//   - A strict Get may join such a reader until the primary is read, not until
//     the second look: that does not vouch for what was read.
//   - A finish looks whose the intent is. Its own becomes the value, unless that
//     is below the floor, or a tombstone. Otherwise it is a write-through or an
//     invalidation like any other: another's intent stays, with the floor
//     raised.
//   - An intent that lapses, or is taken back by a finish without a version, is
//     more than a tombstone with its floor: under it a version above the floor
//     may have been committed, its own or that of a writer whose intent it
//     replaced. Until it is filled or gone, loads read the primary, and an
//     invalidation leaves it in place, like a live one. It must stay for the
//     replica's lag from then on. See lapsedIsTombstone.
//   - A finish without a version is right whenever the writer cannot tell
//     whether its COMMIT took effect. But a writer whose intent was not answered
//     rolls back and sends no finish: its intent may yet arrive, replace that of
//     another writer, and must then live until it lapses. See finishUnanswered.
//
// # Limits
//
// One key. Bounded faults, one or two Gets per reader, one write per writer.
// No time: hold, heartbeat and lease are events that may come at any moment at
// which they are allowed. That memory is stale for a bounded time only is thus
// not shown here, just that it does not stay stale. Polls of a waiting reader
// that could find nothing new are left out, and with them lost wake-ups.
// Commands are not lost without their process dying; clients do not time out.
//
// # Adding an actor
//
// Give it a field in state and a file with its steps, call it from turn.steps,
// name its steps (act), and add its mutants with a case for each. If several
// of it are alike, sort them in represent.
//
// LARDER_MODEL=full go test -timeout 30m -parallel 1 ./internal/model walks
// bigger fleets, for minutes and in gigabytes.
package model

// Package outbox makes invalidations as durable as the change they belong to.
//
// A row that says what changed is written in the transaction that changes it:
// by [Box.Enqueue], or by triggers that the package generates from a [Mapping]
// of tables to classes, so that a statement typed into a database client
// counts too. A [Relay] delivers the rows to a [Target], which is a
// *larder.Larder in practice. A writer that dies after its COMMIT, a shared
// tier that is down or that forgets what it has acknowledged: the row is still
// there, and is delivered (again).
//
// It speaks to PostgreSQL, MySQL, MariaDB and SQLite through database/sql and
// knows no driver. docs/outbox.md is the guide.
//
// # Model
//
// A row lives in one of three states:
//
//	INSERT ──► waiting ──delivered and acknowledged──► done ──Keep──► deleted
//	             │  ▲ ▲                                  │
//	 bounded     │  │ └────── a new history: rewind ─────┘
//	 tries, or   ▼  │ Retry
//	 no class  set aside
//
// Beside the rows there are two small tables:
//
//	<table>             the rows
//	<table>_parts       of each partition: who works on it until when, and the
//	                    epoch. Part -1 is the gate: whoever changes an epoch or
//	                    adds a partition locks it first
//	<table>_histories   the histories of the shared tier, each with the epoch
//	                    in which it was noted
//
// A history (larder.Checkpoint) is one server's unbroken memory. When a relay
// meets one that is not in the table, it notes it, begins a new epoch and opens
// all rows again that are done, in one transaction: the server may have lost
// what was acknowledged before. Every new history therefore rewinds once,
// however many relays there are.
//
// # Invariants
//
//   - Rows are found by their state. Ids are handed out before the commit and so
//     become visible in any order: a reader that remembers the last id it saw
//     would miss those that come late.
//   - A row becomes done only when its target has acknowledged it, and only in
//     the epoch in which it was delivered. So a row that was delivered while
//     another relay rewinds is delivered again.
//   - A relay works only in an epoch whose histories its own target knows. One
//     that still talks to a deposed server does nothing until it has noticed.
//   - A checkpoint is confirmed when no row that was visible after it still
//     waits.
//   - A done row stays until Keep after it all nodes of the shared tier were still
//     there to be asked, and an epoch knew them. While one is missing, done rows
//     are kept for longer: an hour at most.
//   - On PostgreSQL, MySQL and MariaDB a relay holds the row of its partition
//     locked while it works; on SQLite, where a transaction would keep all writers
//     waiting, it has a lease by the database's clock. Elsewhere the lease
//     only saves the others from asking often.
package outbox

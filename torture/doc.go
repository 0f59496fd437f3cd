// Package torture has tests of a fleet that writes, on a real PostgreSQL and a
// real Redis: processes that read and write are killed between COMMIT and the
// call of the cache, relays of the outbox are killed, servers and wires stop,
// die and forget, and every read is judged. It is a module of its own for the
// sake of the database's driver.
//
// # How a read is judged
//
// The versions of a row are totally ordered. So "a read that began after version
// v was acknowledged returns v or more" is all that P1 asks of it, and a
// ledger in memory that all processes share can judge each read at its end:
//
//	write: BEGIN, UPDATE, outbox row, (Intend), COMMIT ──> committed ──> Update returns nil ──> acked
//	read:  note acked, committed and what this process has seen ──> Get ──> compare
//
// Where a value carries a tag that changes with it, acked is kept by tag: an
// acknowledged InvalidateTags says nothing of a value with another tag, which
// falls by the write before. That one may not be acknowledged yet, and be the
// outbox's to deliver.
//
// A read is stale when it is older than acked at its start. In a Strict class it
// is early when it is older than committed, unless the shared tier has lost
// data meanwhile, and with it the writer's intent. It goes backwards when it is
// older than what a Get of the same process had returned before it began,
// with no outage between (decision 005). A read that memory may answer is
// judged by how long before it the first newer version was acknowledged.
//
// When all is over, writers stop, the relay drains, and each process compares
// what its tiers hold with the database: a key that differs is stuck.
package torture

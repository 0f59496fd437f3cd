// Package store is the contract between Larder and a shared tier.
//
// Users pick an implementation (redisstore, localstore) and never call this
// package; it is for those who write a tier of their own. Run
// lardertest.TestStore on every implementation: it has a case for each
// sentence of this page.
//
// # Model
//
// A store holds two slots for every key, and changes both of them in one
// atomic step:
//
//	data   absent | Record{Kind, Version, FreshUntil, Body}   has a lifetime
//	lease  absent | the id of one load | the mark of a failed load   has a lifetime
//
// The data slot is what readers see. The lease slot is the right to load the
// key: it is held by one load (not by one process) and whoever changes the
// data from outside, by an [Invalidate], takes it away. A [Fill] is accepted
// only from the load that still holds the lease, so that what was read from
// the origin before an invalidation never lands after it.
//
// # Invariants
//
//   - Operations on one key are linearizable: each takes effect at one moment
//     between its call and its return, whole or not at all. An operation that
//     returned an error may or may not have taken effect.
//   - The version of a key in the data slot never falls while the slot is
//     present: a Fill below it is refused, an Invalidate keeps the higher one.
//   - A slot may be lost at any time (eviction, a flush, a failover). Losing a
//     lease must make its Fill fail; losing data must only cost a load.
//   - Lifetimes are counted by the store's clock alone.
//
// Between keys nothing is promised: a batch is a way to save round trips, not
// a transaction.
package store

import (
	"context"
	"errors"
	"time"
)

// ErrClosed is the error of every call after [Store.Close].
var ErrClosed = errors.New("store: closed")

// ErrRefused is in the error of a reply when the tier is there and has answered,
// but would not do it now: short of memory, or a slot on its way. It says
// nothing about the tier's health.
var ErrRefused = errors.New("store: refused")

// Store is a shared tier. Its methods may be called concurrently, and never
// wait longer than the context they are given: at its end every key or
// operation without an answer gets the context's error.
//
// No method changes or keeps the slices it is given, except for Body.
type Store interface {
	// Get reads the data slots of keys, one round trip per node. Reply i
	// answers key i: its Status is [Found], [Absent] or [Garbled], or Err says
	// why the tier could not answer.
	Get(ctx context.Context, keys []string) []Reply

	// Do runs ops, one round trip per node, each op atomic by itself. Reply i
	// answers op i. Ops on the same key take effect in the order of ops.
	Do(ctx context.Context, ops []Op) []Reply

	// Node names the part of the tier that holds key: keys of one node fail
	// together. A tier of one part answers with the same name always.
	Node(key string) string

	// Watch reports changes of data slots to feed until ctx ends, and then
	// returns; it makes and mends its connections by itself. See [Feed]. It
	// sends a heartbeat every period.
	Watch(ctx context.Context, feed Feed, period time.Duration)

	// Close ends the store and frees what it holds. Calls after it fail. It
	// may be called more than once.
	Close() error
}

// Feed is told by [Store.Watch] what has changed. Its methods return at once
// and may be called from different goroutines for different nodes; for one
// node the calls come one after another, in the order of the changes.
//
// The order of a connection's life is what makes local copies safe:
//
//	subscribe to all changes → Reset → heartbeat sent → all changes before it
//	reported → Beat → … → connection lost → Reset (and again from the start)
type Feed interface {
	// Reset says that changes of node's keys may have been missed up to now:
	// the connection was made anew or was lost, or the node was flushed.
	// Every local copy of its keys must be dropped.
	Reset(node string)

	// Beat says that every change acknowledged to anybody before sent has
	// been reported. sent is the local time at which the heartbeat left, with
	// its monotonic reading. now is the store's clock when it answered, in
	// Unix milliseconds.
	Beat(node string, sent time.Time, now int64)

	// Changed says that the data slots of keys have changed, or were lost.
	// One report may stand for many changes, and for changes made by the
	// process that receives it.
	Changed(node string, keys []string)
}

// Kind says what a record is.
type Kind byte

// The kinds of records. The letters are their stored form.
const (
	Value     Kind = 'V' // a value
	Negative  Kind = 'N' // the origin has nothing under this key
	Tombstone Kind = 'T' // invalidated; Version is the floor
)

// Record is the content of a data slot.
type Record struct {
	Kind Kind
	// Version of the value; for a tombstone the floor, the lowest version
	// that may still be cached. 0 means unversioned.
	Version uint64
	// FreshUntil is the moment, in Unix milliseconds of the store's clock,
	// after which a value is stale. The record itself may live longer.
	FreshUntil int64
	// Body is Larder's own: opaque to the store. Whoever receives a record
	// must not change it.
	Body []byte
}

// Status is the outcome of a request that the store could answer.
type Status uint8

// The outcomes. Each operation's comment says which of them it returns.
const (
	Absent  Status = iota // nothing usable is stored
	Found                 // Record holds what is stored
	Garbled               // bytes are stored that are no record; every Op takes them for absent
	Granted               // the lease is taken; Record holds what is stored beneath, if anything
	Busy                  // another load holds the lease for Wait more
	Failed                // a load failed; its mark stays for Wait more
	Done                  // it is as the operation wanted
	Kept                  // an Invalidate found a value at its floor or above, and left it
	Lost                  // refused: the lease is not, or no longer, this load's
	Below                 // refused: below Record.Version, the version stored
)

// Reply answers one key of a Get or one operation of a Do.
type Reply struct {
	Status Status
	Record Record
	// Wait is how long the lease or the mark still stands, for [Busy] and
	// [Failed].
	Wait time.Duration
	// Elsewhere says that the record was read from another node than
	// [Store.Node] names for its key, so that its changes are not reported
	// under that name.
	Elsewhere bool
	// Err is set when the tier could not answer: not reachable, too slow,
	// closed, or out of memory. The other fields are then zero.
	Err error
}

// Op is an operation on one key: [Lease], [Fill], [Renew], [Release],
// [Invalidate] or [Discard].
type Op interface{ Target() string }

// Lease asks for the right to load Key.
//
//   - A fresh value or negative with Version ≥ MinVersion is [Found], unless
//     Force is set.
//   - Else, if the lease is free, it is [Granted] to ID for the time For;
//     Record is what the data slot holds (a tombstone, a stale value), Kind 0
//     if that is absent.
//   - Else it is [Busy], or [Failed] while the mark of a failed load stands.
type Lease struct {
	Key        string
	ID         string
	For        time.Duration
	MinVersion uint64
	Force      bool
}

// Fill stores what the load ID has read and gives up its lease, answering
// [Done].
//
// It is refused as [Lost] when the lease is absent or not ID's, which changes
// nothing, and as [Below] when the data slot holds a version above Version,
// which gives up the lease and is reported to watchers as a change, so that
// waiters try again.
//
// Kind is Value or Negative. The record is fresh for Fresh from now and lives
// for Life from now, by the store's clock; both are at least a millisecond. It
// lives as long as the record that it replaces would have, if that is longer: a
// tombstone's floor must outlive the lag of the origin's replicas.
type Fill struct {
	Key     string
	ID      string
	Kind    Kind
	Version uint64
	Fresh   time.Duration
	Life    time.Duration
	Body    []byte
}

// Renew makes ID's lease last for For from now: [Done], or [Lost] when it is
// not ID's.
type Renew struct {
	Key string
	ID  string
	For time.Duration
}

// Release gives up ID's lease without a fill: [Done], or [Lost] when it is not
// ID's. With Mark > 0 the mark of a failed load takes the lease's place for
// that long; while it stands no lease is granted.
type Release struct {
	Key  string
	ID   string
	Mark time.Duration
}

// Invalidate ends whatever load or mark holds Key's lease, and:
//
//   - keeps a value or negative whose Version is at least Floor, if Floor is
//     not 0: [Kept];
//   - else leaves a tombstone for Hold, with the highest of Floor and the
//     version of a tombstone already there: [Done]. An earlier tombstone's
//     remaining life is never shortened.
//
// It may be repeated and reordered freely.
type Invalidate struct {
	Key   string
	Floor uint64
	Hold  time.Duration
}

// Discard removes the data slot if its body still equals Body: [Done], else
// [Kept]. Larder sends it for a body that it found corrupt, since nothing in
// such a record, its version included, can be relied on.
type Discard struct {
	Key  string
	Body []byte
}

// Target returns the key that the operation is for.
func (o Lease) Target() string { return o.Key }

// Target returns the key that the operation is for.
func (o Fill) Target() string { return o.Key }

// Target returns the key that the operation is for.
func (o Renew) Target() string { return o.Key }

// Target returns the key that the operation is for.
func (o Release) Target() string { return o.Key }

// Target returns the key that the operation is for.
func (o Invalidate) Target() string { return o.Key }

// Target returns the key that the operation is for.
func (o Discard) Target() string { return o.Key }

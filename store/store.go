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
//	          Fill, Finish, WriteThrough over a value
//	 absent ──────────────────────────────────────────► Value, Negative
//	   ▲                                                 │    │ Invalidate, soft
//	   │ end of life                          Invalidate │    ▼
//	   ├───────────────────── Tombstone, with a floor ◄──┴─ Stale
//	   │                          ▲ │
//	   │        Finish, the lapse │ ▼ Intend (over anything)
//	   └───────────────────────── Intent, with a floor
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
//   - An intent whose FreshUntil is over has lapsed. To every operation, and to
//     readers, it is a tombstone with its Version as the floor. The lapse is not
//     reported to watchers.
//   - Whatever takes the place of a tombstone, a stale record or an intent lives
//     as long as that would have, at least: a floor must outlive the lag of the
//     origin's replicas. Only a [Discard] takes one away.
//
// # Tags
//
// A tag is a name that many values carry, to be invalidated at once. A store
// keeps for each tag that is in use an identity, and for all of them together a
// sequence: a number that every [MoveTags] advances, and an epoch, which is
// another one whenever the sequence had to be made anew. All of these lie in
// one part of the tier, which Node names for [Sequence] and for each [TagKey],
// so that an operation on many tags is one atomic step.
//
//	sequence   number, epoch
//	tag        Tag{Number, Epoch, Hard, Soft}   has a lifetime
//
// A tag may be lost at any time like any other slot. [ReadTags] makes it anew
// with identities that never were before, so that what carries an old one stays
// invalid.
//
// The sequence is read with Get under the key [Sequence]: a record of kind
// [Identity] whose Version is the number and whose Body is the epoch, or Absent.
// Watchers are told of changes of the sequence and of tags under [Sequence] and
// [TagKey]. Keys that begin like these are never used for values: any other
// operation on one has an error and no effect, and so has a Get of one but
// Sequence. A tag has a name: an operation on tags that names an empty one has
// an error and no effect.
//
// Between keys nothing is promised: a batch is a way to save round trips, not
// a transaction.
package store

import (
	"context"
	"errors"
	"strings"
	"time"
)

// ErrClosed is the error of every call after [Store.Close].
var ErrClosed = errors.New("store: closed")

// ErrRefused is in the error of a reply when the tier is there and answered,
// but would not do it now (short of memory, a slot on its way): it says
// nothing about the tier's health.
var ErrRefused = errors.New("store: refused")

// Store is a shared tier. Its methods may be called concurrently, and never
// wait longer than the context they are given: at its end every key or
// operation without an answer gets the context's error.
//
// No method changes or keeps the slices it is given, except for Body.
type Store interface {
	// Get reads the data slots of keys, and the sequence of the tags if
	// [Sequence] is among them, one round trip per node. Reply i
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

	// Beat says that every change acknowledged to anybody before b.Sent has
	// been reported.
	Beat(node string, b Beat)

	// Changed says that the data slots of keys have changed, or were lost.
	// One report may stand for many changes, and for changes made by the
	// process that receives it.
	Changed(node string, keys []string)
}

// Beat is an answered heartbeat.
type Beat struct {
	// Sent is the local time at which the heartbeat left, with its monotonic
	// reading.
	Sent time.Time
	// Now is the store's clock when it answered, in Unix milliseconds.
	Now int64
	// History names the node's memory of what it has acknowledged. Another one
	// than before says that some of it may be lost: the node was started anew,
	// or another has taken its place.
	History string
}

// Sequence is the key of the tags' sequence, see the package documentation.
const Sequence = "@"

// TagKey is the key under which watchers hear of a tag, whose name is not
// empty.
func TagKey(tag string) string { return Sequence + tag }

// TagOf is the reverse of TagKey.
func TagOf(key string) (tag string, ok bool) {
	tag, ok = strings.CutPrefix(key, Sequence)
	return tag, ok && tag != ""
}

// Kind says what a record is.
type Kind byte

// The kinds of records. The letters are their stored form.
const (
	Value     Kind = 'V' // a value
	Negative  Kind = 'N' // the origin has nothing under this key
	Tombstone Kind = 'T' // invalidated; Version is the floor
	Stale     Kind = 'S' // a value, invalidated softly; Version is the floor
	Intent    Kind = 'Q' // its writer is about to commit; Version is the floor, Body the writer's id
	Identity  Kind = 'I' // of the tags' sequence, see [Sequence]
)

// Record is the content of a data slot.
type Record struct {
	Kind Kind
	// Version of the value; for the kinds that have one the floor, the lowest
	// version that may still be cached. 0 means unversioned.
	Version uint64
	// FreshUntil is the moment, in Unix milliseconds of the store's clock,
	// after which a value is stale, or an intent has lapsed. The record itself
	// may live longer.
	FreshUntil int64
	// Body is Larder's own: opaque to the store. Whoever receives a record
	// must not change it.
	Body []byte
}

// Status is the outcome of a request that the store could answer.
type Status uint8

// The outcomes. Each operation's comment says which of them it returns.
const (
	Absent   Status = iota // nothing usable is stored
	Found                  // Record holds what is stored
	Garbled                // bytes are stored that are no record; every Op takes them for absent
	Granted                // the lease is taken; Record holds what is stored beneath, if anything
	Busy                   // another load holds the lease for Wait more
	Failed                 // a load failed; its mark stays for Wait more
	Done                   // it is as the operation wanted
	Kept                   // an Invalidate found a value at its floor or above, and left it
	Lost                   // refused: the lease is not, or no longer, this load's
	Below                  // refused: below Record.Version, the version stored
	Intended               // an intent stands, for Wait more; Record is the intent
	Cleared                // no value was stored: a tombstone or an intent stands, with the floor
)

// Reply answers one key of a Get or one operation of a Do.
type Reply struct {
	Status Status
	Record Record
	// Wait is how long the lease, the mark or the intent still stands, for
	// [Busy], [Failed] and [Intended].
	Wait time.Duration
	// Tags answers [ReadTags].
	Tags []Tag
	// Elsewhere says that the record was read from another node than
	// [Store.Node] names, as while a part of the tier moves: its changes are
	// reported under that one. Larder answers with it, and keeps no local copy.
	Elsewhere bool
	// Node names the other node, if Elsewhere is set.
	Node string
	// Err is set when the tier could not answer: not reachable, too slow or
	// closed; or would not: it is an [ErrRefused] then. The other fields are
	// zero beside it.
	Err error
}

// Tag is the state of one tag.
type Tag struct {
	// Number and Epoch are those of the sequence when the tag was last
	// invalidated or made.
	Number uint64
	Epoch  string
	// Hard is another identity after every invalidation that is not soft, Soft
	// after every one. They are made of a nonce, so that none comes twice.
	Hard, Soft string
	// Age is how long ago, by the store's clock, the tag was last invalidated
	// or made.
	Age time.Duration
}

// Op is an operation on one key: [Lease], [Fill], [Renew], [Release],
// [Invalidate], [Discard], [WriteThrough], [Intend], [Raise] or [Finish]; or on tags:
// [ReadTags] or [MoveTags].
type Op interface{ Target() string }

// Lease asks for the right to load Key.
//
//   - A fresh value or negative with Version ≥ MinVersion is [Found], unless
//     Force is set.
//   - Else, while an intent stands, it is [Intended], Force or not.
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
// It is refused as [Lost] when the lease is absent or not ID's, as it is while
// an intent stands, which changes nothing, and as [Below] when the data slot
// holds a version above Version, which gives up the lease and is reported to
// watchers as a change, so that waiters try again.
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
//   - else raises the version of an intent that stands to Floor, if that is
//     higher, and has it live for Hold at least: [Done]. Its writer may not have
//     committed yet. A Floor of 0 spoils the intent, whose [Finish] then leaves
//     a tombstone: what has changed may be newer than what its writer wrote;
//   - else, if Soft, makes a [Value] or [Stale] record stale, with the highest of
//     Floor and its version, and its body, life and FreshUntil as they were:
//     [Done]. It lives for Hold at least;
//   - else leaves a tombstone for Hold, with the highest of Floor and the
//     version already there: [Done].
//
// It may be repeated and reordered freely.
type Invalidate struct {
	Key   string
	Floor uint64
	Hold  time.Duration
	Soft  bool
}

// WriteThrough stores what its writer has just committed as Version. It ends
// whatever load or mark holds Key's lease, and:
//
//   - puts the value over a [Value] of a lower version, which shows that nothing
//     newer was evicted: [Done]. Fresh, Life and Body are as for [Fill];
//   - else does what [Invalidate] does with the floor Version: [Kept], or
//     [Cleared] where that is Done. A negative and a stale record show no such
//     thing: the row may have been deleted, or changed without a version, by
//     somebody who came later. Nor is there anything to compare a Version of 0
//     with.
type WriteThrough struct {
	Key     string
	Version uint64
	Fresh   time.Duration
	Life    time.Duration
	Body    []byte
	Hold    time.Duration
}

// Intend says that the writer ID is about to commit. It is sent while the
// writer holds the row's lock, after its statement and before COMMIT. It ends
// whatever load or mark holds Key's lease, and leaves an intent of ID in the
// data slot, also over another one's, with the highest version that was there
// as the floor: [Done]. The intent lapses after For, and then counts as a
// tombstone until Hold is over; both are counted from now, and Hold is For if
// that is longer.
type Intend struct {
	Key  string
	ID   string
	For  time.Duration
	Hold time.Duration
}

// Raise lifts the version of an intent that stands, whoever's it is, to Floor, if
// that is higher; a Floor of 0, an unknown version, has its Finish leave no value,
// as with [Invalidate]. It answers [Done], and [Lost], changing nothing, if no
// intent stands. A reader that has met an intent and then read Floor from the
// origin sends it before it uses that: what the intent's writer stores afterwards
// is not older, and nobody has stored anything older meanwhile.
type Raise struct {
	Key   string
	Floor uint64
}

// Finish ends the intent of ID, whether its writer has committed Version or
// not, which is then 0. It ends whatever load or mark holds Key's lease.
//
//   - ID's intent, if it has neither lapsed nor been spoilt, becomes the value in
//     Body, if there is one and Version is at least the intent's floor: [Done].
//     Fresh and Life are as for [Fill].
//   - ID's intent otherwise becomes a tombstone for Hold with the highest of
//     Version and its floor: [Cleared].
//   - Without an intent of ID it does what [WriteThrough] does if Body is not
//     nil, else what [Invalidate] does with the floor Version: [Kept], or
//     [Cleared] where that is Done.
type Finish struct {
	Key     string
	ID      string
	Version uint64
	Fresh   time.Duration
	Life    time.Duration
	Body    []byte // nil: no value; an empty one is a value
	Hold    time.Duration
}

// ReadTags reads the state of tags: [Done], with Reply.Tags[i] for Tags[i] and
// the sequence in Reply.Record as Get gives it. What is absent is made anew: the
// sequence with an epoch made of Nonce; a tag with identities made of Nonce, and
// the sequence's present number. Every tag, and the sequence, lives for Life
// from now at least. Nonce is different for every operation.
type ReadTags struct {
	Tags  []string
	Nonce string
	Life  time.Duration
}

// MoveTags invalidates tags: it advances the sequence by one and, if Soft, gives
// each tag that is present a new Soft identity made of Nonce, at the sequence's
// new number, its life as it was; otherwise it removes them. [Done], with the
// sequence in
// Reply.Record. The sequence lives for Life from now at least, and is made anew
// if it is absent. Nonce is different for every operation.
type MoveTags struct {
	Tags  []string
	Nonce string
	Life  time.Duration
	Soft  bool
}

// Discard removes a value, negative or stale record if its body still equals
// Body: [Done], else [Kept]. Larder sends it for a body that it found corrupt,
// since nothing in such a record, its version included, can be relied on.
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

// Target returns the key that the operation is for.
func (o WriteThrough) Target() string { return o.Key }

// Target returns the key that the operation is for.
func (o Intend) Target() string { return o.Key }

// Target returns the key that the operation is for.
func (o Raise) Target() string { return o.Key }

// Target returns the key that the operation is for.
func (o Finish) Target() string { return o.Key }

// Target returns [Sequence]: tags lie where the sequence does.
func (o ReadTags) Target() string { return Sequence }

// Target returns [Sequence]: tags lie where the sequence does.
func (o MoveTags) Target() string { return Sequence }

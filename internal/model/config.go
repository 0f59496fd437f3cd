package model

import (
	"errors"
	"fmt"
)

// Bounds of the fixed-size state. They bound the fleet, not the protocol.
const (
	maxReaders   = 3
	maxProcesses = 3
	maxWriters   = 2
)

// Elsewhere is the process of a writer that shares its process with no reader.
const Elsewhere = -1

// Config is one fleet around one key, the faults that may happen to it, and the
// clause of the protocol that is left out of it, if any.
type Config struct {
	// Readers are the callers of Get, at most three. Readers with the same
	// process share its flights and its memory tier.
	Readers []Reader

	// Writers are the callers of Invalidate and Update, at most two. A writer
	// writes once.
	Writers []Writer

	// Memory gives each process a memory tier and a tracking session. Without
	// it the class has none, and every Get counts as strict.
	Memory bool

	// Replica makes loads read a lagging replica unless they are told to read
	// the primary. What the shared tier knows (a value, a tombstone) then
	// stays there until the replica has caught up with it: hold >= lag.
	Replica bool

	// Unversioned is a class whose values carry no version: floors are empty
	// and nothing can be compared. With Replica, loads read the primary for as
	// long as there is a tombstone.
	Unversioned bool

	// Outbox gives each write a row that commits with it, and a relay that
	// brings the write to the shared tier whatever becomes of the writer.
	Outbox bool

	// GiveUp lets a reader that was made to wait, or was refused, give up at
	// any time and answer from the primary without caching. It stands for
	// "after eight rounds", without counting them.
	GiveUp bool

	// Faults bounds what may go wrong, and how often.
	Faults Faults

	// Mutant leaves clauses out. Zero is the protocol.
	Mutant Mutant
}

// Reader is a caller that does its Gets one after the other.
type Reader struct {
	Process int
	Gets    uint8

	// Strict Gets skip the memory tier and join only flights whose answer has
	// not been asked for yet.
	Strict bool
}

// Writer is a caller that writes once, and how it does that.
type Writer struct {
	// Process is an index used by the readers, or [Elsewhere].
	Process int

	// Through puts the new value into the shared tier, over an older one; all
	// other writers leave a tombstone. It needs versions.
	Through bool

	// Strict is an Update that must not be preceded by the old value even
	// before it is acknowledged: it announces itself by an intent.
	Strict bool
}

// Faults says how often each fault may happen in one run.
type Faults struct {
	// LeaseLosses counts leases that run out or are evicted while their holder
	// is alive, for instance paused. A dead holder's lease runs out for free.
	LeaseLosses uint8

	// Evictions counts how often the data key vanishes: memory pressure, the
	// end of a value's TTL, the end of a tombstone's hold.
	Evictions uint8

	// Flushes counts FLUSHALL.
	Flushes uint8

	// WriterCrashes counts writers that die between COMMIT and invalidation,
	// or what they do in its place.
	WriterCrashes uint8

	// Rollbacks counts strict writers that roll back.
	Rollbacks uint8

	// Doubts counts strict writers that do not learn whether their COMMIT,
	// which took effect, did so. They tell their caller just that.
	Doubts uint8

	// Lapses counts intents whose time is over while their writer lives, for
	// instance paused. A dead writer's intent lapses for free.
	Lapses uint8

	// RelayCrashes counts relays that die between the delivery of a row and
	// its mark, so that the row is delivered again.
	RelayCrashes uint8

	// Crashes counts processes that die while one of their readers loads.
	Crashes uint8

	// LoadErrors counts loads that fail and release their lease.
	LoadErrors uint8

	// Redeliveries counts how often an acknowledged invalidation, or one that
	// the relay is done with, is applied again at any time later: a relay that
	// starts over after a failover does that, and a command that was long on
	// its way.
	Redeliveries uint8

	// Disconnects counts tracking connections lost, with the pushes in them.
	Disconnects uint8
}

// validate reports every mistake at once.
func (c *Config) validate() error {
	var errs []error
	if n := len(c.Readers); n == 0 || n > maxReaders {
		errs = append(errs, fmt.Errorf("%d readers, want 1 to %d", n, maxReaders))
	}
	if n := len(c.Writers); n > maxWriters {
		errs = append(errs, fmt.Errorf("%d writers, want at most %d", n, maxWriters))
	}
	for i, r := range c.Readers {
		if r.Process < 0 || r.Process >= maxProcesses {
			errs = append(errs, fmt.Errorf("reader %d is in process %d, want 0 to %d", i+1, r.Process, maxProcesses-1))
		}
		if r.Gets == 0 {
			errs = append(errs, fmt.Errorf("reader %d does no Get", i+1))
		}
	}
	for i, w := range c.Writers {
		if p := w.Process; p < Elsewhere || p >= maxProcesses {
			errs = append(errs, fmt.Errorf("writer %d is in process %d, want %d to %d", i+1, p, Elsewhere, maxProcesses-1))
		}
		if w.Through && c.Unversioned {
			errs = append(errs, fmt.Errorf("writer %d writes through, which needs versions", i+1))
		}
	}
	return errors.Join(errs...)
}

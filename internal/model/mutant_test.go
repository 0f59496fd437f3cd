package model

import (
	"math/bits"
	"testing"
	"time"
)

// ablation is a clause left out, in a small fleet that shows why it is there.
type ablation struct {
	name   string
	cfg    Config // with its Mutant
	breaks Properties
}

// ablations has one case or more for every clause that earns its place.
func ablations() []ablation {
	return append(leaseAblations(), append(versionAblations(), append(processAblations(), writeAblations()...)...)...)
}

// leaseAblations are about leases and the order of a write.
func leaseAblations() []ablation {
	eviction := Faults{Evictions: 1}
	return []ablation{
		{"lease id per process", Config{
			Mutant: leasePerProcess, Readers: twoAndOne(), Writers: elsewhere(1), Faults: eviction,
		}, ReadAfterAck | Monotonic | SharedTier | OneLoad},
		{"lease id per process, no versions", Config{
			Mutant: leasePerProcess, Readers: twoAndOne(), Writers: elsewhere(1), Unversioned: true,
		}, ReadAfterAck | SharedTier | OneLoad},
		{"lease may be absent", Config{
			Mutant: leaseMayBeAbsent, Readers: apart(3, 1), Writers: elsewhere(1), Faults: eviction,
		}, ReadAfterAck | Monotonic | SharedTier},
		{"lease may be absent, no versions", Config{
			Mutant: leaseMayBeAbsent, Readers: apart(2, 1), Writers: elsewhere(1), Unversioned: true,
		}, ReadAfterAck | SharedTier},
		{"SET without lease", Config{
			Mutant: noLease, Readers: apart(3, 1), Writers: elsewhere(1),
		}, ReadAfterAck | Monotonic | SharedTier | OneLoad},
		{"lease without a lifetime", Config{
			Mutant: leaseForever, Readers: apart(2, 1), Writers: elsewhere(1), Faults: Faults{Crashes: 1},
		}, NoDeadlock},
		{"invalidate keeps the lease", Config{
			Mutant: keepLease, Readers: apart(2, 1), Writers: elsewhere(1), Faults: eviction,
		}, ReadAfterAck | SharedTier},
		{"invalidate keeps the lease, no versions", Config{
			Mutant: keepLease, Readers: apart(2, 1), Writers: elsewhere(1), Unversioned: true,
		}, ReadAfterAck | SharedTier},
		{"no retry", Config{
			Mutant: noRetry, Readers: apart(3, 1), Writers: elsewhere(1), Faults: Faults{LeaseLosses: 1},
		}, Monotonic},
		{"no retry, no fault", Config{
			Mutant: noRetry, Readers: apart(3, 1), Writers: elsewhere(2),
		}, Monotonic},
		{"invalidate before COMMIT", Config{
			Mutant: invalidateFirst, Readers: apart(2, 1), Writers: elsewhere(1),
		}, ReadAfterAck | SharedTier},
		{"ack before invalidate", Config{
			Mutant: ackFirst, Readers: apart(2, 1), Writers: elsewhere(1),
		}, ReadAfterAck | SharedTier},
		{"last read without raising the floor", Config{
			Mutant: bareLastRead, Readers: apart(3, 1), Writers: elsewhere(1), GiveUp: true,
		}, Monotonic},
	}
}

// versionAblations are about the lagging replica.
func versionAblations() []ablation {
	eviction := Faults{Evictions: 1}
	return []ablation{
		{"no floor", Config{
			Mutant: noFloor, Readers: apart(2, 1), Writers: elsewhere(2), Replica: true,
		}, ReadAfterAck | SharedTier},
		{"floor compared at the fill only", Config{
			Mutant: floorOnlyAtFill, Readers: apart(2, 1), Writers: elsewhere(2), Replica: true, Faults: eviction,
		}, ReadAfterAck | SharedTier},
		{"hold shorter than the lag", Config{
			Mutant: shortHold, Readers: apart(3, 1), Writers: elsewhere(1), Replica: true, Faults: eviction,
		}, ReadAfterAck | SharedTier},
		{"value gone before the replica has caught up", Config{
			Mutant: shortTTL, Readers: apart(3, 1), Writers: elsewhere(1), Replica: true, Faults: eviction,
		}, ReadAfterAck | Monotonic | SharedTier},
		{"flush while the replica lags", Config{
			Mutant: shortHold | shortTTL, Readers: apart(2, 1), Writers: elsewhere(1), Replica: true, Faults: Faults{Flushes: 1},
		}, ReadAfterAck | Monotonic | SharedTier},
	}
}

// processAblations are about what readers in one process share.
func processAblations() []ablation {
	disconnect := Faults{Disconnects: 1}
	return []ablation{
		{"plain singleflight", Config{
			Mutant: plainSingleflight, Readers: twoAndOne(), Writers: elsewhere(1),
		}, ReadAfterAck | Monotonic},
		{"no taint", Config{
			Mutant: noTaint, Readers: sharingMemory(), Writers: []Writer{{Process: 0}}, Memory: true,
		}, MemoryTier | OwnWrites},
		{"counter noted after the answer", Config{
			Mutant: lateNote, Readers: sharingMemory(), Writers: elsewhere(1), Memory: true,
		}, MemoryTier},
		{"own invalidation by push only", Config{
			Mutant: noOwnInvalidate, Readers: sharingMemory(), Writers: []Writer{{Process: 0}}, Memory: true,
		}, OwnWrites},
		{"no flush on reconnect", Config{
			Mutant: noFlush, Readers: sharingMemory(), Writers: elsewhere(1), Memory: true, Faults: disconnect,
		}, MemoryTier},
		{"flush of memory, not of flights", Config{
			Mutant: noFlushOfFlights, Readers: sharingMemory(), Writers: elsewhere(1), Memory: true, Faults: disconnect,
		}, MemoryTier},
		{"flush before tracking", Config{
			Mutant: flushBeforeTracking, Readers: sharingMemory(), Writers: elsewhere(1), Memory: true, Faults: disconnect,
		}, MemoryTier},
	}
}

// spares are clauses that this part of the protocol could do without. Should
// one of them break something one day, it has found its use: move it up.
func spares() []ablation {
	return []ablation{
		{"floor compared at the loader only", Config{
			Mutant: floorOnlyAtLoader, Readers: apart(2, 1), Writers: elsewhere(2), Replica: true, GiveUp: true,
			Faults: Faults{LeaseLosses: 1, Evictions: 2, Crashes: 1},
		}, 0},
		{"memory read before the first PING", Config{
			Mutant: noPing, Readers: sharingMemory(), Writers: []Writer{{Process: 0}}, Memory: true, Faults: Faults{Disconnects: 2},
		}, 0},
		{"fill over an intent", Config{
			Mutant: fillOverIntent, Readers: apart(2, 1), Writers: oneStrict(),
			Faults: Faults{Lapses: 1, Evictions: 1, WriterCrashes: 1},
		}, 0},
		{"intent without the floor", Config{
			Mutant: intentForgets, Readers: apart(2, 1), Writers: strictly(2), Replica: true,
			Faults: Faults{Lapses: 1, Rollbacks: 1},
		}, 0},
	}
}

func TestMutants_AreCaught(t *testing.T) {
	for _, a := range ablations() {
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			a.run(t)
			a.cfg.Mutant = 0
			if r := check(t, a.cfg); r.Broken != 0 {
				t.Errorf("the protocol itself breaks %v in this fleet", r.Broken)
			}
		})
	}
}

func TestMutants_Spare(t *testing.T) {
	for _, a := range spares() {
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			a.run(t)
		})
	}
}

// run explores the fleet to its end and expects exactly the properties named
// to be broken.
func (a ablation) run(t *testing.T) {
	start := time.Now()
	r := check(t, a.cfg)
	t.Logf("%s (%v): %d states, %.2fs", a.name, a.cfg.Mutant, r.States, time.Since(start).Seconds())
	for p := Properties(1); p < endOfProperties; p <<= 1 {
		if r.Broken&p != 0 {
			t.Logf("%s breaks %v in %d steps", a.name, p, len(r.Traces[p]))
		}
	}
	if r.Broken != a.breaks {
		t.Errorf("breaks %v, want %v", r.Broken, a.breaks)
		for p := range r.Traces {
			logTrace(t, r, p)
		}
	}
}

// Every mutant has a case: leaving one out of the tables is noticed.
func TestMutants_AllHaveACase(t *testing.T) {
	var have Mutant
	for _, a := range append(ablations(), spares()...) {
		have |= a.cfg.Mutant
	}
	for m := Mutant(1); m < endOfMutants; m <<= 1 {
		if !have.has(m) {
			t.Errorf("%v has no case", m)
		}
	}
	if got := len(mutantNames()); 1<<got != int(endOfMutants) {
		t.Errorf("%d names for %d mutants", got, bits.TrailingZeros64(uint64(endOfMutants)))
	}
}

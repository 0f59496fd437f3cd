package model

import (
	"os"
	"testing"
	"time"
)

// fleet is a configuration in which the protocol holds.
type fleet struct {
	name string
	cfg  Config

	// atLeast is a floor under the number of states: a model that has lost
	// some of its steps would hold too easily.
	atLeast int
}

// fleets are small enough for every CI run, under the race detector too.
func fleets() []fleet {
	return []fleet{
		{"lost leases, eviction, crashes", Config{
			Readers: apart(3, 1), Writers: elsewhere(2),
			Faults: Faults{LeaseLosses: 1, Evictions: 1, WriterCrashes: 1, Crashes: 1},
		}, 360_000},
		{"two Gets each, FLUSHALL, load errors, redelivery", Config{
			Readers: apart(2, 2), Writers: elsewhere(2),
			Faults: Faults{Flushes: 1, LoadErrors: 1, Redeliveries: 1},
		}, 200_000},
		{"without versions", Config{
			Readers: apart(3, 1), Writers: elsewhere(2), Unversioned: true,
			Faults: Faults{LeaseLosses: 1, Evictions: 1},
		}, 170_000},
		{"lagging replica", Config{
			Readers: apart(3, 1), Writers: elsewhere(2), Replica: true,
			Faults: Faults{Evictions: 1},
		}, 150_000},
		{"lagging replica, without versions", Config{
			Readers: apart(2, 2), Writers: elsewhere(2), Replica: true, Unversioned: true,
			Faults: Faults{Evictions: 1},
		}, 110_000},
		{"readers that give up", Config{
			Readers: apart(3, 1), Writers: elsewhere(2), GiveUp: true,
			Faults: Faults{LeaseLosses: 1},
		}, 130_000},
		{"readers that give up, replica", Config{
			Readers: apart(2, 2), Writers: elsewhere(2), GiveUp: true, Replica: true,
			Faults: Faults{Evictions: 1},
		}, 390_000},
		{"shared flights", Config{
			Readers: twoAndOne(), Writers: []Writer{{Process: 0}, {Process: Elsewhere}},
		}, 200_000},
		{"shared flights, giving up", Config{
			Readers: twoAndOne(), Writers: []Writer{{Process: 0}}, GiveUp: true,
			Faults: Faults{Evictions: 1, LoadErrors: 1},
		}, 96_000},
		{"write-through", Config{
			Readers: apart(3, 1), Writers: through(2),
			Faults: Faults{LeaseLosses: 1, Evictions: 1, WriterCrashes: 1},
		}, 200_000},
		{"write-through and invalidate, giving up, redelivery", Config{
			Readers: apart(2, 1), Writers: oneThrough(), GiveUp: true,
			Faults: Faults{LeaseLosses: 1, Evictions: 1, Redeliveries: 1},
		}, 125_000},
		{"write-through, replica", Config{
			Readers: apart(2, 1), Writers: oneThrough(), Replica: true,
			Faults: Faults{LeaseLosses: 1, Evictions: 2, WriterCrashes: 1},
		}, 134_000},
		{"write-through, memory", Config{
			Readers: sharingMemory(), Writers: []Writer{{Process: 0, Through: true}}, Memory: true,
			Faults: Faults{Evictions: 1, Disconnects: 1},
		}, 265_000},
		{"outbox", Config{
			Readers: apart(2, 1), Writers: elsewhere(2), Outbox: true,
			Faults: Faults{Evictions: 1, WriterCrashes: 1, RelayCrashes: 1},
		}, 293_000},
		{"outbox, write-through", Config{
			Readers: apart(2, 1), Writers: oneThrough(), Outbox: true,
			Faults: Faults{Evictions: 1, WriterCrashes: 2, Redeliveries: 1},
		}, 255_000},
		{"outbox, replica", Config{
			Readers: apart(2, 1), Writers: elsewhere(2), Outbox: true, Replica: true,
			Faults: Faults{WriterCrashes: 1, RelayCrashes: 1},
		}, 275_000},
		{"outbox, without versions", Config{
			Readers: apart(2, 1), Writers: elsewhere(2), Outbox: true, Unversioned: true,
			Faults: Faults{Evictions: 1, WriterCrashes: 1, RelayCrashes: 1},
		}, 240_000},
		{"outbox, memory", Config{
			Readers: sharingMemory(), Writers: []Writer{{Process: 0, Through: true}}, Outbox: true, Memory: true,
			Faults: Faults{WriterCrashes: 1, Disconnects: 1},
		}, 210_000},
		{"strict, lapses", Config{
			Readers: twoGetsAndOne(), Writers: strictlyThrough(2),
			Faults: Faults{Lapses: 1},
		}, 229_000},
		{"strict and plain", Config{
			Readers: twoGetsAndOne(), Writers: oneStrict(),
			Faults: Faults{Evictions: 1},
		}, 351_000},
		{"strict, rollback, crash", Config{
			Readers: apart(2, 1), Writers: strictlyThrough(2),
			Faults: Faults{Lapses: 1, Flushes: 1, Rollbacks: 1, WriterCrashes: 1},
		}, 341_000},
		{"strict and plain, outbox", Config{
			Readers: apart(2, 1), Writers: oneStrict(), Outbox: true,
			Faults: Faults{Lapses: 1, WriterCrashes: 1, Doubts: 1},
		}, 336_000},
		{"strict and plain, replica, giving up", Config{
			Readers: apart(2, 1), Writers: oneStrict(), Replica: true, GiveUp: true,
			Faults: Faults{Lapses: 1, WriterCrashes: 1},
		}, 335_000},
		{"strict, replica", Config{
			Readers: apart(2, 1), Writers: strictlyThrough(2), Replica: true,
			Faults: Faults{Lapses: 1, Rollbacks: 1, Doubts: 1},
		}, 270_000},
		{"strict, without versions", Config{
			Readers: apart(2, 1), Writers: strictly(2), Unversioned: true, Replica: true,
			Faults: Faults{Lapses: 1, WriterCrashes: 1},
		}, 215_000},
		{"strict, shared flights", Config{
			Readers: twoAndOne(), Writers: strictlyThrough(1),
			Faults: Faults{Lapses: 1, WriterCrashes: 1},
		}, 209_000},
		{"strict, memory", Config{
			Readers: sharingMemory(), Writers: []Writer{{Process: 0, Strict: true, Through: true}}, Memory: true,
			Faults: Faults{Disconnects: 1},
		}, 124_000},
		{"memory, disconnects", Config{
			Readers: sharingMemory(), Writers: elsewhere(1), Memory: true,
			Faults: Faults{Disconnects: 2},
		}, 120_000},
		{"memory, own writes", Config{
			Readers: []Reader{{Process: 0, Gets: 1}, {Process: 0, Gets: 1}, {Process: 1, Gets: 1, Strict: true}},
			Writers: []Writer{{Process: 0}}, Memory: true,
			Faults: Faults{LeaseLosses: 1},
		}, 290_000},
		{"memory, two writers", Config{
			Readers: []Reader{{Process: 0, Gets: 1}, {Process: 0, Gets: 1}}, Writers: []Writer{{Process: 0}, {Process: Elsewhere}}, Memory: true,
			Faults: Faults{Disconnects: 1},
		}, 280_000},
		{"memory, strict and giving up", Config{
			Readers: []Reader{{Process: 0, Gets: 2}, {Process: 0, Gets: 1, Strict: true}},
			Writers: []Writer{{Process: 0}}, Memory: true, GiveUp: true,
			Faults: Faults{Disconnects: 1},
		}, 190_000},
		{"memory, process crash", Config{
			Readers: []Reader{{Process: 0, Gets: 2}, {Process: 1, Gets: 1}},
			Writers: []Writer{{Process: 0}}, Memory: true,
			Faults: Faults{Crashes: 1, Disconnects: 1},
		}, 170_000},
	}
}

// bigFleets take minutes and gigabytes; LARDER_MODEL=full runs them.
func bigFleets() []fleet {
	return []fleet{
		{"three readers, two Gets each", Config{
			Readers: apart(3, 2), Writers: elsewhere(2),
			Faults: Faults{LeaseLosses: 1, Evictions: 1},
		}, 3_100_000},
		{"everything once, without memory", Config{
			Readers: apart(3, 1), Writers: elsewhere(2), GiveUp: true,
			Faults: Faults{LeaseLosses: 1, Evictions: 1, Flushes: 1, WriterCrashes: 1, Crashes: 1, LoadErrors: 1, Redeliveries: 1},
		}, 4_700_000},
		{"everything once, with a replica", Config{
			Readers: apart(3, 1), Writers: elsewhere(2), GiveUp: true, Replica: true,
			Faults: Faults{LeaseLosses: 1, Evictions: 1, Flushes: 1, WriterCrashes: 1, Crashes: 1},
		}, 5_100_000},
		{"everything once, without versions", Config{
			Readers: apart(3, 1), Writers: elsewhere(2), GiveUp: true, Unversioned: true,
			Faults: Faults{LeaseLosses: 1, Evictions: 1, Flushes: 1, WriterCrashes: 1, Crashes: 1, Redeliveries: 1},
		}, 3_500_000},
		{"shared flights, two Gets each, replica", Config{
			Readers: []Reader{{Process: 0, Gets: 2, Strict: true}, {Process: 0, Gets: 2, Strict: true}, {Process: 1, Gets: 1, Strict: true}},
			Writers: []Writer{{Process: 0}, {Process: Elsewhere}}, Replica: true,
			Faults: Faults{Evictions: 1},
		}, 15_000_000},
		{"outbox, everything once, with a replica", Config{
			Readers: apart(2, 1), Writers: oneThrough(), Outbox: true, GiveUp: true, Replica: true,
			Faults: Faults{LeaseLosses: 1, Evictions: 1, WriterCrashes: 2, RelayCrashes: 1, Redeliveries: 1},
		}, 9_000_000},
		{"strict, three readers", Config{
			Readers: apart(3, 1), Writers: strictlyThrough(2),
			Faults: Faults{Lapses: 1, Evictions: 1, WriterCrashes: 1},
		}, 4_500_000},
		{"strict and plain, three readers, giving up", Config{
			Readers: apart(3, 1), Writers: oneStrict(), GiveUp: true,
			Faults: Faults{Lapses: 1, Evictions: 1, WriterCrashes: 1},
		}, 5_500_000},
		{"strict and plain, outbox, eviction", Config{
			Readers: twoGetsAndOne(), Writers: oneStrict(), Outbox: true,
			Faults: Faults{Lapses: 1, Evictions: 1, WriterCrashes: 1},
		}, 1},
		{"strict, replica, everything once", Config{
			Readers: twoGetsAndOne(), Writers: strictlyThrough(2), Replica: true,
			Faults: Faults{Lapses: 1, Evictions: 1, Rollbacks: 1, WriterCrashes: 1},
		}, 4_800_000},
		{"strict and plain, replica, outbox, giving up", Config{
			Readers: apart(2, 1), Writers: oneStrict(), Replica: true, Outbox: true, GiveUp: true,
			Faults: Faults{Lapses: 1, Evictions: 1, WriterCrashes: 1, RelayCrashes: 1, Doubts: 1},
		}, 23_000_000},
		{"strict, memory, outbox", Config{
			Readers: sharingMemory(), Writers: []Writer{{Process: 0, Strict: true, Through: true}}, Memory: true, Outbox: true,
			Faults: Faults{Lapses: 1, Evictions: 1, WriterCrashes: 1, Disconnects: 1},
		}, 6_900_000},
		{"memory in two processes", Config{
			Readers: []Reader{{Process: 0, Gets: 1}, {Process: 0, Gets: 1, Strict: true}, {Process: 1, Gets: 1}},
			Writers: []Writer{{Process: 0}}, Memory: true,
			Faults: Faults{Evictions: 1, Disconnects: 1},
		}, 10_000_000},
		{"memory, two writers, disconnects, FLUSHALL", Config{
			Readers: sharingMemory(), Writers: []Writer{{Process: 0}, {Process: Elsewhere}}, Memory: true,
			Faults: Faults{Flushes: 1, Disconnects: 2},
		}, 12_000_000},
		{"memory, replica", Config{
			Readers: sharingMemory(), Writers: []Writer{{Process: 0}, {Process: Elsewhere}}, Memory: true, Replica: true,
			Faults: Faults{Evictions: 1, Disconnects: 1},
		}, 11_000_000},
	}
}

func TestProtocol_Holds(t *testing.T) {
	all := fleets()
	if os.Getenv("LARDER_MODEL") == "full" {
		all = append(all, bigFleets()...)
	}
	results := make([]*Result, len(all))
	t.Run("fleet", func(t *testing.T) {
		for i, f := range all {
			t.Run(f.name, func(t *testing.T) {
				t.Parallel()
				results[i] = holds(t, f)
			})
		}
	})
	if !t.Failed() {
		everythingHappens(t, results)
	}
}

// holds explores f and expects no property to be broken.
func holds(t *testing.T, f fleet) *Result {
	start := time.Now()
	r := check(t, f.cfg)
	t.Logf("%s: %d states, %d steps deep, %.2fs", f.name, r.States, r.Depth, time.Since(start).Seconds())
	if r.States < f.atLeast {
		t.Errorf("%d states, want at least %d: the model has lost steps", r.States, f.atLeast)
	}
	for p := range r.Traces {
		t.Errorf("%v is broken", p)
		logTrace(t, r, p)
	}
	return r
}

// everythingHappens expects each kind of step in at least one fleet.
func everythingHappens(t *testing.T, results []*Result) {
	var fired [endOfActs]int
	total := 0
	for _, r := range results {
		total += r.States
		for act, n := range r.fired {
			fired[act] += n
		}
	}
	t.Logf("%d states in all", total)
	for act := range endOfActs {
		if got, want := fired[act] > 0, act != loadAnyway && act != drawID; got != want {
			t.Errorf("%q happens: %t, want %t", act.phrase(), got, want)
		}
	}
}

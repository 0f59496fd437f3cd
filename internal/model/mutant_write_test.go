package model

// writeAblations are about writes that do more than invalidate.
func writeAblations() []ablation {
	return append(throughAblations(), append(outboxAblations(), intentAblations()...)...)
}

// throughAblations are about writes that put the value into the shared tier.
func throughAblations() []ablation {
	eviction := Faults{Evictions: 1}
	return []ablation{
		{"write-through without versions", Config{
			Mutant: throughUnversioned, Readers: apart(2, 1), Writers: through(2),
		}, ReadAfterAck | Monotonic | SharedTier},
		{"write-through over nothing", Config{
			Mutant: throughOverNothing, Readers: apart(2, 1), Writers: through(2), Faults: eviction,
		}, ReadAfterAck | Monotonic | SharedTier},
		{"no floor, write-through", Config{
			Mutant: noFloor, Readers: apart(2, 1), Writers: through(2), Replica: true,
		}, ReadAfterAck | SharedTier},
	}
}

// outboxAblations are about writers that die after COMMIT.
func outboxAblations() []ablation {
	crash := Faults{WriterCrashes: 1}
	return []ablation{
		{"no outbox", Config{
			Mutant: noOutbox, Readers: apart(1, 1), Writers: elsewhere(1), Outbox: true, Faults: crash,
		}, Repaired},
		{"row marked done before it is delivered", Config{
			Mutant: doneFirst, Readers: apart(1, 1), Writers: elsewhere(1), Outbox: true,
			Faults: Faults{WriterCrashes: 1, RelayCrashes: 1},
		}, Repaired},
		{"rows taken by id > last", Config{
			Mutant: afterLast, Readers: apart(1, 1), Writers: elsewhere(2), Outbox: true, Faults: crash,
		}, Repaired},
	}
}

// intentAblations are about strict updates.
func intentAblations() []ablation {
	eviction, crash := Faults{Evictions: 1}, Faults{WriterCrashes: 1}
	return []ablation{
		{"intent outside the row lock, before the UPDATE", Config{
			Mutant: intentEarly, Readers: apart(1, 1), Writers: strictlyThrough(2),
		}, Committed},
		{"intent after COMMIT", Config{
			Mutant: intentLate, Readers: apart(2, 1), Writers: strictly(1),
		}, Committed},
		{"intent keeps the lease", Config{
			Mutant: keepLease, Readers: apart(2, 1), Writers: strictly(1), Faults: eviction,
		}, ReadAfterAck | SharedTier | Committed},
		{"intent keeps the lease, fill over it", Config{
			Mutant: keepLease | fillOverIntent, Readers: apart(2, 1), Writers: strictly(1),
		}, Committed},
		{"invalidate replaces the intent", Config{
			Mutant: intentYields, Readers: apart(2, 1), Writers: strictly(2),
		}, Committed},
		{"invalidate replaces the lapsed intent", Config{
			Mutant: lapsedYields, Readers: apart(1, 1), Writers: strictly(2), Replica: true, Faults: crash,
		}, Committed},
		{"invalidate leaves the intent's floor", Config{
			Mutant: deafIntent, Readers: apart(1, 1), Writers: oneStrict(),
		}, ReadAfterAck | SharedTier},
		{"no floor, strict", Config{
			Mutant: noFloor, Readers: apart(2, 1), Writers: strictly(1), Replica: true,
		}, ReadAfterAck | Monotonic | SharedTier | Committed},
		{"lapsed intent is a tombstone", Config{
			Mutant: lapsedIsTombstone, Readers: apart(1, 1), Writers: strictly(1), Replica: true, Faults: crash,
		}, Committed},
		{"intent taken back is a tombstone", Config{
			Mutant: lapsedIsTombstone, Readers: apart(1, 1), Writers: strictly(2), Replica: true, Faults: Faults{Rollbacks: 1},
		}, Committed},
		{"intent without the floor, and a tombstone afterwards", Config{
			Mutant: intentForgets | lapsedIsTombstone, Readers: apart(2, 1), Writers: strictly(2), Replica: true,
			Faults: Faults{Rollbacks: 1},
		}, ReadAfterAck | Monotonic | SharedTier | Committed},
		{"read past an intent, no second look", Config{
			Mutant: noRecheck, Readers: apart(3, 1), Writers: strictly(1), Faults: eviction,
		}, Monotonic},
		{"read past an intent, floor not raised", Config{
			Mutant: bareRecheck, Readers: apart(2, 1), Writers: oneStrict(),
		}, Monotonic},
		{"read past an intent, joined before the second look", Config{
			Mutant: joinPast, Readers: twoAndOne()[:2], Writers: oneStrict(),
		}, ReadAfterAck | Committed},
		{"finish without a look at the id", Config{
			Mutant: finishAnyID, Readers: apart(1, 1), Writers: strictlyThrough(2),
		}, Committed},
		{"finish after an intent without an answer", Config{
			Mutant: finishUnanswered, Readers: apart(2, 1), Writers: strictly(2), Faults: crash,
		}, Committed},
		{"finish with a value below the floor", Config{
			Mutant: finishBelowFloor, Readers: apart(1, 1), Writers: oneStrict(),
		}, ReadAfterAck | SharedTier},
	}
}

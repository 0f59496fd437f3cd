package model

// faults adds the steps of the world around the fleet.
func (t *turn) faults() {
	t.replicate()
	t.loseLease()
	t.loseData()
	t.lapseIntent()
	t.flush()
	for w := range t.cfg.Writers {
		t.redeliver(w)
	}
	for p := range maxProcesses {
		if t.populated[p] {
			t.crash(p)
		}
	}
}

// replicate moves the replica on by one version. It is no fault, and not
// bounded; neither is how long it takes.
func (t *turn) replicate() {
	if t.cfg.Replica && t.s.replica < t.s.committed {
		t.step(replicate, 0, t.s.replica+1).replica++
	}
}

// loseLease lets the lease run out, or be evicted. That of a dead holder
// always runs out in the end.
func (t *turn) loseLease() {
	if t.s.lease == 0 {
		return
	}
	alive := t.s.readers[t.s.lease-1].phase.loads()
	if alive && t.s.left.LeaseLosses == 0 || t.without(leaseForever) {
		return
	}
	n := t.step(leaseLost, int(t.s.lease-1), 0)
	n.lease = 0
	if alive {
		n.left.LeaseLosses--
	}
}

// loseData lets the data key run out, or be evicted.
func (t *turn) loseData() {
	if t.s.left.Evictions == 0 || t.s.slot.kind == absent || t.held(t.s) {
		return
	}
	gone := [...]act{value: valueGone, tombstone: tombstoneGone, intent: intentGone, lapsed: intentGone}
	n := t.step(gone[t.s.slot.kind], 0, t.s.slot.version)
	t.rob(n)
	n.left.Evictions--
	t.vanish(n)
}

// flush removes both keys.
func (t *turn) flush() {
	if t.s.left.Flushes == 0 || t.held(t.s) || t.s.slot.kind == absent && t.s.lease == 0 {
		return
	}
	n := t.step(flush, 0, 0)
	n.left.Flushes--
	t.rob(n)
	n.lease = 0
	t.vanish(n)
}

// redeliver applies an acknowledged invalidation once more.
func (t *turn) redeliver(w int) {
	if t.s.left.Redeliveries == 0 || t.s.writers[w].phase != acknowledged && t.s.writers[w].row != done {
		return
	}
	floor := t.s.writers[w].version
	n := t.step(redeliver, w, floor)
	n.left.Redeliveries--
	t.invalidate(n, floor)
}

// crash kills process p while one of its readers loads. A FILL that has left
// it may still arrive.
func (t *turn) crash(p int) {
	if t.s.left.Crashes == 0 || !t.loadsIn(p) {
		return
	}
	n := t.step(crash, p, 0)
	n.left.Crashes--
	n.processes[p] = process{link: gone}
	for i := range t.readers {
		if t.process[i] != p {
			continue
		}
		r := &n.readers[i]
		if r.phase == loaded || r.phase == filling {
			*r = reader{phase: orphaned, version: r.version}
		} else {
			*r = reader{}
		}
	}
}

// loadsIn reports whether a reader in process p holds a lease.
func (t *turn) loadsIn(p int) bool {
	for i := range t.readers {
		if t.process[i] == p && t.s.readers[i].phase.loads() {
			return true
		}
	}
	return false
}

package model

// A load: lease, origin, fill. And what a reader does that gets no lease.

// serveLease answers the LEASE. The naive protocol has none and loads at once.
func (t *turn) serveLease(i int) {
	if t.without(noLease) {
		t.step(loadAnyway, i, 0).readers[i].phase = leased
		return
	}
	switch t.s.leaseReply() {
	case hit:
		t.find(leaseHit, i)
	case noEntry:
		t.step(leaseBarred, i, 0).readers[i].phase = barred
	case busy:
		t.step(leaseBusy, i, 0).readers[i].phase = waiting
	case granted:
		t.grant(i)
	}
}

// grant gives reader i the lease and tells it the floor.
func (t *turn) grant(i int) {
	floor := t.s.slot.version
	n := t.step(leaseGranted, i, floor)
	n.lease = uint8(1 + i)
	r := &n.readers[i]
	r.phase = leased
	if t.cfg.Unversioned {
		r.primary = t.s.slot.kind == tombstone
		return
	}
	r.primary = t.s.slot.kind == lapsed
	if t.comparesAtLoad() {
		r.floor = floor
	}
}

// load reads the origin. What it reads may be old by the time the fill
// arrives: that is what the lease is for.
func (t *turn) load(i int) {
	t.loadError(i)
	r := &t.s.readers[i]
	read, version := loadPrimary, t.s.committed
	if t.cfg.Replica && !r.primary {
		read, version = loadReplica, t.s.replica
	}
	n := t.step(read, i, version)
	if version < r.floor {
		n.readers[i].primary = true // the replica lags: once more, from the primary
		return
	}
	n.readers[i].phase = loaded
	n.readers[i].version = version
	n.readers[i].primary, n.readers[i].floor = false, 0
}

// sendFill sends the FILL.
func (t *turn) sendFill(i int) {
	if t.alone[i] {
		t.serveFill(i) // nobody could tell that it was sent before
		return
	}
	t.step(sendFill, i, t.s.readers[i].version).readers[i].phase = filling
}

// serveFill answers the FILL.
func (t *turn) serveFill(i int) {
	r := &t.s.readers[i]
	n := t.step(fillAccepted, i, r.version)
	accepted := t.fill(n, i)
	if !accepted {
		t.last().step.act = fillRefused
	}
	switch {
	case r.phase == orphaned:
		n.readers[i] = reader{}
	case accepted, t.without(noRetry):
		t.answer(n, i, r.version)
	default:
		n.readers[i].phase, n.readers[i].version = waiting, 0
	}
}

// loadError makes the load fail. The lease is released with its id, and the
// callers get the error.
func (t *turn) loadError(i int) {
	if t.s.left.LoadErrors == 0 {
		return
	}
	n := t.step(loadError, i, 0)
	n.left.LoadErrors--
	t.release(n, i)
	t.unlist(n, i)
	for j := range t.readers {
		if j == i || n.readers[j].leader == uint8(1+i) {
			n.readers[j].finish()
		}
	}
}

// giveUp ends the waiting with a read of the primary.
func (t *turn) giveUp(i int) {
	if !t.cfg.GiveUp {
		return
	}
	n := t.step(giveUp, i, 0)
	n.readers[i].phase = lastRead
	n.readers[i].inSession = false // it will not enter memory either
	t.unlist(n, i)
}

// readPrimary is the read of a reader that gave up. Its answer is in no cache,
// so that it must raise the floor to it: others may still hold an older value
// in their hands with a lease in order, and a Get after this one would get it.
func (t *turn) readPrimary(i int) {
	n := t.step(loadPrimary, i, t.s.committed)
	if t.without(bareLastRead) {
		t.answer(n, i, n.committed)
		return
	}
	n.readers[i].phase = raising
	n.readers[i].version = n.committed
}

// raise applies the invalidation of a reader that gave up.
func (t *turn) raise(i int) {
	version := t.s.readers[i].version
	n := t.step(raise, i, version)
	t.invalidate(n, version)
	t.answer(n, i, version)
}

// receive ends the flight of reader i. Memory's admission policy has its own
// mind: what may enter does so, or does not.
func (t *turn) receive(i int) {
	version := t.s.readers[i].version
	t.land(t.step(receive, i, version), i, version)
	if t.admissible(t.s, i) {
		n := t.step(admit, i, version)
		n.processes[t.process[i]].entry = version
		t.land(n, i, version)
	}
}

// land ends reader i's flight: it and all who joined it return.
func (t *turn) land(n *state, i int, version uint8) {
	t.unlist(n, i)
	for j := range t.readers {
		if n.readers[j].leader == uint8(1+i) {
			t.complete(n, j, version)
		}
	}
	t.complete(n, i, version)
}

// complete returns version to the caller of reader i.
func (t *turn) complete(n *state, i int, version uint8) {
	t.last().broken |= t.judge(n, i, version)
	n.readers[i].finish()
}

// finish ends a Get.
func (r *reader) finish() { *r = reader{left: r.left - 1} }

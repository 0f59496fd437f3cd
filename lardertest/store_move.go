package lardertest

import (
	"slices"
	"sync"
	"time"

	"github.com/larderdev/larder/store"
)

func moveTagsCases() []storeCase {
	return []storeCase{
		{"advances the sequence by one", moveAdvances},
		{"gives tags other identities, at the new number", moveHard},
		{"softly gives tags another soft identity, at the new number", moveSoft},
		{"again gives others again", moveAgain},
		{"leaves other tags alone", moveOthers},
		{"of absent tags advances the sequence all the same", moveAbsent},
		{"of no tags, or of one twice, advances the sequence by one", moveNothing},
		{"takes any bytes as a name", moveOddNames},
		{"leaves the life of tags as it was", moveLives},
		{"makes the sequence anew, with another epoch", moveEpoch},
		{"by many at once gives each a number of its own", moveRace},
		{"is one step for all its tags", moveAtomic},
		{"takes its place among other operations", moveBatch},
	}
}

// moveTags invalidates tags and returns the sequence.
func (t *trial) moveTags(soft bool, tags ...string) store.Record {
	t.Helper()
	reply := t.want(store.MoveTags{Tags: tags, Nonce: t.nonce(), Life: long, Soft: soft}, store.Done)
	if reply.Record.Kind != store.Identity || len(reply.Record.Body) == 0 {
		t.Errorf("the sequence is %+v, want an identity with an epoch", reply.Record)
	}
	return reply.Record
}

// wantAdvanced checks that the sequence has moved by one and no more.
func (t *trial) wantAdvanced(before, after store.Record) {
	t.Helper()
	if after.Version != before.Version+1 || string(after.Body) != string(before.Body) {
		t.Errorf("the sequence was at %d of %q and is at %d of %q, want the next", before.Version, before.Body, after.Version, after.Body)
	}
	t.wantRecord(t.sequence(), after)
}

func moveAdvances(t *trial) {
	before := t.readTags().Record
	for _, soft := range []bool{false, true, false} {
		after := t.moveTags(soft, t.key())
		t.wantAdvanced(before, after)
		before = after
	}
}

func moveHard(t *trial) {
	a, b := t.key(), t.key()
	before := t.readTags(a, b)
	moved := t.moveTags(false, a, b)
	after := t.readTags(a, b)
	for i := range after.Tags {
		t.wantNew(before.Tags[i], after.Tags[i])
		t.wantAt(after.Tags[i], moved)
	}
}

func moveSoft(t *trial) {
	a, b := t.key(), t.key()
	before := t.readTags(a, b)
	moved := t.moveTags(true, a, b)
	after := t.readTags(a, b)
	for i, tag := range after.Tags {
		if tag.Hard != before.Tags[i].Hard || tag.Soft == before.Tags[i].Soft || tag.Soft == "" {
			t.Errorf("the tag was %+v and is %+v, want another soft identity alone", before.Tags[i], tag)
		}
		t.wantAt(tag, moved)
	}
}

// moveAgain: no identity comes twice.
func moveAgain(t *trial) {
	tag := t.key()
	seen := make(map[string]bool)
	hard := ""
	for i, soft := range []bool{true, true, false, true, false, false, true} {
		state := t.readTags(tag).Tags[0]
		if seen[state.Soft] || seen[state.Hard] && state.Hard != hard {
			t.Errorf("after %d moves an identity has come again: %+v", i, state)
		}
		seen[state.Soft], seen[state.Hard], hard = true, true, state.Hard
		t.moveTags(soft, tag)
		if !soft {
			hard = ""
			t.moveTags(true, tag) // it is absent
		}
	}
}

func moveOthers(t *trial) {
	tag, other := t.key(), t.key()
	before := t.readTags(other).Tags[0]
	t.readTags(tag)
	t.moveTags(false, tag)
	t.moveTags(true, tag)
	if after := t.readTags(other).Tags[0]; !sameTag(after, before) {
		t.Errorf("another tag was %+v and is %+v", before, after)
	}
}

func moveAbsent(t *trial) {
	before := t.readTags().Record
	for _, soft := range []bool{false, true} {
		tag := t.key()
		after := t.moveTags(soft, tag)
		t.wantAdvanced(before, after)
		t.wantAt(t.readTags(tag).Tags[0], after)
		before = after
	}
}

func moveNothing(t *trial) {
	before := t.readTags().Record
	tag := t.key()
	state := t.readTags(tag).Tags[0]
	after := t.moveTags(false)
	t.wantAdvanced(before, after)
	twice := t.moveTags(true, tag, tag)
	t.wantAdvanced(after, twice)
	if got := t.readTags(tag).Tags[0]; got.Hard != state.Hard || got.Soft == state.Soft {
		t.Errorf("the tag was %+v and is %+v, want another soft identity alone", state, got)
	}
	t.wantAdvanced(twice, t.moveTags(false, tag, tag))
	t.wantNew(state, t.readTags(tag).Tags[0])
}

func moveOddNames(t *trial) {
	names := t.oddNames()
	before := t.readTags(names...)
	for i, tag := range names {
		moved := t.moveTags(false, tag)
		after := t.readTags(tag).Tags[0]
		t.wantNew(before.Tags[i], after)
		t.wantAt(after, moved)
	}
}

// moveLives: Life is that of the sequence.
func moveLives(t *trial) {
	tag := t.key()
	state := t.readTags(tag).Tags[0]
	soft := t.want(store.MoveTags{Tags: []string{tag}, Nonce: t.nonce(), Life: time.Millisecond, Soft: true}, store.Done)
	before := t.readTags().Record
	t.wantRecord(before, soft.Record)
	t.outlive(short)
	if got := t.readTags(tag).Tags[0]; got.Hard != state.Hard {
		t.Errorf("the tag was %+v and is %+v, want another soft identity alone", state, got)
	}
	t.wantRecord(t.sequence(), before)
}

func moveEpoch(t *trial) {
	if !t.noSequence() {
		return
	}
	tag := t.key()
	move := store.MoveTags{Tags: []string{tag}, Nonce: t.nonce(), Life: short}
	start := time.Now()
	first := t.want(move, store.Done).Record
	t.eventually("the sequence ends", func() bool { return t.get(store.Sequence).Status == store.Absent })
	if took := time.Since(start); took < short-coarse {
		t.Errorf("a sequence for %v ended after %v", short, took)
	}
	second := t.moveTags(false, tag)
	if string(second.Body) == string(first.Body) {
		t.Errorf("the epoch is %q again", second.Body)
	}
	t.wantRecord(t.sequence(), second)
}

func moveRace(t *trial) {
	const movers = 8
	tag := t.key()
	before := t.readTags(tag)
	numbers := make([]uint64, movers)
	var wg sync.WaitGroup
	for i := range numbers {
		wg.Go(func() {
			op := store.MoveTags{Tags: []string{tag}, Nonce: t.nonce(), Life: long, Soft: i%2 == 0}
			numbers[i] = t.try(op).Record.Version
		})
	}
	wg.Wait()
	slices.Sort(numbers)
	for i, number := range numbers {
		if want := before.Record.Version + uint64(i) + 1; number != want {
			t.Errorf("the numbers are %d, want each once from %d on", numbers, before.Record.Version+1)
			break
		}
	}
}

// moveAtomic: tags that are always moved together are always at one number.
func moveAtomic(t *trial) {
	a, b, c := t.key(), t.key(), t.key()
	t.readTags(a, b, c)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range 200 {
			t.try(store.MoveTags{Tags: []string{a, b, c}, Nonce: t.nonce(), Life: long, Soft: i%4 != 0})
		}
	}()
	for moving := true; moving; {
		select {
		case <-done:
			moving = false
		default:
		}
		tags := t.readTags(c, a, b).Tags
		if tags[0].Number != tags[1].Number || tags[1].Number != tags[2].Number {
			t.Fatalf("tags that move together are at %d, %d and %d", tags[0].Number, tags[1].Number, tags[2].Number)
		}
	}
}

func moveBatch(t *trial) {
	key, tag := t.key(), t.key()
	before := t.readTags(tag)
	replies := t.store.Do(t.Context(), []store.Op{
		store.Lease{Key: key, ID: "a", For: long},
		store.MoveTags{Tags: []string{tag}, Nonce: t.nonce(), Life: long},
		fillOf(key, "a", 1, "body"),
		store.ReadTags{Tags: []string{tag}, Nonce: t.nonce(), Life: long},
		store.MoveTags{Tags: []string{tag}, Nonce: t.nonce(), Life: long, Soft: true},
		store.ReadTags{Tags: []string{tag}, Nonce: t.nonce(), Life: long},
	})
	for i, want := range []store.Status{store.Granted, store.Done, store.Done, store.Done, store.Done, store.Done} {
		t.wantAll(replies[i:i+1], want)
	}
	t.wantTags(replies[3], 1)
	t.wantTags(replies[5], 1)
	hard, soft := replies[3].Tags[0], replies[5].Tags[0]
	t.wantNew(before.Tags[0], hard)
	t.wantAt(hard, replies[1].Record)
	t.wantAt(soft, replies[4].Record)
	if hard.Hard != soft.Hard || hard.Soft == soft.Soft {
		t.Errorf("the tag was %+v and is %+v, want another soft identity alone", hard, soft)
	}
	got := t.store.Get(t.Context(), []string{key, store.Sequence, key})
	t.wantAll(got, store.Found)
	t.wantRecord(got[1].Record, replies[4].Record)
	t.wantRecord(got[2].Record, store.Record{Kind: store.Value, Version: 1, Body: []byte("body")})
}

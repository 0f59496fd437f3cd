package lardertest

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/larderdev/larder/store"
)

func readTagsCases() []storeCase {
	return []storeCase{
		{"makes tags that are absent, at the sequence", readTagsMakes},
		{"reads the same again", readTagsAgain},
		{"answers tag by tag, in order, also twice", readTagsSeveral},
		{"of no tags reads the sequence", readTagsNothing},
		{"takes any bytes as a name", readTagsOddNames},
		{"tells names apart", readTagsSimilarNames},
		{"of a thousand tags reads them all", readTagsThousand},
		{"makes tags live for its life", readTagsLives},
		{"lets tags that nobody reads end", readTagsEnds},
		{"of one tag by many at once makes it once", readTagsRace},
		{"of a tag without a name has an error and no effect", readTagsNameless},
		{"makes the sequence anew with another epoch", readTagsEpoch},
		{"leaves the slice of tags alone", readTagsSlice},
		{"tells how long ago a tag was made or invalidated", readTagsAge},
	}
}

// nonce returns one that nobody has used. Any goroutine may call it.
func (t *trial) nonce() string {
	return fmt.Sprintf("%s.%d", t.prefix, t.nonces.Add(1))
}

// readTags reads tags, and makes those that are absent, to stay.
func (t *trial) readTags(tags ...string) store.Reply {
	t.Helper()
	reply := t.want(store.ReadTags{Tags: tags, Nonce: t.nonce(), Life: long}, store.Done)
	t.wantTags(reply, len(tags))
	return reply
}

// wantTags checks that there are so many tags, whole ones, and the sequence.
func (t *trial) wantTags(reply store.Reply, n int) {
	t.Helper()
	if len(reply.Tags) != n {
		t.Fatalf("%d tags, want %d", len(reply.Tags), n)
	}
	for i, tag := range reply.Tags {
		if tag.Hard == "" || tag.Soft == "" || tag.Epoch == "" {
			t.Errorf("tag %d is not whole: %+v", i, tag)
		}
		if tag.Epoch == string(reply.Record.Body) && tag.Number > reply.Record.Version {
			t.Errorf("tag %d is at number %d, beyond the sequence's %d", i, tag.Number, reply.Record.Version)
		}
	}
	if reply.Record.Kind != store.Identity || len(reply.Record.Body) == 0 {
		t.Errorf("the sequence is %+v, want an identity with an epoch", reply.Record)
	}
}

// sequence reads the sequence, which must be there.
func (t *trial) sequence() store.Record {
	t.Helper()
	reply := t.get(store.Sequence)
	if reply.Status != store.Found || reply.Record.Kind != store.Identity || len(reply.Record.Body) == 0 {
		t.Fatalf("the sequence is %s, %+v, want an identity with an epoch", name(reply.Status), reply.Record)
	}
	return reply.Record
}

// wantAt checks that a tag was made or invalidated when the sequence was as in
// a record.
func (t *trial) wantAt(tag store.Tag, sequence store.Record) {
	t.Helper()
	if tag.Number != sequence.Version || tag.Epoch != string(sequence.Body) {
		t.Errorf("the tag is at %d of %q, want %d of %q", tag.Number, tag.Epoch, sequence.Version, sequence.Body)
	}
}

// wantNew checks that a tag's identities are both others.
func (t *trial) wantNew(before, after store.Tag) {
	t.Helper()
	if before.Hard == after.Hard || before.Soft == after.Soft {
		t.Errorf("the tag was %+v and is %+v, want other identities", before, after)
	}
}

func readTagsMakes(t *trial) {
	reply := t.readTags(t.key(), t.key())
	for _, tag := range reply.Tags {
		t.wantAt(tag, reply.Record)
	}
	t.wantRecord(t.sequence(), reply.Record)
}

func readTagsAgain(t *trial) {
	tag := t.key()
	first := t.readTags(tag)
	t.want(store.MoveTags{Tags: []string{t.key()}, Nonce: t.nonce(), Life: long}, store.Done)
	again := t.readTags(tag)
	if !sameTag(again.Tags[0], first.Tags[0]) {
		t.Errorf("the tag was %+v and is %+v", first.Tags[0], again.Tags[0])
	}
	if again.Record.Version != first.Record.Version+1 {
		t.Errorf("the sequence was at %d and is at %d after a move", first.Record.Version, again.Record.Version)
	}
}

// sameTag compares tags, whose age grows.
func sameTag(a, b store.Tag) bool {
	a.Age, b.Age = 0, 0
	return a == b
}

func readTagsAge(t *trial) {
	tag, other := t.key(), t.key()
	start := time.Now()
	for _, made := range t.readTags(tag, other).Tags {
		if made.Age < 0 || made.Age > time.Since(start)+time.Millisecond {
			t.Errorf("a tag that was just made is %v old", made.Age)
		}
	}
	<-time.After(2 * short)
	t.want(store.MoveTags{Tags: []string{other}, Nonce: t.nonce(), Life: long, Soft: true}, store.Done)
	tags := t.readTags(tag, other).Tags
	if age := tags[0].Age; age < short || age > time.Since(start)+time.Millisecond {
		t.Errorf("a tag made %v ago is %v old", time.Since(start), age)
	}
	if age := tags[1].Age; age > time.Since(start)-2*short+time.Millisecond {
		t.Errorf("a tag that was invalidated since is %v old", age)
	}
}

func readTagsSeveral(t *trial) {
	a, b, c := t.key(), t.key(), t.key()
	states := map[string]store.Tag{a: t.readTags(a).Tags[0], b: t.readTags(b).Tags[0]}
	names := []string{b, c, a, a, c, b}
	reply := t.readTags(names...)
	states[c] = reply.Tags[1]
	for i, tag := range names {
		if !sameTag(reply.Tags[i], states[tag]) {
			t.Errorf("tag %d is %+v, want %+v", i, reply.Tags[i], states[tag])
		}
	}
	t.wantNew(states[a], states[b])
}

func readTagsNothing(t *trial) {
	for _, tags := range [][]string{nil, {}} {
		reply := t.readTags(tags...)
		t.wantRecord(t.sequence(), reply.Record)
	}
}

// oddNames are names of tags that a store might stumble over.
func (t *trial) oddNames() []string {
	names := t.oddKeys()
	for _, odd := range []string{"@", "@@", "@{", "@}"} {
		names = append(names, odd+t.key())
	}
	return names
}

func readTagsOddNames(t *trial) {
	names := t.oddNames()
	states := make([]store.Tag, len(names))
	for i, tag := range names {
		states[i] = t.readTags(tag).Tags[0]
	}
	for i, tag := range t.readTags(names...).Tags {
		if !sameTag(tag, states[i]) {
			t.Errorf("tag %.60q is %+v, want %+v", names[i], tag, states[i])
		}
	}
	seen := make(map[string]bool)
	for i, tag := range states {
		if seen[tag.Hard] {
			t.Errorf("tag %.60q has the identity of another", names[i])
		}
		seen[tag.Hard] = true
	}
}

// readTagsSimilarNames: each name is read by itself, so that no two tags are of
// one nonce.
func readTagsSimilarNames(t *trial) {
	tag := t.key()
	state := t.readTags(tag).Tags[0]
	for _, other := range []string{
		tag + " ", " " + tag, tag + "\x00", strings.ToUpper(tag), tag[:len(tag)-1], tag + "}", "}" + tag, "{" + tag, "{}" + tag, "@" + tag,
	} {
		t.wantNew(state, t.readTags(other).Tags[0])
	}
	t.put(tag, 5, "a value under the name of a tag")
	t.want(store.Discard{Key: tag, Body: []byte("a value under the name of a tag")}, store.Done)
	if got := t.readTags(tag).Tags[0]; !sameTag(got, state) {
		t.Errorf("the tag was %+v and is %+v", state, got)
	}
}

func readTagsThousand(t *trial) {
	names := make([]string, 1000)
	for i := range names {
		names[i] = t.key()
	}
	first := t.readTags(names...)
	if again := t.readTags(names...); !slices.EqualFunc(again.Tags, first.Tags, sameTag) {
		t.Errorf("the tags are not the same again")
	}
	moved := t.want(store.MoveTags{Tags: names, Nonce: t.nonce(), Life: long}, store.Done)
	for i, tag := range t.readTags(names...).Tags {
		t.wantNew(first.Tags[i], tag)
		t.wantAt(tag, moved.Record)
	}
}

func readTagsLives(t *trial) {
	longer, shorter := t.key(), t.key()
	t.want(store.ReadTags{Tags: []string{longer}, Nonce: t.nonce(), Life: 10 * short}, store.Done)
	before := t.readTags(longer, shorter)
	t.want(store.ReadTags{Tags: []string{shorter}, Nonce: t.nonce(), Life: time.Millisecond}, store.Done)
	t.outlive(11 * short)
	if after := t.readTags(longer, shorter); !slices.EqualFunc(after.Tags, before.Tags, sameTag) {
		t.Errorf("the tags were %+v and are %+v", before.Tags, after.Tags)
	}
	t.wantRecord(t.sequence(), before.Record)
}

// readTagsEnds: a store need not have a tag end at once, but must not keep it
// for ever.
func readTagsEnds(t *trial) {
	read := store.ReadTags{Tags: []string{t.key()}, Life: time.Millisecond}
	read.Nonce = t.nonce()
	first := t.want(read, store.Done).Tags[0]
	pause := short
	t.eventually("a tag ends", func() bool {
		t.outlive(pause)
		pause *= 2
		read.Nonce = t.nonce()
		tag := t.want(read, store.Done).Tags[0]
		if !sameTag(tag, first) {
			t.wantNew(first, tag)
		}
		return !sameTag(tag, first)
	})
}

func readTagsRace(t *trial) {
	for range 20 {
		tag := t.key()
		states := make([]store.Tag, 8)
		var wg sync.WaitGroup
		for i := range states {
			wg.Go(func() {
				if reply := t.try(store.ReadTags{Tags: []string{tag}, Nonce: t.nonce(), Life: long}); len(reply.Tags) == 1 {
					states[i] = reply.Tags[0]
				}
			})
		}
		wg.Wait()
		if same := slices.Repeat(states[:1], len(states)); states[0].Hard == "" || !slices.EqualFunc(states, same, sameTag) {
			t.Fatalf("one tag is %+v", states)
		}
	}
}

func readTagsNameless(t *trial) {
	before := t.readTags().Record
	other := t.key()
	state := t.readTags(other).Tags[0]
	for _, op := range []store.Op{
		store.ReadTags{Tags: []string{""}, Nonce: t.nonce(), Life: long},
		store.MoveTags{Tags: []string{other, ""}, Nonce: t.nonce(), Life: long},
		store.MoveTags{Tags: []string{"", other}, Nonce: t.nonce(), Life: long, Soft: true},
	} {
		if reply := t.store.Do(t.Context(), []store.Op{op})[0]; reply.Err == nil {
			t.Errorf("%s: no error, though a tag has no name", describe(op))
		}
	}
	if got := t.readTags(other).Tags[0]; !sameTag(got, state) {
		t.Errorf("another tag of the operation was %+v and is %+v", state, got)
	}
	t.wantRecord(t.sequence(), before)
}

// noSequence sees to it that the sequence is absent, if it can.
func (t *trial) noSequence() bool {
	t.Helper()
	if flusher, ok := t.store.(Flusher); ok {
		flusher.Flush()
	}
	if t.get(store.Sequence).Status == store.Absent {
		return true
	}
	t.Log("the sequence is there, and this store cannot be flushed: nothing to check")
	return false
}

func readTagsEpoch(t *trial) {
	if !t.noSequence() {
		return
	}
	tag := t.key()
	read := store.ReadTags{Tags: []string{tag}, Nonce: t.nonce(), Life: short}
	start := time.Now()
	first := t.want(read, store.Done)
	t.wantTags(first, 1)
	t.eventually("the sequence ends", func() bool { return t.get(store.Sequence).Status == store.Absent })
	if took := time.Since(start); took < short-coarse {
		t.Errorf("a sequence for %v ended after %v", short, took)
	}
	second := t.readTags(tag)
	if string(second.Record.Body) == string(first.Record.Body) {
		t.Errorf("the epoch is %q again", second.Record.Body)
	}
	t.wantAt(t.readTags(t.key()).Tags[0], second.Record)
}

func readTagsSlice(t *trial) {
	tags := []string{t.key(), t.key()}
	before := slices.Clone(tags)
	t.readTags(tags...)
	t.want(store.MoveTags{Tags: tags, Nonce: t.nonce(), Life: long}, store.Done)
	if !slices.Equal(tags, before) {
		t.Errorf("the names were %q and are %q", before, tags)
	}
}

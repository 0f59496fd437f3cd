package larder

import (
	"testing"
	"time"

	"github.com/larderdev/larder/localstore"
	"github.com/larderdev/larder/store"
)

// Between the judgement of a value's tags and its entry in memory, a tag may be
// invalidated without the tier's acknowledgement, or its node be replaced, and
// another Get ask for the tag anew.
func TestTagBook_WhatMemoryLooksAtIsWhatWasJudged(t *testing.T) {
	s := localstore.New(localstore.Options{})
	defer s.Close()
	l, err := Open(t.Context(), Options{Policies: map[string]Policy{"user": {TTL: time.Hour}}, Shared: s, Hold: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	l.cancel() // nothing is delivered, and the test is the only watch
	l.tasks.Wait()
	judged := l.sessionOf(store.Sequence)
	ask := func() (marks []mark) {
		tags, err := l.tags.read(t.Context(), map[string]struct{}{"summer": {}})
		if err != nil {
			t.Fatal(err)
		}
		tag := tags["summer"]
		return []mark{{Name: "summer", Hard: tag.hard, Soft: tag.soft}}
	}
	marks := ask()
	if l.tags.entryTags(judged, marks, nil) == nil {
		t.Fatal("a tag that is known is not")
	}
	l.pending.add([]change{{text: store.TagKey("summer")}})
	l.changed(store.TagKey("summer"))
	ask()
	if e := l.tags.entryTags(judged, marks, nil); e != nil && e.unmoved() {
		t.Error("memory takes a value whose tag waits to be invalidated")
	}
	for text, w := range l.pending.keys {
		l.pending.settle(text, w.number)
	}
	l.sessions.Reset(s.Node(store.Sequence))
	ask()
	if e := l.tags.entryTags(judged, marks, nil); e != nil && e.session != judged {
		t.Error("memory takes a value by tags that were read in a later session")
	}
}

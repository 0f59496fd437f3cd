package localstore

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/larderdev/larder/store"
)

// The tags, and their sequence. They are entries like those of values, under
// keys that no value has: the sequence's is [store.Sequence], with its number
// and epoch as the version and body; a tag's is [store.TagKey].

var (
	errTagKey = errors.New("localstore: the key is one of the tags', not of values")
	errNoName = errors.New("localstore: a tag has no name")
)

// tagsOnly reports whether key is one under which no value is kept.
func tagsOnly(key string) bool { return strings.HasPrefix(key, store.Sequence) }

// runTags does one operation on tags; seq is the sequence's entry. Anything
// else that is for the key of a tag is refused.
func (s *Store) runTags(op store.Op, seq *entry, now time.Time) store.Reply {
	switch op := op.(type) {
	case store.ReadTags:
		return s.readTags(op, seq, now)
	case store.MoveTags:
		return s.moveTags(op, seq, now)
	case store.Lease, store.Fill, store.Renew, store.Release, store.Invalidate, store.Discard,
		store.WriteThrough, store.Intend, store.Finish:
		return store.Reply{Err: errTagKey}
	}
	return unknown(op)
}

func (s *Store) readTags(op store.ReadTags, seq *entry, now time.Time) store.Reply {
	if slices.Contains(op.Tags, "") {
		return store.Reply{Err: errNoName}
	}
	end := now.Add(life(op.Life))
	s.keepSequence(seq, op.Nonce, end)
	tags := make([]store.Tag, len(op.Tags))
	for i, name := range op.Tags {
		e := s.open(store.TagKey(name), now)
		if e.data.Kind == 0 {
			s.setTag(e, store.Tag{Hard: op.Nonce, Soft: op.Nonce}, seq, end)
			e.moved = now
		}
		e.dataEnd = later(e.dataEnd, end)
		tags[i] = e.tag
		tags[i].Age = now.Sub(e.moved)
		s.settle(e)
	}
	return store.Reply{Status: store.Done, Record: seq.data, Tags: tags}
}

func (s *Store) moveTags(op store.MoveTags, seq *entry, now time.Time) store.Reply {
	if slices.Contains(op.Tags, "") {
		return store.Reply{Err: errNoName}
	}
	s.keepSequence(seq, op.Nonce, now.Add(life(op.Life)))
	next := seq.data
	next.Version++
	s.set(seq, next, seq.dataEnd)
	for _, name := range op.Tags {
		e := s.open(store.TagKey(name), now)
		switch {
		case e.data.Kind == 0:
			continue // what carries it is invalid already
		case op.Soft:
			soft := fmt.Sprintf("%s.%d", op.Nonce, next.Version)
			s.setTag(e, store.Tag{Hard: e.tag.Hard, Soft: soft}, seq, e.dataEnd)
			e.moved = now
		default:
			s.unset(e)
		}
		s.settle(e)
	}
	return store.Reply{Status: store.Done, Record: next}
}

// keepSequence makes the sequence if it is absent, and has it live until end.
func (s *Store) keepSequence(seq *entry, nonce string, end time.Time) {
	if seq.data.Kind == 0 {
		s.set(seq, store.Record{Kind: store.Identity, Body: []byte(nonce)}, end)
	}
	seq.dataEnd = later(seq.dataEnd, end)
}

// setTag gives a tag its state, at the sequence's present number.
func (s *Store) setTag(e *entry, tag store.Tag, seq *entry, end time.Time) {
	tag.Number, tag.Epoch = seq.data.Version, string(seq.data.Body)
	e.tag = tag
	s.set(e, store.Record{Kind: store.Identity}, end)
}

package larder

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"github.com/larderdev/larder/internal/envelope"
	"github.com/larderdev/larder/store"
)

const (
	maxTag     = 200 // bytes of a tag's name
	maxTagsOf  = 64  // tags of one value
	keyInTag   = "{key}"
	identities = 12 // bytes kept of a tag's identity
)

// checkTag returns [ErrInvalidTag] if no tag can be called so.
func checkTag(tag string) error {
	switch {
	case tag == "":
		return fmt.Errorf("%w: it is empty", ErrInvalidTag)
	case len(tag) > maxTag:
		return fmt.Errorf("%w: %s is %d bytes long, want %d at most", ErrInvalidTag, short(tag), len(tag), maxTag)
	}
	return nil
}

// A mark is a tag as a value carries it: with the identities that it had
// before the value was read from the origin. The value is valid while they are
// the tag's.
type mark struct {
	name       string
	hard, soft identity
}

// identity is the digest of a tag's identity: enough to tell two apart, and
// always of the same small size.
type identity [identities]byte

func digest(s string) (d identity) {
	sum := sha256.Sum256([]byte(s))
	copy(d[:], sum[:])
	return d
}

// appendMarks puts marks before a payload:
//
//	number of marks, then for each: length, name, hard, soft
func appendMarks(b []byte, marks []mark) []byte {
	b = binary.AppendUvarint(b, uint64(len(marks)))
	for i := range marks {
		b = binary.AppendUvarint(b, uint64(len(marks[i].name)))
		b = append(b, marks[i].name...)
		b = append(b, marks[i].hard[:]...)
		b = append(b, marks[i].soft[:]...)
	}
	return b
}

// cutMarks is the reverse of appendMarks. It returns envelope.ErrCorrupt for
// bytes that appendMarks has not written.
func cutMarks(b []byte) (marks []mark, payload []byte, err error) {
	count, b, ok := cutNumber(b)
	if !ok || count > maxTagsOf {
		return nil, nil, envelope.ErrCorrupt
	}
	marks = make([]mark, count)
	for i := range marks {
		size, rest, ok := cutNumber(b)
		if !ok || size > maxTag || uint64(len(rest)) < size+2*identities {
			return nil, nil, envelope.ErrCorrupt
		}
		m := &marks[i]
		m.name, b = string(rest[:size]), rest[size:]
		b = b[copy(m.hard[:], b):]
		b = b[copy(m.soft[:], b):]
	}
	return marks, b, nil
}

func cutNumber(b []byte) (n uint64, rest []byte, ok bool) {
	n, size := binary.Uvarint(b)
	if size <= 0 {
		return 0, nil, false
	}
	return n, b[size:], true
}

// tagged reports whether values of the class carry tags.
func (c *Cache[K, V]) tagged() bool { return len(c.policy.Tags) > 0 || c.loader.Tags != nil }

// keyTags returns the tags that a value under text carries whatever it is.
func (c *Cache[K, V]) keyTags(text string) []string {
	if len(c.policy.Tags) == 0 {
		return nil
	}
	tags := make([]string, 0, len(c.policy.Tags))
	inner := text[len(c.class.name)+1:]
	for _, tag := range c.policy.Tags {
		tag = strings.ReplaceAll(tag, keyInTag, inner)
		switch {
		case tag == "": // of an empty key: nobody can name it, and the tier refuses it
			continue
		case len(tag) > maxTag: // of a long key
			tag = fmt.Sprintf("%x", sha256.Sum256([]byte(tag)))
		}
		tags = append(tags, tag)
	}
	return tags
}

// valueTags returns the tags that Loader.Tags gives, without those in before.
func (c *Cache[K, V]) valueTags(key K, value V, before []string) (tags []string, err error) {
	if c.loader.Tags == nil {
		return nil, nil
	}
	err = guard(func() error {
		for _, tag := range c.loader.Tags(key, value) {
			if err := checkTag(tag); err != nil {
				return err
			}
			if !slices.Contains(before, tag) && !slices.Contains(tags, tag) {
				tags = append(tags, tag)
			}
		}
		if n := len(before) + len(tags); n > maxTagsOf {
			return fmt.Errorf("a value has %d tags, want %d at most", n, maxTagsOf)
		}
		return nil
	})
	return tags, err
}

// sequence is the state of the tags' sequence. Its zero value is that of one
// that is absent.
type sequence struct {
	number uint64
	epoch  string
}

func sequenceOf(r store.Record) sequence {
	if r.Kind != store.Identity {
		return sequence{}
	}
	return sequence{number: r.Version, epoch: string(r.Body)}
}

// moved reports whether a tag, as it was when the sequence stood at asOf, may
// have been invalidated since the sequence stood at s. Where it cannot be known
// the answer is yes: that costs a load.
func (s sequence) moved(tag *tagCopy) bool {
	if s.epoch == "" || tag.asOf.epoch != s.epoch {
		return true
	}
	// A tag of another epoch was there before this one began.
	return tag.epoch == s.epoch && tag.number > s.number
}

// verdict is what the tags of a value say of it.
type verdict uint8

const (
	tagsUnknown verdict = iota // some must be asked for
	tagsValid
	tagsSoft // one was invalidated softly
	tagsGone // one was invalidated
)

// judge compares marks with what the process knows of their tags: with what it
// has just read, or else with its copies. exact wants these to be known as of
// the sequence's state at, otherwise the pushes will do. Tags that must be
// asked for are added to missing, if that is not nil.
func (b *tagBook) judge(marks []mark, exact bool, at sequence, read map[string]tagCopy, missing map[string]struct{}) verdict {
	v := tagsValid
	for i := range marks {
		m := &marks[i]
		if b.l.pending.has(store.TagKey(m.name)) {
			return tagsGone
		}
		tag, ok := read[m.name]
		if !ok {
			tag, ok = b.known(m.name, exact, at)
		}
		switch {
		case !ok:
			v = tagsUnknown
			if missing != nil {
				missing[m.name] = struct{}{}
			}
		case tag.hard != m.hard:
			return tagsGone
		case tag.soft != m.soft && v == tagsValid:
			v = tagsSoft
		}
	}
	return v
}

package larder

import (
	"fmt"
	"slices"

	"github.com/larderdev/larder/internal/tagmark"
	"github.com/larderdev/larder/store"
)

const (
	maxTag    = tagmark.MaxName
	maxTagsOf = tagmark.MaxMarks
	keyInTag  = tagmark.InTag
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
type (
	mark     = tagmark.Mark
	identity = tagmark.Identity
)

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
		// Of an empty key it may be empty: nobody can name it, and the tier refuses it.
		if tag = tagmark.Name(tag, inner); tag != "" {
			tags = append(tags, tag)
		}
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
		if b.l.pending.has(store.TagKey(m.Name)) {
			return tagsGone
		}
		tag, ok := read[m.Name]
		if !ok {
			tag, ok = b.known(m.Name, exact, at)
		}
		switch {
		case !ok:
			v = tagsUnknown
			if missing != nil {
				missing[m.Name] = struct{}{}
			}
		case tag.hard != m.Hard:
			return tagsGone
		case tag.soft != m.Soft && v == tagsValid:
			v = tagsSoft
		}
	}
	return v
}

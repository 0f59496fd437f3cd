package larder

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"

	"github.com/larderdev/larder/internal/keytext"
	"github.com/larderdev/larder/store"
)

// Invalidate says that the values under keys are wrong. Once it has returned
// nil, no strict Get that starts later, in any process, returns an older
// value; this process's memory forgets them at once, the others' within a
// push's delay and never later than MaxStaleness.
//
// It does not stop at ctx's end, since what was committed must be said; it
// returns within SharedTimeout, for each 500 keys. A [PendingError] means that
// the shared tier has not acknowledged all keys. A key that has no text form is
// an error too; the others are invalidated all the same.
func (c *Cache[K, V]) Invalidate(ctx context.Context, keys ...K) error {
	return c.invalidateKeys(ctx, keys, false)
}

// SoftInvalidate says that the values under keys are outdated, but may be served
// until one load in the fleet has replaced them, which the next Get begins.
// After it a Get, a strict one too, may return the older value, marked as stale, and
// never longer than its TTL and stale windows allow. It returns what Invalidate
// returns. In a class that only memory keeps, other processes take it for an
// Invalidate.
func (c *Cache[K, V]) SoftInvalidate(ctx context.Context, keys ...K) error {
	return c.invalidateKeys(ctx, keys, true)
}

func (c *Cache[K, V]) invalidateKeys(ctx context.Context, keys []K, soft bool) error {
	if !c.l.beginWrite() {
		return ErrClosed
	}
	defer c.l.writes.Done()
	var bad error
	changes := make([]change, 0, len(keys))
	for _, key := range keys {
		text, err := c.text(key)
		if err != nil {
			bad = errors.Join(bad, err)
			continue
		}
		changes = append(changes, change{text: text, soft: soft})
	}
	if soft && c.l.store == nil {
		c.softenAll(keys, changes)
	}
	err := errors.Join(c.l.invalidate(ctx, c.class, changes), bad)
	if c.mem != nil && !(soft && c.l.store == nil) {
		for _, key := range keys {
			c.mem.Delete(key)
		}
	}
	c.rebuild(keys)
	return err
}

// InvalidateTags says that every value that carries one of tags is wrong. It
// takes one round trip, for each 500 tags, however many values there are. Once
// it has returned nil, no strict Get that starts later, in any process, returns
// a value that was read from the origin before; this process's memory forgets
// them at once, the others' within a push's delay and never later than
// MaxStaleness.
//
// It does not stop at ctx's end. A [PendingError] means that the shared tier has
// not acknowledged all tags. An empty tag, or one longer than 200 bytes, is an
// error; the others are invalidated all the same.
func (l *Larder) InvalidateTags(ctx context.Context, tags ...string) error {
	return l.invalidateTags(ctx, tags, false)
}

// SoftInvalidateTags says that every value that carries one of tags is outdated,
// but may be served until one load in the fleet has replaced it; see
// [Cache.SoftInvalidate]. Otherwise it is like InvalidateTags.
func (l *Larder) SoftInvalidateTags(ctx context.Context, tags ...string) error {
	return l.invalidateTags(ctx, tags, true)
}

func (l *Larder) invalidateTags(ctx context.Context, tags []string, soft bool) error {
	if !l.beginWrite() {
		return ErrClosed
	}
	defer l.writes.Done()
	var bad error
	changes := make([]change, 0, len(tags))
	for _, tag := range tags {
		if err := checkTag(tag); err != nil {
			bad = errors.Join(bad, err)
			continue
		}
		changes = append(changes, change{text: store.TagKey(tag), soft: soft})
	}
	return errors.Join(l.invalidate(ctx, nil, changes), bad)
}

// A change is one thing that is to be invalidated: a key's text, or the key of a
// tag.
type change struct {
	text  string
	floor uint64
	soft  bool
}

func (c *change) tag() (name string, ok bool) { return store.TagOf(c.text) }

// both returns the floor of two changes of one text: the higher one, or none if
// one of them has none and wants whatever is stored gone.
func both(a, b uint64) uint64 {
	if a == 0 || b == 0 {
		return 0
	}
	return max(a, b)
}

// acknowledged returns those changes for which there is no error.
func acknowledged(changes []change, errs []error) (sent []change) {
	for i, err := range errs {
		if err == nil {
			sent = append(sent, changes[i])
		}
	}
	return sent
}

// invalidate tells the shared tier, then this process, then those who listen. cl
// is the class of the changes that are keys, nil for tags.
func (l *Larder) invalidate(ctx context.Context, cl *class, changes []change) error {
	errs := make([]error, len(changes))
	if l.store != nil {
		errs = l.sendChanges(ctx, changes)
	}
	return l.spread(ctx, cl, changes, errs)
}

// spread tells this process and those who listen what was changed in the shared
// tier. errs[i] says why changes[i] was not acknowledged, and becomes pending.
func (l *Larder) spread(ctx context.Context, cl *class, changes []change, errs []error) error {
	var unsent []change
	var cause error
	for i, err := range errs {
		if err != nil {
			unsent, cause = append(unsent, changes[i]), err
		}
	}
	// Not trusted before the stamps move: a flight that misses the one sees
	// the other.
	dropped := 0
	if len(unsent) > 0 {
		dropped = l.pending.add(unsent)
	}
	l.changedHere(changes)
	name := "tags"
	if cl != nil {
		name = cl.name
		cl.stats.invalidations.Add(uint64(len(changes)))
	}
	var err error
	if len(unsent) > 0 {
		err = &PendingError{Class: name, Pending: len(unsent) - dropped, Dropped: dropped, Err: cause}
	}
	err = errors.Join(err, l.announce(ctx, acknowledged(changes, errs)))
	if hook := l.opts.Hooks.Invalidated; hook != nil {
		hook(ctx, name, len(changes), err)
	}
	return err
}

// changedHere makes this process forget what changes have outdated. Without a
// shared tier a soft one is done in memory: its entries stay, and are stale.
func (l *Larder) changedHere(changes []change) {
	var tags []string
	for i := range changes {
		if tag, ok := changes[i].tag(); ok {
			tags = append(tags, tag)
		} else if cl := l.classOf(changes[i].text); cl != nil {
			cl.keep.invalidated(changes[i].text)
		}
	}
	soft := l.store == nil && len(changes) > 0 && changes[0].soft
	var moved map[string]stamp
	if soft {
		moved = l.moveSoftly(tags)
	}
	var after []func()
	if len(tags) > 0 {
		l.eachClass(func(cl *class) { after = append(after, cl.keep.tagsMove(tags, moved)) })
	}
	if !soft {
		if len(tags) > 0 {
			l.changed(store.Sequence)
		}
		for i := range changes {
			l.changed(changes[i].text)
		}
	}
	for _, rebuild := range after {
		rebuild()
	}
}

// moveSoftly notes that tags were invalidated softly, where there is no shared
// tier, so that no load that began before is kept. What is in memory then takes
// the stamps that it returns, by the keys of tags.
func (l *Larder) moveSoftly(tags []string) (moved map[string]stamp) {
	moved = make(map[string]stamp, len(tags))
	for _, tag := range tags {
		key := store.TagKey(tag)
		if _, twice := moved[key]; !twice {
			moved[key] = l.changed(key)
		}
	}
	if len(tags) > 0 {
		l.changed(store.Sequence)
	}
	return moved
}

// classOf returns the class of a key's text, nil if it has no cache here.
func (l *Larder) classOf(text string) *class {
	name, _ := keytext.Split(text)
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.classes[name]
}

// sendChanges tells the shared tier, and returns an error for each change that
// it has not acknowledged.
func (l *Larder) sendChanges(ctx context.Context, changes []change) []error {
	var ops []store.Op
	var of [][]int // the changes that ops[i] is for
	tags := map[bool]int{}
	for i := range changes {
		tag, ok := changes[i].tag()
		if !ok {
			ops = append(ops, store.Invalidate{
				Key: changes[i].text, Floor: changes[i].floor, Hold: l.opts.Hold, Soft: changes[i].soft,
			})
			of = append(of, []int{i})
			continue
		}
		at, begun := tags[changes[i].soft]
		if !begun || len(of[at]) >= requestKeys {
			at = len(ops)
			tags[changes[i].soft] = at
			ops = append(ops, store.MoveTags{Nonce: rand.Text(), Life: l.tags.life, Soft: changes[i].soft})
			of = append(of, nil)
		}
		move := ops[at].(store.MoveTags)
		move.Tags = append(move.Tags, tag)
		ops[at], of[at] = move, append(of[at], i)
	}
	errs := make([]error, len(changes))
	for at, r := range l.do(ctx, ops) {
		for _, i := range of[at] {
			errs[i] = r.Err
		}
	}
	return errs
}

// Invalidation tells those who listen what was invalidated: keys of one class,
// or tags.
type Invalidation struct {
	// Class is the class of Keys, "" for tags.
	Class string
	// Keys holds the text forms of keys. That of a key of more than 200 bytes
	// is a digest.
	Keys []string
	// Tags holds the names of tags.
	Tags []string
	// Soft says that the older values may still be served for a while.
	Soft bool
}

// announce calls OnInvalidate for what the shared tier has acknowledged.
func (l *Larder) announce(ctx context.Context, changes []change) error {
	if l.opts.OnInvalidate == nil {
		return nil
	}
	var all []Invalidation
	for i := range changes {
		c := &changes[i]
		class, key := "", ""
		tag, isTag := c.tag()
		if !isTag {
			class, key = keytext.Split(c.text)
		}
		at := slices.IndexFunc(all, func(inv Invalidation) bool { return inv.Class == class && inv.Soft == c.soft })
		if at < 0 {
			at = len(all)
			all = append(all, Invalidation{Class: class, Soft: c.soft})
		}
		if isTag {
			all[at].Tags = append(all[at].Tags, tag)
		} else {
			all[at].Keys = append(all[at].Keys, key)
		}
	}
	var errs []error
	for _, inv := range all {
		errs = append(errs, guard(func() error { return l.opts.OnInvalidate(ctx, inv) }))
	}
	return errors.Join(errs...)
}

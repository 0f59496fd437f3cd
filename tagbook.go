package larder

import (
	"context"
	"crypto/rand"
	"maps"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/larderdev/larder/internal/tagmark"
	"github.com/larderdev/larder/store"
)

// maxCopies bounds the tags that a process knows the state of. One that has to
// make room costs a round trip when it is met again.
const maxCopies = 100_000

// tagBook is what the process knows of the fleet's tags. A copy is as good as
// a value in memory: it may be used while its stamp is current and its session
// lives; or, by those who may not rely on pushes, while the sequence that they
// have just read stands where it stood when the copy was read.
type tagBook struct {
	l    *Larder
	life time.Duration // of a tag, from its latest use on: longer than any value

	mu sync.Mutex
	of map[string]tagCopy
}

// tagCopy is a tag's state as it was read.
type tagCopy struct {
	hard, soft identity
	number     uint64
	epoch      string
	moved      int64 // local time of the last invalidation, or later
	asOf       sequence
	stamp      stamp
	session    *session
}

// known returns the copy of a tag if it may be relied on.
func (b *tagBook) known(name string, exact bool, at sequence) (tagCopy, bool) {
	b.mu.Lock()
	tag, ok := b.of[name]
	b.mu.Unlock()
	if !ok || !tag.stamp.current() || tag.session != b.l.sessionOf(store.Sequence) {
		return tag, false
	}
	if exact {
		return tag, at.epoch != "" && tag.asOf == at
	}
	return tag, b.l.clock.Bound() < tag.session.until.Load()
}

// tagQuestion is an operation that reads tags, with what must be noted before it
// is sent.
type tagQuestion struct {
	op      store.ReadTags
	stamps  []stamp
	session *session
}

// question prepares to read tags. The answer goes to learn.
func (b *tagBook) question(names []string) tagQuestion {
	q := tagQuestion{
		op:      store.ReadTags{Tags: names, Nonce: rand.Text(), Life: b.life},
		stamps:  make([]stamp, len(names)),
		session: b.l.sessionOf(store.Sequence),
	}
	for i, name := range names {
		q.stamps[i] = b.l.stamps.note(store.TagKey(name))
	}
	return q
}

// local answers a question where there is no shared tier: no other process can
// invalidate a tag, so that its stamp says all.
func (b *tagBook) local(q *tagQuestion) map[string]tagCopy {
	tags := make(map[string]tagCopy, len(q.op.Tags))
	now := b.l.now()
	for i, name := range q.op.Tags {
		tag := tagCopy{moved: math.MinInt64, stamp: q.stamps[i], session: q.session}
		if b.l.stamps.since(store.TagKey(name), now-int64(b.l.opts.Hold)) {
			tag.moved = now
		}
		tags[name] = tag
	}
	return tags
}

// recent reports whether the origin's replicas may not have heard of tag's last
// invalidation.
func (b *tagBook) recent(tag *tagCopy) bool { return tag.moved > b.l.now()-int64(b.l.opts.Hold) }

// learn keeps the answer to a question, and returns the sequence and the tags.
func (b *tagBook) learn(q *tagQuestion, r *store.Reply) (at sequence, tags map[string]tagCopy) {
	at = sequenceOf(r.Record)
	tags = make(map[string]tagCopy, len(q.op.Tags))
	now := b.l.now()
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, name := range q.op.Tags[:min(len(q.op.Tags), len(r.Tags))] {
		t := &r.Tags[i]
		tag := tagCopy{
			hard: tagmark.Digest(t.Hard), soft: tagmark.Digest(t.Soft), number: t.Number, epoch: t.Epoch, moved: now - int64(t.Age),
			asOf: at, stamp: q.stamps[i], session: q.session,
		}
		tags[name] = tag
		if !r.Elsewhere {
			b.put(name, tag)
		}
	}
	return at, tags
}

// put keeps a copy, in place of any other one if there are too many. Its caller
// holds mu.
func (b *tagBook) put(name string, tag tagCopy) {
	if _, ok := b.of[name]; !ok && len(b.of) >= maxCopies {
		for victim := range b.of {
			delete(b.of, victim)
			break
		}
	}
	b.of[name] = tag
}

// read asks the shared tier for tags, in one round trip for each 500.
func (b *tagBook) read(ctx context.Context, names map[string]struct{}) (map[string]tagCopy, error) {
	all := make(map[string]tagCopy, len(names))
	for part := range slices.Chunk(keysOfSet(names), requestKeys) {
		q := b.question(part)
		if b.l.store == nil {
			maps.Copy(all, b.local(&q))
			continue
		}
		r := &b.l.do(ctx, []store.Op{q.op})[0]
		if r.Err != nil {
			return nil, r.Err
		}
		if r.Elsewhere && !b.l.gates.believe(store.Sequence, r) {
			return nil, errNoTags
		}
		_, tags := b.learn(&q, r)
		maps.Copy(all, tags)
	}
	return all, nil
}

// entryTags are the tags of a value in memory, as the hit path looks at them.
type entryTags struct {
	names   []string
	stamps  []stamp
	session *session
}

// entryTags returns what memory must look at to serve a value with these marks,
// as known in ses, or nil if that is not known: then memory does not keep it. A
// copy may be newer than an invalidation that still waits here: the tier does not
// know of that, and its stamp does not tell.
func (b *tagBook) entryTags(ses *session, marks []mark, read map[string]tagCopy) *entryTags {
	t := &entryTags{session: ses}
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range marks {
		name := marks[i].Name
		tag, ok := read[name]
		if !ok {
			tag, ok = b.of[name]
		}
		if !ok || b.l.pending.has(store.TagKey(name)) || tag.session != t.session || tag.hard != marks[i].Hard || tag.soft != marks[i].Soft {
			return nil
		}
		t.names = append(t.names, name)
		t.stamps = append(t.stamps, tag.stamp)
	}
	return t
}

// moves notes the moment after which a flight wants to hear of invalidations of
// tags: of any, since nobody knows yet which ones its answer will carry. Its zero
// value is that of a class without tags.
type moves struct {
	stamp   stamp
	session *session
}

func (c *Cache[K, V]) noteMoves() moves {
	if !c.tagged() {
		return moves{}
	}
	return moves{stamp: c.l.stamps.note(store.Sequence), session: c.l.sessionOf(store.Sequence)}
}

// none reports whether no tag has been invalidated since, as far as the pushes
// tell at now.
func (m *moves) none(now int64) bool {
	return m.session == nil || m.stamp.current() && now < m.session.until.Load()
}

// any reports whether one of tags is among t.
func (t *entryTags) any(tags []string) bool {
	return t != nil && slices.ContainsFunc(tags, func(tag string) bool { return slices.Contains(t.names, tag) })
}

// after returns t with the stamps in moved, by the keys of tags, or nil if what
// moved a tag is not what followed upon t.
func (t *entryTags) after(moved map[string]stamp) *entryTags {
	next := *t
	next.stamps = slices.Clone(t.stamps)
	for i, name := range t.names {
		now, ok := moved[store.TagKey(name)]
		if !ok {
			continue
		}
		if !next.stamps[i].before(now) {
			return nil
		}
		next.stamps[i] = now
	}
	return &next
}

// current reports whether no tag has been invalidated, as far as the pushes
// tell at now.
func (t *entryTags) current(now int64) bool {
	return t.unmoved() && now < t.session.until.Load()
}

// unmoved reports whether this process has heard of no invalidation of a tag.
func (t *entryTags) unmoved() bool {
	for i := range t.stamps {
		if !t.stamps[i].current() {
			return false
		}
	}
	return true
}

package larder

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/larderdev/larder/internal/tagmark"
	"github.com/larderdev/larder/store"
)

// Reading and loading values that carry tags: what is different from those that
// carry none. In the steady state nothing is: the sequence comes in the round
// trip of the values, and the tags are known.

// hitTagged settles those of fs that may be served, and sorts the others into
// p. The last of replies is that of the sequence.
func (c *Cache[K, V]) hitTagged(ctx context.Context, fs []*flight[K, V], replies []store.Reply, p *plan[K, V]) {
	last := &replies[len(fs)]
	at := sequenceOf(last.Record)
	sights := make([]sighting[V], len(fs))
	var waiting []int // for tags
	missing := map[string]struct{}{}
	for i, f := range fs {
		if replies[i].Err != nil || last.Err != nil ||
			!c.l.gates.believe(f.text, &replies[i]) || !c.l.gates.believe(store.Sequence, last) {
			f.cause = TierDown
			p.alone = append(p.alone, f)
			continue
		}
		var ok bool
		if sights[i], ok = c.sight(f, &replies[i]); !ok {
			p.miss = append(p.miss, f)
			continue
		}
		v := c.l.tags.judge(sights[i].marks, c.flights.strict(f), at, nil, missing)
		if v == tagsUnknown {
			waiting = append(waiting, i)
			continue
		}
		c.conclude(f, &sights[i], v, nil, p)
	}
	if len(waiting) == 0 {
		return
	}
	read, err := c.l.tags.read(ctx, missing)
	for _, i := range waiting {
		if err != nil {
			fs[i].cause = TierDown
			p.alone = append(p.alone, fs[i])
			continue
		}
		c.conclude(fs[i], &sights[i], c.l.tags.judge(sights[i].marks, c.flights.strict(fs[i]), at, read, nil), read, p)
	}
}

// conclude serves f what was sighted if its tags allow it, or has it loaded. What
// the tags are in a session that began after f was sent says nothing: their node
// may have forgotten meanwhile that they were invalidated, and memory, which no
// gate guards, would keep the value.
func (c *Cache[K, V]) conclude(f *flight[K, V], s *sighting[V], v verdict, read map[string]tagCopy, p *plan[K, V]) {
	if f.moves.session.replaced(c.l.sessionOf(store.Sequence)) || !c.l.gates.allow(store.Sequence) {
		f.cause = TierDown
		p.alone = append(p.alone, f)
		return
	}
	if v == tagsGone || v == tagsUnknown {
		f.cause, f.renew = Invalidated, true
		c.meetTombstone(f) // of all that carry the tag
		p.miss = append(p.miss, f)
		return
	}
	s.soft = s.soft || v == tagsSoft
	if !c.serve(f, s, c.l.tags.entryTags(f.moves.session, s.marks, read), false) {
		p.miss = append(p.miss, f)
	}
}

// hitLeased serves f a value that the lease has found: another load was faster.
func (c *Cache[K, V]) hitLeased(f *flight[K, V], r *store.Reply) bool {
	if !c.tagged() {
		return c.hit(f, r, true)
	}
	s, ok := c.sight(f, r)
	if !ok || !c.l.tags.vouch(f.tags, s.marks) {
		return false
	}
	return c.serve(f, &s, nil, true)
}

// alreadyRenewed serves f what another load has put over the value that f was
// to replace, whose tags were invalidated, and gives the lease back.
func (c *Cache[K, V]) alreadyRenewed(ctx context.Context, f *flight[K, V], r *store.Reply) bool {
	if !c.tagged() || f.force || r.Record.Kind != store.Value {
		return false
	}
	s, ok := c.sight(f, &store.Reply{Status: store.Found, Record: r.Record})
	if !ok || s.late || !c.l.tags.vouch(f.tags, s.marks) {
		return false
	}
	c.l.do(ctx, []store.Op{store.Release{Key: f.text, ID: f.lease}})
	return c.serve(f, &s, nil, true)
}

// A tagView is the state of tags, and of their sequence, at a moment before the
// origin was read or written. It is not changed once it is made.
type tagView struct {
	questions []tagQuestion
	session   *session
	at        sequence
	moves     stamp // of the sequence, where there is no shared tier to ask
	of        map[string]tagCopy
	err       error
}

// askTags adds to ops those that read the tags that values of fs carry whatever
// they are, and the sequence.
func (c *Cache[K, V]) askTags(fs []*flight[K, V], ops *[]store.Op) *tagView {
	if !c.tagged() {
		return nil
	}
	v := c.l.tags.view(c.allKeyTags(fs))
	for i := range v.questions {
		*ops = append(*ops, v.questions[i].op)
	}
	return v
}

// view prepares a view of tags: a question for each 500 of them, and one if
// there are none, since the answer tells the sequence.
func (b *tagBook) view(names []string) *tagView {
	v := &tagView{session: b.l.sessionOf(store.Sequence), moves: b.l.stamps.note(store.Sequence)}
	for first := true; first || len(names) > 0; first = false {
		n := min(len(names), requestKeys)
		v.questions = append(v.questions, b.question(names[:n]))
		names = names[n:]
	}
	return v
}

func (c *Cache[K, V]) allKeyTags(fs []*flight[K, V]) []string {
	names := map[string]struct{}{}
	for _, f := range fs {
		for _, tag := range c.keyTags(f.text) {
			names[tag] = struct{}{}
		}
	}
	return keysOfSet(names)
}

// viewTags gives fs a view of their tags: by what the process knows, if it knows
// all of them, or else in one round trip.
func (c *Cache[K, V]) viewTags(ctx context.Context, fs []*flight[K, V]) {
	if !c.tagged() {
		return
	}
	var ops []store.Op
	v := c.askTags(fs, &ops)
	switch {
	case c.l.store == nil:
		v.of = map[string]tagCopy{}
		for i := range v.questions {
			maps.Copy(v.of, c.l.tags.local(&v.questions[i]))
		}
	case !c.l.tags.recall(v):
		v.answer(c.l, c.l.do(ctx, ops))
	}
	for _, f := range fs {
		f.tags = v
	}
}

// readTagsLate is the mutant that reads the tags of fs when the origin has been
// read.
func (c *Cache[K, V]) readTagsLate(ctx context.Context, fs []*flight[K, V]) {
	var ops []store.Op
	view := c.askTags(fs, &ops)
	view.answer(c.l, c.l.do(ctx, ops))
	for _, f := range fs {
		f.tags = view
	}
}

func keysOfSet(set map[string]struct{}) []string {
	list := make([]string, 0, len(set))
	for name := range set {
		list = append(list, name)
	}
	return list
}

// recall fills v from the copies of its tags. Their sequence is that of the
// oldest: too low, it costs a load at most. It reports false if a tag must be
// asked for.
func (b *tagBook) recall(v *tagView) bool {
	of := map[string]tagCopy{}
	for i := range v.questions {
		for _, name := range v.questions[i].op.Tags {
			tag, ok := b.known(name, false, sequence{})
			if !ok {
				return false
			}
			if len(of) == 0 || tag.asOf.epoch != v.at.epoch || tag.asOf.number < v.at.number {
				v.at = tag.asOf
			}
			of[name] = tag
		}
	}
	v.of = of
	return len(of) > 0
}

// answer takes the last of replies for those to v's questions. The sequence is
// that of the first, which was answered first.
func (v *tagView) answer(l *Larder, replies []store.Reply) {
	if v == nil {
		return
	}
	v.of = map[string]tagCopy{}
	replies = replies[len(replies)-len(v.questions):]
	for i := range v.questions {
		if v.err = replies[i].Err; v.err != nil {
			return
		}
		at, tags := l.tags.learn(&v.questions[i], &replies[i])
		if i == 0 {
			v.at = at
		}
		maps.Copy(v.of, tags)
	}
}

// vouch reports whether marks are those of the tags as v has them, and none of
// these waits here to be invalidated.
func (b *tagBook) vouch(v *tagView, marks []mark) bool {
	if v == nil || v.err != nil {
		return false
	}
	for i := range marks {
		tag, ok := v.of[marks[i].Name]
		if !ok || b.l.pending.has(store.TagKey(marks[i].Name)) || tag.hard != marks[i].Hard || tag.soft != marks[i].Soft {
			return false
		}
	}
	return true
}

var (
	errTagsMoved = errors.New("larder: a tag was invalidated meanwhile")
	errNoTags    = errors.New("larder: the state of the tags is not known")
)

// markAll finds the marks of what was loaded for fs. Tags that depend on the
// value are known only now: those that have not been invalidated since the
// sequence was noted are as they were then.
func (c *Cache[K, V]) markAll(ctx context.Context, fs []*flight[K, V], answers []answer[V]) {
	if !c.tagged() {
		return
	}
	missing := map[string]struct{}{}
	for i, f := range fs {
		c.nameTags(f, &answers[i], missing)
	}
	var late map[string]tagCopy
	var err error
	if len(missing) > 0 {
		late, err = c.l.tags.read(ctx, missing)
	}
	for i, f := range fs {
		a := &answers[i]
		if failure(a.err) || !a.kept {
			continue
		}
		if a.unmarked = err; err == nil {
			a.marks, a.inMemory, a.unmarked = f.tags.marks(a.tags, late)
		}
		if a.replica && a.unmarked == nil && slices.ContainsFunc(a.tags, func(name string) bool {
			tag, ok := late[name]
			return ok && c.l.tags.recent(&tag)
		}) {
			a.unmarked = errTagsMoved // the replica may not have heard of it
		}
	}
}

// tagsRecent reports whether a tag of f's was invalidated so lately that a
// replica may not have heard of it.
func (c *Cache[K, V]) tagsRecent(f *flight[K, V]) bool {
	if f.tags == nil {
		return false
	}
	for _, name := range c.keyTags(f.text) {
		if tag, ok := f.tags.of[name]; !ok || c.l.tags.recent(&tag) {
			return true
		}
	}
	return false
}

// nameTags finds the tags of what was loaded for f, and adds those that f did
// not ask for before to missing.
func (c *Cache[K, V]) nameTags(f *flight[K, V], a *answer[V], missing map[string]struct{}) {
	if failure(a.err) || !a.kept {
		return
	}
	a.tags = c.keyTags(f.text)
	if a.err == nil {
		more, err := c.valueTags(f.key, a.value, a.tags)
		if err != nil {
			a.err = err
			return
		}
		a.tags = append(a.tags, more...)
	}
	for _, tag := range a.tags {
		if f.tags == nil {
			return
		}
		if _, ok := f.tags.of[tag]; !ok {
			missing[tag] = struct{}{}
		}
	}
}

// marks returns the marks of tags as of v, and what memory must look at. Those
// that v does not know are in late.
func (v *tagView) marks(tags []string, late map[string]tagCopy) ([]mark, *entryTags, error) {
	if v == nil || v.err != nil {
		return nil, nil, errNoTags
	}
	marks := make([]mark, len(tags))
	seen := &entryTags{names: tags, stamps: make([]stamp, len(tags)), session: v.session}
	for i, name := range tags {
		tag, ok := v.of[name]
		if !ok {
			if tag, ok = late[name]; !ok {
				return nil, nil, errNoTags
			}
			if v.moved(&tag) {
				return nil, nil, errTagsMoved
			}
		}
		marks[i] = mark{Name: name, Hard: tag.hard, Soft: tag.soft}
		seen.stamps[i] = tag.stamp
	}
	return marks, seen, nil
}

// moved reports whether a tag that was read later may have been invalidated
// since v. In another session it may: the tier may have been set back, and count
// the sequence's numbers a second time.
func (v *tagView) moved(tag *tagCopy) bool {
	if tag.session != v.session {
		return true
	}
	if tag.epoch == "" { // there is no shared tier
		return !v.moves.current()
	}
	return v.at.moved(tag)
}

// withMarks puts marks before a payload, in classes that have tags.
func (c *Cache[K, V]) withMarks(marks []mark, payload []byte) []byte {
	if !c.tagged() {
		return payload
	}
	return append(tagmark.Append(nil, marks), payload...)
}

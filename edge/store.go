package edge

import (
	"hash/maphash"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/larderdev/larder/internal/memory"
)

// store holds responses by their URL. A look-up takes no lock; changes of one
// URL are made under the lock of its stripe.
type store struct {
	book    *book
	disk    *disk // nil: none
	tier    *memory.Tier[string, variants]
	seed    maphash.Seed
	stripes [256]stripe
}

// variants are the responses under one URL, the latest first. The list does not
// change: a change replaces it.
type variants struct {
	list []*response
	size int64
}

// stripe guards what belongs to the URLs that hash to it.
type stripe struct {
	mu sync.Mutex
	// fetches are the requests under way that may end in the store, by URL.
	fetches map[string][]*fetch
	// flights are those that others may join, by URL and selecting fields.
	flights map[string]*flight
}

// fetch is a request to the origin, from before it is sent until its response is
// stored or known not to be.
type fetch struct {
	url   target
	began uint64 // number of the book
	// fenced: the URL was purged meanwhile; softAt: softly, at that time. Under
	// the stripe's lock.
	fenced bool
	softAt time.Time
	// beside are the responses under the URL as they were seen once the fetch had
	// begun: memory may have dropped them when it ends, and what is put takes the place
	// of all that is on disk.
	beside []*response
}

// newStore returns an empty store of at most maxBytes.
func newStore(maxBytes int64) (*store, error) {
	s := &store{book: newBook(int(max(1<<20, maxBytes/64))), seed: maphash.MakeSeed()}
	for i := range s.stripes {
		s.stripes[i].fetches = map[string][]*fetch{}
		s.stripes[i].flights = map[string]*flight{}
	}
	var err error
	s.tier, err = memory.New[string](memory.Bounds{Bytes: maxBytes}, func(v *variants) uint32 {
		return uint32(min(v.size, 1<<32-1))
	})
	return s, err
}

// stripe returns what guards a URL.
func (s *store) stripe(key string) *stripe {
	return &s.stripes[maphash.String(s.seed, key)%uint64(len(s.stripes))]
}

// lookup returns the responses under a URL that a request selects, the latest
// first, and all others under it that could be validated. What a purge has made
// wrong is in neither. The end of giveUp ends the wait for the disk.
func (s *store) lookup(key string, request http.Header, giveUp <-chan struct{}) (selected, others []*response) {
	v := s.tier.Get(key)
	if v == nil && s.disk != nil {
		v = s.fromDisk(key, giveUp)
	}
	if v == nil {
		return nil, nil
	}
	if len(v.list) == 1 { // nearly always
		if r := v.list[0]; !r.usable(s.book) {
			return nil, nil
		} else if r.selects(request) {
			return v.list, nil
		}
		return nil, v.list
	}
	for _, r := range v.list {
		switch {
		case !r.usable(s.book):
		case r.selects(request):
			selected = append(selected, r)
		default:
			others = append(others, r)
		}
	}
	return selected, others
}

// fromDisk brings what is on disk for a URL into memory, and returns it.
func (s *store) fromDisk(key string, giveUp <-chan struct{}) *variants {
	e, list := s.disk.find(key, giveUp)
	if len(list) == 0 {
		return nil
	}
	p := s.stripe(key)
	p.mu.Lock()
	defer p.mu.Unlock()
	if v := s.tier.Get(key); v != nil {
		return v // it is newer, or the same
	}
	// Purges of the URL, and what takes its place, hold this lock: either they came
	// before, and then the entry is not current, or they find it in memory.
	softAt, ok := s.disk.current(e)
	if !ok {
		return nil
	}
	// It is shared by all who have read it together, and does not change.
	list = slices.DeleteFunc(slices.Clone(list), func(r *response) bool { return !r.usable(s.book) })
	if len(list) == 0 {
		s.disk.forget(key)
		return nil
	}
	v := newVariants(key, list)
	for _, r := range list {
		if softAt != 0 {
			r.soften(time.Unix(0, softAt))
		}
	}
	s.tier.Set(key, v)
	return v
}

// begin notes that a request for a URL is about to be sent to the origin.
func (s *store) begin(url target) *fetch {
	p := s.stripe(url.key)
	p.mu.Lock()
	defer p.mu.Unlock()
	// Under the lock: a purge of the URL finds the fetch, or came before it.
	return p.begin(url, s.book)
}

// begin notes a fetch, under the lock. The number of the book is read before the
// request is sent: all that is purged later is purged with it.
func (p *stripe) begin(url target, b *book) *fetch {
	f := &fetch{url: url, began: b.number.Load()}
	p.fetches[url.key] = append(p.fetches[url.key], f)
	return f
}

// end forgets f. It may be called again.
func (s *store) end(f *fetch) {
	p := s.stripe(f.url.key)
	p.mu.Lock()
	defer p.mu.Unlock()
	list := slices.DeleteFunc(p.fetches[f.url.key], func(other *fetch) bool { return other == f })
	if len(list) == 0 {
		delete(p.fetches, f.url.key)
	} else {
		p.fetches[f.url.key] = list
	}
}

// put stores what a fetch brought, unless its URL was purged meanwhile or a
// response that was asked for later is there.
func (s *store) put(f *fetch, r *response) bool {
	p := s.stripe(f.url.key)
	p.mu.Lock()
	defer p.mu.Unlock()
	// The purge came after the request was sent: what it brings may be of before.
	if f.fenced {
		return false
	}
	if !f.softAt.IsZero() {
		r.soften(f.softAt)
	}
	// A response that was asked for later is newer than this one, whichever came
	// first.
	list := []*response{r}
	for _, other := range s.besides(f) {
		switch {
		case !other.usable(s.book):
		case !other.sameSlot(r):
			list = append(list, other)
		case other.askedAt.After(r.askedAt):
			return false
		}
	}
	// The new one is the first, and the others come as they were sorted: what is cut
	// off is the oldest.
	if len(list) > maxVariants {
		list = list[:maxVariants]
	}
	slices.SortStableFunc(list, func(a, b *response) int { return b.date.Compare(a.date) })
	s.set(f.url.key, list)
	return true
}

// besides returns what is under the URL of a fetch: in memory, or as it was when the
// fetch had begun. What has been deleted since has fenced the fetch.
func (s *store) besides(f *fetch) []*response {
	if v := s.tier.Get(f.url.key); v != nil {
		return v.list
	}
	// A soft purge has marked what was in memory: these were not.
	if !f.softAt.IsZero() {
		for _, r := range f.beside {
			r.soften(f.softAt)
		}
	}
	return f.beside
}

// sameSlot tells whether s and r answer the same requests, so that one takes the
// place of the other. A part does not displace the whole, nor another part.
func (s *response) sameSlot(r *response) bool {
	if !slices.Equal(s.vary, r.vary) {
		return false
	}
	if r.complete() {
		return true
	}
	return !s.complete() && (s.etag != r.etag || s.total != r.total ||
		r.first <= s.first && r.end() >= s.end())
}

// end is the offset behind the body of a part.
func (s *response) end() int64 { return s.first + int64(len(s.body)) }

// set replaces the responses under a URL, in memory and on disk. Its caller holds
// the stripe's lock.
func (s *store) set(key string, list []*response) {
	v := newVariants(key, list)
	s.tier.Set(key, v)
	if s.disk != nil {
		s.disk.put(key, v)
	}
}

// newVariants returns the responses under a URL with their size.
func newVariants(key string, list []*response) *variants {
	v := &variants{list: list, size: int64(len(key))}
	for _, r := range list {
		v.size += r.size()
	}
	return v
}

// forget deletes the responses under a URL, and keeps out those whose requests
// are under way. Nobody joins a flight that is there now.
func (s *store) forget(key string) { s.forgetBefore(key, nil) }

// forgetBefore is forget, except that it does not keep out what own brings: the
// answer to the very request that the responses are forgotten for.
func (s *store) forgetBefore(key string, own *fetch) {
	p := s.stripe(key)
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, f := range p.fetches[key] {
		f.fenced = f.fenced || f != own
	}
	p.dropFlights(key)
	s.tier.Delete(key)
	if s.disk != nil {
		s.disk.forget(key)
	}
}

// clear frees what a purge of everything has made wrong.
func (s *store) clear() {
	s.tier.Clear()
	if s.disk != nil {
		s.disk.clear()
	}
}

// soften makes the responses under a URL stale, also those under way.
func (s *store) soften(key string, now time.Time) {
	p := s.stripe(key)
	p.mu.Lock()
	defer p.mu.Unlock()
	// The earliest moment counts: a later purge does not make it less stale.
	for _, f := range p.fetches[key] {
		if f.softAt.IsZero() {
			f.softAt = now
		}
	}
	p.dropFlights(key)
	if v := s.tier.Get(key); v != nil {
		for _, r := range v.list {
			r.soften(now)
		}
	}
	if s.disk != nil {
		s.disk.soften(key, now)
	}
}

// dropFlights takes the flights for a URL out of the table. Those who are aboard
// came before the purge, and stay.
func (p *stripe) dropFlights(key string) {
	for name, f := range p.flights {
		if f.fetch.url.key == key {
			delete(p.flights, name)
		}
	}
}

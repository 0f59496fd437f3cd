package edge

import (
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// response is a response that is stored or may be. Its fields do not change
// once others can see it, except that purges mark it.
type response struct {
	url    target
	status int
	// header is what goes to clients, except for Age and Cache-Status. Its
	// slices have no room to grow, so that they can be shared with answers.
	header http.Header
	body   []byte
	// first and total place the body of a 206 in the whole; total is -1 if the
	// response is whole.
	first, total int64
	// vary are the fields that selected it, with their values in the request.
	vary []selector

	rules
	// askedAt and gotAt are when the request went out and the header came in;
	// initialAge is the age at gotAt (RFC 9111 4.2.3).
	askedAt, gotAt time.Time
	initialAge     time.Duration
	date           time.Time
	etag           string
	modified       string // Last-Modified

	// began is the number of the book before the request went out.
	began uint64
	// names are those of the marks about it: its tags and groups.
	names []string
	judged
	refreshed atomic.Int64 // when it was last tried to refresh it, in Unix nanoseconds
}

// judged remembers the last look into the book.
type judged struct {
	mu sync.Mutex
	// number is that of the book at the last look, plus one.
	number  atomic.Uint64
	wrong   atomic.Bool
	staleAt atomic.Int64 // Unix nanoseconds; 0: it is not said to be stale
}

// overhead is about what a response costs beside its bytes: structs, slices,
// maps, the entry in the table.
const overhead = 1024

// size returns the bytes that a response takes in memory.
func (s *response) size() int64 {
	n := overhead + len(s.body) + len(s.url.key) + len(s.url.path)
	n += headerSize(s.header)
	for i := range s.vary {
		n += len(s.vary[i].name) + len(s.vary[i].value) + 32
	}
	for _, name := range s.names {
		n += len(name) + 16
	}
	return int64(n)
}

// headerSize is about what a map of fields takes.
func headerSize(h http.Header) int {
	n := 0
	for name, lines := range h {
		n += len(name) + 64
		for _, line := range lines {
			n += len(line) + 16
		}
	}
	return n
}

// usable asks the book, if it has changed, and tells whether s may be used at
// all.
func (s *response) usable(b *book) bool {
	if number := b.number.Load() + 1; s.judged.number.Load() != number {
		s.judge(b, number)
	}
	return !s.wrong.Load()
}

// judge looks into the book, which is at number-1 or further. Verdicts only get
// worse, so that the order in which two of them are noted does not matter.
func (s *response) judge(b *book, number uint64) {
	v := b.judge(s.began, s.url.host, s.url.path, s.names)
	s.judged.mu.Lock()
	defer s.judged.mu.Unlock()
	if v.wrong {
		s.wrong.Store(true)
	}
	if !v.staleAt.IsZero() {
		s.soften(v.staleAt)
	}
	if number > s.judged.number.Load() {
		s.judged.number.Store(number)
	}
}

// soften says that s is stale from a moment on. The earliest such moment counts.
func (s *response) soften(at time.Time) {
	for {
		old := s.staleAt.Load()
		if old != 0 && old <= at.UnixNano() || s.staleAt.CompareAndSwap(old, at.UnixNano()) {
			return
		}
	}
}

// age is the current age (RFC 9111 4.2.3).
func (s *response) age(now time.Time) time.Duration {
	return s.initialAge + max(0, now.Sub(s.gotAt))
}

// ttl is how long s stays fresh, negative if it is stale. A soft purge ends its
// freshness at the moment at which it was said.
func (s *response) ttl(now time.Time) time.Duration {
	left := s.lifetime - s.age(now)
	if at := s.staleAt.Load(); at != 0 {
		left = min(left, min(-1, time.Unix(0, at).Sub(now)))
	}
	return left
}

// complete tells whether the body is the whole of it.
func (s *response) complete() bool { return s.total < 0 }

// with returns a copy of s with other fields, as rules, times and header go.
// The verdict of the book is looked up anew.
func (s *response) with(header http.Header, change func(*response)) *response {
	c := &response{
		url: s.url, status: s.status, header: header, body: s.body, first: s.first, total: s.total, vary: s.vary,
		rules: s.rules, askedAt: s.askedAt, gotAt: s.gotAt, initialAge: s.initialAge, date: s.date,
		etag: s.etag, modified: s.modified, began: s.began, names: s.names,
	}
	change(c)
	return c
}

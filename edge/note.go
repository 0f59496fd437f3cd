package edge

import (
	"hash/maphash"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"
)

// note is what an answer says of how it came about (RFC 9211): one member of
// Cache-Status.
type note struct {
	hit       bool
	fwd       string
	status    int // of the origin's answer; 0: it is the one that is sent, or none
	ttl       time.Duration
	hasTTL    bool
	stored    bool
	collapsed bool
	detail    string
}

// mark appends a note to the Cache-Status of an answer, behind those of the
// caches nearer the origin.
func (h *Handler) mark(header http.Header, n note) {
	// One allocation for most: it is on the way of every hit.
	b := make([]byte, 0, 96)
	b = append(b, h.options.Name...)
	if n.hit {
		b = append(b, "; hit"...)
	} else {
		b = append(b, "; fwd="...)
		b = append(b, n.fwd...)
		if n.status != 0 {
			b = append(b, "; fwd-status="...)
			b = strconv.AppendInt(b, int64(n.status), 10)
		}
	}
	if n.hasTTL {
		b = append(b, "; ttl="...)
		b = strconv.AppendInt(b, floorSeconds(n.ttl), 10)
	}
	if n.stored {
		b = append(b, "; stored"...)
	}
	if n.collapsed {
		b = append(b, "; collapsed"...)
	}
	if n.detail != "" {
		b = append(b, "; detail="...)
		b = append(b, n.detail...)
	}
	// The slice may be the store's, and answers are made at the same time: who appends
	// must get a copy.
	before := header["Cache-Status"]
	header["Cache-Status"] = append(before[:len(before):len(before)], string(b))
}

// floorSeconds rounds down, so that what is stale has a negative ttl.
func floorSeconds(d time.Duration) int64 {
	s := int64(d / time.Second)
	if d < 0 && d%time.Second != 0 {
		s--
	}
	return s
}

// solo remembers the URLs whose responses cannot be shared, so that requests for
// them do not wait for each other in vain. It is a table of fixed size: a URL can
// push another out, which costs one wait.
type solo struct {
	seed  maphash.Seed
	slots [1 << 14]atomic.Pointer[soloSlot]
}

type soloSlot struct {
	hash  uint64
	until time.Time
}

// soloFor is how long it remembers.
const soloFor = time.Minute

// newSolo returns an empty table.
func newSolo() *solo { return &solo{seed: maphash.MakeSeed()} }

// slot returns the place of a URL, and what tells it from others there.
func (s *solo) slot(key string) (*atomic.Pointer[soloSlot], uint64) {
	hash := maphash.String(s.seed, key)
	return &s.slots[hash%uint64(len(s.slots))], hash
}

// note remembers the URL of a flight, unless the reason lies in its request or in
// what else is under way.
func (s *solo) note(f *flight, status int, why refusal) {
	switch status {
	// These answer one client's fields; the next may ask for the whole.
	case http.StatusPartialContent, http.StatusNotModified, http.StatusRequestedRangeNotSatisfiable:
		return
	}
	if why == refusedRequest || why == refusedCredentials || why == refusedAsker || why == refusedBudget {
		return
	}
	// No lock, and no list: to be pushed out costs one wait, to be found wrongly costs
	// that a request goes by itself. Neither is wrong.
	slot, hash := s.slot(f.fetch.url.key)
	slot.Store(&soloSlot{hash, time.Now().Add(soloFor)})
}

// clear forgets a URL whose response could be shared after all.
func (s *solo) clear(key string) {
	slot, hash := s.slot(key)
	// Another URL in the slot keeps its place.
	if old := slot.Load(); old != nil && old.hash == hash {
		slot.CompareAndSwap(old, nil)
	}
}

// has tells whether requests for a URL had better not wait for each other.
func (s *solo) has(key string, now time.Time) bool {
	slot, hash := s.slot(key)
	old := slot.Load()
	return old != nil && old.hash == hash && now.Before(old.until)
}

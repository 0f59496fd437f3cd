package larder

import (
	"sync"
	"sync/atomic"
	"time"
	"unsafe"
)

// Cause says why a Get could not be answered from a cache.
type Cause uint8

// The causes of a miss.
const (
	Cold        Cause = iota + 1 // never seen here
	Expired                      // its time was over
	Evicted                      // it should still have been there
	Invalidated                  // its owner said that it is wrong
	Decode                       // the stored bytes are damaged or of another type
	TierDown                     // the shared tier did not answer
	numCauses
)

// String returns the cause's name as the statistics spell it.
func (c Cause) String() string {
	return [...]string{"", "cold", "expired", "evicted", "invalidated", "decode", "tier_down"}[c%numCauses]
}

// Stats is a snapshot of the counters of a Larder. Its JSON form is stable.
type Stats struct {
	Node    string                `json:"node"`
	Classes map[string]ClassStats `json:"classes"`
}

// ClassStats counts since Open. Each key asked for is one of Gets, and ends
// as one hit or one miss, unless its caller gave up or got an error.
type ClassStats struct {
	Gets uint64 `json:"gets"`
	Hits struct {
		Memory uint64 `json:"memory"`
		Shared uint64 `json:"shared"`
	} `json:"hits"`
	// Misses by cause; their names are those of [Cause].
	Misses struct {
		Cold        uint64 `json:"cold"`
		Expired     uint64 `json:"expired"`
		Evicted     uint64 `json:"evicted"`
		Invalidated uint64 `json:"invalidated"`
		Decode      uint64 `json:"decode"`
		TierDown    uint64 `json:"tier_down"`
	} `json:"misses"`
	// Loads counts the keys asked of the loader, LoadErrors those it failed
	// for, LoadSeconds the time of the calls, a call for many keys once.
	Loads       uint64  `json:"loads"`
	LoadErrors  uint64  `json:"load_errors"`
	LoadSeconds float64 `json:"load_seconds"`
	// FillErrors counts the loads of keys whose answer the shared tier was to keep,
	// or to know of, and did not acknowledge.
	FillErrors uint64 `json:"fill_errors"`
	// Coalesced counts misses answered by a load that another Get began.
	Coalesced uint64 `json:"coalesced"`
	// StaleServed and NegativeHits are parts of Hits.
	StaleServed   uint64 `json:"stale_served"`
	NegativeHits  uint64 `json:"negative_hits"`
	Invalidations uint64 `json:"invalidations"`
	// Updates counts keys, WrittenThrough those whose new value the shared tier
	// took, or had already.
	Updates        uint64 `json:"updates"`
	WrittenThrough uint64 `json:"written_through"`
	// MissRate is misses per get in the last 10 s, 1 min and 10 min, 0 when
	// nothing was asked. Target is the policy's.
	MissRate MissRates `json:"miss_rate"`
	Target   float64   `json:"target"`
}

// MissRates are the miss rates over three windows, each between 0 and 1.
type MissRates struct {
	TenSeconds float64 `json:"10s"`
	Minute     float64 `json:"1m"`
	TenMinutes float64 `json:"10m"`
}

// counter is an event count that many cores may raise at once: its cells lie
// on cache lines of their own, and a goroutine picks one by the address of its
// stack, which costs nothing to know.
type counter struct {
	cells [8]struct {
		n atomic.Uint64
		_ [56]byte
	}
}

func (c *counter) add() {
	var here byte
	c.cells[uintptr(unsafe.Pointer(&here))>>11%uintptr(len(c.cells))].n.Add(1)
}

func (c *counter) load() (n uint64) {
	for i := range c.cells {
		n += c.cells[i].n.Load()
	}
	return n
}

// counters are one class's.
type counters struct {
	memory                                 counter
	shared, coalesced, stale, negative     atomic.Uint64
	misses                                 [numCauses]atomic.Uint64
	loads, loadErrors, loadNanos, failures atomic.Uint64
	fillErrors, invalidations              atomic.Uint64
	updates, writtenThrough                atomic.Uint64
	windows                                windows
}

func (c *counters) missed() (n uint64) {
	for i := range c.misses {
		n += c.misses[i].Load()
	}
	return n
}

func (c *counters) answered() uint64 { return c.memory.load() + c.shared.Load() + c.missed() }

func (c *counters) snapshot(target float64) (s ClassStats) {
	s.Hits.Memory, s.Hits.Shared = c.memory.load(), c.shared.Load()
	for cause, field := range map[Cause]*uint64{
		Cold: &s.Misses.Cold, Expired: &s.Misses.Expired, Evicted: &s.Misses.Evicted,
		Invalidated: &s.Misses.Invalidated, Decode: &s.Misses.Decode, TierDown: &s.Misses.TierDown,
	} {
		*field = c.misses[cause].Load()
	}
	s.Gets = c.answered() + c.failures.Load()
	s.Loads, s.LoadErrors = c.loads.Load(), c.loadErrors.Load()
	s.FillErrors = c.fillErrors.Load()
	s.LoadSeconds = time.Duration(c.loadNanos.Load()).Seconds()
	s.Coalesced, s.StaleServed, s.NegativeHits = c.coalesced.Load(), c.stale.Load(), c.negative.Load()
	s.Invalidations = c.invalidations.Load()
	s.Updates, s.WrittenThrough = c.updates.Load(), c.writtenThrough.Load()
	s.MissRate = c.windows.rates(c.answered(), c.missed())
	s.Target = target
	return s
}

// windows keeps the counts of the last ten minutes, one a second.
type windows struct {
	mu   sync.Mutex
	ring [600]struct{ gets, misses uint64 }
	n    int // samples taken so far
}

func (w *windows) sample(gets, misses uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ring[w.n%len(w.ring)] = struct{ gets, misses uint64 }{gets, misses}
	w.n++
}

func (w *windows) rates(gets, misses uint64) MissRates {
	w.mu.Lock()
	defer w.mu.Unlock()
	rate := func(seconds int) float64 {
		from := struct{ gets, misses uint64 }{}
		if w.n >= seconds {
			from = w.ring[(w.n-seconds)%len(w.ring)]
		}
		if gets <= from.gets {
			return 0
		}
		return float64(misses-from.misses) / float64(gets-from.gets)
	}
	return MissRates{TenSeconds: rate(10), Minute: rate(60), TenMinutes: rate(600)}
}

package edge

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// book holds the marks of purges that are not about a single URL. A number is
// given to each of them; a response is wrong if a mark about it has a number
// greater than the one that the book had when its request began.
//
// The book is bounded: when its marks are too many, the older half of them
// becomes one mark on everything that is older. That forgets too much, never too
// little.
type book struct {
	// number is the last one given. It is published after its mark is in place,
	// so that who reads it finds the mark.
	number atomic.Uint64

	mu    sync.RWMutex
	marks map[string]mark
	bytes int
	limit int
	// floor: everything that began before it is wrong.
	floor uint64
	// lengths counts the marks on prefixes by their length.
	lengths map[int]int
}

// mark is what was said about a name.
type mark struct {
	hard, soft uint64
	softAt     time.Time // when soft was said
}

// markOverhead is about what a mark costs beside its name, in bytes.
const markOverhead = 120

// Names of marks begin with what they are about.
const (
	aboutAll    = "*"
	aboutTag    = "t\x00"
	aboutGroup  = "g\x00"
	aboutHost   = "h\x00"
	aboutPrefix = "p\x00"
)

// newBook returns a book whose marks take at most limit bytes.
func newBook(limit int) *book {
	return &book{marks: map[string]mark{}, lengths: map[int]int{}, limit: limit}
}

// enter puts marks on names, all with the same number.
func (b *book) enter(names []string, soft bool, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	// All names get one number: a purge is in force as a whole or not at all.
	n := b.number.Load() + 1
	for _, name := range names {
		m, known := b.marks[name]
		if !known {
			b.bytes += len(name) + markOverhead
			if strings.HasPrefix(name, aboutPrefix) {
				b.lengths[len(name)]++
			}
		}
		if soft {
			m.soft, m.softAt = n, now
		} else {
			m.hard = n
		}
		b.marks[name] = m
	}
	if b.bytes > b.limit {
		b.collapse()
	}
	// Last: who sees the number must find its marks.
	b.number.Store(n)
}

// collapse replaces the older half of the marks by the floor.
func (b *book) collapse() {
	numbers := make([]uint64, 0, len(b.marks))
	for _, m := range b.marks {
		numbers = append(numbers, max(m.hard, m.soft))
	}
	// Half of them at once: then the next time is far, whatever comes.
	slices.Sort(numbers)
	b.floor = max(b.floor, numbers[len(numbers)/2])
	for name, m := range b.marks {
		if max(m.hard, m.soft) > b.floor {
			continue
		}
		delete(b.marks, name)
		b.bytes -= len(name) + markOverhead
		if strings.HasPrefix(name, aboutPrefix) {
			if b.lengths[len(name)]--; b.lengths[len(name)] == 0 {
				delete(b.lengths, len(name))
			}
		}
	}
}

// verdict is what the book says of a response.
type verdict struct {
	// wrong: it may not be used, not even stale.
	wrong bool
	// staleAt is when it was said to be stale; zero: it was not.
	staleAt time.Time
}

// judge looks up every mark that can be about a response that began at number
// began. names are its tags and groups, as names of marks.
func (b *book) judge(began uint64, host, path string, names []string) verdict {
	b.mu.RLock()
	defer b.mu.RUnlock()
	var v verdict
	// It may have had a mark that is gone.
	if began < b.floor {
		v.wrong = true
		return v
	}
	look := func(name string) {
		m, ok := b.marks[name]
		switch {
		case !ok:
		case m.hard > began:
			v.wrong = true
		case m.soft > began && (v.staleAt.IsZero() || m.softAt.Before(v.staleAt)):
			v.staleAt = m.softAt
		}
	}
	look(aboutAll)
	look(aboutHost + host)
	for _, name := range names {
		look(name)
	}
	// One look-up for each length that a mark has, whatever their number.
	if len(b.lengths) > 0 {
		place := aboutPrefix + host + path
		for length := range b.lengths {
			if length <= len(place) {
				look(place[:length])
			}
		}
	}
	return v
}

// Package clock tells the time since a start, exactly or quickly.
//
// A hit in memory must know the time: a process that was stopped and goes on
// must not serve what it held before it has looked at the clock (see decision
// 003). Reading the system's clock is a third of such a hit. [Clock.Bound]
// reads the processor's time stamp counter instead, only to see whether the
// last exact reading is recent, and if so returns that reading plus [Slack].
//
// # Invariants
//
//   - Bound is never behind the exact time, and at most Slack ahead of it.
//     That holds across stops of the process and of a virtual machine: the
//     counter goes on, or time has stood still for the exact clock too.
//   - The counter is trusted only where the kernel keeps its own time by it
//     (Linux on amd64 with the clock source "tsc"). Elsewhere, and in a bubble
//     of testing/synctest, Bound is the exact time.
package clock

import (
	"sync"
	"sync/atomic"
	"time"
)

const (
	// Slack is how far Bound may be ahead of the exact time.
	Slack = 200 * time.Microsecond
	// recent is the age in ticks up to which an exact reading serves. Counters
	// tick at 1 GHz or faster, so that it is less than Slack on all of them.
	recent = 1 << 17
)

// Clock counts nanoseconds since it was made. Its methods may be called
// concurrently.
type Clock struct {
	start   time.Time
	counted bool

	// What Bound reads together: nanos is the exact time at ticks or later.
	ticks, nanos atomic.Int64
	writer       sync.Mutex
}

// New returns a clock that starts now.
func New() *Clock {
	c := &Clock{start: time.Now()}
	c.counted = counterTrusted && !faked(c.start)
	if c.counted {
		c.read()
	}
	return c
}

// faked reports whether now was read in a bubble of testing/synctest, where
// time begins at the year 2000 and has nothing to do with the counter's.
func faked(now time.Time) bool { return now.Year() < 2020 }

// Start returns the moment at which the clock began.
func (c *Clock) Start() time.Time { return c.start }

// Now returns the exact time in nanoseconds since the start.
func (c *Clock) Now() int64 { return int64(time.Since(c.start)) }

// Bound returns a time that is not before Now and less than Slack after it.
func (c *Clock) Bound() int64 {
	// A counter that seems to run backwards, since cores need not agree to
	// the tick, gives a huge difference and an exact reading.
	if c.counted && uint64(counter()-c.ticks.Load()) < recent {
		return c.nanos.Load() + int64(Slack)
	}
	return c.read()
}

// read reads the exact time and keeps it for the calls to come. One writes at
// a time, and nanos before ticks: a reader that sees new ticks sees new nanos,
// and one that is stopped between its two readings leaves only old ticks.
func (c *Clock) read() int64 {
	if !c.counted || !c.writer.TryLock() {
		return c.Now()
	}
	defer c.writer.Unlock()
	ticks := counter()
	now := c.Now()
	c.nanos.Store(now)
	c.ticks.Store(ticks)
	return now
}

package purge

import "time"

// bucket is a token bucket: it holds burst tokens, and gets rate of them a
// second. The zero value gives without bound.
type bucket struct {
	rate, burst float64
	tokens      float64
	at          time.Time // when tokens was right
}

func newBucket(rate float64, burst int) bucket {
	return bucket{rate: rate, burst: float64(burst), tokens: float64(burst), at: time.Now()}
}

// take takes a token, or tells how long there will be none.
func (b *bucket) take(now time.Time) (wait time.Duration) {
	if b.rate == 0 {
		return 0
	}
	// now may be before at: several goroutines read the clock, each before it has the
	// lock.
	if passed := now.Sub(b.at).Seconds(); passed > 0 {
		b.tokens = min(b.burst, b.tokens+passed*b.rate)
		b.at = now
	}
	// A token less a billionth is one: sums of fractions do not come out even.
	if b.tokens < 1-1e-9 {
		seconds := min((1-b.tokens)/b.rate, never.Seconds()) // no duration holds what the slowest rates take
		return max(time.Duration(seconds*float64(time.Second)), time.Microsecond)
	}
	b.tokens--
	return 0
}

// drain takes all tokens: the target has counted more calls than this process
// has made.
func (b *bucket) drain(now time.Time) { b.tokens, b.at = 0, now }

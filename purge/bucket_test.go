package purge

import (
	"math"
	"testing"
	"testing/synctest"
	"time"
)

// However odd a rate is, no more than burst and rate allow is taken, and the
// waits that it tells are enough and end.
func TestBucket(t *testing.T) {
	for _, tt := range []struct {
		rate  float64
		burst int
		want  int // tokens in 100 s
	}{
		{1, 1, 101}, {0.1, 3, 13}, {1.0 / 3, 1, 34}, {1000.0 / 3600, 100, 127}, {30, 7, 3007}, {1e-300, 2, 2}, {math.SmallestNonzeroFloat64, 1, 1}, {5.0 / 60, 25, 33},
	} {
		synctest.Test(t, func(t *testing.T) {
			b := newBucket(tt.rate, tt.burst)
			end := time.Now().Add(100 * time.Second)
			n, waits := 0, 0
			for !time.Now().After(end) {
				wait := b.take(time.Now())
				if wait == 0 {
					n++
					continue
				}
				if waits++; wait < 0 || wait > never {
					t.Fatalf("rate %v: wait %v", tt.rate, wait)
				}
				time.Sleep(wait)
			}
			if n < tt.want-1 || n > tt.want || waits > 2*n+2 {
				t.Errorf("rate %v, burst %d: %d tokens in 100s with %d waits, want %d", tt.rate, tt.burst, n, waits, tt.want)
			}
		})
	}
}

package torture

import (
	"sync"
	"testing"
	"time"

	"github.com/larderdev/larder/internal/redistest"
)

const (
	stockWriters = 10
	stockWrites  = 1_000 // of each
)

// stockClass is the number of the class that holds the row: it is written
// through, and kept in memory too.
func stockClass() int {
	for i, c := range classes() {
		if c.name == "through-warm" {
			return i
		}
	}
	return 0
}

// runClerk writes one row again and again, and reads it all the while.
func runClerk(c config) error {
	n, err := newNode(c)
	if err != nil {
		return err
	}
	var wg sync.WaitGroup
	wg.Go(n.sample)
	for range c.Writers {
		wg.Go(func() {
			for range c.Writes {
				n.writeOnce(stockClass(), []int{0})
				n.ledger.written.Add(1)
			}
		})
	}
	for range 2 {
		wg.Go(func() {
			for i := 0; ; i++ {
				if i%8 == 0 {
					<-time.After(2 * time.Millisecond)
				}
				n.readOnce(stockClass(), 0, i%3 == 0)
			}
		})
	}
	wg.Wait()
	return nil
}

// TestOneRow has ten writers in four processes change one row.
func TestOneRow(t *testing.T) {
	f := newFleet(t)
	f.follow()
	redis := redistest.Start(t)
	direct := server{Addrs: []string{redis.Addr()}}
	f.relays = f.start(config{Role: "relay", Outbox: true}, []server{direct})
	began := time.Now()
	for i, writers := range []int{3, 3, 2, 2} {
		c := config{Role: "clerk", Outbox: true, Writers: writers, Writes: stockWrites}
		f.nodes = append(f.nodes, f.startOne(c, i, direct))
	}
	eventually(t, "all writes", func() bool { return f.ledger.written.Load() == stockWriters*stockWrites })
	t.Logf("%d writers, %d writes of one row: %v", stockWriters, stockWriters*stockWrites, time.Since(began).Round(time.Millisecond))
	f.finish()
	f.ledger.report(t)
	class := stockClass()
	if got, want := f.ledger.truth[class][0].Load(), uint64(1+stockWriters*stockWrites); got != want {
		t.Errorf("the database ends at version %d, want %d", got, want)
	}
	f.ledger.judge(t, class, classes()[class], 500)
	if n := f.ledger.class[class].calm.Load(); n < 500 {
		t.Errorf("only %d reads were judged against what their process had seen", n)
	}
}

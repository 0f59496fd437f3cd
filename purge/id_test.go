package purge_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larderdev/larder/purge"
)

// ids numbers the IDs of a fake's calls in the order of their coming: "0 1+" are
// a call and two or more with another ID.
func (f *fake) ids() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var text, last string
	numbers := map[string]int{}
	for _, c := range f.calls {
		id := c.p.ID
		if _, ok := numbers[id]; !ok {
			numbers[id] = len(numbers)
		}
		switch {
		case id != last:
			text += fmt.Sprintf(" %d", numbers[id])
		case !strings.HasSuffix(text, "+"):
			text += "+"
		}
		last = id
	}
	return strings.TrimSpace(text)
}

// A call has the ID of the one before only if it does the same: not once
// something has been added to it, nor when it is the second purge.
func TestQueue_CallsThatAreMadeAgainHaveOneID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake("cdn")
		f.set(func(context.Context, purge.Purge) error { return &purge.Error{Target: "cdn", Status: 504} })
		q := open(t, purge.Options{Targets: []purge.Purger{f}, Window: time.Millisecond, Settle: time.Hour, MinBackoff: time.Minute, MaxBackoff: time.Minute})
		// until waits and compares.
		until := func(d time.Duration, want string) {
			t.Helper()
			time.Sleep(d)
			synctest.Wait()
			if got := f.ids(); got != want {
				t.Errorf("the calls\n%s\nhave the IDs %s, want %s", f.log(), got, want)
			}
		}
		mustPurge(t, q, purge.Purge{Tags: []string{"a", "b"}})
		until(time.Second, "0")
		until(time.Minute, "0+")
		mustPurge(t, q, purge.Purge{Tags: []string{"a"}})
		time.Sleep(time.Minute) // once or twice
		f.set(nil)
		until(time.Minute, "0+ 1+") // accepted
		mustPurge(t, q, purge.Purge{Tags: []string{"a"}})
		until(time.Second, "0+ 1+ 2")
		until(time.Hour, "0+ 1+ 2 3 4") // the second purges: of a and b, then of a
	})
}

// Two second purges of one tag are two, and so is a call that has become a second
// purge when it is made again.
func TestQueue_SecondPurgesHaveIDsOfTheirOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake("cdn")
		q := open(t, purge.Options{Targets: []purge.Purger{f}, Window: time.Millisecond, Settle: time.Hour, MinBackoff: time.Minute, MaxBackoff: time.Minute})
		again := func() {
			mustPurge(t, q, purge.Purge{Tags: []string{"a"}})
			time.Sleep(10 * time.Minute)
		}
		again()
		again()
		time.Sleep(3 * time.Hour)
		synctest.Wait()
		if got, want := f.ids(), "0 1 2 3"; got != want {
			t.Errorf("the calls\n%s\nhave the IDs %s, want %s", f.log(), got, want)
		}

		again() // nothing is known any more of those before
		time.Sleep(49*time.Minute + 59*time.Second)
		f.set(func(context.Context, purge.Purge) error {
			f.set(nil)
			return &purge.Error{Target: "cdn", Status: 504}
		})
		again() // a second before the second purge is due
		synctest.Wait()
		if got, want := f.ids(), "0 1 2 3 4 5 6"; got != want {
			t.Errorf("the calls\n%s\nhave the IDs %s, want %s", f.log(), got, want)
		}
	})
}

func TestQueue_IDsAreNoOtherQueues(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake("cdn")
		for range 2 {
			q := open(t, purge.Options{Targets: []purge.Purger{f}, Window: time.Millisecond})
			mustPurge(t, q, purge.Purge{Tags: []string{"a"}, ID: "mine"})
			time.Sleep(time.Second)
			synctest.Wait()
		}
		if got := f.ids(); got != "0 1" || f.calls[0].p.ID == "mine" {
			t.Errorf("the calls\n%s\nhave the IDs %s, want two, and not the caller's", f.log(), got)
		}
	})
}

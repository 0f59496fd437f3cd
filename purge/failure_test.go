package purge_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larderdev/larder/purge"
)

// The pauses double, with chance in their second half, and end with a success.
func TestFailure_BacksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		cdn := newFake("cdn")
		cdn.answer = func(context.Context, purge.Purge) error { return &purge.Error{Status: 502} }
		q := open(t, purge.Options{
			Targets: []purge.Purger{cdn}, Settle: -1, Window: -1, MinBackoff: time.Second, MaxBackoff: 10 * time.Second,
			Logger: slog.New(slog.NewTextHandler(&log, nil)),
		})
		ticket := mustPurge(t, q, tags("a"))
		time.Sleep(40 * time.Second)
		cdn.set(nil)
		<-ticket.Accepted()
		if err := ticket.Err(); err != nil {
			t.Errorf("Err() = %v, want nil: it was accepted in the end", err)
		}
		cdn.mu.Lock()
		for i := range len(cdn.calls) - 1 {
			least := min(10*time.Second, time.Second<<i)
			if pause := cdn.calls[i+1].at - cdn.calls[i].at; pause < least/2 || pause > least {
				t.Errorf("pause %d was %v, want %v to %v", i+1, pause, least/2, least)
			}
		}
		cdn.mu.Unlock()
		if err := q.Close(t.Context()); err != nil {
			t.Errorf("Close = %v, want nil", err)
		}
		if n := strings.Count(log.String(), "the target fails"); n != 1 {
			t.Errorf("the log tells %d times that the target fails, want once:\n%s", n, log.String())
		}
		if !strings.Contains(log.String(), "works again") {
			t.Errorf("the log does not tell that the target works again:\n%s", log.String())
		}
	})
}

// The first pause is MinBackoff, or the second half of it; its default follows a
// smaller MaxBackoff, and that of MaxBackoff a larger MinBackoff.
func TestFailure_DefaultBackoff(t *testing.T) {
	for _, tt := range []struct{ min, max, want time.Duration }{
		{0, 0, 250 * time.Millisecond},
		{0, 10 * time.Second, 250 * time.Millisecond},
		{0, 100 * time.Millisecond, 100 * time.Millisecond},
		{2 * time.Minute, 0, 2 * time.Minute},
		{time.Millisecond, 0, time.Millisecond},
	} {
		synctest.Test(t, func(t *testing.T) {
			cdn := newFake("cdn")
			cdn.answer = refuse
			q := open(t, purge.Options{Targets: []purge.Purger{cdn}, Settle: -1, Window: -1, MinBackoff: tt.min, MaxBackoff: tt.max})
			mustPurge(t, q, tags("a"))
			time.Sleep(tt.want)
			cdn.mu.Lock()
			defer cdn.mu.Unlock()
			if len(cdn.calls) < 2 {
				t.Fatalf("MinBackoff %v, MaxBackoff %v: no second call after %v", tt.min, tt.max, tt.want)
			}
			if pause := cdn.calls[1].at; pause < tt.want/2 {
				t.Errorf("MinBackoff %v, MaxBackoff %v: the first pause is %v, want %v to %v", tt.min, tt.max, pause, tt.want/2, tt.want)
			}
		})
	}
}

// What an API says may have a tag in it, and an error of the network a URL: the
// log has neither, but says what kind of failure it is.
func TestFailure_LogsNoItems(t *testing.T) {
	refused := &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	for _, tt := range []struct {
		failure *purge.Error
		want    string
	}{
		{&purge.Error{Status: 400, Final: true, Reason: "no such tag: customer-42"}, "status=400 cause=\"Bad Request\""},
		{&purge.Error{Status: 599, Reason: "customer-42"}, "status=599 cause=\"an unknown status\""},
		{&purge.Error{Err: &url.Error{Op: "Post", URL: "https://x/customer-42", Err: refused}}, "connection refused"},
		{&purge.Error{Err: &url.Error{Op: "Post", URL: "https://x/customer-42", Err: context.DeadlineExceeded}}, "no answer in time"},
		{&purge.Error{Err: &url.Error{Op: "Post", URL: "https://x/customer-42", Err: &net.DNSError{Name: "customer-42"}}}, "cannot be resolved"},
		{&purge.Error{Err: errors.New("customer-42")}, "see TargetStats.Err"},
	} {
		synctest.Test(t, func(t *testing.T) {
			var log bytes.Buffer
			cdn := newFake("cdn")
			cdn.answer = func(context.Context, purge.Purge) error { return tt.failure }
			q := open(t, purge.Options{
				Targets: []purge.Purger{cdn}, Settle: -1, Window: -1, MaxTries: 2, Logger: slog.New(slog.NewTextHandler(&log, nil)),
			})
			<-mustPurge(t, q, tags("customer-42")).Accepted()
			synctest.Wait()
			if got := log.String(); strings.Contains(got, "customer") || strings.Count(got, tt.want) == 0 || !strings.Contains(got, "given up") {
				t.Errorf("after %v the log is\n%swant %q in it, and no tag", tt.failure, got, tt.want)
			}
			if dead := q.Dead(); len(dead) != 1 || tt.failure.Reason != dead[0].Reason && tt.failure.Err == nil {
				t.Errorf("Dead() = %+v, want one with the reason %q", dead, tt.failure.Reason)
			}
		})
	}
}

// Many processes must not come back at the same time.
func TestFailure_PausesDiffer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		seen := map[time.Duration]bool{}
		for range 8 {
			cdn := newFake("cdn")
			cdn.answer = func(context.Context, purge.Purge) error { return errors.New("refused") }
			q := open(t, purge.Options{Targets: []purge.Purger{cdn}, Settle: -1, Window: -1})
			mustPurge(t, q, tags("a"))
			time.Sleep(300 * time.Millisecond)
			cdn.mu.Lock()
			seen[cdn.calls[1].at] = true
			cdn.mu.Unlock()
		}
		if len(seen) < 4 {
			t.Errorf("the first pauses of 8 queues took %d values, want different ones", len(seen))
		}
	})
}

// The target gets the rest that it asks for, an hour at most, also when it
// accepted a part.
func TestFailure_RetryAfter(t *testing.T) {
	for _, tt := range []struct {
		after, want time.Duration
		items       []string
	}{
		{20 * time.Second, 20 * time.Second, nil},
		{24 * time.Hour, time.Hour, nil},
		{20 * time.Second, 20 * time.Second, []string{"a"}},
	} {
		synctest.Test(t, func(t *testing.T) {
			cdn := newFake("cdn")
			cdn.answer = func(context.Context, purge.Purge) error {
				return &purge.Error{Status: 429, After: tt.after, Items: tt.items}
			}
			q := open(t, purge.Options{Targets: []purge.Purger{cdn}, Settle: -1, Window: -1})
			mustPurge(t, q, tags("a", "b"))
			synctest.Wait()
			cdn.set(nil)
			time.Sleep(time.Second)
			mustPurge(t, q, tags("c")) // must not go either
			time.Sleep(tt.want + tt.want/10)
			if n := cdn.count(); n < 2 || cdn.calls[1].at < tt.want || cdn.calls[1].at > tt.want+tt.want/10 {
				t.Errorf("After %v: calls\n%s\nwant the second after %v and up to a tenth more", tt.after, cdn.log(), tt.want)
			}
		})
	}
}

// After a 429 the tokens are gone: others have used them.
func TestFailure_429DrainsTheBucket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cdn := newFake("cdn")
		cdn.limits.Tags, cdn.limits.Rate, cdn.limits.Burst = 1, 0.1, 100
		cdn.answer = func(context.Context, purge.Purge) error { return &purge.Error{Status: 429, After: time.Second} }
		q := open(t, purge.Options{Targets: []purge.Purger{cdn}, Settle: -1, Window: -1, Parallel: 1})
		mustPurge(t, q, tags("a", "b", "c"))
		synctest.Wait()
		cdn.set(nil)
		time.Sleep(29 * time.Second)
		cdn.wantLog(t, "0s a", "10s b", "20s c")
	})
}

// Of a call that was accepted in part only the rest is sent again.
func TestFailure_InPart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cdn := newFake("cdn")
		cdn.answer = func(context.Context, purge.Purge) error {
			return &purge.Error{Status: 200, Items: []string{"b", "of another call"}}
		}
		q := open(t, purge.Options{Targets: []purge.Purger{cdn}, Settle: -1, Window: -1, MaxTries: 3})
		ticket := mustPurge(t, q, tags("a", "b", "c"))
		<-ticket.Accepted()
		got := cdn.log()
		if want := []string{"a,b,c", "b", "b"}; len(cdn.calls) != 3 {
			t.Errorf("calls\n%s\nwant %q", got, want)
		}
		for i, c := range cdn.calls[1:] {
			if !slices.Equal(c.p.Tags, []string{"b"}) {
				t.Errorf("call %d has %q, want b alone", i+2, c.p.Tags)
			}
		}
		r := ticket.Receipt().Targets[0]
		if len(r.Failed) != 1 || !slices.Equal(r.Failed[0].Items, []string{"b"}) || r.Waiting != 0 {
			t.Errorf("receipt %+v, want b failed and nothing waiting", r)
		}
		if dead := q.Dead(); len(dead) != 1 || dead[0].Tag != "b" || dead[0].Tries != 3 || dead[0].Status != 200 {
			t.Errorf("Dead() = %+v, want b after 3 tries", dead)
		}
	})
}

// What an API refuses in another case than it was asked in is refused.
func TestFailure_InPartOfFoldedTags(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cdn := newFake("cdn")
		cdn.limits.FoldsCase = true
		cdn.answer = func(context.Context, purge.Purge) error { return &purge.Error{Status: 503, Items: []string{"A", "b"}} }
		q := open(t, purge.Options{Targets: []purge.Purger{cdn}, Settle: -1, Window: -1})
		ticket := mustPurge(t, q, tags("a", "B", "c"))
		synctest.Wait()
		if r := ticket.Receipt().Targets[0]; r.Waiting != 2 {
			t.Errorf("A, b of a, B, c were refused: %d wait, want 2", r.Waiting)
		}
		cdn.set(nil)
		<-ticket.Accepted()
		cdn.mu.Lock()
		defer cdn.mu.Unlock()
		var again []string
		for _, c := range cdn.calls[1:] { // each has a pause of its own
			again = append(again, c.p.Tags...)
		}
		if slices.Sort(again); !slices.Equal(again, []string{"B", "a"}) {
			t.Errorf("%q were sent again, want a and B", again)
		}
	})
}

// One item that spoils a call for all others ends alone.
func TestFailure_FindsTheBadItem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cdn := newFake("cdn")
		cdn.answer = func(_ context.Context, p purge.Purge) error {
			if slices.Contains(p.Tags, "t37") {
				return &purge.Error{Status: 400, Final: true, Reason: "a bad tag"}
			}
			return nil
		}
		q := open(t, purge.Options{Targets: []purge.Purger{cdn}, Settle: -1})
		var all []string
		for i := range 100 {
			all = append(all, fmt.Sprintf("t%d", i))
		}
		ticket := mustPurge(t, q, tags(all...))
		<-ticket.Accepted()
		r := ticket.Receipt().Targets[0]
		if len(r.Failed) != 1 || r.Failed[0].Items[0] != "t37" || r.Failed[0].Reason != "a bad tag" {
			t.Errorf("failed %v, want t37 alone", r.Failed)
		}
		if n := cdn.count(); n > 20 {
			t.Errorf("%d calls to find one of 100, want 20 at most", n)
		}
		if dead := q.Dead(); len(dead) != 1 || dead[0].Tag != "t37" {
			t.Errorf("Dead() = %+v, want t37", dead)
		}
	})
}

// A wrong token is as wrong for half of the items.
func TestFailure_FinalForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cdn := newFake("cdn")
		cdn.answer = func(context.Context, purge.Purge) error { return &purge.Error{Status: 403, Final: true} }
		q := open(t, purge.Options{Targets: []purge.Purger{cdn}, Settle: -1})
		ticket := mustPurge(t, q, tags("a", "b"))
		<-ticket.Accepted()
		if n := cdn.count(); n != 1 || len(q.Dead()) != 2 || len(ticket.Receipt().Targets[0].Failed) != 2 {
			t.Errorf("%d calls, dead %+v, receipt %+v, want 1 call and both dead", n, q.Dead(), ticket.Receipt())
		}
	})
}

func TestDead_RetryAndDiscard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cdn, other := newFake("cdn"), newFake("other")
		cdn.answer = func(context.Context, purge.Purge) error {
			return &purge.Error{Status: 401, Final: true, Reason: "no such token"}
		}
		q := open(t, purge.Options{Targets: []purge.Purger{cdn, other}, Settle: -1, Window: -1})
		ticket := mustPurge(t, q, softly(tags("a", "b", "c")))
		<-ticket.Accepted()
		dead := q.Dead()
		if len(dead) != 3 || dead[0].Target != "cdn" || dead[0].Reason != "no such token" || !dead[0].Soft || dead[0].Tries != 1 {
			t.Fatalf("Dead() = %+v, want a, b and c at cdn", dead)
		}
		cdn.set(nil)
		if n, err := q.Retry(dead[0].ID, "nothing"); n != 1 || err == nil || !strings.Contains(err.Error(), "nothing") {
			t.Errorf("Retry(a, nothing) = %d, %v, want 1 and an error with the other", n, err)
		}
		if n, err := q.Discard(dead[1].ID); n != 1 || err != nil {
			t.Errorf("Discard(b) = %d, %v, want 1, nil", n, err)
		}
		synctest.Wait()
		if n, err := q.Retry(); n != 1 || err != nil || len(q.Dead()) != 0 {
			t.Errorf("Retry() = %d, %v, then Dead() = %+v, want 1, nil and none", n, err, q.Dead())
		}
		synctest.Wait()
		cdn.wantLog(t, "0s a,b,c softly", "0s a softly", "0s c softly")
		other.wantLog(t, "0s a,b,c softly") // was not asked again
		if err := q.Close(t.Context()); err != nil {
			t.Errorf("Close = %v, want nil", err)
		}
		if _, err := q.Retry(); !errors.Is(err, purge.ErrClosed) {
			t.Errorf("Retry after Close = %v, want ErrClosed", err)
		}
	})
}

// A new purge takes the place of a dead letter, and is as hard as that was.
func TestDead_NewestStateWins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cdn := newFake("cdn")
		cdn.answer = func(context.Context, purge.Purge) error { return &purge.Error{Status: 403, Final: true} }
		q := open(t, purge.Options{Targets: []purge.Purger{cdn}, Settle: -1, Window: -1})
		<-mustPurge(t, q, tags("a")).Accepted()
		cdn.set(nil)
		ticket := mustPurge(t, q, softly(tags("a")))
		if dead := q.Dead(); len(dead) != 0 {
			t.Errorf("Dead() = %+v while a new purge waits, want none", dead)
		}
		<-ticket.Accepted()
		cdn.wantLog(t, "0s a", "0s a")
	})
}

// What has no room among the dead goes on waiting, and is tried seldom.
func TestDead_NoRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cdn := newFake("cdn")
		cdn.answer = func(context.Context, purge.Purge) error { return &purge.Error{Status: 403, Final: true} }
		q := open(t, purge.Options{Targets: []purge.Purger{cdn}, Settle: -1, Window: -1, MaxDead: 1, MaxBackoff: time.Minute})
		ticket := mustPurge(t, q, tags("a", "b"))
		time.Sleep(5*time.Minute + 30*time.Second)
		if n := cdn.count(); n < 4 || n > 6 {
			t.Errorf("%d calls in 5 minutes, want one a minute", n)
		}
		if s := q.Stats()[0]; s.Dead != 1 || s.Waiting != 1 {
			t.Errorf("stats %+v, want one dead and one waiting", s)
		}
		if _, err := q.Discard(); err != nil {
			t.Error(err)
		}
		cdn.set(nil)
		<-ticket.Accepted()
		if r := ticket.Receipt().Targets[0]; len(r.Failed) != 1 || r.Accepted == 0 {
			t.Errorf("receipt %+v, want one failed, one accepted", r)
		}
	})
}

// A second purge that fails for good is a dead letter too: the first may have
// been undone by a response under way.
func TestDead_SecondPurge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cdn := newFake("cdn")
		q := open(t, purge.Options{Targets: []purge.Purger{cdn}})
		ticket := mustPurge(t, q, tags("a"))
		<-ticket.Accepted()
		cdn.set(func(context.Context, purge.Purge) error { return &purge.Error{Status: 403, Final: true} })
		<-ticket.Settled()
		if r := ticket.Receipt().Targets[0]; r.Accepted == 0 || r.Settled != 0 || len(r.Failed) != 1 || len(q.Dead()) != 1 {
			t.Errorf("receipt %+v, dead %+v, want it accepted once and dead", r, q.Dead())
		}
	})
}

// A purger that breaks its promises breaks nothing else.
func TestFailure_BadPurgers(t *testing.T) {
	for name, answer := range map[string]func(context.Context, purge.Purge) error{
		"panics":            func(context.Context, purge.Purge) error { panic("oops") },
		"returns nil error": func(context.Context, purge.Purge) error { var e *purge.Error; return e },
		"hangs":             func(ctx context.Context, _ purge.Purge) error { <-ctx.Done(); return ctx.Err() },
		"names no target":   func(context.Context, purge.Purge) error { return &purge.Error{Reason: "bad"} },
	} {
		synctest.Test(t, func(t *testing.T) {
			cdn := newFake("cdn")
			cdn.answer = answer
			q := open(t, purge.Options{Targets: []purge.Purger{cdn}, Settle: -1, MaxTries: 2, CallTimeout: time.Second})
			ticket := mustPurge(t, q, tags("a"))
			<-ticket.Accepted()
			var e *purge.Error
			if err := ticket.Err(); !errors.As(err, &e) || e.Target != "cdn" {
				t.Errorf("a purger that %s: Err() = %v, want a *purge.Error of cdn", name, err)
			}
			if dead := q.Dead(); len(dead) != 1 || dead[0].Tries != 2 {
				t.Errorf("a purger that %s: Dead() = %+v, want one after 2 tries", name, dead)
			}
		})
	}
}

// A target that fails is asked with one call at a time, and with all when it
// works again.
func TestFailure_ProbesWithOneCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cdn := newFake("cdn")
		cdn.limits.Tags = 1
		cdn.answer = func(context.Context, purge.Purge) error {
			time.Sleep(time.Second)
			return &purge.Error{Status: 503}
		}
		q := open(t, purge.Options{Targets: []purge.Purger{cdn}, Settle: -1, Window: -1, MinBackoff: time.Millisecond, MaxBackoff: time.Millisecond})
		mustPurge(t, q, tags("a", "b", "c", "d", "e", "f"))
		time.Sleep(1500 * time.Millisecond)
		cdn.mu.Lock()
		if cdn.most != 4 {
			t.Errorf("%d calls at once, want 4 before it fails", cdn.most)
		}
		cdn.most = 0
		cdn.mu.Unlock()
		time.Sleep(5 * time.Second)
		cdn.mu.Lock()
		if cdn.most != 1 {
			t.Errorf("%d calls at once to a target that fails, want 1", cdn.most)
		}
		cdn.mu.Unlock()
	})
}

// Tries are counted from one success to the next failure, and the second purge
// has its own.
func TestFailure_SuccessForgivesTries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cdn := newFake("cdn")
		calls := 0
		cdn.answer = func(context.Context, purge.Purge) error {
			if calls++; calls%3 != 0 {
				return &purge.Error{Status: 503}
			}
			return nil
		}
		q := open(t, purge.Options{Targets: []purge.Purger{cdn}, MaxTries: 3})
		ticket := mustPurge(t, q, tags("a"))
		<-ticket.Settled()
		if err := ticket.Err(); err != nil || calls != 6 {
			t.Errorf("after %d calls Err() = %v, want 6 calls and nil", calls, err)
		}
	})
}

// New items do not join the calls in which a bad one is searched: it would
// never be found.
func TestFailure_FindsTheBadItemUnderLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cdn := newFake("cdn")
		cdn.answer = func(_ context.Context, p purge.Purge) error {
			time.Sleep(20 * time.Millisecond)
			if slices.Contains(p.Tags, "bad") {
				return &purge.Error{Status: 400, Final: true}
			}
			return nil
		}
		q := open(t, purge.Options{Targets: []purge.Purger{cdn}, Settle: -1, Window: -1, Parallel: 1})
		var first []string
		for i := range 63 {
			first = append(first, fmt.Sprint("first-", i))
		}
		bad := mustPurge(t, q, tags(append(first, "bad")...))
		for i := range 600 {
			var fresh []string
			for j := range 20 {
				fresh = append(fresh, fmt.Sprintf("fresh-%d-%d", i, j))
			}
			mustPurge(t, q, tags(fresh...))
			time.Sleep(10 * time.Millisecond)
			if r := bad.Receipt().Targets[0]; r.Waiting == 0 {
				if len(r.Failed) != 1 || r.Failed[0].Items[0] != "bad" {
					t.Errorf("failed %v, want the bad one alone", r.Failed)
				}
				if i > 100 {
					t.Errorf("the bad item was found after %d ms, want a second at most", i*10)
				}
				return
			}
		}
		t.Errorf("the bad item was not found in 6s:\n%.2000s", cdn.log())
	})
}

// What would die while something newer of the same item waits lives on with
// it, and has all its tries again.
func TestDead_NewerWaits(t *testing.T) {
	for _, tt := range []struct {
		failure purge.Error
		fails   int // calls that do
	}{{purge.Error{Status: 503}, 3}, {purge.Error{Status: 403, Final: true}, 1}} {
		synctest.Test(t, func(t *testing.T) {
			cdn := newFake("cdn")
			cdn.answer = func(context.Context, purge.Purge) error {
				failed := cdn.count() <= tt.fails
				time.Sleep(time.Second)
				if failed {
					return &tt.failure
				}
				return nil
			}
			q := open(t, purge.Options{
				Targets: []purge.Purger{cdn}, Settle: -1, Window: -1, MaxTries: 2, MinBackoff: time.Millisecond, MaxBackoff: time.Millisecond,
			})
			first := mustPurge(t, q, tags("a"))
			for cdn.count() < max(1, tt.fails-1) { // the last of its tries
				time.Sleep(time.Millisecond)
			}
			second := mustPurge(t, q, tags("a"))
			<-first.Accepted()
			<-second.Accepted()
			if err := first.Err(); err != nil || second.Err() != nil || len(q.Dead()) != 0 || cdn.count() != tt.fails+1 {
				t.Errorf("%v, %d times: %v, %v, dead %+v after %d calls, want both accepted", &tt.failure, tt.fails, err, second.Err(), q.Dead(), cdn.count())
			}
		})
	}
}

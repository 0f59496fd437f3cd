package purge_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larderdev/larder/purge"
)

// The whole life of a purge: window, call, settling, second call.
func TestQueue_PurgesTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cdn := newFake("cdn")
		q := open(t, purge.Options{Targets: []purge.Purger{cdn}})
		ticket := mustPurge(t, q, tags("products", "products"))
		accepted, settled := ticket.Accepted(), ticket.Settled()
		synctest.Wait()
		if r := ticket.Receipt().Targets[0]; r.Waiting != 1 || done(accepted) {
			t.Errorf("at once: %+v, accepted %v, want one waiting", r, done(accepted))
		}
		<-accepted
		if r := ticket.Receipt().Targets[0]; r.Accepted != 50*time.Millisecond || r.Settling != 1 || done(settled) {
			t.Errorf("after the first call: %+v, settled %v, want it accepted after 50ms and settling", r, done(settled))
		}
		<-settled
		if r := ticket.Receipt().Targets[0]; r.Settled != 5050*time.Millisecond || r.Settling != 0 || r.Failed != nil {
			t.Errorf("after the second call: %+v, want it settled after 5.05s", r)
		}
		cdn.wantLog(t, "50ms products", "5.05s products")
		if err := q.Close(t.Context()); err != nil {
			t.Errorf("Close = %v, want nil", err)
		}
	})
}

// Purges that come within the window are one call, and each tag is in it once.
func TestQueue_CoalescesTags(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cdn := newFake("cdn")
		q := open(t, purge.Options{Targets: []purge.Purger{cdn}, Settle: -1})
		var tickets []*purge.Ticket
		for i := range 10 {
			tickets = append(tickets, mustPurge(t, q, tags("products", fmt.Sprintf("product-%d", i%2))))
			time.Sleep(3 * time.Millisecond)
		}
		for _, ticket := range tickets {
			<-ticket.Accepted()
		}
		cdn.wantLog(t, "50ms products,product-0,product-1")
	})
}

func TestQueue_HardAbsorbsSoft(t *testing.T) {
	for _, tt := range []struct{ first, second, want string }{
		{"soft", "soft", "50ms a softly"},
		{"soft", "hard", "50ms a"},
		{"hard", "soft", "50ms a"},
		{"hard", "hard", "50ms a"},
	} {
		synctest.Test(t, func(t *testing.T) {
			cdn := newFake("cdn")
			q := open(t, purge.Options{Targets: []purge.Purger{cdn}, Settle: -1})
			mustPurge(t, q, purge.Purge{Tags: []string{"a"}, Soft: tt.first == "soft"})
			ticket := mustPurge(t, q, purge.Purge{Tags: []string{"a"}, Soft: tt.second == "soft"})
			<-ticket.Accepted()
			if got := cdn.log(); got != tt.want {
				t.Errorf("%s, then %s: calls %q, want %q", tt.first, tt.second, got, tt.want)
			}
		})
	}
}

// Soft, hard, tags and URLs cannot share a call.
func TestQueue_SplitsByKind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cdn := newFake("cdn")
		q := open(t, purge.Options{Targets: []purge.Purger{cdn}, Settle: -1})
		mustPurge(t, q, purge.Purge{Tags: []string{"a"}, URLs: []string{"https://x/1"}})
		ticket := mustPurge(t, q, softly(purge.Purge{Tags: []string{"b"}, URLs: []string{"https://x/2"}}))
		<-ticket.Accepted()
		synctest.Wait()
		got := strings.Split(cdn.log(), "\n")
		slices.Sort(got) // they are made at once
		want := []string{"50ms a", "50ms b softly", "50ms https://x/1", "50ms https://x/2 softly"}
		if !slices.Equal(got, want) {
			t.Errorf("calls %q, want %q", got, want)
		}
	})
}

func TestQueue_KeepsToLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cdn := newFake("cdn")
		cdn.limits = purge.Limits{Tags: 3, Bytes: 10, Rate: 2, Burst: 2}
		q := open(t, purge.Options{Targets: []purge.Purger{cdn}, Settle: -1, Parallel: 1})
		ticket := mustPurge(t, q, tags("a", "b", "c", "d", "eeeeeeeee", "ff", "ggg", "h", "i", "j", "k", "l"))
		<-ticket.Accepted()
		// The fake panics at a call beyond its limits; what is told here is
		// that calls are full, and in time: two at once, then two a second.
		cdn.wantLog(t, "50ms a,b,c", "50ms d,eeeeeeeee", "550ms ff,ggg,h", "1.05s i,j,k", "1.55s l")
	})
}

// URLs whose rate is counted apart do not wait for that of tags.
func TestQueue_RatesOfURLs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cdn := newFake("cdn")
		cdn.limits = purge.Limits{Tags: 1, URLs: 1, Rate: 0.1, Burst: 1, URLRate: 1, URLBurst: 1}
		q := open(t, purge.Options{Targets: []purge.Purger{cdn}, Settle: -1, Parallel: 1})
		mustPurge(t, q, tags("a", "b"))
		mustPurge(t, q, purge.Purge{URLs: []string{"https://x/1", "https://x/2"}})
		time.Sleep(20 * time.Second)
		cdn.wantLog(t, "50ms a", "50ms https://x/1", "1.05s https://x/2", "10.05s b")
	})
}

// A target that folds case has one tag where others have two.
func TestQueue_FoldsCase(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		folds, not := newFake("folds"), newFake("not")
		folds.limits.FoldsCase = true
		q := open(t, purge.Options{Targets: []purge.Purger{folds, not}})
		first := mustPurge(t, q, tags("Product-1"))
		second := mustPurge(t, q, tags("product-1"))
		<-first.Settled()
		<-second.Settled()
		folds.wantLog(t, "50ms Product-1", "5.05s Product-1")
		not.wantLog(t, "50ms Product-1,product-1", "5.05s Product-1,product-1")
		if err := q.Close(t.Context()); err != nil {
			t.Errorf("Close = %v, want nil: nothing waits", err)
		}
	})
}

// A purge that comes while an older one of the tag is under way is not done by
// it: the cache may have obeyed that call before the change.
func TestQueue_NewPurgeDuringACall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cdn := newFake("cdn")
		cdn.answer = func(context.Context, purge.Purge) error { time.Sleep(time.Second); return nil }
		q := open(t, purge.Options{Targets: []purge.Purger{cdn}, Settle: -1})
		mustPurge(t, q, tags("a"))
		time.Sleep(500 * time.Millisecond)
		second := mustPurge(t, q, tags("a"))
		<-second.Accepted()
		cdn.wantLog(t, "50ms a", "1.05s a")
		if r := second.Receipt().Targets[0]; r.Accepted != 1550*time.Millisecond {
			t.Errorf("the second purge was accepted after %v, want 1.55s: by its own call", r.Accepted)
		}
		if len(cdn.twice) > 0 {
			t.Errorf("%q were in two calls at once", cdn.twice)
		}
	})
}

// A tag that is purged without end gets its second purges, and few more calls
// than it would without.
func TestQueue_SettlesUnderConstantPurges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cdn := newFake("cdn")
		q := open(t, purge.Options{Targets: []purge.Purger{cdn}})
		first := mustPurge(t, q, tags("hot"))
		for range 200 { // for 20 s
			time.Sleep(100 * time.Millisecond)
			mustPurge(t, q, tags("hot"))
		}
		if r := first.Receipt().Targets[0]; r.Settled == 0 || r.Settled > 6*time.Second {
			t.Errorf("the first purge: %+v, want it settled within 6s", r)
		}
		last := mustPurge(t, q, tags("hot"))
		began := time.Since(cdn.began)
		<-last.Settled()
		if n := cdn.count(); n > 210 {
			t.Errorf("%d calls for 202 purges, want 210 at most", n)
		}
		cdn.mu.Lock()
		defer cdn.mu.Unlock()
		if end := cdn.calls[len(cdn.calls)-1].at; end < began+5*time.Second {
			t.Errorf("the last call was %v after the start, the last purge %v: want it 5s after that", end, began)
		}
	})
}

// Second purges that are put together are as hard as the hardest of them.
func TestQueue_SecondPurgesKeepHardness(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cdn := newFake("cdn")
		q := open(t, purge.Options{Targets: []purge.Purger{cdn}, Window: -1})
		for _, p := range []purge.Purge{softly(tags("a")), softly(tags("a")), tags("a"), softly(tags("a"))} {
			mustPurge(t, q, p)
			time.Sleep(time.Second)
		}
		if err := q.Close(t.Context()); err != nil {
			t.Errorf("Close = %v, want nil", err)
		}
		cdn.wantLog(t, "0s a softly", "1s a softly", "2s a", "3s a softly", "5s a softly", "8s a")
	})
}

// A second purge that is due is done by a first one that comes then.
func TestQueue_SecondPurgeByANewFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cdn := newFake("cdn")
		cdn.limits.Rate, cdn.limits.Burst = 1, 1
		q := open(t, purge.Options{Targets: []purge.Purger{cdn}, Window: -1})
		first := mustPurge(t, q, tags("a"))
		time.Sleep(4500 * time.Millisecond)
		mustPurge(t, q, tags("b")) // takes the token until 5.5 s
		time.Sleep(600 * time.Millisecond)
		mustPurge(t, q, softly(tags("a")))
		<-first.Settled()
		// One call does both, and is as hard as the harder.
		cdn.wantLog(t, "0s a", "4.5s b", "5.5s a")
	})
}

// What a target cannot have is said, and the others get it.
func TestQueue_ReportsWhatATargetCannotHave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		strict, urls, all := newFake("strict"), newFake("urls"), newFake("all")
		strict.limits.Tag = func(tag string) error {
			if strings.Contains(tag, ":") {
				return errors.New("no colons")
			}
			return nil
		}
		urls.limits.Tags = 0
		q := open(t, purge.Options{Targets: []purge.Purger{strict, urls, all}, Settle: -1})

		ticket, err := q.Purge(t.Context(), tags("product:1", "products", ""))
		if err == nil {
			t.Fatal("Purge = nil, want errors")
		}
		for _, want := range []string{"strict: no colons", "urls: purge: the target cannot purge by that", "strict: the tag is empty", "all: the tag is empty"} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("Purge = %v, want %q in it", err, want)
			}
		}
		<-ticket.Accepted()
		strict.wantLog(t, "50ms products")
		urls.wantLog(t)
		all.wantLog(t, "50ms product:1,products")
		var failed []string
		for _, r := range ticket.Receipt().Targets {
			for _, e := range r.Failed {
				failed = append(failed, fmt.Sprintf("%s %q final %v", r.Target, e.Items, e.Final))
			}
		}
		want := []string{`strict ["product:1"] final true`, `strict [""] final true`, `urls ["product:1" "products" ""] final true`, `all [""] final true`}
		if !slices.Equal(failed, want) {
			t.Errorf("failed in the receipt: %q, want %q", failed, want)
		}

		// With URLs beside the tags, the cache without tags has its part.
		ticket, err = q.Purge(t.Context(), purge.Purge{Tags: []string{"products"}, URLs: []string{"https://x/products"}})
		if err != nil {
			t.Errorf("Purge of tags and URLs = %v, want nil", err)
		}
		if err := ticket.Err(); !errors.Is(err, purge.ErrUnsupported) {
			t.Errorf("Err() = %v, want ErrUnsupported for the cache without tags", err)
		}
	})
}

func TestQueue_RefusesWhatIsWrong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := open(t, purge.Options{Targets: []purge.Purger{newFake("cdn")}})
		for _, p := range []purge.Purge{
			{}, {URLs: []string{"/relative"}}, {URLs: []string{"https://u:hidden@x/"}}, {Tags: []string{strings.Repeat("x", 9000)}}, {Tags: []string{"a\xff"}},
		} {
			if _, err := q.Purge(t.Context(), p); err == nil {
				t.Errorf("Purge(%.60q) = nil, want an error", fmt.Sprint(p))
			} else if len(p.URLs) > 0 && strings.Contains(err.Error(), "hidden") {
				t.Errorf("the error holds the password: %v", err)
			}
		}
	})
}

// A dead target has its own room and its own pauses.
func TestQueue_DeadTargetDelaysNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dead, hangs, well := newFake("dead"), newFake("hangs"), newFake("well")
		dead.answer = func(context.Context, purge.Purge) error { return errors.New("connection refused") }
		hangs.answer = func(ctx context.Context, _ purge.Purge) error { <-ctx.Done(); return ctx.Err() }
		q := open(t, purge.Options{Targets: []purge.Purger{dead, hangs, well}, MaxWaiting: 100, Settle: -1})
		full := 0
		for i := range 500 {
			ticket, err := q.Purge(t.Context(), tags(fmt.Sprint(i)))
			if err != nil {
				full++
				var e *purge.Error
				if !errors.Is(err, purge.ErrFull) || !errors.As(err, &e) || e.Target == "well" || !slices.Equal(e.Items, []string{fmt.Sprint(i)}) {
					t.Fatalf("Purge number %d = %v, want ErrFull of the others with the tag", i, err)
				}
			}
			<-ticket.Accepted("well")
			if r := ticket.Receipt().Targets[2]; r.Accepted != 50*time.Millisecond || r.Waiting != 0 {
				t.Fatalf("purge number %d: %+v, want it accepted after 50ms", i, r)
			}
		}
		if full != 400 {
			t.Errorf("%d of 500 purges said ErrFull, want 400", full)
		}
		// What waits already needs no room.
		if _, err := q.Purge(t.Context(), tags("7")); err != nil {
			t.Errorf("Purge of a tag that waits = %v, want nil", err)
		}
		for _, s := range q.Stats() {
			if s.Target == "dead" && (s.Waiting != 100 || s.Err == nil || s.Failed == 0) || s.Target == "well" && (s.Waiting > 1 || s.Failed > 0) {
				t.Errorf("stats %+v", s)
			}
		}
	})
}

func TestQueue_Concurrent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cdn, other := newFake("cdn"), newFake("other")
		cdn.limits.Tags = 7
		cdn.answer = func(_ context.Context, p purge.Purge) error {
			time.Sleep(20 * time.Millisecond)
			if len(p.Tags)%3 == 0 {
				return &purge.Error{Items: p.Tags[:1], Reason: "not this one"}
			}
			return nil
		}
		q := open(t, purge.Options{Targets: []purge.Purger{cdn, other}, Settle: 100 * time.Millisecond})
		var tasks sync.WaitGroup
		for g := range 20 {
			tasks.Go(func() {
				for i := range 20 {
					p := tags(fmt.Sprintf("t%d", (g*i)%17), fmt.Sprintf("g%d", g))
					p.Soft = i%2 == 0
					ticket := mustPurge(t, q, p)
					if i%5 == 0 {
						<-ticket.Settled()
						if err := ticket.Err(); err != nil {
							t.Errorf("Err() = %v, want nil", err)
						}
					}
					q.Stats()
				}
			})
		}
		tasks.Wait()
		if err := q.Close(t.Context()); err != nil {
			t.Errorf("Close = %v, want nil", err)
		}
		if len(cdn.twice)+len(other.twice) > 0 {
			t.Errorf("%q and %q were in two calls at once", cdn.twice, other.twice)
		}
	})
}

// A name that is no target's has not accepted anything.
func TestTicket_AcceptedByNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		cdn := newFake("cloudflare")
		q := open(t, purge.Options{Targets: []purge.Purger{cdn}, Settle: -1, Window: -1, Logger: slog.New(slog.NewTextHandler(&log, nil))})
		ticket := mustPurge(t, q, tags("a"))
		wrong := ticket.Accepted("cloudflare", "Cloudflare")
		_ = ticket.Accepted("Cloudflare")
		<-ticket.Accepted("cloudflare")
		synctest.Wait()
		if done(wrong) {
			t.Error("Accepted of a name that is no target's is closed while the queue is open")
		}
		if n := strings.Count(log.String(), "target=Cloudflare want=[cloudflare]"); n != 1 {
			t.Errorf("the log tells of the name %d times, want once:\n%s", n, log.String())
		}
		if err := q.Close(t.Context()); err != nil || !done(wrong) {
			t.Errorf("Close = %v, then the channel is closed %v, want nil, true", err, done(wrong))
		}
	})
}

func TestReceipt_String(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fails, slow := newFake("fails \"\\ü"), newFake("slow")
		fails.answer = func(context.Context, purge.Purge) error { return &purge.Error{Status: 403, Final: true} }
		slow.answer = func(context.Context, purge.Purge) error { time.Sleep(time.Second + time.Nanosecond); return nil }
		q := open(t, purge.Options{Targets: []purge.Purger{fails, slow}})
		ticket := mustPurge(t, q, tags("a", "b"))
		for _, want := range []string{
			`"fails \"\\?";waiting=2, "slow";waiting=2`,
			`"fails \"\\?";failed=2, "slow";accepted=1051;settling=2`,
			`"fails \"\\?";failed=2, "slow";accepted=1051;settled=7051`,
		} {
			if got := ticket.Receipt().String(); got != want {
				t.Errorf("the receipt is %s, want %s", got, want)
			}
			time.Sleep(4 * time.Second)
		}
	})
}

package purge_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larderdev/larder/purge"
)

// memory is a journal that can be made to fail and to be slow.
type memory struct {
	mu      sync.Mutex
	records map[string][]byte
	puts    int // calls
	closed  bool
	fails   error
	slow    time.Duration
}

func (m *memory) Load(context.Context) ([]purge.Record, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []purge.Record
	for key, data := range m.records {
		all = append(all, purge.Record{Key: key, Data: data})
	}
	return all, m.fails
}

func (m *memory) Put(_ context.Context, records ...purge.Record) error {
	time.Sleep(m.slow)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fails != nil {
		return m.fails
	}
	m.puts++
	if m.records == nil {
		m.records = map[string][]byte{}
	}
	for _, r := range records {
		m.records[r.Key] = r.Data
	}
	return nil
}

func (m *memory) Delete(_ context.Context, keys ...string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fails != nil {
		return m.fails
	}
	for _, key := range keys {
		delete(m.records, key)
	}
	return nil
}

func (m *memory) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	return nil
}

func (m *memory) keys() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Sorted(maps.Keys(m.records))
}

func (m *memory) fail(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fails = err
}

// copied is the journal as a crash now would leave it.
func (m *memory) copied() *memory {
	m.mu.Lock()
	defer m.mu.Unlock()
	return &memory{records: maps.Clone(m.records)}
}

func refuse(context.Context, purge.Purge) error { return errors.New("connection refused") }

// What was acknowledged is purged by the next process at all targets, as hard
// as it was, and settles; what is done is not.
func TestJournal_SurvivesARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newFake("a"), newFake("b")
		b.answer = refuse
		journal := &memory{}
		q := open(t, purge.Options{Targets: []purge.Purger{a, b}, Journal: journal, Window: -1})
		mustPurge(t, q, softly(tags("soft")))
		mustPurge(t, q, softly(tags("harder")))
		mustPurge(t, q, tags("harder"))
		mustPurge(t, q, purge.Purge{URLs: []string{"https://x/1"}})
		time.Sleep(time.Minute)
		left := journal.copied() // the process dies here

		a, b = newFake("a"), newFake("b")
		q = open(t, purge.Options{Targets: []purge.Purger{a, b}, Journal: left})
		if err := q.Close(t.Context()); err != nil {
			t.Errorf("Close = %v, want nil", err)
		}
		for _, f := range []*fake{a, b} {
			got := strings.Split(f.log(), "\n")
			slices.Sort(got)
			want := []string{
				"5.05s harder", "5.05s https://x/1", "5.05s soft softly",
				"50ms harder", "50ms https://x/1", "50ms soft softly",
			}
			if !slices.Equal(got, want) {
				t.Errorf("after the restart %s got\n%q, want\n%q", f.name, got, want)
			}
		}
		if keys := left.keys(); len(keys) != 0 {
			t.Errorf("when all is done the journal has %q, want nothing", keys)
		}
	})
}

// An item stays until the last target has settled.
func TestJournal_KeepsUntilSettled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		journal := &memory{}
		a, b := newFake("a"), newFake("b")
		b.answer = func(context.Context, purge.Purge) error { time.Sleep(20 * time.Second); return nil }
		q := open(t, purge.Options{Targets: []purge.Purger{a, b}, Journal: journal, Window: -1})
		ticket := mustPurge(t, q, tags("x"))
		<-ticket.Accepted()
		synctest.Wait()
		if keys := journal.keys(); !slices.Equal(keys, []string{"tag:x"}) {
			t.Errorf("when both have accepted the journal has %q, want tag:x", keys)
		}
		<-ticket.Settled()
		synctest.Wait()
		if keys := journal.keys(); len(keys) != 0 {
			t.Errorf("when both have settled the journal has %q, want nothing", keys)
		}
	})
}

// Purge returns when the journal has it, and not before; the targets do not
// wait.
func TestJournal_AcknowledgesWhatIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		journal := &memory{slow: time.Second}
		cdn := newFake("cdn")
		q := open(t, purge.Options{Targets: []purge.Purger{cdn}, Journal: journal, Settle: -1})
		cdn.answer = func(context.Context, purge.Purge) error { time.Sleep(time.Minute); return nil }
		began := time.Now()
		mustPurge(t, q, tags("a"))
		if took := time.Since(began); took != time.Second {
			t.Errorf("Purge took %v, want 1s, as long as the journal", took)
		}
		if keys := journal.keys(); !slices.Equal(keys, []string{"tag:a"}) {
			t.Errorf("after Purge the journal has %q, want tag:a", keys)
		}
		cdn.wantLog(t, "50ms a")
		// What is kept already needs no writing.
		began = time.Now()
		mustPurge(t, q, tags("a"))
		if took := time.Since(began); took != 0 {
			t.Errorf("Purge of what is kept took %v, want 0s", took)
		}
		ended, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		ticket, err := q.Purge(ended, tags("b"))
		if !errors.Is(err, context.DeadlineExceeded) || ticket == nil {
			t.Errorf("Purge with a context that ends first = %v, %v, want a ticket and DeadlineExceeded", ticket, err)
		}
		<-ticket.Accepted()
		if err := ticket.Err(); err != nil {
			t.Errorf("Err() = %v, want nil: it was on its way", err)
		}
	})
}

// Purges that come while the journal writes share its next writing.
func TestJournal_WritesTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		journal := &memory{slow: 10 * time.Millisecond}
		cdn := newFake("cdn")
		cdn.answer = refuse
		q := open(t, purge.Options{Targets: []purge.Purger{cdn}, Journal: journal})
		var tasks sync.WaitGroup
		for i := range 100 {
			tasks.Go(func() { mustPurge(t, q, tags(string(rune('a'+i%26))+string(rune('a'+i/26)))) })
		}
		tasks.Wait()
		if journal.puts > 3 {
			t.Errorf("100 purges at once took %d writings, want 3 at most", journal.puts)
		}
		if n := len(journal.keys()); n != 100 {
			t.Errorf("the journal has %d records, want 100", n)
		}
	})
}

// A journal that fails does not keep purges from the targets; the caller is
// told, and what waits is kept as soon as that can be.
func TestJournal_Fails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		full := errors.New("no space left on device")
		journal := &memory{fails: nil}
		a, b := newFake("a"), newFake("b")
		b.answer = refuse
		q := open(t, purge.Options{Targets: []purge.Purger{a, b}, Journal: journal, Settle: -1})
		mustPurge(t, q, tags("before"))
		journal.fail(full)
		ticket, err := q.Purge(t.Context(), tags("x"))
		if !errors.Is(err, purge.ErrNotKept) || !errors.Is(err, full) {
			t.Errorf("Purge = %v, want ErrNotKept and what the journal said", err)
		}
		<-ticket.Accepted("a")
		if !strings.Contains(a.log(), "x") {
			t.Errorf("calls to a: %q, want x in them", a.log())
		}
		if _, err := q.Purge(t.Context(), tags("x")); !errors.Is(err, purge.ErrNotKept) {
			t.Errorf("a second Purge = %v, want ErrNotKept still", err)
		}
		if _, err := q.Purge(t.Context(), tags("before")); err != nil {
			t.Errorf("Purge of what is kept = %v, want nil", err)
		}
		time.Sleep(time.Minute)
		journal.fail(nil)
		time.Sleep(2 * time.Second)
		if keys := journal.keys(); !slices.Equal(keys, []string{"tag:before", "tag:x"}) {
			t.Errorf("when the journal works again it has %q, want both", keys)
		}
		b.set(nil)
		if err := q.Close(t.Context()); err != nil {
			t.Errorf("Close = %v, want nil", err)
		}
		if keys := journal.keys(); len(keys) != 0 {
			t.Errorf("in the end the journal has %q, want nothing", keys)
		}
	})
}

// Dead letters survive, also those of targets that are no more, and can be
// retried by the next process.
func TestJournal_DeadLetters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		journal := &memory{}
		final := func(context.Context, purge.Purge) error {
			return &purge.Error{Status: 403, Final: true, Reason: "not allowed"}
		}
		a, b := newFake("a"), newFake("b:c")
		a.answer, b.answer = final, final
		q := open(t, purge.Options{Targets: []purge.Purger{a, b}, Journal: journal, Settle: -1})
		<-mustPurge(t, q, tags("x")).Accepted()
		synctest.Wait()
		want := []string{"dead:1:a:tag:x", "dead:3:b:c:tag:x"}
		if keys := journal.keys(); !slices.Equal(keys, want) {
			t.Errorf("the journal has %q, want %q", keys, want)
		}
		a = newFake("a")
		q = open(t, purge.Options{Targets: []purge.Purger{a}, Journal: journal.copied(), Settle: -1})
		dead := q.Dead()
		if len(dead) != 2 || dead[0].ID != want[0] || dead[0].Reason != "not allowed" || dead[1].Target != "b:c" {
			t.Fatalf("Dead() of the next process = %+v, want both", dead)
		}
		if n, err := q.Retry(); n != 1 || err == nil || !strings.Contains(err.Error(), `no target "b:c"`) {
			t.Errorf("Retry() = %d, %v, want 1, and an error for the target that is no more", n, err)
		}
		if n, err := q.Discard(want[1]); n != 1 || err != nil {
			t.Errorf("Discard = %d, %v, want 1, nil", n, err)
		}
		synctest.Wait()
		time.Sleep(time.Second)
		a.wantLog(t, "50ms x")
	})
}

// A dead letter of an earlier process gives way to a new purge, as one of this
// process does.
func TestJournal_NewestStateWins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		journal := &memory{records: map[string][]byte{
			"dead:3:cdn:tag:a": []byte(`{"target":"cdn","tag":"a","at":"2026-11-25T12:00:00Z","tries":1,"reason":"x"}`),
			"dead:3:cdn:tag:b": []byte(`{"target":"cdn","tag":"b","at":"2026-11-25T12:00:00Z","tries":1,"reason":"x"}`),
			"tag:b":            []byte(`{"soft":true}`), // came later, and was not done
		}}
		cdn := newFake("cdn")
		q := open(t, purge.Options{Targets: []purge.Purger{cdn}, Journal: journal, Settle: -1, Window: -1})
		synctest.Wait()
		mustPurge(t, q, softly(tags("a")))
		if err := q.Close(t.Context()); err != nil {
			t.Errorf("Close = %v, want nil", err)
		}
		cdn.wantLog(t, "0s b", "0s a") // as hard as what was dead
		if keys := journal.keys(); len(keys) != 0 || len(q.Dead()) != 0 {
			t.Errorf("the journal has %q, dead %+v, want nothing", keys, q.Dead())
		}
	})
}

// Dead letters that a target has come to take for one, since it folds the case
// now, go together: tried again, as hard as any was, or discarded.
func TestJournal_DeadLettersThatFoldToOne(t *testing.T) {
	for _, discard := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			cdn, journal := newFake("cdn"), &memory{}
			cdn.answer = func(context.Context, purge.Purge) error { return &purge.Error{Status: 403, Final: true} }
			q := open(t, purge.Options{Targets: []purge.Purger{cdn}, Journal: journal, Settle: -1, Window: -1})
			<-mustPurge(t, q, softly(tags("A", "b"))).Accepted()
			<-mustPurge(t, q, tags("a")).Accepted()
			if err := q.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			left := journal.copied()
			cdn = newFake("cdn")
			cdn.limits.FoldsCase = true
			q = open(t, purge.Options{Targets: []purge.Purger{cdn}, Journal: left, Settle: -1, Window: -1})
			if s := q.Stats()[0]; s.Dead != 3 || len(q.Dead()) != 3 {
				t.Errorf("stats %+v, Dead() %+v, want 3", s, q.Dead())
			}
			do, what := q.Retry, "Retry"
			if discard {
				do, what = q.Discard, "Discard"
			}
			if n, err := do(q.Dead()[0].ID, q.Dead()[1].ID); n != 2 || err != nil || q.Stats()[0].Dead != 1 || len(q.Dead()) != 1 {
				t.Errorf("%s(A, a) = %d, %v, then dead %+v, want 2, nil and b", what, n, err, q.Dead())
			}
			if n, err := do(); n != 1 || err != nil || len(q.Dead()) != 0 {
				t.Errorf("%s() = %d, %v, then dead %+v, want 1, nil and none", what, n, err, q.Dead())
			}
			if err := q.Close(t.Context()); err != nil || len(left.keys()) != 0 {
				t.Errorf("Close = %v, the journal has %q, want nil and nothing", err, left.keys())
			}
			got := strings.Split(cdn.log(), "\n")
			slices.Sort(got) // two calls at once
			want := []string{"0s A", "0s b softly"}
			if discard {
				want = []string{""}
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s: calls %q, want %q", what, got, want)
			}
		})
	}
}

// A soft purge that takes the place of a hard dead letter is hard in the journal
// too.
func TestJournal_DeadLetterHardensItsItem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cdn, journal := newFake("cdn"), &memory{}
		cdn.answer = func(context.Context, purge.Purge) error { return &purge.Error{Status: 403, Final: true} }
		q := open(t, purge.Options{Targets: []purge.Purger{cdn}, Journal: journal, Settle: -1, Window: -1})
		<-mustPurge(t, q, tags("a")).Accepted()
		cdn.set(refuse)
		mustPurge(t, q, softly(tags("a")))
		left := journal.copied() // the process dies here
		cdn = newFake("cdn")
		open(t, purge.Options{Targets: []purge.Purger{cdn}, Journal: left, Settle: -1, Window: -1})
		synctest.Wait()
		cdn.wantLog(t, "0s a")
	})
}

// The journal of a later version, or of something else, is not worked with.
func TestJournal_UnknownRecords(t *testing.T) {
	for _, r := range []purge.Record{
		{Key: "host:x", Data: []byte(`{}`)},
		{Key: "tag:x", Data: []byte(`[1]`)},
		{Key: "dead:1:a:tag:x", Data: []byte(`{"target":"a","tag":"y"}`)},
	} {
		journal := &memory{records: map[string][]byte{r.Key: r.Data}}
		if _, err := purge.Open(t.Context(), purge.Options{Targets: []purge.Purger{newFake("a")}, Journal: journal}); err == nil || !strings.Contains(err.Error(), r.Key) {
			t.Errorf("Open with the record %s %s = %v, want an error that names it", r.Key, r.Data, err)
		}
	}
	failing := &memory{fails: errors.New("no such table")}
	if _, err := purge.Open(t.Context(), purge.Options{Targets: []purge.Purger{newFake("a")}, Journal: failing}); !errors.Is(err, failing.fails) {
		t.Errorf("Open with a journal that fails = %v, want its error", err)
	}
}

// What no target can have any more is told, and forgotten.
func TestJournal_TargetsHaveChanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		journal := &memory{records: map[string][]byte{
			"tag:a": []byte(`{}`), "url:https://x/1": []byte(`{}`),
		}}
		cdn := newFake("cdn")
		cdn.limits.Tags = 0
		q := open(t, purge.Options{
			Targets: []purge.Purger{cdn}, Journal: journal, Settle: -1, Logger: slog.New(slog.NewTextHandler(&log, nil)),
		})
		if err := q.Close(t.Context()); err != nil {
			t.Errorf("Close = %v, want nil", err)
		}
		cdn.wantLog(t, "50ms https://x/1")
		if !strings.Contains(log.String(), "no target can have any more") || len(journal.keys()) != 0 {
			t.Errorf("the log has %q, the journal %q, want a warning and nothing", log.String(), journal.keys())
		}
	})
}

// An item that comes and goes while the journal is busy leaves nothing there.
func TestJournal_SlowerThanTheTargets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		journal := &memory{slow: time.Second}
		q := open(t, purge.Options{Targets: []purge.Purger{newFake("cdn")}, Journal: journal, Settle: -1, Window: -1})
		var tasks sync.WaitGroup
		for range 5 {
			tasks.Go(func() { mustPurge(t, q, tags("a")) })
			time.Sleep(300 * time.Millisecond)
		}
		tasks.Wait()
		if err := q.Close(t.Context()); err != nil {
			t.Errorf("Close = %v, want nil", err)
		}
		if keys := journal.keys(); len(keys) != 0 {
			t.Errorf("the journal has %q, want nothing", keys)
		}
	})
}

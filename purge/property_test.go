package purge_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larderdev/larder/purge"
)

// moody is a cache that fails in every way that there is, by chance, and
// remembers what it has done.
type moody struct {
	*fake
	mu   sync.Mutex
	rand *rand.Rand
	done []doing
	well bool
}

// doing is a call that a moody cache has obeyed, for those items that it did.
type doing struct {
	begin, end time.Time
	soft       bool
	items      []string
}

func newMoody(name string, seed uint64) *moody {
	m := &moody{fake: newFake(name), rand: rand.New(rand.NewPCG(seed, 1))}
	m.limits = purge.Limits{Tags: 4, URLs: 1, Bytes: 20, Rate: 50, Burst: 5, FoldsCase: seed%2 == 0}
	m.fake.answer = m.do
	return m
}

func (m *moody) do(ctx context.Context, p purge.Purge) error {
	d := doing{begin: time.Now(), soft: p.Soft}
	items := append(slices.Clone(p.Tags), p.URLs...)
	m.mu.Lock()
	delay, mood := time.Duration(m.rand.IntN(200))*time.Millisecond, m.rand.IntN(8)
	split := m.rand.IntN(len(items))
	m.mu.Unlock()
	select {
	case <-time.After(delay):
	case <-ctx.Done():
		return ctx.Err()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	d.end = time.Now()
	if slices.ContainsFunc(items, func(item string) bool { return strings.HasPrefix(item, "bad") }) {
		return &purge.Error{Status: 400, Final: true}
	}
	switch {
	case m.well || mood > 3:
		d.items = items
		m.done = append(m.done, d)
		return nil
	case mood == 0:
		return &purge.Error{Status: 503}
	case mood == 1:
		return &purge.Error{Status: 429, After: 300 * time.Millisecond}
	case mood == 2: // obeyed, but the answer is lost
		return &purge.Error{Err: context.DeadlineExceeded}
	}
	d.items = items[:split]
	m.done = append(m.done, d)
	return &purge.Error{Status: 200, Items: items[split:]}
}

// did tells whether a call has obeyed a purge of an item: it began at since or
// later, ended then, and was as hard.
func (m *moody) did(item string, soft bool, since, ended time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.ContainsFunc(m.done, func(d doing) bool {
		return !d.begin.Before(since) && d.end.Equal(ended) && (soft || !d.soft) &&
			slices.ContainsFunc(d.items, func(have string) bool {
				return have == item || m.limits.FoldsCase && strings.EqualFold(have, item)
			})
	})
}

// issued is a purge of one item, and what the queue says of it.
type issued struct {
	at     time.Time
	item   string
	soft   bool
	ticket *purge.Ticket
}

// The invariants of the package comment, over thousands of random purges of
// caches in all moods.
func TestProperty(t *testing.T) {
	for seed := range uint64(30) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { property(t, seed) })
		})
	}
}

func property(t *testing.T, seed uint64) {
	const settle = time.Second
	caches := []*moody{newMoody("a", 2*seed), newMoody("b", 2*seed+1)}
	journal := &memory{slow: time.Duration(seed%3) * 20 * time.Millisecond}
	q := open(t, purge.Options{
		Targets: []purge.Purger{caches[0], caches[1]}, Journal: journal, Settle: settle,
		MinBackoff: 10 * time.Millisecond, MaxBackoff: 100 * time.Millisecond, MaxTries: 1000, Parallel: 1 + int(seed%4),
	})
	var mu sync.Mutex
	var all []issued
	var tasks sync.WaitGroup
	for g := range 4 {
		random := rand.New(rand.NewPCG(seed, uint64(g)+2))
		tasks.Go(func() {
			for range 50 {
				item := fmt.Sprintf("%s-%d", []string{"tag", "TAG"}[random.IntN(2)], random.IntN(12))
				if random.IntN(20) == 0 {
					item = fmt.Sprintf("bad-%d", random.IntN(3))
				}
				p := purge.Purge{Tags: []string{item}, Soft: random.IntN(2) == 0}
				i := issued{at: time.Now(), item: item, soft: p.Soft}
				i.ticket = mustPurge(t, q, p)
				mu.Lock()
				all = append(all, i)
				mu.Unlock()
				time.Sleep(time.Duration(random.IntN(100)) * time.Millisecond)
			}
		})
	}
	tasks.Wait()
	if err := q.Close(t.Context()); err != nil {
		t.Fatalf("Close = %v, want nil", err)
	}
	dead := map[string]bool{}
	for _, d := range q.Dead() {
		dead["dead:1:"+d.Target+":tag:"+d.Tag] = true
	}
	for _, i := range all {
		for n, r := range i.ticket.Receipt().Targets {
			judge(t, i, r, caches[n], settle)
		}
	}
	for _, c := range caches {
		if len(c.twice) > 0 {
			t.Errorf("%q were in two calls to %s at once", c.twice, c.name)
		}
	}
	if keys := journal.keys(); !slices.Equal(keys, slices.Sorted(maps.Keys(dead))) {
		t.Errorf("in the end the journal has %q, want the dead letters %q", keys, slices.Sorted(maps.Keys(dead)))
	}
}

// judge compares what a receipt says with what the cache has done.
func judge(t *testing.T, i issued, r purge.TargetReceipt, c *moody, settle time.Duration) {
	t.Helper()
	if r.Waiting+r.Settling != 0 {
		t.Errorf("%s at %s: %+v after Close", i.item, c.name, r)
	}
	if strings.HasPrefix(i.item, "bad") {
		if len(r.Failed) != 1 {
			t.Errorf("%s at %s: %+v, want it failed", i.item, c.name, r)
		}
		return
	}
	accepted, settled := i.at.Add(r.Accepted), i.at.Add(r.Settled)
	if len(r.Failed) != 0 || !c.did(i.item, i.soft, i.at, accepted) {
		t.Errorf("%s (soft %v) at %s: accepted after %v, failed %v: no call did that", i.item, i.soft, c.name, r.Accepted, r.Failed)
	}
	if !c.did(i.item, i.soft, accepted.Add(settle), settled) {
		t.Errorf("%s (soft %v) at %s: settled after %v, %v after it was accepted: no call did that", i.item, i.soft, c.name, r.Settled, r.Settled-r.Accepted)
	}
}

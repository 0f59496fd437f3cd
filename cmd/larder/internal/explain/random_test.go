package explain_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/larderdev/larder"
	"github.com/larderdev/larder/policy"
	"github.com/larderdev/larder/store"
)

// TestKey_AfterRandomOperations brings keys by random operations into states that nobody
// has thought of, and compares what is said with what Get does, with an outbox and
// without.
func TestKey_AfterRandomOperations(t *testing.T) {
	random := rand.New(rand.NewPCG(9, 10))
	seen := map[string]int{}
	for _, outbox := range []bool{false, true} {
		w := newWorld(t)
		w.outbox = outbox
		for _, class := range []string{"windows", "plain", "tagged", "through", "secret"} {
			x := w.explainer(class)
			for round := range 20 {
				key := fmt.Sprintf("%s%d", []string{"", "no"}[random.IntN(2)], round)
				name := class + ":" + key
				did, writer := "", w.start()
				for range 1 + random.IntN(5) {
					did += " " + w.random(random, writer, class, key)
				}
				// It waits for what is refreshed in the background, which would else be
				// another state by the time of the Get.
				w.must(writer.Close())
				k, err := x.Key(t.Context(), name)
				w.must(err)
				seen[fmt.Sprint(k.State, " ", k.Next.Action)]++
				reader := w.start()
				_, err = reader.Checkpoint(t.Context())
				w.must(err)
				var report larder.Report
				_, err = reader.caches[class].Get(t.Context(), key, larder.Into(&report))
				before := t.Failed()
				w.agree(name, k, &report, err)
				want := k.Next.Loads
				if got := reader.loadsOf(name); got != want && !k.Next.Refresh {
					t.Errorf("%s: %d loads, Key says %d (%+v)", name, got, want, k.Next)
				}
				if t.Failed() && !before {
					t.Errorf("%s, outbox %t, after%s: Key says %s, %+v", name, outbox, did, k.State, k.Next)
				}
				w.must(reader.Close())
			}
		}
	}
	t.Log(seen)
	if len(seen) < 8 {
		t.Errorf("only %v was compared", seen)
	}
}

// random does one operation at random, and names it.
func (w *world) random(random *rand.Rand, p *process, class, key string) string {
	w.t.Helper()
	name, ctx := class+":"+key, w.t.Context()
	c := p.caches[class]
	in, err := w.store.Inspect(ctx, name)
	w.must(err)
	switch n := random.IntN(9); {
	case n == 0:
		w.must(c.Invalidate(ctx, key))
		return "Invalidate"
	case n == 1:
		w.must(c.SoftInvalidate(ctx, key))
		return "SoftInvalidate"
	case n == 2 && len(w.class(name).Tags) > 0:
		w.must(p.InvalidateTags(ctx, w.tag(name)))
		return "InvalidateTags"
	case n == 3 && len(w.class(name).Tags) > 0:
		w.must(p.SoftInvalidateTags(ctx, w.tag(name)))
		return "SoftInvalidateTags"
	case n == 4:
		_, err := c.Update(ctx, key, func(ctx context.Context) (value, error) {
			if w.class(name).Strict {
				if err := larder.Intend(ctx); err != nil {
					return value{}, err
				}
			}
			return value{Text: "new", Rev: 7}, nil
		})
		w.must(err)
		return "Update"
	case n == 5 && in.Lease == "" && !in.Failed:
		// Unless a load in the background has just taken the lease: then nothing is done.
		w.store.Do(ctx, []store.Op{store.Lease{Key: name, ID: "failing", For: time.Minute}})
		w.store.Do(ctx, []store.Op{store.Release{Key: name, ID: "failing", Mark: time.Minute}})
		return "failed load"
	case n == 6 && in.Status == store.Found:
		w.age(name, time.Duration(random.IntN(15))*time.Minute+30*time.Second)
		return "age"
	case n == 7 && in.Lease == "" && !in.Failed:
		w.storeWith(name, func(c *policy.Class) {
			if c.Encrypt = !c.Encrypt; !c.Encrypt {
				c.Privacy = policy.Public
			}
		})
		return "other encryption"
	}
	_, _ = c.Get(ctx, key)
	return "Get"
}

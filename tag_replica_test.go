package larder_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larderdev/larder"
	"github.com/larderdev/larder/lardertest"
	"github.com/larderdev/larder/store"
)

// What a replica says of a value is believed only if the value's tags, which
// are known from it alone, can be asked for.
func TestTags_OfTheValueVouchForTheReplica(t *testing.T) {
	fails := map[string]func(op store.Op) bool{
		"nothing": func(store.Op) bool { return false },
		"the tags of the value": func(op store.Op) bool {
			read, ok := op.(store.ReadTags)
			return ok && len(read.Tags) > 0
		},
		"the sequence": func(op store.Op) bool {
			read, ok := op.(store.ReadTags)
			return ok && len(read.Tags) == 0
		},
		"the end of the lease": func(op store.Op) bool {
			switch op.(type) {
			case store.Fill, store.Release:
				return true
			}
			return false
		},
	}
	for name, fail := range fails {
		for _, tiers := range []larder.Tier{larder.Shared, larder.Memory} {
			t.Run(fmt.Sprint(tiers, " ", name), func(t *testing.T) { valueTagsVouch(t, tiers, fail) })
		}
	}
}

func valueTagsVouch(t *testing.T, tiers larder.Tier, fail func(op store.Op) bool) {
	synctest.Test(t, func(t *testing.T) {
		var broken atomic.Bool
		way := lardertest.NewFault(local(t), lardertest.FaultOptions{Hook: func(_ string, op store.Op) lardertest.Mishap {
			return lardertest.Mishap{DropRequest: op != nil && broken.Load() && fail(op)}
		}})
		l := open(t, way, "product", larder.Policy{TTL: time.Hour, Tiers: tiers})
		var primary, replica atomic.Uint64
		c, err := larder.NewCache(l, "product", larder.Loader[int, uint64]{
			Load: func(ctx context.Context, _ int) (uint64, error) {
				return larder.Route(ctx, &primary, &replica).Load(), nil
			},
			Tags: func(_ int, v uint64) []string { return []string{fmt.Sprint("version-", v)} },
		})
		must(t, err)
		time.Sleep(time.Minute)
		for id := range 3 {
			old := primary.Load()
			primary.Add(1) // and the replica lags
			must(t, l.InvalidateTags(t.Context(), fmt.Sprint("version-", old)))
			broken.Store(true)
			if v, err := c.Get(t.Context(), id); err != nil || v != primary.Load() {
				t.Errorf("Get = %d, %v; want %d", v, err, primary.Load())
			}
			broken.Store(false)
			replica.Store(primary.Load())
			time.Sleep(time.Minute)
		}
	})
}

package linear

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/larderdev/larder"
	"github.com/larderdev/larder/store"
)

// access is a read or a write of one key, with the version that it has returned
// or made.
type access struct {
	write   bool
	version uint64
}

// register is what one key must behave like. The database gives versions out in
// the order of its commits.
var register = porcupine.Model{
	Init: func() any { return uint64(0) },
	Step: func(state, input, _ any) (bool, any) {
		now, a := state.(uint64), input.(access)
		if a.write {
			return a.version > now, a.version
		}
		return a.version == now, now
	},
	DescribeOperation: func(input, _ any) string { return fmt.Sprintf("%+v", input) },
}

// fleetsEnv sets how many histories each test checks, for runs by hand.
const fleetsEnv = "LARDER_LINEAR_FLEETS"

func fleets(t *testing.T) uint64 {
	n, s := 125, os.Getenv(fleetsEnv)
	if s != "" {
		var err error
		if n, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	}
	return uint64(n)
}

var tags = []string{everything}

// Classes that memory does not keep are linearizable.
func TestStrictClasses(t *testing.T) {
	linearizable(t, larder.Policy{
		TTL: time.Hour, Tiers: larder.Shared, Pattern: larder.WriteThrough, Strict: true, Tags: tags,
	})
}

// Reads of memory are, if they may be as old as MaxStaleness.
func TestMemory(t *testing.T) {
	linearizable(t, larder.Policy{
		TTL: time.Hour, Tiers: larder.Memory | larder.Shared, Pattern: larder.WriteThrough, Strict: true, Tags: tags,
	})
}

func linearizable(t *testing.T, p larder.Policy) {
	total := 0
	for seed := range fleets(t) {
		result, n := check(t, seed, p, func(s store.Store) store.Store { return s })
		total += n
		if result != porcupine.Ok {
			t.Errorf("the history with seed %d: %s", seed, result)
		}
	}
	t.Logf("%d calls checked", total)
}

// forgetful is a tier that acknowledges some operations and does not do them.
type forgetful struct {
	store.Store
	forgets func(store.Op) bool
}

func (s forgetful) Do(ctx context.Context, ops []store.Op) []store.Reply {
	replies := make([]store.Reply, len(ops))
	for i, op := range ops {
		if s.forgets(op) {
			replies[i].Status = store.Done
		} else {
			replies[i] = s.Store.Do(ctx, []store.Op{op})[0]
		}
	}
	return replies
}

// TestNotices shows that the checks can fail.
func TestNotices(t *testing.T) {
	for name, forgets := range map[string]func(store.Op) bool{
		"invalidations": func(op store.Op) bool { _, ok := op.(store.Invalidate); return ok },
		"updates":       func(op store.Op) bool { _, ok := op.(store.WriteThrough); return ok },
		"tags":          func(op store.Op) bool { _, ok := op.(store.MoveTags); return ok },
	} {
		for _, tiers := range []larder.Tier{larder.Shared, larder.Memory | larder.Shared} {
			t.Run(fmt.Sprint(name, " ", tiers), func(t *testing.T) {
				p := larder.Policy{TTL: time.Hour, Tiers: tiers, Pattern: larder.WriteThrough, Tags: tags}
				for seed := range uint64(10) {
					wrap := func(s store.Store) store.Store { return forgetful{s, forgets} }
					if result, _ := check(t, seed, p, wrap); result == porcupine.Illegal {
						return
					}
				}
				t.Error("10 histories did not show it")
			})
		}
	}
}

package larder_test

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/larderdev/larder"
	"github.com/larderdev/larder/localstore"
)

// stock is a row that knows its version.
type stock struct {
	Pieces  int
	Version uint64
}

// warehouse stands for a database: one row, locked while a transaction runs.
type warehouse struct {
	mu  sync.Mutex
	row stock
}

func (w *warehouse) load(context.Context, int) (stock, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.row, nil
}

// take is a transaction. beforeCommit runs while the row is locked.
func (w *warehouse) take(ctx context.Context, pieces int, beforeCommit func(context.Context) error) (stock, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	next := stock{Pieces: w.row.Pieces - pieces, Version: w.row.Version + 1} // UPDATE … RETURNING
	if err := beforeCommit(ctx); err != nil {
		return stock{}, err // ROLLBACK
	}
	w.row = next // COMMIT
	return next, nil
}

// A class that is written through by version: every tier ends at what the
// database ends at. Strict, nobody reads the older stock from COMMIT on.
func ExampleCache_Update() {
	ctx := context.Background()
	db := &warehouse{row: stock{Pieces: 10, Version: 1}}
	shared := localstore.New(localstore.Options{}) // redisstore.Open in a service
	defer shared.Close()
	lard, err := larder.Open(ctx, larder.Options{
		Policies: map[string]larder.Policy{"inventory": {
			TTL: 5 * time.Minute, Tiers: larder.Shared, Pattern: larder.WriteThrough, Strict: true,
		}},
		Shared: shared,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer lard.Close()
	stocks, err := larder.NewCache(lard, "inventory", larder.Loader[int, stock]{
		Load:    db.load,
		Version: func(s stock) uint64 { return s.Version },
	})
	if err != nil {
		fmt.Println(err)
		return
	}

	before, err := stocks.Get(ctx, 42)
	fmt.Println(before.Pieces, err)
	after, err := stocks.Update(ctx, 42, func(ctx context.Context) (stock, error) {
		return db.take(ctx, 3, larder.Intend)
	})
	fmt.Println(after.Pieces, err)
	var r larder.Report
	now, err := stocks.Get(ctx, 42, larder.Into(&r))
	fmt.Println(now.Pieces, r.Tier(), err)
	// Output:
	// 10 <nil>
	// 7 <nil>
	// 7 shared <nil>
}

// One call makes every value wrong that carries a tag, however many there are.
func ExampleLarder_InvalidateTags() {
	ctx := context.Background()
	lard, err := larder.Open(ctx, larder.Options{Policies: map[string]larder.Policy{
		"shirt": {TTL: time.Hour, Tags: []string{"shirts", "shirt-{key}"}},
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer lard.Close()
	season := "spring"
	shirts, err := larder.NewCache(lard, "shirt", larder.Loader[int, string]{
		Load: func(_ context.Context, id int) (string, error) { return season + " " + strconv.Itoa(id), nil },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	show := func() {
		v, err := shirts.Get(ctx, 1)
		fmt.Println(v, err)
	}

	show()
	season = "summer"
	show()
	fmt.Println(lard.InvalidateTags(ctx, "shirts"))
	show()
	// Output:
	// spring 1 <nil>
	// spring 1 <nil>
	// <nil>
	// summer 1 <nil>
}

// A loader that reads a replica, and the primary when it must.
func ExampleRoute() {
	type db struct{ name string } // *sql.DB in a service
	primary, replica := &db{"primary"}, &db{"replica"}
	load := func(ctx context.Context, id int) (string, error) {
		return larder.Route(ctx, primary, replica).name, nil
	}
	fmt.Println(load(context.Background(), 1))
	// Output: replica <nil>
}

// What must not be cached has no cache.
func ExampleNewCache_never() {
	ctx := context.Background()
	lard, err := larder.Open(ctx, larder.Options{Policies: map[string]larder.Policy{"cart": {Pattern: larder.Never}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer lard.Close()
	_, err = larder.NewCache(lard, "cart", larder.Loader[int, []string]{
		Load: func(context.Context, int) ([]string, error) { return nil, nil },
	})
	fmt.Println(err)
	// Output: larder: class "cart": its policy says that it is never cached: read it from the origin each time
}

package larder_test

import (
	"context"
	"fmt"
	"time"

	"github.com/larderdev/larder"
	"github.com/larderdev/larder/localstore"
)

type shirt struct {
	ID   int
	Name string
}

func loadShirts(_ context.Context, ids []int) (map[int]shirt, error) {
	found := map[int]shirt{}
	for _, id := range ids {
		if id < 100 {
			found[id] = shirt{ID: id, Name: fmt.Sprint("shirt ", id)}
		}
	}
	return found, nil
}

func Example() {
	ctx := context.Background()
	shared := localstore.New(localstore.Options{}) // redisstore.Open in a service
	defer shared.Close()
	lard, err := larder.Open(ctx, larder.Options{
		Policies: map[string]larder.Policy{"shirt": {TTL: time.Hour, Target: 0.10}},
		Shared:   shared,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer lard.Close()
	shirts, err := larder.NewCache(lard, "shirt", larder.Loader[int, shirt]{LoadMany: loadShirts})
	if err != nil {
		fmt.Println(err)
		return
	}

	one, err := shirts.Get(ctx, 42)
	fmt.Println(one.Name, err)
	many, err := shirts.GetMany(ctx, []int{42, 43, 1000})
	fmt.Println(len(many), err)
	_, err = shirts.Get(ctx, 1000)
	fmt.Println(err)
	fmt.Println(shirts.Invalidate(ctx, 42, 43))
	// Output:
	// shirt 42 <nil>
	// 2 <nil>
	// larder: not found
	// <nil>
}

func ExampleInto() {
	ctx := context.Background()
	lard, err := larder.Open(ctx, larder.Options{Policies: map[string]larder.Policy{"shirt": {TTL: time.Hour}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer lard.Close()
	shirts, err := larder.NewCache(lard, "shirt", larder.Loader[int, shirt]{LoadMany: loadShirts})
	if err != nil {
		fmt.Println(err)
		return
	}
	var r larder.Report
	for range 2 {
		if _, err := shirts.Get(ctx, 1, larder.Into(&r)); err != nil {
			fmt.Println(err)
		}
		fmt.Println(r.Tier())
	}
	// Output:
	// origin
	// memory
}

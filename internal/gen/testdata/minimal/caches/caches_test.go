package caches_test

import (
	"context"
	"fmt"

	"github.com/larderdev/larder"
	"github.com/larderdev/larder/internal/gen/testdata/minimal/caches"
)

// greetings implements [caches.Loaders].
type greetings struct{}

func (greetings) LoadGreeting(_ context.Context, name string) (string, error) {
	if name == "" {
		return "", larder.ErrNotFound
	}
	return "hello " + name, nil
}

func Example() {
	ctx := context.Background()
	c, err := caches.Open(ctx, greetings{}, larder.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	fmt.Println(c.Greeting.Get(ctx, "you"))
	// Output: hello you <nil>
}

package localstore_test

import (
	"context"
	"fmt"
	"time"

	"github.com/larderdev/larder/localstore"
	"github.com/larderdev/larder/store"
)

// A store in memory takes the place of Redis: in tests, and in programs that
// run as one process.
func ExampleNew() {
	s := localstore.New(localstore.Options{MaxEntries: 10_000})
	defer s.Close()

	ctx := context.Background()
	s.Do(ctx, []store.Op{
		store.Lease{Key: "product:42", ID: "load 1", For: time.Second},
		store.Fill{
			Key: "product:42", ID: "load 1", Kind: store.Value, Version: 7,
			Fresh: time.Minute, Life: time.Hour, Body: []byte("a teapot"),
		},
	})
	reply := s.Get(ctx, []string{"product:42"})[0]
	fmt.Printf("version %d: %s\n", reply.Record.Version, reply.Record.Body)
	// Output: version 7: a teapot
}

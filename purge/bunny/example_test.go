package bunny_test

import (
	"context"
	"log"

	"github.com/larderdev/larder/purge"
	"github.com/larderdev/larder/purge/bunny"
	"github.com/larderdev/larder/purge/purgeapi"
)

func Example() {
	key, err := purgeapi.SecretFromEnv("BUNNY_KEY")
	if err != nil {
		log.Print(err)
		return
	}
	cdn, err := bunny.New(bunny.Options{PullZone: 1234, Key: key})
	if err != nil {
		log.Fatal(err)
	}
	// A single call. A purge.Queue splits, waits and tries again.
	if err := cdn.Purge(context.Background(), purge.Purge{Tags: []string{"products"}}); err != nil {
		log.Print(err)
	}
}

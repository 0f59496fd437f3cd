package fastly_test

import (
	"context"
	"log"

	"github.com/larderdev/larder/purge"
	"github.com/larderdev/larder/purge/fastly"
	"github.com/larderdev/larder/purge/purgeapi"
)

func Example() {
	token, err := purgeapi.SecretFromEnv("FASTLY_TOKEN")
	if err != nil {
		log.Print(err)
		return
	}
	cdn, err := fastly.New(fastly.Options{Service: "SU1Z0isxPaozGVKXdv0eY", Token: token})
	if err != nil {
		log.Fatal(err)
	}
	// A single call. A purge.Queue splits, waits and tries again.
	if err := cdn.Purge(context.Background(), purge.Purge{Tags: []string{"products"}, Soft: true}); err != nil {
		log.Print(err)
	}
}

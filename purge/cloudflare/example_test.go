package cloudflare_test

import (
	"context"
	"log"

	"github.com/larderdev/larder/purge"
	"github.com/larderdev/larder/purge/cloudflare"
	"github.com/larderdev/larder/purge/purgeapi"
)

func Example() {
	token, err := purgeapi.SecretFromEnv("CLOUDFLARE_TOKEN")
	if err != nil {
		log.Print(err)
		return
	}
	cdn, err := cloudflare.New(cloudflare.Options{
		Zone:         "023e105f4ecef8ad9ca31a8372d0c353",
		Token:        token,
		Plan:         cloudflare.Pro,
		FilesPerCall: 100, // what the zone's limits say today
	})
	if err != nil {
		log.Fatal(err)
	}
	// A single call. A purge.Queue splits, waits and tries again.
	if err := cdn.Purge(context.Background(), purge.Purge{Tags: []string{"products"}, Soft: true}); err != nil {
		log.Print(err)
	}
}

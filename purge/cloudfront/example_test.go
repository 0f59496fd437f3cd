package cloudfront_test

import (
	"context"
	"errors"
	"log"

	"github.com/larderdev/larder/purge"
	"github.com/larderdev/larder/purge/cloudfront"
)

// The distribution has a CacheTagConfig; the credentials come from the
// environment.
func Example() {
	credentials, err := cloudfront.CredentialsFromEnv()
	if err != nil {
		log.Fatal(err)
	}
	p, err := cloudfront.New(cloudfront.Options{Distribution: "E2QWRUHAPOMQZL", Tags: true, Credentials: credentials})
	if err != nil {
		log.Fatal(err)
	}
	err = p.Purge(context.Background(), purge.Purge{Tags: []string{"product-42"}})
	if e := (*purge.Error)(nil); errors.As(err, &e) && !e.Final {
		log.Printf("try again later: %v", e) // TooManyInvalidationsInProgress, for one
	}
}

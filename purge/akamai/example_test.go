package akamai_test

import (
	"context"
	"errors"
	"log"

	"github.com/larderdev/larder/purge"
	"github.com/larderdev/larder/purge/akamai"
	"github.com/larderdev/larder/purge/purgeapi"
)

// The credentials come from the environment, or from files that it names.
func Example() {
	var secrets [3]purgeapi.Secret
	for i, name := range []string{"AKAMAI_CLIENT_TOKEN", "AKAMAI_CLIENT_SECRET", "AKAMAI_ACCESS_TOKEN"} {
		var err error
		if secrets[i], err = purgeapi.SecretFromEnv(name); err != nil {
			log.Fatal(err)
		}
	}
	p, err := akamai.New(akamai.Options{
		Host:        "akab-h05tnam3wl42son7nktnlnnx-kbob3i3v.luna.akamaiapis.net",
		ClientToken: secrets[0], ClientSecret: secrets[1], AccessToken: secrets[2],
	})
	if err != nil {
		log.Fatal(err)
	}
	err = p.Purge(context.Background(), purge.Purge{Tags: []string{"product-42"}, Soft: true})
	if e := (*purge.Error)(nil); errors.As(err, &e) && !e.Final {
		log.Printf("try again in %v: %v", e.After, e)
	}
}

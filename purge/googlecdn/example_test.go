package googlecdn_test

import (
	"context"
	"errors"
	"log"
	"net/http"

	"github.com/larderdev/larder/purge"
	"github.com/larderdev/larder/purge/googlecdn"
	"github.com/larderdev/larder/purge/purgeapi"
)

// On Google Cloud the token is that of the service account.
func Example() {
	p, err := googlecdn.New(googlecdn.Options{
		Project: "shop-production", URLMap: "front",
		Token: googlecdn.MetadataToken(nil),
	})
	if err != nil {
		log.Fatal(err)
	}
	err = p.Purge(context.Background(), purge.Purge{Tags: []string{"product-42"}})
	if e := (*purge.Error)(nil); errors.As(err, &e) && !e.Final {
		log.Printf("try again later: %v", e)
	}
}

// Elsewhere the token is that of a library: an oauth2.TokenSource, of
// golang.org/x/oauth2/google, has this method.
func ExampleTokenSource() {
	var library interface {
		Token() (token string, err error)
	}
	source := func(context.Context) (purgeapi.Secret, error) {
		token, err := library.Token()
		return purgeapi.NewSecret(token), err
	}
	p, err := googlecdn.New(googlecdn.Options{Project: "shop-production", URLMap: "front", Token: source, HTTP: http.DefaultClient})
	if err != nil {
		log.Fatal(err)
	}
	log.Print(p.Name())
}

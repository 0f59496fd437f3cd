package varnish_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/larderdev/larder/purge"
	"github.com/larderdev/larder/purge/varnish"
)

// Each server is told by a purger of its own.
func Example() {
	var all []purge.Purger
	for i, server := range []string{"http://10.0.0.7:6081", "http://10.0.0.8:6081"} {
		p, err := varnish.New(varnish.Options{Server: server, Name: fmt.Sprintf("varnish-%d", i+1)})
		if err != nil {
			log.Fatal(err)
		}
		all = append(all, p)
	}
	for _, p := range all {
		err := p.Purge(context.Background(), purge.Purge{Tags: []string{"product-42"}, Soft: true})
		if e := (*purge.Error)(nil); errors.As(err, &e) && !e.Final {
			log.Printf("try again later: %v", e)
		}
	}
}

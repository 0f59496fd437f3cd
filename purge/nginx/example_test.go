package nginx_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/larderdev/larder/purge"
	"github.com/larderdev/larder/purge/nginx"
)

func Example() {
	p, err := nginx.New(nginx.Options{Server: "http://10.0.0.7:8079"})
	if err != nil {
		log.Fatal(err)
	}
	err = p.Purge(context.Background(), purge.Purge{URLs: []string{"https://www.example.com/api/products/42"}})
	if e := (*purge.Error)(nil); errors.As(err, &e) && !e.Final {
		log.Printf("try again later: %v", e)
	}
}

// nginx knows no tags.
func ExamplePurger_Purge_tags() {
	p, err := nginx.New(nginx.Options{Server: "http://10.0.0.7:8079"})
	if err != nil {
		log.Fatal(err)
	}
	err = p.Purge(context.Background(), purge.Purge{Tags: []string{"product-42"}})
	fmt.Println(errors.Is(err, purge.ErrUnsupported))
	// Output: true
}

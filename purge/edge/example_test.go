package edge_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/larderdev/larder/purge"
	"github.com/larderdev/larder/purge/edge"
)

func Example() {
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { // an edge's, on loopback
		body, _ := io.ReadAll(r.Body)
		fmt.Printf("%s %s %s\n", r.Method, r.URL.Path, body)
		fmt.Fprint(w, `{"success":true}`)
	}))
	defer api.Close()

	cdn, err := edge.New(edge.Options{BaseURL: api.URL})
	if err != nil {
		log.Fatal(err)
	}
	if err := cdn.Purge(context.Background(), purge.Purge{Tags: []string{"product-42"}}); err != nil {
		log.Fatal(err)
	}
	if err := cdn.Purge(context.Background(), purge.Purge{Tags: []string{"products"}, Soft: true}); err != nil {
		log.Fatal(err)
	}
	// Output:
	// POST /purge_cache {"tags":["product-42"]}
	// POST /invalidate_cache {"tags":["products"]}
}

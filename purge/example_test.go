package purge_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"slices"
	"time"

	"github.com/larderdev/larder"
	"github.com/larderdev/larder/localstore"
	"github.com/larderdev/larder/purge"
	"github.com/larderdev/larder/purge/cloudflare"
	"github.com/larderdev/larder/purge/purgeapi"
)

// What a service does when it starts, and when it ends.
func Example() {
	ctx := context.Background()
	token, err := purgeapi.SecretFromEnv("CLOUDFLARE_TOKEN") // or the file that CLOUDFLARE_TOKEN_FILE names
	if err != nil {
		log.Print(err)
		return
	}
	cdn, err := cloudflare.New(cloudflare.Options{Zone: "023e105f4ecef8ad9ca31a8372d0c353", Token: token})
	if err != nil {
		log.Fatal(err)
	}
	journal, err := purge.OpenFile("/var/lib/shop/purges", purge.FileOptions{})
	if err != nil {
		log.Fatal(err)
	}
	queue, err := purge.Open(ctx, purge.Options{Targets: []purge.Purger{cdn}, Journal: journal})
	if err != nil {
		log.Fatal(err)
	}
	defer func() {
		ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		if err := queue.Close(ctx); err != nil {
			log.Print(err)
		}
	}()
	if _, err := queue.Purge(ctx, purge.Purge{Tags: []string{"product-42", "products"}}); err != nil {
		log.Print(err)
	}
}

// printer is a cache that prints what it is told.
type printer struct{}

func (printer) Name() string         { return "printer" }
func (printer) Limits() purge.Limits { return purge.Limits{Tags: 100, URLs: 100} }

func (printer) Purge(_ context.Context, p purge.Purge) error {
	fmt.Println("the CDN forgets", p.Tags)
	return nil
}

// OnInvalidate hears of what the application's own tiers have forgotten: only
// then may the CDN ask again. The tags of responses are made of the keys here.
func Example_onInvalidate() {
	ctx := context.Background()
	queue, err := purge.Open(ctx, purge.Options{Targets: []purge.Purger{printer{}}, Settle: 10 * time.Millisecond})
	if err != nil {
		log.Fatal(err)
	}
	lard, err := larder.Open(ctx, larder.Options{
		Policies: map[string]larder.Policy{
			"product": {TTL: time.Hour, Tags: []string{"products"}},
		},
		Shared: localstore.New(localstore.Options{}), // redisstore.Open in a service
		OnInvalidate: func(ctx context.Context, inv larder.Invalidation) error {
			tags := slices.Clone(inv.Tags)
			for _, key := range inv.Keys {
				tags = append(tags, inv.Class+"-"+key)
			}
			_, err := queue.Purge(ctx, purge.Purge{Tags: tags, Soft: inv.Soft})
			// What was not taken may be tried again, by an outbox for example.
			// A tag that a cache cannot have would fail for ever: log it.
			if errors.Is(err, purge.ErrFull) || errors.Is(err, purge.ErrNotKept) || errors.Is(err, purge.ErrClosed) {
				return err
			}
			if err != nil {
				log.Print(err)
			}
			return nil
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	if err := lard.InvalidateTags(ctx, "products"); err != nil {
		log.Fatal(err)
	}
	// The queue ends after what calls it.
	if err := lard.Close(); err != nil {
		log.Fatal(err)
	}
	if err := queue.Close(ctx); err != nil {
		log.Fatal(err)
	}
	// Output:
	// the CDN forgets [products]
	// the CDN forgets [products]
}

// A rebuild begins when the CDN has accepted the first purge: what it fetches
// from then on is new.
func ExampleTicket_Accepted() {
	ctx := context.Background()
	queue, err := purge.Open(ctx, purge.Options{Targets: []purge.Purger{printer{}}, Settle: -1})
	if err != nil {
		log.Fatal(err)
	}
	ticket, err := queue.Purge(ctx, purge.Purge{Tags: []string{"products"}})
	if err != nil {
		log.Fatal(err)
	}
	select {
	case <-ticket.Accepted():
		fmt.Println("rebuild, failed:", ticket.Err())
	case <-time.After(10 * time.Second):
		fmt.Println("the CDN is slow: rebuild nevertheless")
	}
	r := ticket.Receipt().Targets[0]
	fmt.Println(r.Target, "waiting:", r.Waiting, "in time:", r.Accepted < 10*time.Second)
	if err := queue.Close(ctx); err != nil {
		log.Fatal(err)
	}
	// Output:
	// the CDN forgets [products]
	// rebuild, failed: <nil>
	// printer waiting: 0 in time: true
}

package outbox

import (
	"strings"
	"testing"
	"time"

	"github.com/larderdev/larder"
	"github.com/larderdev/larder/localstore"
)

// A row with a tag that is never delivered takes no other row with it.
func TestBatch_ABadTagIsNoOtherRowsFault(t *testing.T) {
	tier := localstore.New(localstore.Options{})
	defer tier.Close()
	l, err := larder.Open(t.Context(), larder.Options{
		Policies: map[string]larder.Policy{"product": {TTL: time.Hour}}, Shared: tier,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	b := newBatch([]row{
		{id: 1, tags: []string{"products", "product-1"}, tries: 9},
		{id: 2, tags: []string{"product-" + strings.Repeat("x", 200)}, tries: 9}, // longer than tags may be
		{id: 3, tags: []string{"products", "product-3"}, tries: 9},
	})
	o := b.judge(l.Deliver(t.Context(), b.changes))
	o.giveUp(10)
	if len(o.done) != 2 || len(o.aside) != 1 || o.aside[0].id != 2 {
		t.Errorf("done: %+v, set aside: %+v; want rows 1 and 3, and row 2", o.done, o.aside)
	}
}

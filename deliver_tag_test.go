package larder_test

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/larderdev/larder"
)

// A tag that cannot be delivered keeps neither the key nor the other tags of its
// change from it.
func TestDeliver_ABadTagKeepsNothingElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, o := local(t), newShelf(1, 2)
		l, c := o.node(t, s, taggedPolicy)
		for id := 1; id <= 2; id++ {
			wantVersion(t, c, id, 1)
			o.put(id, "tea")
		}
		bad := strings.Repeat("x", 201)
		errs := l.Deliver(t.Context(), []larder.Change{
			{Class: "product", Key: "1", Tags: []string{bad}},
			{Tags: []string{"", "product-2"}},
		})
		if errs[0] == nil || errs[1] == nil {
			t.Errorf("Deliver = %v, want an error for each", errs)
		}
		wantVersion(t, c, 1, 2, larder.Strict())
		wantVersion(t, c, 2, 2, larder.Strict())
	})
}

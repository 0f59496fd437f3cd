package web

import (
	"fmt"
	"math"
	"net/http"
	"strconv"

	"github.com/larderdev/larder"
	"github.com/larderdev/larder/examples/storefront/internal/shop"
)

// setReceipt writes the Larder-Purge field, if there was something to purge: a
// structured field, a list of the edges, each with what has come of it.
//
//	"edge"; accepted=3             all of it was accepted within 3 ms
//	"edge"; accepted=3; settling=2 the same, and 2 tags are purged once more soon
//	"edge"; waiting=1              it goes on trying
//	"edge"; failed=1               the log says why
func setReceipt(w http.ResponseWriter, receipts *shop.Receipts) {
	for _, one := range receipts.Sum() {
		text := strconv.Quote(one.Target)
		if one.Accepted > 0 {
			text += fmt.Sprintf("; accepted=%d", one.Accepted.Milliseconds())
		}
		for _, n := range []struct {
			name  string
			count int
		}{{"settling", one.Settling}, {"waiting", one.Waiting}, {"failed", len(one.Failed)}} {
			if n.count > 0 {
				text += fmt.Sprintf("; %s=%d", n.name, n.count)
			}
		}
		w.Header().Add("Larder-Purge", text)
	}
}

// setStatus writes the Cache-Status field (RFC 9211) of the cache "larder".
func setStatus(w http.ResponseWriter, parameters string) {
	w.Header().Set("Cache-Status", "larder; "+parameters)
}

// unasked are the parameters of an answer for which no cache was asked.
func unasked(method string) string {
	if method == http.MethodGet || method == http.MethodHead {
		return "fwd=bypass"
	}
	return "fwd=method"
}

// failed are the parameters of an answer that neither a tier nor the database
// could give.
const failed = "fwd=miss; detail=error"

// answered are the parameters of an answer that came about as r says. Its
// detail is the farthest tier that was asked:
//
//	hit; ttl=120; detail=memory            all of it was cached
//	hit; ttl=-3; detail=shared             the same, past its time to live
//	fwd=partial; stored; ttl=3; detail=origin   some of a list was cached
//	fwd=miss; stored; ttl=3; detail=origin      nothing was
//	fwd=miss; stored; collapsed; …              a load that somebody else had begun
//	fwd=miss; detail=origin                     not all could be, or may be, stored
func answered(r *larder.Report) string {
	cached := r.Memory + r.Shared
	if r.Origin == 0 {
		return fmt.Sprintf("hit; ttl=%d; detail=%v", ttl(r), r.Tier())
	}
	status := "fwd=miss"
	if cached > 0 {
		status = "fwd=partial"
	}
	if r.Stored == r.Origin {
		status += "; stored"
	}
	if r.Coalesced == r.Origin {
		status += "; collapsed"
	}
	if r.Stored == r.Origin { // what no cache holds has no time to live
		status += fmt.Sprintf("; ttl=%d", ttl(r))
	}
	return status + "; detail=origin"
}

// ttl is the remaining freshness in seconds, negative for a stale answer.
func ttl(r *larder.Report) int { return int(math.Floor(r.FreshFor.Seconds())) }

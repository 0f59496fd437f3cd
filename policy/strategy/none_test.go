package strategy_test

import (
	"testing"

	"github.com/larderdev/larder/policy/strategy"
)

// TestRead_None: "none" is said of what may be none, or it is not understood. A policy
// with another none could not be written into larder.yaml and read again.
func TestRead_None(t *testing.T) {
	for page, unknown := range map[string]int{
		"- Products: 5m TTL, stale-if-error none, no SWR, jitter none, early refresh none, compression none": 0,
		"- `GET /x`: edge none, browser none, stale-while-revalidate none":                                   0,
		"- Products: 5m TTL, no negative caching":                                                            1,
		"- Products: 5m TTL, don't cache 404s":                                                               1,
		"- Products: 5m TTL, negative TTL none":                                                              1,
		"- Products: 5m TTL, soft timeout none":                                                              1,
		"- Products: 5m TTL, timeout none":                                                                   1,
		"- Products: 5m TTL, edge lifetime none":                                                             1,
		"- Products: 5m TTL, memory lifetime none":                                                           1,
		"- Products: 5m TTL, loads wait none":                                                                1,
		"- Products: 5m TTL, .% jitter":                                                                      1,
		"- Fleet: lease 1s, hold none":                                                                       1,
		"- Fleet: memory at most none behind":                                                                1,
		"- Profile `p`: fresh 5m, stale none":                                                                1,
		"- Profile `p`: fresh 5m, expires none":                                                              1,
		"- `GET /x`: edge 5m, 404 for none":                                                                  1,
	} {
		p, report, err := strategy.Read("page", []byte(page))
		if err != nil {
			t.Errorf("%s: %v", page, err)
			continue
		}
		if err := p.Validate(); err != nil {
			t.Errorf("%s: %v", page, err)
		}
		if got := len(report.NotUnderstood); got != unknown {
			t.Errorf("%s: %d statements not understood, want %d:\n%v", page, got, unknown, report)
		}
	}
}

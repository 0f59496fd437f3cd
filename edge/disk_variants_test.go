package edge

import (
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
)

// TestDisk_Variants: what is stored does not push out other variants that are on
// disk alone because memory has dropped them meanwhile, unless they were purged.
func TestDisk_Variants(t *testing.T) {
	for _, p := range append(diskPurges(), Purge{Tags: []string{"other"}}) {
		t.Run(fmt.Sprintf("%+v", p), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var h *Handler
				purge, asked := false, 0
				h = newEdge(t, func(r *http.Request) (*http.Response, error) {
					if r.Method != http.MethodGet {
						return respond(204, ""), nil
					}
					asked++
					h.store.tier.Clear()
					if purge {
						carryOut(t, h, p)
					}
					return respond(200, r.Header.Get("Foo"), "CDN-Cache-Control: max-age=600", "Vary: Foo", "Cache-Tag: x"), nil
				}, onDisk(t.TempDir()))
				find := func(value string) {
					t.Helper()
					synctest.Wait()
					h.store.tier.Clear()
					want(t, get(h, "/a", "Foo: "+value), 200, value)
				}
				find("1")
				find("2")
				find("1")
				find("2")
				if asked != 2 {
					t.Errorf("the origin was asked %d times for two variants, want twice", asked)
				}
				asked, purge = 0, true
				find("3") // with a purge while it is under way
				purge = false
				find("1")
				wanted := 2
				if p.Tags != nil && p.Tags[0] == "other" {
					wanted = 1
				}
				if asked != wanted {
					t.Errorf("after the purge the origin was asked %d times, want %d", asked, wanted)
				}
			})
		})
	}
}

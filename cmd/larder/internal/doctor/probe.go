package doctor

import (
	"context"
	"crypto/rand"
	"strings"

	"github.com/larderdev/larder/purge"
)

// Probe purges a tag that nothing carries, to see whether the target takes it.
// Its name is new each time: nobody can have used it by chance, and no target may
// answer from what it remembers. It is only run when it is asked for, since it counts
// against the limits of an account.
func Probe(ctx context.Context, p purge.Purger) Check {
	c := Check{Of: p.Name(), Name: "purge", Status: OK, Says: "it accepts purges"}
	if p.Limits().Tags == 0 {
		c.Status, c.Says = Skip, "it is purged by URL alone, and no URL is harmless"
		return c
	}
	ctx, cancel := context.WithTimeout(ctx, apiTime)
	defer cancel()
	if err := p.Purge(ctx, purge.Purge{Tags: []string{"larder-doctor-" + strings.ToLower(rand.Text())}}); err != nil {
		c.Status, c.Says, c.Mend = Fail, err.Error(), "look at the zone and at what the token may do"
	}
	return c
}

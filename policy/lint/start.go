package lint

import (
	"fmt"
	"slices"
	"time"

	"github.com/larderdev/larder/internal/tagmark"
	"github.com/larderdev/larder/internal/timespan"
)

// refusedAtStart is about values that package larder does not take, and that are
// nothing for the policy itself to know: it has no cache.
func refusedAtStart(k *check) {
	for _, of := range []struct {
		path string
		life time.Duration
	}{
		{"fleet.shared_timeout", k.p.Fleet.SharedTimeout}, {"fleet.lease", k.p.Fleet.Lease}, {"fleet.hold", k.p.Fleet.Hold},
	} {
		if of.life > 0 && of.life < time.Millisecond {
			k.add(of.path, fmt.Sprintf("it is %v, and the shared tier counts in milliseconds", of.life), "Set 1ms or more.")
		}
	}
	for _, c := range k.classes {
		k.timesRefused(c)
		k.keysRefused(c)
		if n := len(c.is.Tags); n > tagmark.MaxMarks {
			k.bind(c.owner, "tags", fmt.Sprintf("there are %d, and a value carries %d at most", n, tagmark.MaxMarks), "Keep those that something invalidates.")
		}
	}
}

// timesRefused is about the times of a class.
func (k *check) timesRefused(c *class) {
	if t := c.is.TTL.Shared; t > 0 && t < time.Millisecond {
		k.bind(c.owner, "ttl", fmt.Sprintf("a value is fresh for %v, and the shared tier counts in milliseconds", t), "Set 1ms or more.")
	}
	s := c.is.Stampede
	if s.HardTimeout > 0 && s.SoftTimeout >= s.HardTimeout {
		k.bind(c.owner, "stampede.soft_timeout", fmt.Sprintf("readers wait %s for a load that ends after %s", timespan.Text(s.SoftTimeout), timespan.Text(s.HardTimeout)),
			"Make it shorter than hard_timeout.")
	}
	if s.EarlyRefresh > mostEarly {
		k.bind(c.owner, "stampede.early_refresh", fmt.Sprintf("it is %v: values would be loaded all the time", s.EarlyRefresh), "Set 100 or less; 1 is right for most.")
	}
}

// mostEarly is the largest β of XFetch that larder.Policy takes.
const mostEarly = 100

// keysRefused is about tables that name keys which nobody could invalidate: there is no
// cache of them, or their text cannot be made of columns.
func (k *check) keysRefused(c *class) {
	message := ""
	switch {
	case !c.inProcess():
		message = "no process caches the class: larder gen would refuse it"
	case len(c.is.Key.Parts) > 0:
		message = "the key of the class has parts, whose text no columns make: larder gen would refuse it"
	default:
		return
	}
	for i, table := range c.is.Source.Tables {
		if table.Key != "" {
			k.bind(c.owner, fmt.Sprintf("source[%d].key", i), message, "Leave it out, and give the table tags that the values carry.")
		}
	}
}

// zoned are the kinds whose API is about a zone, a service or a distribution.
var zoned = []string{"cloudflare", "fastly", "cloudfront", "akamai", "bunny", "google"}

// cdnZone is an error: without it the purges of a running service have no address.
func cdnZone(k *check) {
	for i, c := range k.p.CDNs {
		if c.Zone == "" && slices.Contains(zoned, c.Kind) {
			k.add(fmt.Sprintf("cdn[%d].zone", i), fmt.Sprintf("%s has no zone, service or distribution: nothing can be purged there", c.Kind),
				"Write the name of the environment variable with its id.")
		}
	}
}

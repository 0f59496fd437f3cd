package lint

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/larderdev/larder/internal/nearest"
	"github.com/larderdev/larder/internal/tagmark"
	"github.com/larderdev/larder/internal/timespan"
	"github.com/larderdev/larder/policy/internal/field"
	"github.com/larderdev/larder/policy/internal/secret"
)

// mistake is one that [policy.Policy.Validate] reports.
type mistake interface {
	error
	Field() string
	Message() string
	Mend() string
}

// invalid reports what a policy that a program has built is refused for, unless
// another rule has said it as an error, too: it runs after the others. What a text that holds a
// secret is refused for would repeat the secret.
func invalid(k *check) {
	all, ok := k.p.Validate().(interface{ Unwrap() []error })
	if !ok {
		return
	}
	said := map[string]bool{}
	var secrets []string
	for _, f := range k.found {
		said[f.Path] = said[f.Path] || f.Severity == Error
		if f.Rule == secretRule {
			secrets = append(secrets, f.Path)
		}
	}
	for _, err := range all.Unwrap() {
		var m mistake
		if !errors.As(err, &m) {
			continue
		}
		path := clean(m.Field())
		near := func(f string) bool { return field.Within(f, path) || field.Within(path, f) }
		if !said[path] && !slices.ContainsFunc(secrets, near) {
			k.add(path, m.Message(), "You could "+m.Mend()+".")
		}
	}
}

// refusedAtStart is about values that package larder does not take, and that are
// nothing for the policy itself to know.
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
		if t := c.is.TTL.Shared; t > 0 && t < time.Millisecond {
			k.bind(c.owner, "ttl", fmt.Sprintf("a value is fresh for %v, and the shared tier counts in milliseconds", t), "Set 1ms or more.")
		}
		s := c.is.Stampede
		if s.HardTimeout > 0 && s.SoftTimeout >= s.HardTimeout {
			k.bind(c.owner, "stampede.soft_timeout", fmt.Sprintf("readers wait %s for a load that ends after %s", timespan.Text(s.SoftTimeout), timespan.Text(s.HardTimeout)),
				"Make it shorter than hard_timeout.")
		}
		if s.EarlyRefresh > 100 {
			k.bind(c.owner, "stampede.early_refresh", fmt.Sprintf("it is %v: values would be loaded all the time", s.EarlyRefresh), "Set 100 or less; 1 is right for most.")
		}
		for i, table := range c.is.Source.Tables {
			message := ""
			switch {
			case table.Key == "":
			case !c.inProcess():
				message = "no process caches the class: larder gen would refuse it"
			case len(c.is.Key.Parts) > 0:
				message = "the key of the class has parts, whose text no columns make: larder gen would refuse it"
			}
			if message != "" {
				k.bind(c.owner, fmt.Sprintf("source[%d].key", i), message, "Leave it out, and give the table tags that the values carry.")
			}
		}
		if n := len(c.is.Tags); n > tagmark.MaxMarks {
			k.bind(c.owner, "tags", fmt.Sprintf("there are %d, and a value carries %d at most", n, tagmark.MaxMarks), "Keep those that something invalidates.")
		}
	}
}

// zoned are the kinds whose API is about a zone, a service or a distribution.
var zoned = []string{"cloudflare", "fastly", "cloudfront", "akamai", "bunny", "google"}

func cdnZone(k *check) {
	for i, c := range k.p.CDNs {
		if c.Zone == "" && slices.Contains(zoned, c.Kind) {
			k.add(fmt.Sprintf("cdn[%d].zone", i), fmt.Sprintf("%s has no zone, service or distribution: nothing can be purged there", c.Kind),
				"Write the name of the environment variable with its id.")
		}
	}
}

// closest returns " (name?)" for the one of names that is nearest to name, if one
// is near.
func closest(name string, names []string) string {
	if best := nearest.Name(name, names); best != "" {
		return " (" + best + "?)"
	}
	return ""
}

// quote writes a text that comes from anywhere, without its end if it is long.
func quote(text string) string { return fmt.Sprintf("%.100q", secret.Hide(text)) }

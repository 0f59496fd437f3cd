package lint

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/larderdev/larder/policy"
	"github.com/larderdev/larder/policy/internal/field"
)

// What names may be. An empty one was not said.
var (
	patterns    = []string{"", string(policy.CacheAside), string(policy.WriteThrough), string(policy.Never)}
	tiers       = []string{string(policy.Memory), string(policy.Shared), string(policy.Edge)}
	privacies   = []string{"", string(policy.Public), string(policy.Private), string(policy.Sensitive)}
	rowVersions = []string{"", "column", "sequence", "xid-snapshot", "replay-lsn"}
	partTypes   = []string{"string", "bool", "int64", "float64", "[]string"}
	cdnKinds    = []string{"cloudflare", "fastly", "cloudfront", "akamai", "bunny", "google", "varnish", "nginx", "larder"}

	className = regexp.MustCompile(`^[a-z0-9][a-z0-9_.-]{0,63}$`)
	variable  = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
)

// unknownName is about names of what is not there. Files are held to most of them
// when they are read; a policy built by a program is not.
func unknownName(k *check) {
	for _, name := range sortedKeys(k.p.Classes) {
		c, o := k.p.Classes[name], k.byClass[name]
		if !className.MatchString(name) {
			k.report(o, "", fmt.Sprintf("no class can be called %.80q", name), "Begin with a small letter or digit; then up to 63 of those, _, . and -.")
		}
		k.oneOf(o, "pattern", string(c.Pattern), patterns)
		k.oneOf(o, "privacy", string(c.Privacy), privacies)
		k.oneOf(o, "row_version", c.RowVersion, rowVersions)
		k.profile(o, c.Profile)
		for _, tier := range c.Tiers {
			k.oneOf(o, "tiers", string(tier), tiers)
		}
		for _, part := range c.Key.Parts {
			k.oneOf(o, field.Path("key", part.Name), part.Type, partTypes)
		}
	}
	for _, pattern := range sortedKeys(k.p.Routes) {
		r, o := k.p.Routes[pattern], k.byRoute[pattern]
		k.profile(o, r.Profile)
		if _, ok := k.p.Classes[r.Class]; r.Class != "" && !ok {
			k.report(o, "class", fmt.Sprintf("there is no class %.80q", r.Class), "Name one that is there"+closest(r.Class, sortedKeys(k.p.Classes))+".")
		}
	}
	for i, c := range k.p.CDNs {
		k.oneOf(&owner{}, fmt.Sprintf("cdn[%d].kind", i), c.Kind, cdnKinds)
	}
}

func (k *check) oneOf(o *owner, field, name string, known []string) {
	if !slices.Contains(known, name) {
		k.report(o, field, fmt.Sprintf("%.80q is not known here", name), "Want "+strings.Join(slices.DeleteFunc(slices.Clone(known), isEmpty), ", ")+".")
	}
}

func isEmpty(s string) bool { return s == "" }

func (k *check) profile(o *owner, name string) {
	if _, ok := k.p.Profiles[name]; name != "" && !ok {
		k.report(o, "profile", fmt.Sprintf("there is no profile %.80q", name), "Name one that is there"+closest(name, sortedKeys(k.p.Profiles))+".")
	}
}

// outOfRange is about values that the service would refuse when it starts.
func outOfRange(k *check) {
	if v := k.p.Version; v != policy.FileVersion {
		k.add("version", fmt.Sprintf("the version is %d", v), fmt.Sprintf("Want %d.", policy.FileVersion))
	}
	k.checkFleet()
	for _, name := range sortedKeys(k.p.Profiles) {
		k.checkProfile(field.Path("profiles", name), k.p.Profiles[name])
	}
	for _, name := range sortedKeys(k.p.Classes) {
		c := k.p.Classes[name]
		k.checkDurations(k.byClass[name], c)
		k.checkNumbers(k.byClass[name], c)
	}
}

func (k *check) checkFleet() {
	f := k.p.Fleet
	for _, d := range []struct {
		field       string
		value, from time.Duration
	}{
		{"max_staleness", f.MaxStaleness, 10 * time.Millisecond},
		{"shared_timeout", f.SharedTimeout, time.Millisecond},
		{"lease", f.Lease, time.Millisecond},
		{"hold", f.Hold, time.Millisecond},
	} {
		if d.value != 0 && d.value < d.from {
			k.add("fleet."+d.field, fmt.Sprintf("it is %v", d.value), fmt.Sprintf("Want %v or more.", d.from))
		}
	}
}

func (k *check) checkProfile(path string, line policy.Profile) {
	switch {
	case line.Fresh <= 0:
		k.add(path+".fresh", "it has no life: fresh is missing, or below 0", "Set fresh.")
	case line.Stale < 0 && line.Stale != policy.None || line.Expire < 0:
		k.add(path, "a time is below 0", "Leave out what is not wanted.")
	case line.Expire > 0 && line.Expire < line.Fresh+max(line.Stale, 0):
		k.add(path+".expire", fmt.Sprintf("values are gone at the age of %s, before fresh and stale are over (%s)", span(line.Expire), span(line.Fresh+max(line.Stale, 0))),
			"Raise it, or leave it out: the default is both together.")
	}
	if badJitter(line.Jitter) {
		k.add(path+".jitter", fmt.Sprintf("it is %v%%", line.Jitter*100), "Want 0% to 50%, or none.")
	}
}

func badJitter(j float64) bool { return j != policy.None && !(j >= 0 && j <= 0.5) }

func (k *check) checkDurations(o *owner, c policy.Class) {
	for _, d := range []struct {
		field string
		value time.Duration
		none  bool // None is allowed
	}{
		{"ttl.shared", c.TTL.Shared, false},
		{"ttl.memory", c.TTL.Memory, false},
		{"ttl.edge", c.TTL.Edge, false},
		{"negative_ttl", c.NegativeTTL, true},
		{"stale_while_revalidate", c.StaleWhileRevalidate, true},
		{"stale_if_error", c.StaleIfError, true},
		{"stampede.soft_timeout", c.Stampede.SoftTimeout, false},
		{"stampede.hard_timeout", c.Stampede.HardTimeout, false},
		{"budget.wait", c.Budget.Wait, false},
		{"target.window", c.Target.Window, false},
	} {
		if d.value < 0 && !(d.none && d.value == policy.None) {
			k.report(o, d.field, "it is below 0", "Leave it out if there is none.")
		}
	}
	if t := c.TTL.Shared; t > 0 && t < time.Millisecond {
		k.report(o, "ttl.shared", fmt.Sprintf("it is %v", t), "Want 1ms or more.")
	}
	if s, h := c.Stampede.SoftTimeout, c.Stampede.HardTimeout; h > 0 && s >= h {
		k.report(o, "stampede.soft_timeout", fmt.Sprintf("readers wait %s for a load that ends after %s", span(s), span(h)), "Make it shorter than hard_timeout.")
	}
}

func (k *check) checkNumbers(o *owner, c policy.Class) {
	refuse := func(wrong bool, field, value, want string) {
		if wrong {
			k.report(o, field, "it is "+value, "Want "+want+".")
		}
	}
	early := c.Stampede.EarlyRefresh
	refuse(badJitter(c.Jitter), "jitter", fmt.Sprintf("%v%%", c.Jitter*100), "0% to 50%, or none")
	refuse(early != policy.None && !(early >= 0 && early <= 100), "stampede.early_refresh", fmt.Sprint(early), "0 to 100, or none")
	refuse(!(c.Target.MissRate >= 0 && c.Target.MissRate <= 1), "target", fmt.Sprintf("%v%%", c.Target.MissRate*100), "0% to 100%")
	refuse(c.Budget.Loads < 0, "budget.loads", fmt.Sprint(c.Budget.Loads), "1 or more")
	refuse(!(c.Budget.Rate >= 0) || math.IsInf(c.Budget.Rate, 1), "budget.rate", fmt.Sprint(c.Budget.Rate), "a number above 0")
	refuse(c.MemoryEntries < 0, "memory.entries", fmt.Sprint(c.MemoryEntries), "1 or more")
	refuse(c.MemoryBytes < 0, "memory.size", fmt.Sprint(c.MemoryBytes), "1B or more")
	refuse(c.MemoryEntries > 0 && c.MemoryBytes > 0, "memory", "bounded by number and by size", "one of them")
	refuse(c.CompressAbove < policy.None, "compress_above", fmt.Sprint(c.CompressAbove), "a size, or none")
	refuse(c.Rebuild < 0, "rebuild", fmt.Sprint(c.Rebuild), "0 or more")
	refuse(c.Key.Type != "" && len(c.Key.Parts) > 0, "key", "a type and parts", "one of them")
}

// needs are the kinds whose API is asked with a token, and about a zone.
var needs = []string{"cloudflare", "fastly", "cloudfront", "akamai", "bunny", "google"}

// cdnVariable is about zones and tokens that are not the names of environment
// variables. Their values are not repeated: one may be the token itself.
func cdnVariable(k *check) {
	for i, c := range k.p.CDNs {
		for _, v := range []struct{ field, value string }{{"zone", c.Zone}, {"token", c.Token}} {
			path := fmt.Sprintf("cdn[%d].%s", i, v.field)
			switch {
			case v.value == "" && v.field == "zone" && slices.Contains(needs, c.Kind):
				k.add(path, fmt.Sprintf("%s needs a zone, service or distribution", c.Kind), "Write the name of the environment variable with its id.")
			case v.value != "" && !variable.MatchString(v.value) && secretIn(v.value) == "":
				k.add(path, "it is no name of an environment variable", "Write the variable's name, such as CLOUDFLARE_ZONE_ID, and put the value there.")
			}
		}
	}
}

// closest returns " (name?)" for the one of names that is nearest to name, if one
// is near.
func closest(name string, names []string) string {
	if best := field.Nearest(name, names); best != "" {
		return " (" + best + "?)"
	}
	return ""
}

package explain

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/larderdev/larder/internal/timespan"
	"github.com/larderdev/larder/policy"
)

// Class is what there is to say of a class.
//
// Fields without a value are left out of the JSON: that a class has no stale window is
// no window of zero.
type Class struct {
	Class       string    `json:"class"`
	Description string    `json:"description,omitempty"`
	Pattern     string    `json:"pattern"`
	Tiers       []string  `json:"tiers"`
	KeyForm     string    `json:"key,omitempty"`
	Type        string    `json:"type,omitempty"`
	Lives       []Life    `json:"lives,omitempty"`
	Revalidate  *Duration `json:"stale_while_revalidate,omitempty"`
	IfError     *Duration `json:"stale_if_error,omitempty"`
	FromValue   bool      `json:"from_value,omitempty"`
	Tags        []string  `json:"tags,omitempty"`
	ValueTags   bool      `json:"value_tags,omitempty"`
	RowVersion  string    `json:"row_version,omitempty"`
	Strict      bool      `json:"strict,omitempty"`
	Privacy     string    `json:"privacy,omitempty"`
	Encrypted   bool      `json:"encrypted,omitempty"`
	Target      float64   `json:"target_miss_rate,omitempty"`
	Source      string    `json:"source,omitempty"`
	Routes      []string  `json:"routes,omitempty"`
	// Line is the life of a value, drawn.
	Line string `json:"line,omitempty"`
	// Says is what the class's policy means, a sentence each.
	Says []string `json:"says"`
}

// Life is how long something is fresh.
type Life struct {
	Of    string   `json:"of"` // "memory", "shared", "edge", "negative"
	Fresh Duration `json:"fresh"`
}

// Class explains a class. Its error is [ErrUnknown] for one that the policy does
// not have.
// Of a class that is never cached there is nothing to say of lives and keys: what
// stands in the file about them has no effect.
func (x *Explainer) Class(name string) (*Class, error) {
	c, err := x.class(name)
	if err != nil {
		return nil, err
	}
	out := &Class{
		Class: name, Description: c.Description, Pattern: string(c.Pattern), Tiers: tierNames(&c),
		Type: c.Type, Routes: x.routesOf(name),
	}
	if c.Pattern == policy.Never {
		out.Says = []string{"Nothing keeps it: no cache type is generated for it, and its routes send no-store."}
		return out, nil
	}
	out.KeyForm = keyForm(c.Key)
	out.Lives = lives(&c)
	out.Revalidate, out.IfError = some(c.StaleWhileRevalidate), some(c.StaleIfError)
	out.FromValue, out.Tags, out.ValueTags = c.FromValue, c.Tags, c.ValueTags
	out.RowVersion, out.Strict = c.RowVersion, c.Strict
	out.Privacy, out.Encrypted = string(c.Privacy), c.Encrypt
	out.Target, out.Source = c.Target.MissRate, source(c.Source)
	out.Line = line(&c)
	out.Says = says(&c)
	return out, nil
}

// routesOf lists the routes that name a class.
func (x *Explainer) routesOf(class string) (patterns []string) {
	for _, pattern := range slices.Sorted(maps.Keys(x.Policy.Routes)) {
		if x.Policy.Routes[pattern].Class == class {
			patterns = append(patterns, pattern)
		}
	}
	return patterns
}

// some is a duration that is there. policy.None, which is below zero, is none.
func some(d time.Duration) *Duration {
	if d <= 0 {
		return nil
	}
	out := Duration(d)
	return &out
}

// keyForm writes what a key is.
func keyForm(k policy.Key) string {
	if len(k.Parts) == 0 {
		if k.Type == "" {
			return "string"
		}
		return k.Type
	}
	parts := make([]string, len(k.Parts))
	for i, p := range k.Parts {
		parts[i] = p.Name + " " + p.Type
	}
	return strings.Join(parts, ", ")
}

// source says where values come from: in the policy's own words, or by the tables.
func source(s policy.Source) string {
	if s.From != "" {
		return s.From
	}
	names := make([]string, len(s.Tables))
	for i, t := range s.Tables {
		names[i] = t.Name
	}
	return strings.Join(names, ", ")
}

// lives lists how long a value is fresh in each tier, and how long it is remembered
// that there is none.
// In the order of the tiers, the nearest first.
func lives(c *policy.Class) []Life {
	in := map[policy.Tier]time.Duration{policy.Memory: c.TTL.Memory, policy.Shared: c.TTL.Shared, policy.Edge: c.TTL.Edge}
	var all []Life
	for _, t := range c.Tiers {
		all = append(all, Life{string(t), Duration(in[t])})
	}
	if c.NegativeTTL > 0 {
		all = append(all, Life{"negative", Duration(c.NegativeTTL)})
	}
	return all
}

// line draws the life of a value: each part is as long as the logarithm of its
// time, so that a second and a day fit on one line.
//
//	|———— fresh 1h ————|— stale 5m —| gone at 1h5m
//
// The windows begin together, at the end of the TTL. While both last a reader is helped
// by both; the longer one then goes on alone.
func line(c *policy.Class) string {
	var b strings.Builder
	part := func(text string, d time.Duration) {
		dash := strings.Repeat("—", max(1, bits(d)))
		fmt.Fprintf(&b, "|%s %s %s", dash, text, dash)
	}
	fresh := "fresh " + timespan.Text(c.TTL.Shared)
	if c.FromValue {
		fresh = "fresh until the value's own end, " + timespan.Text(c.TTL.Shared) + " at most"
	}
	part(fresh, c.TTL.Shared)
	swr, sie := max(c.StaleWhileRevalidate, 0), max(c.StaleIfError, 0)
	if both := min(swr, sie); both > 0 {
		part("stale while one load replaces it, or it fails, "+timespan.Text(both), both)
	}
	switch {
	case swr > sie:
		part("stale while one load replaces it "+timespan.Text(swr-sie), swr-sie)
	case sie > swr:
		part("stale only if the load fails "+timespan.Text(sie-swr), sie-swr)
	}
	fmt.Fprintf(&b, "| gone at %s", timespan.Text(c.TTL.Shared+max(swr, sie)))
	return b.String()
}

// bits is about the logarithm of a duration in seconds. To the base of four: with that
// of two a day would take 16 dashes on either side.
func bits(d time.Duration) int {
	n := 0
	for s := int64(d / time.Second); s > 1; s /= 4 {
		n++
	}
	return n
}

// says puts into words what the numbers do not say.
// A sentence is about what somebody would not expect, or would have to know of Larder
// to expect.
func says(c *policy.Class) (all []string) {
	say := func(when bool, text string, args ...any) {
		if when {
			all = append(all, fmt.Sprintf(text, args...))
		}
	}
	memory := slices.Contains(c.Tiers, policy.Memory)
	shared := slices.Contains(c.Tiers, policy.Shared)
	say(!memory, "Every read asks the shared tier: no process keeps it in memory.")
	say(memory && shared, "Memory forgets a value when another process has changed it, within fleet.max_staleness at most.")
	say(memory && !shared, "Each process keeps it for itself: another's change is not heard of before the TTL ends.")
	say(c.Pattern == policy.WriteThrough, "An update puts the value that it has committed into the shared tier, over an older version.")
	say(c.Pattern == policy.CacheAside, "A change makes it forgotten; the next read loads it.")
	say(c.Jitter != policy.None, "Lives are shortened at random by up to %.0f %%, so that values loaded together do not end together.", 100*jitter(c.Jitter))
	say(c.FromValue, "A value is never served after its own end: no window, jitter or early refresh extends it.")
	say(c.Strict, "From COMMIT on no reader sees an older value; each update costs a second round trip.")
	say(c.Encrypt, "Values are encrypted in the shared tier.")
	say(c.Rebuild > 0, "When a tag is invalidated, the %d hottest keys of each process are loaded again at once.", c.Rebuild)
	say(len(c.Tags) > 0 || c.ValueTags, "An invalidation of one of its tags reaches every value that carries it, in all tiers.")
	say(slices.Contains(c.Tiers, policy.Edge) && c.Privacy != policy.Public, "It is %s: no shared edge keeps it, whatever its tiers say.", c.Privacy)
	return all
}

// jitter is the share by which lives are shortened: that of package larder if nothing
// is said.
func jitter(j float64) float64 {
	if j == 0 {
		return 0.1
	}
	return j
}

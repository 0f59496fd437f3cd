package file

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/larderdev/larder/policy"
)

// modeline tells editors which schema completes the file.
const modeline = "# yaml-language-server: $schema=larder.schema.json\n"

// Format writes a policy as a file in YAML: the same bytes for equal policies. Names
// are sorted; lists and the parts of a key keep their order. What [Parse] reads from
// it equals p, if p is valid by [policy.Policy.Validate]; but an empty list or map
// is not written, which Parse cannot tell from none. Query is the exception: an
// empty one is kept.
//
// Comments of a file that p was read from are not in p, except the reasons of
// Ignore: [Reformat] keeps them.
func Format(p *policy.Policy) []byte {
	w := &writer{}
	w.b.WriteString(modeline)
	w.line(0, "version", strconv.Itoa(p.Version))
	w.section("fleet", block(
		pair{"max_staleness", formatDuration(p.Fleet.MaxStaleness)},
		pair{"shared_timeout", formatDuration(p.Fleet.SharedTimeout)},
		pair{"lease", formatDuration(p.Fleet.Lease)},
		pair{"hold", formatDuration(p.Fleet.Hold)},
		pair{"outbox", formatFlag(p.Fleet.Outbox)},
	))
	w.section("go", block(pair{"package", formatText(p.Go.Package)}, pair{"out", formatText(p.Go.Out)}))
	if len(p.Profiles) > 0 {
		w.heading("profiles")
		for _, name := range slices.Sorted(maps.Keys(p.Profiles)) {
			w.line(1, formatText(name), profilePairs(p.Profiles[name]).flow())
		}
	}
	if len(p.Classes) > 0 {
		w.heading("classes")
		for _, name := range slices.Sorted(maps.Keys(p.Classes)) {
			class := p.Classes[name]
			w.thing(cmp.Or(formatText(name), `""`), class.Ignore, classPairs(&class))
		}
	}
	if len(p.Routes) > 0 {
		w.heading("routes")
		for _, pattern := range slices.Sorted(maps.Keys(p.Routes)) {
			route := p.Routes[pattern]
			w.thing(cmp.Or(formatPattern(pattern), `""`), route.Ignore, routePairs(&route))
		}
	}
	if len(p.CDNs) > 0 {
		w.heading("cdn")
		for i := range p.CDNs {
			w.member(cdnPairs(&p.CDNs[i]))
		}
	}
	return w.b.Bytes()
}

// pair is a key with its value as YAML. An empty value was not said.
type pair struct{ key, value string }

type pairs []pair

// block leaves out what was not said.
func block(all ...pair) pairs {
	return slices.DeleteFunc(all, func(p pair) bool { return p.value == "" })
}

// flow writes pairs on one line, "" if there are none.
func (ps pairs) flow() string {
	if len(ps) == 0 {
		return ""
	}
	parts := make([]string, len(ps))
	for i, p := range ps {
		parts[i] = p.key + ": " + p.value
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

// writer writes the lines of a file.
type writer struct{ b bytes.Buffer }

func (w *writer) line(depth int, key, value string) {
	fmt.Fprintf(&w.b, "%s%s: %s\n", strings.Repeat("  ", depth), key, cmp.Or(value, "{}"))
}

func (w *writer) heading(key string) { fmt.Fprintf(&w.b, "\n%s:\n", key) }

// section writes a key with pairs below it, if there are any.
func (w *writer) section(key string, ps pairs) {
	if len(ps) == 0 {
		return
	}
	w.heading(key)
	for _, p := range ps {
		w.line(1, p.key, p.value)
	}
}

// thing writes a class or a route, with the comments that belong to it.
func (w *writer) thing(key string, ignore map[string]string, ps pairs) {
	for _, rule := range slices.Sorted(maps.Keys(ignore)) {
		fmt.Fprintf(&w.b, "  # larder:ignore %s %s\n", rule, ignore[rule])
	}
	if len(ps) == 0 {
		w.line(1, key, "")
		return
	}
	fmt.Fprintf(&w.b, "  %s:\n", key)
	for _, p := range ps {
		if strings.HasPrefix(p.value, "\n") {
			fmt.Fprintf(&w.b, "    %s:%s\n", p.key, p.value)
		} else {
			w.line(2, p.key, p.value)
		}
	}
}

// member writes a mapping in a list.
func (w *writer) member(ps pairs) {
	if len(ps) == 0 {
		w.b.WriteString("  - {}\n")
	}
	for i, p := range ps {
		lead := "    "
		if i == 0 {
			lead = "  - "
		}
		fmt.Fprintf(&w.b, "%s%s: %s\n", lead, p.key, p.value)
	}
}

func profilePairs(p policy.Profile) pairs {
	return block(
		pair{"fresh", formatDuration(p.Fresh)},
		pair{"stale", formatDuration(p.Stale)},
		pair{"expire", formatDuration(p.Expire)},
		pair{"jitter", formatShare(p.Jitter)},
	)
}

func classPairs(c *policy.Class) pairs {
	return block(
		pair{"description", formatText(c.Description)},
		pair{"pattern", formatText(string(c.Pattern))},
		pair{"key", formatKey(c.Key)},
		pair{"type", formatText(c.Type)},
		pair{"profile", formatText(c.Profile)},
		pair{"ttl", formatTTL(c)},
		pair{"negative_ttl", formatDuration(c.NegativeTTL)},
		pair{"stale_while_revalidate", formatDuration(c.StaleWhileRevalidate)},
		pair{"stale_if_error", formatDuration(c.StaleIfError)},
		pair{"jitter", formatShare(c.Jitter)},
		pair{"tiers", formatList(c.Tiers)},
		pair{"tags", formatList(c.Tags)},
		pair{"value_tags", formatFlag(c.ValueTags)},
		pair{"value_ttl", formatFlag(c.ValueTTL)},
		pair{"row_version", formatText(c.RowVersion)},
		pair{"batch", formatFlag(c.Batch)},
		pair{"strict", formatFlag(c.Strict)},
		pair{"stampede", block(
			pair{"early_refresh", formatNumber(c.Stampede.EarlyRefresh)},
			pair{"soft_timeout", formatDuration(c.Stampede.SoftTimeout)},
			pair{"hard_timeout", formatDuration(c.Stampede.HardTimeout)},
		).flow()},
		pair{"budget", block(
			pair{"loads", formatCount(int64(c.Budget.Loads))},
			pair{"rate", formatNumber(c.Budget.Rate)},
			pair{"wait", formatDuration(c.Budget.Wait)},
		).flow()},
		pair{"memory", block(
			pair{"entries", formatCount(int64(c.MemoryEntries))},
			pair{"size", formatSize(c.MemoryBytes)},
		).flow()},
		pair{"compress_above", formatSize(c.CompressAbove)},
		pair{"privacy", formatText(string(c.Privacy))},
		pair{"encrypt", formatFlag(c.Encrypt)},
		pair{"rebuild", formatCount(int64(c.Rebuild))},
		pair{"target", formatTarget(c.Target)},
		pair{"source", formatSource(c.Source)},
	)
}

func routePairs(r *policy.Route) pairs {
	statuses := pairs{}
	for _, status := range slices.Sorted(maps.Keys(r.Statuses)) {
		statuses = append(statuses, pair{strconv.Itoa(status), formatDuration(r.Statuses[status])})
	}
	query := formatList(r.Query)
	if r.Query != nil && len(r.Query) == 0 {
		query = "[]"
	}
	return block(
		pair{"class", formatText(r.Class)},
		pair{"no_store", formatFlag(r.NoStore)},
		pair{"private", formatFlag(r.Private)},
		pair{"profile", formatText(r.Profile)},
		pair{"edge", formatDuration(r.Edge)},
		pair{"browser", formatDuration(r.Browser)},
		pair{"stale_while_revalidate", formatDuration(r.StaleWhileRevalidate)},
		pair{"stale_if_error", formatDuration(r.StaleIfError)},
		pair{"immutable", formatFlag(r.Immutable)},
		pair{"tags", formatList(r.Tags)},
		pair{"query", query},
		pair{"vary", formatList(r.Vary)},
		pair{"statuses", statuses.flow()},
	)
}

func cdnPairs(c *policy.CDN) pairs {
	return block(
		pair{"kind", formatText(c.Kind)},
		pair{"zone", formatText(c.Zone)},
		pair{"token", formatText(c.Token)},
		pair{"hosts", formatList(c.Hosts)},
	)
}

func formatKey(k policy.Key) string {
	if len(k.Parts) == 0 {
		return formatText(k.Type)
	}
	parts := pairs{}
	for _, part := range k.Parts {
		parts = append(parts, pair{formatText(part.Name), formatText(part.Type)})
	}
	return parts.flow()
}

// formatTTL writes a life in its shortest form.
func formatTTL(c *policy.Class) string {
	switch t := c.TTL; {
	case c.FromValue && t == policy.TTL{}:
		return "from-value"
	case !c.FromValue && t == policy.TTL{Shared: t.Shared}:
		return formatDuration(t.Shared)
	default:
		return block(
			pair{"from_value", formatFlag(c.FromValue)},
			pair{"shared", formatDuration(t.Shared)},
			pair{"memory", formatDuration(t.Memory)},
			pair{"edge", formatDuration(t.Edge)},
		).flow()
	}
}

func formatTarget(t policy.Target) string {
	if t.Window == 0 {
		return formatShare(t.MissRate)
	}
	return block(pair{"miss_rate", formatShare(t.MissRate)}, pair{"window", formatDuration(t.Window)}).flow()
}

// formatSource writes words on one line, and a line for each table.
func formatSource(s policy.Source) string {
	if len(s.Tables) == 0 {
		return formatText(s.From)
	}
	var b strings.Builder
	for _, t := range s.Tables {
		b.WriteString("\n      - " + cmp.Or(block(
			pair{"table", formatText(t.Name)},
			pair{"key", formatText(t.Key)},
			pair{"tags", formatList(t.Tags)},
			pair{"version", formatText(t.Version)},
			pair{"sequence", formatText(t.Sequence)},
		).flow(), "{}"))
	}
	return b.String()
}

// formatDuration writes a duration in whole units, the largest first. Days are the
// largest, as nobody thinks in many weeks.
func formatDuration(d time.Duration) string {
	if d == 0 {
		return ""
	}
	if d == policy.None {
		return "none"
	}
	var b strings.Builder
	if d < 0 {
		b.WriteByte('-')
		d = max(d, -d) // the lowest one has no counterpart, and is no valid one
	}
	for _, unit := range []struct {
		length time.Duration
		name   string
	}{
		{24 * time.Hour, "d"},
		{time.Hour, "h"},
		{time.Minute, "m"},
		{time.Second, "s"},
		{time.Millisecond, "ms"},
		{time.Microsecond, "us"},
		{time.Nanosecond, "ns"},
	} {
		if times := d / unit.length; times > 0 {
			fmt.Fprintf(&b, "%d%s", times, unit.name)
			d -= times * unit.length
		}
	}
	return b.String()
}

// formatSize writes a size in the largest unit that it is a whole number of.
func formatSize(size int64) string {
	switch size {
	case 0:
		return ""
	case policy.None:
		return "none"
	}
	for _, unit := range sizeUnits {
		if size%unit.bytes == 0 {
			return strconv.FormatInt(size/unit.bytes, 10) + unit.name
		}
	}
	return ""
}

func formatShare(share float64) string {
	switch share {
	case 0:
		return ""
	case policy.None:
		return "none"
	}
	return percent(share)
}

func formatNumber(number float64) string {
	switch number {
	case 0:
		return ""
	case policy.None:
		return "none"
	}
	return strconv.FormatFloat(number, 'f', -1, 64)
}

func formatCount(number int64) string {
	if number == 0 {
		return ""
	}
	return strconv.FormatInt(number, 10)
}

func formatFlag(set bool) string {
	if set {
		return "true"
	}
	return ""
}

func formatList[T ~string](list []T) string {
	if len(list) == 0 {
		return ""
	}
	texts := make([]string, len(list))
	for i, t := range list {
		texts[i] = cmp.Or(formatText(string(t)), `""`)
	}
	return "[" + strings.Join(texts, ", ") + "]"
}

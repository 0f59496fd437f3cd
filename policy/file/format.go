package file

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/larderdev/larder/policy"
)

// modeline tells editors which schema completes the file. They look for the schema
// beside the file, where larder init writes it.
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
	sorted(w, "profiles", p.Profiles, func(name string, profile policy.Profile) {
		w.line(1, formatText(name), profilePairs(profile).flow())
	})
	sorted(w, "classes", p.Classes, func(name string, class policy.Class) {
		w.thing(cmp.Or(formatText(name), `""`), class.Ignore, classPairs(&class))
	})
	sorted(w, "routes", p.Routes, func(pattern string, route policy.Route) {
		w.thing(cmp.Or(formatPattern(pattern), `""`), route.Ignore, routePairs(&route))
	})
	if len(p.CDNs) > 0 {
		w.heading("cdn")
		for i := range p.CDNs {
			w.member(cdnPairs(&p.CDNs[i]))
		}
	}
	return w.b.Bytes()
}

// sorted writes a section of named things, if there are any, in the order of the names:
// that of a map would be another one each time.
func sorted[V any](w *writer, section string, things map[string]V, write func(name string, thing V)) {
	if len(things) == 0 {
		return
	}
	w.heading(section)
	for _, name := range slices.Sorted(maps.Keys(things)) {
		write(name, things[name])
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

// classPairs are the keys of a class in the order in which people ask: what it is, how
// long it lives, where it is, how it is loaded, where it comes from.
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
		query = "[]" // no parameter counts; without the key all do
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

// formatTTL writes a life in its shortest form: one word, if that says all of it.
func formatTTL(c *policy.Class) string {
	switch t := c.TTL; {
	case c.FromValue && t == policy.TTL{}:
		return "from-value"
	case !c.FromValue && t == policy.TTL{Shared: t.Shared}: // nothing else was said, or nothing at all
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

// formatSource writes words on one line, and a line for each table: all tables on one
// would be too long for most.
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

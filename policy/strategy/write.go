package strategy

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/larderdev/larder/policy"
)

// preamble is what a page says of itself. It is no statement.
const preamble = "How each kind of data is cached, and for how long. Made by `larder docs`; `larder init --from` reads it back."

// Write writes the strategy page of a policy: everything that the policy says, in
// sentences and lists that [Read] reads back to an equal policy. The same policy
// always gives the same page. Names are in code, sentences in quotes; what a field
// would be if it said nothing is not on the page.
//
// The policy must be one that larder.yaml can say, with Version [policy.FileVersion].
// Of one that lint finds contradictory the page is contradictory, too, and Read
// says so.
func Write(p *policy.Policy) []byte {
	w := &page{}
	w.line("# Caching strategy")
	w.line("")
	w.line("%s", preamble)
	w.fleet(p)
	w.profiles(p)
	w.classes(p)
	w.routes(p)
	w.cdns(p)
	return []byte(w.out.String())
}

// A page is being written. Everything on it goes through line, so that the end of each
// line is where Read looks for it.
type page struct{ out strings.Builder }

// line adds a line.
func (w *page) line(format string, args ...any) { fmt.Fprintf(&w.out, format+"\n", args...) }

// section begins a part of the page.
func (w *page) section(title string) { w.line("\n## %s\n", title) }

// item adds an item, with what is said in one line, and details beneath it.
func (w *page) item(label string, said, details clauses) {
	if len(said)+len(details) == 0 {
		said.add("as the defaults say")
	}
	w.line("- %s:%s", label, strings.TrimSuffix(" "+strings.Join(said, ", "), " "))
	for _, d := range details {
		w.line("  - %s", d)
	}
}

// clauses are what is said of one thing.
type clauses []string

// add adds a clause.
func (c *clauses) add(format string, args ...any) { *c = append(*c, fmt.Sprintf(format, args...)) }

// when adds a clause if it holds. What is false is not on the page: it is the default of
// every field that is true or false.
func (c *clauses) when(holds bool, text string) {
	if holds {
		*c = append(*c, text)
	}
}

// name adds a name in code if there is one.
func (c *clauses) name(form, s string) {
	if s != "" {
		c.add(form, code(s))
	}
}

// sentence adds a quoted sentence if there is one. In quotes it may have commas and
// colons; in code, people would read it as a name.
func (c *clauses) sentence(form, s string) {
	if s != "" {
		c.add(form, quote(s))
	}
}

// duration adds a length of time if there is one, or "none", which forms with a window
// read.
func (c *clauses) duration(form string, d time.Duration) {
	if d != 0 {
		c.add(form, writeDuration(d))
	}
}

// number adds a number if it is not zero; none says what is said for
// [policy.None].
func (c *clauses) number(form string, f float64, none string) {
	switch {
	case f == policy.None:
		c.add("%s", none)
	case f != 0:
		c.add(form, strconv.FormatFloat(f, 'f', -1, 64))
	}
}

// list adds names in code; an empty list that is there says so.
func (c *clauses) list(form string, names []string, empty string) {
	switch {
	case names == nil:
	case len(names) == 0:
		c.add("%s", empty)
	default:
		c.add(form, codes(names))
	}
}

// ignores adds lint rules that do not apply.
func (c *clauses) ignores(rules map[string]string) {
	for _, id := range slices.Sorted(maps.Keys(rules)) {
		c.add("rule %s does not apply because %s", code(id), quote(rules[id]))
	}
}

// codes writes names in code, with commas: those between two literals part no clauses.
func codes[S ~string](names []S) string {
	all := make([]string, len(names))
	for i, n := range names {
		all[i] = code(string(n))
	}
	return strings.Join(all, ", ")
}

// fleet writes what is not of one class, and stands before the classes that share it.
func (w *page) fleet(p *policy.Policy) {
	var fleet, golang clauses
	fleet.duration("memory at most %s behind", p.Fleet.MaxStaleness)
	fleet.duration("shared timeout %s", p.Fleet.SharedTimeout)
	fleet.duration("lease %s", p.Fleet.Lease)
	fleet.duration("hold %s", p.Fleet.Hold)
	fleet.when(p.Fleet.Outbox, "outbox")
	golang.name("package %s", p.Go.Package)
	golang.name("in %s", p.Go.Out)
	if len(fleet)+len(golang) == 0 {
		return
	}
	w.section("What all share")
	if len(fleet) > 0 {
		w.item("Fleet", fleet, nil)
	}
	if len(golang) > 0 {
		w.item("Generated code", golang, nil)
	}
}

// profiles writes the profiles before the classes that name them.
func (w *page) profiles(p *policy.Policy) {
	if len(p.Profiles) == 0 {
		return
	}
	w.section("Profiles")
	for _, name := range slices.Sorted(maps.Keys(p.Profiles)) {
		l := p.Profiles[name]
		var said clauses
		said.duration("fresh %s", l.Fresh)
		said.duration("stale %s", l.Stale)
		said.duration("expires %s", l.Expire)
		said.when(l.Jitter != 0, "jitter "+writePercent(l.Jitter))
		w.item("Profile "+code(name), said, nil)
	}
}

// classes writes the classes, and those that are never cached on a list of their
// own: it is the first that a reader looks for.
func (w *page) classes(p *policy.Policy) {
	var cached, nameless, told []string
	for _, name := range slices.Sorted(maps.Keys(p.Classes)) {
		switch c := p.Classes[name]; {
		case c.Pattern != policy.Never:
			cached = append(cached, name)
		case c.Description == "" && len(c.Ignore) == 0:
			nameless = append(nameless, name)
		default:
			told = append(told, name)
		}
	}
	if len(nameless)+len(told) > 0 {
		w.section("Never cached")
		if len(nameless) > 0 {
			w.line("- Never cache: %s", codes(nameless))
		}
		for _, name := range told {
			w.class(name, p.Classes[name])
		}
	}
	if len(cached) > 0 {
		w.section("Data")
		for _, name := range cached {
			w.class(name, p.Classes[name])
		}
	}
}

// class writes what a team argues about in one line, and the rest beneath it: the
// pattern, the TTL, where values are and whose they are.
func (w *page) class(name string, c policy.Class) {
	var said, details clauses
	said.when(c.Pattern == policy.Never, "never cache")
	said.when(c.Pattern != policy.Never && c.Pattern != "", string(c.Pattern))
	said.name("profile %s", c.Profile)
	said.duration("%s TTL", c.TTL.Shared)
	said.when(c.FromValue, "TTL = the value's own end")
	switch {
	case len(c.Tiers) > 0:
		said.add("in %s", codes(c.Tiers))
	case c.Tiers != nil:
		said.add("in no tier")
	}
	said.when(c.Strict, "strict reads")
	said.when(c.Privacy != "", string(c.Privacy))
	said.when(c.Encrypt, "encrypted")
	details.sentence("Description: %s", c.Description)
	details.life(c)
	details.truth(c)
	details.loads(c)
	details.ignores(c.Ignore)
	w.item(code(name), said, details)
}

// life is the rest of how long values live, and what makes them wrong. Tags stand on a
// line of their own: a list in a list of clauses could take the next clause for a tag.
func (c *clauses) life(of policy.Class) {
	var line clauses
	line.duration("memory lifetime %s", of.TTL.Memory)
	line.duration("edge lifetime %s", of.TTL.Edge)
	line.duration("negative TTL %s", of.NegativeTTL)
	line.duration("stale-while-revalidate %s", of.StaleWhileRevalidate)
	line.duration("stale-if-error %s", of.StaleIfError)
	line.when(of.Jitter != 0, "jitter "+writePercent(of.Jitter))
	c.join(line)
	line = nil
	line.list("tags %s", of.Tags, "no tags")
	line.when(of.ValueTags, "further tags from values")
	line.when(of.ValueTTL, "shorter lives from values")
	c.join(line)
}

// truth is what keys and values are, and where they come from. That a write-through
// class has no row version has to be said, or Read would give it one.
func (c *clauses) truth(of policy.Class) {
	var line clauses
	line.name("key %s", of.Key.Type)
	if len(of.Key.Parts) > 0 {
		parts := make([]string, len(of.Key.Parts))
		for i, p := range of.Key.Parts {
			parts[i] = p.Name + " " + p.Type
		}
		line.add("key parts %s", codes(parts))
	}
	line.name("values of type %s", of.Type)
	line.name("version from %s", of.RowVersion)
	line.when(of.RowVersion == "" && of.Pattern == policy.WriteThrough, "no row version")
	c.join(line)
	c.sentence("from %s", of.Source.From)
	for _, t := range of.Source.Tables {
		form := "table " + code(t.Name)
		if t.Key != "" {
			form += " key " + code(t.Key)
		}
		if len(t.Tags) > 0 {
			form += " tags " + codes(t.Tags)
		}
		if t.Version != "" {
			form += " version " + code(t.Version)
		}
		if t.Sequence != "" {
			form += " sequence " + code(t.Sequence)
		}
		c.add("%s", form)
	}
}

// loads is how values are loaded, and how much there may be of them. A target without
// a window says so, since Read would take one that says nothing for five minutes.
func (c *clauses) loads(of policy.Class) {
	var line clauses
	line.when(of.Batch, "loads in batches")
	line.number("early refresh %s", of.Stampede.EarlyRefresh, "no early refresh")
	line.duration("soft timeout %s", of.Stampede.SoftTimeout)
	line.duration("hard timeout %s", of.Stampede.HardTimeout)
	c.join(line)
	line = nil
	line.number("at most %s loads at once", float64(of.Budget.Loads), "")
	line.number("at most %s loads a second", of.Budget.Rate, "")
	line.duration("loads wait %s", of.Budget.Wait)
	line.number("rebuild the %s hottest", float64(of.Rebuild), "")
	c.join(line)
	line = nil
	line.number("memory holds %s entries", float64(of.MemoryEntries), "")
	line.when(of.MemoryBytes != 0, "memory holds "+writeSize(of.MemoryBytes))
	switch {
	case of.CompressAbove == policy.None:
		line.add("no compression")
	case of.CompressAbove != 0:
		line.add("compressed above %s", writeSize(of.CompressAbove))
	}
	c.join(line)
	if of.Target != (policy.Target{}) {
		window := "no window"
		if of.Target.Window != 0 {
			window = writeDuration(of.Target.Window)
		}
		c.add("misses below %s over %s", writePercent(of.Target.MissRate), window)
	}
}

// join adds what a line says as one detail.
func (c *clauses) join(line clauses) {
	if len(line) > 0 {
		c.add("%s", strings.Join(line, ", "))
	}
}

// routes writes the routes. They stand by themselves and not beneath their classes,
// for a route need not have one.
func (w *page) routes(p *policy.Policy) {
	if len(p.Routes) == 0 {
		return
	}
	w.section("Routes")
	for _, pattern := range slices.Sorted(maps.Keys(p.Routes)) {
		r := p.Routes[pattern]
		var said, details clauses
		said.name("class %s", r.Class)
		said.when(r.NoStore, "no-store")
		said.when(r.Private, "private")
		said.name("profile %s", r.Profile)
		said.duration("edge %s", r.Edge)
		said.duration("browser %s", r.Browser)
		said.duration("stale-while-revalidate %s", r.StaleWhileRevalidate)
		said.duration("stale-if-error %s", r.StaleIfError)
		said.when(r.Immutable, "immutable")
		var line clauses
		line.list("tags %s", r.Tags, "no tags")
		line.list("query %s", r.Query, "no query")
		line.list("vary %s", r.Vary, "no vary")
		for _, status := range slices.Sorted(maps.Keys(r.Statuses)) {
			line.add("%d for %s", status, writeDuration(r.Statuses[status]))
		}
		details.join(line)
		details.ignores(r.Ignore)
		w.item(code(pattern), said, details)
	}
}

// cdns writes the CDNs in the order of the policy: it is a list there, too.
func (w *page) cdns(p *policy.Policy) {
	if len(p.CDNs) == 0 {
		return
	}
	w.section("CDNs")
	for _, c := range p.CDNs {
		var said clauses
		said.name("zone %s", c.Zone)
		said.name("token %s", c.Token)
		said.list("hosts %s", c.Hosts, "no hosts")
		w.item("CDN "+code(c.Kind), said, nil)
	}
}

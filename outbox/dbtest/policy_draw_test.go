package dbtest

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/larderdev/larder/outbox"
	"github.com/larderdev/larder/policy"
)

// draw draws policies, and what happens to their tables.
type draw struct {
	*rand.Rand
	dialect outbox.Dialect
}

// drawn is a table that a policy may name.
type drawn struct {
	name     string // as the policy says it
	pk       string // an integer
	columns  []string
	version  string // "": none
	sequence string // "": none
}

// oddNames are allowed everywhere: words of SQL, words of triggers, columns of the
// outbox, all signs, and the longest.
var oddNames = []string{
	"id", "select", "from", "Order-by", "a$b", "_", "x$larder$", "new", "OLD", "class", "item", "tags", "key", "value",
	"tg_op", "b-", "table", "Version-2", "found", "r", strings.Repeat("long_", 12) + "abc",
}

// oddTexts are allowed in templates and in the names of keys.
var oddTexts = []string{"", "", "-", "/", ":", "p:", "$larder$", "$", "$$", "%s%d", "?", " -- ", "/*", "*/", ";", " END;", "#", "$1", ":x", "|| ", "@v"}

// oddValues are in columns: some compare as equal in some collations.
var oddValues = []any{"wood", "Wood", "", "wood ", "é", "e\u0301", "🐢", `a"b\c'd`, "line\n\ttab\r", "\x01\x7f", "null", "[1]", "{id}", "?", nil, nil, strings.Repeat("0123456789", 9)}

func pick[T any](d draw, from []T) T { return from[d.IntN(len(from))] }

// table draws a table: with a schema, version or sequence where the database has
// such a thing.
func (d draw) table(i int) drawn {
	names := slices.Clone(oddNames)
	d.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	t := drawn{name: fmt.Sprintf("%.58s_%d", names[0], i), pk: names[1], columns: names[2 : 4+d.IntN(3)]}
	if d.IntN(3) > 0 {
		t.version = names[7]
	}
	if d.dialect == outbox.PostgreSQL {
		if d.IntN(2) == 0 {
			t.name = "shop-$1." + t.name
		}
		if t.version != "" && d.IntN(2) == 0 {
			t.sequence = pick(d, []string{"seq-$", "shop-$1.select"}) + fmt.Sprint(i)
		}
	}
	return t
}

// template draws fixed text around the columns of a table.
func (d draw) template(t drawn, most int) string {
	text := pick(d, oddTexts)
	for range d.IntN(most + 1) {
		text += "{" + pick(d, append(t.columns, t.pk)) + "}" + pick(d, oddTexts)
	}
	if text == "" {
		return "all"
	}
	return text
}

// source draws what depends on a table.
func (d draw) source(t drawn) policy.Table {
	s := policy.Table{Name: t.name, Version: t.version, Sequence: t.sequence}
	if d.IntN(4) > 0 {
		s.Key = d.template(t, 3)
	}
	for range d.IntN(4) {
		if tag := d.template(t, 3); len(tag) <= 200 && !slices.Contains(s.Tags, tag) {
			s.Tags = append(s.Tags, tag)
		}
	}
	if s.Key == "" && len(s.Tags) == 0 {
		s.Tags = []string{"all"}
	}
	return s
}

// policy draws classes with several of the tables each, and some tables in none.
func (d draw) policy(tables []drawn) *policy.Policy {
	p := &policy.Policy{Version: 1, Classes: map[string]policy.Class{}}
	for i := range 1 + d.IntN(4) {
		c := policy.Class{TTL: policy.TTL{Shared: time.Hour}, Source: policy.Source{From: "a service"}}
		var sources []policy.Table
		for range max(d.IntN(4), 1-i) { // the first policy makes the outbox
			sources = append(sources, d.source(pick(d, tables)))
		}
		if len(sources) > 0 {
			c.Source = policy.Source{Tables: sources}
		}
		p.Classes[fmt.Sprint(pick(d, []string{"a", "b-", "c_", "d."}), i)] = c
	}
	return p
}

// change draws a policy that has come from another: of its classes and their tables
// some are gone, and some say something else.
func (d draw) change(p *policy.Policy, tables []drawn) *policy.Policy {
	next := &policy.Policy{Version: 1, Classes: map[string]policy.Class{}}
	for _, name := range slices.Sorted(maps.Keys(p.Classes)) {
		c := p.Classes[name]
		var kept []policy.Table
		for _, s := range c.Source.Tables {
			switch d.IntN(4) {
			case 0:
			case 1:
				at := slices.IndexFunc(tables, func(t drawn) bool { return t.name == s.Name })
				kept = append(kept, d.source(tables[at]))
			default:
				kept = append(kept, s)
			}
		}
		c.Source = policy.Source{Tables: kept}
		if len(kept) == 0 {
			c.Source = policy.Source{From: "a service"}
		}
		next.Classes[name] = c
	}
	return next
}

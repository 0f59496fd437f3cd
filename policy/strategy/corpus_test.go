package strategy_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/larderdev/larder/policy"
	"github.com/larderdev/larder/policy/file"
	"github.com/larderdev/larder/policy/strategy"
)

// A spoken is one entry of testdata/corpus: a page of a statement or a few, as one
// engineer would write it, and what a reasonable colleague takes it for.
type spoken struct {
	where string // file:line of the expectation
	page  string
	want  meaning
}

// A meaning is what a page says: fields by class or route, the texts that nobody
// could make policy of, and whether two statements contradict each other.
type meaning struct {
	fields   map[string][]string
	unknown  []string
	conflict bool
}

// TestRead_Corpus reads each entry of the corpus by itself. An entry is some lines
// of Markdown and one of what must come of it, "=> product: TTL.Shared=5m0s · ?no
// CDN": fields of each class, and behind ? a piece of each statement that has to be
// listed as not understood. "=> ?" alone asks that something is and that there is no
// policy, "=> !" that there is a contradiction.
func TestRead_Corpus(t *testing.T) {
	entries := corpus(t)
	if len(entries) < 240 {
		t.Fatalf("%d entries, want 240 at least", len(entries))
	}
	for _, e := range entries {
		if got, wrong := compare(t, e); wrong != "" {
			t.Errorf("%s: of\n%scame %s: %s", e.where, e.page, got, wrong)
		}
	}
}

// corpus reads the entries of testdata/corpus.
func corpus(t *testing.T) []spoken {
	t.Helper()
	files, err := filepath.Glob("testdata/corpus/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	var all []spoken
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		page := ""
		for i, line := range strings.Split(strings.TrimSpace(string(data)), "\n") {
			want, ok := strings.CutPrefix(line, "=> ")
			if !ok {
				page += line + "\n"
				continue
			}
			all = append(all, spoken{fmt.Sprintf("%s:%d", filepath.Base(file), i+1), page, parseMeaning(want)})
			page = ""
		}
		if page != "" {
			t.Fatalf("%s: nothing is expected of %q", file, page)
		}
	}
	return all
}

// parseMeaning reads what stands behind "=> ".
func parseMeaning(s string) meaning {
	m := meaning{fields: map[string][]string{}}
	for part := range strings.SplitSeq(s, " · ") {
		switch {
		case strings.HasPrefix(part, "!"):
			m.conflict = true
		case strings.HasPrefix(part, "?"):
			m.unknown = append(m.unknown, part[1:])
		default:
			name, fields, _ := strings.Cut(part, ": ")
			m.fields[strings.TrimSuffix(name, ":")] = slices.Sorted(slices.Values(strings.FieldsFunc(fields, func(r rune) bool { return r == ',' })))
		}
	}
	for _, fields := range m.fields {
		for i, f := range fields {
			fields[i] = strings.TrimSpace(f)
		}
		slices.Sort(fields)
	}
	return m
}

// compare reads an entry's page. It returns what came, and what is wrong with it.
func compare(t *testing.T, e spoken) (got, wrong string) {
	t.Helper()
	p, report, err := strategy.Read("page", []byte(e.page))
	got = fmt.Sprintf("%s%v", outcome(t, e.page), report.NotUnderstood)
	if (err != nil) != e.want.conflict {
		return got, fmt.Sprintf("a contradiction is %v, want %v", err != nil, e.want.conflict)
	}
	if err != nil {
		return got, ""
	}
	if fields := perSubject(fields("", reflect.ValueOf(*p))); !maps.EqualFunc(fields, e.want.fields, slices.Equal) {
		return got, fmt.Sprintf("want %v", e.want.fields)
	}
	if err := readable(p, report); err != nil {
		return got, fmt.Sprintf("what it makes is no file: %v", err)
	}
	some := len(e.want.unknown) == 1 && e.want.unknown[0] == ""
	if len(report.NotUnderstood) != len(e.want.unknown) && !(some && len(report.NotUnderstood) > 0) {
		return got, fmt.Sprintf("%d not understood, want %q", len(report.NotUnderstood), e.want.unknown)
	}
	for _, text := range e.want.unknown {
		if !slices.ContainsFunc(report.NotUnderstood, func(u strategy.Unknown) bool { return strings.Contains(u.Text, text) }) {
			return got, fmt.Sprintf("want %q among those not understood", text)
		}
	}
	return got, ""
}

// readable tells why larder.yaml could not be read if it were written now. A class that
// wants the key of a table, which no page says in plain words, is filled in before.
func readable(p *policy.Policy, report *strategy.Report) error {
	for _, want := range report.Wants {
		if tables := p.Classes[want.Class].Source.Tables; want.Field == "source" && len(tables) > 0 {
			tables[0].Key = "{id}"
		}
	}
	_, _, err := file.Parse("larder.yaml", file.Format(p))
	return err
}

// perSubject sorts lines of [fields] by the class or the route that they are of.
func perSubject(lines []string) map[string][]string {
	all := map[string][]string{}
	for _, line := range lines {
		line = strings.TrimPrefix(line, ".")
		path, value, set := strings.Cut(line, " = ")
		name, field, of := strings.Cut(path[strings.Index(path, "[")+1:], "]")
		if !of {
			name, field, _ = strings.Cut(path, ".")
		}
		if all[name] == nil {
			all[name] = nil
		}
		if set {
			all[name] = append(all[name], strings.TrimPrefix(field, ".")+"="+value)
		}
	}
	for _, fields := range all {
		slices.Sort(fields)
	}
	return all
}

package file

import (
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/larderdev/larder/policy"
)

// full reads the file in which every key is there. It is in the form that Format
// writes.
func full(t *testing.T) (*policy.Policy, *Index, []byte) {
	t.Helper()
	data, err := os.ReadFile("testdata/full.yaml")
	if err != nil {
		t.Fatal(err)
	}
	p, index, err := Parse("full.yaml", data)
	if err != nil {
		t.Fatal(err)
	}
	return p, index, data
}

// TestFormat_Full: every field is read, and written where people expect it.
func TestFormat_Full(t *testing.T) {
	p, _, data := full(t)
	said := map[string]bool{}
	sayFields(reflect.ValueOf(*p), said)
	for name, yes := range said {
		if !yes {
			t.Errorf("%s has no value in testdata/full.yaml", name)
		}
	}
	if got := string(Format(p)); got != string(data) {
		t.Errorf("written as\n%s\nwant\n%s", got, data)
	}
}

// sayFields notes which fields have a value anywhere.
func sayFields(v reflect.Value, said map[string]bool) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			name := v.Type().Name() + "." + v.Type().Field(i).Name
			said[name] = said[name] || !v.Field(i).IsZero()
			sayFields(v.Field(i), said)
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			sayFields(v.MapIndex(key), said)
		}
	case reflect.Slice:
		for i := range v.Len() {
			sayFields(v.Index(i), said)
		}
	}
}

func TestIndex(t *testing.T) {
	_, index, data := full(t)
	lines := splitLines(string(data))
	for _, c := range []struct{ path, want string }{
		{"version", "1"},
		{"fleet", "fleet:"},
		{"fleet.lease", "1s"},
		{"profiles.daily", "daily: {"},
		{"profiles.daily.expire", "7d12h, jitter"},
		{"classes.article", "article:"},
		{"classes.article.ttl", "ttl: {from"},
		{"classes.article.ttl.memory", "5m, edge: 1h}"},
		{"classes.article.tags[1]", "articles]"},
		{"classes.article.source[1].tags[0]", `"author-{id}"]}`},
		{"classes.found.key.page", "int64, tags"},
		{"classes.found.ttl.shared", "5m"},
		{"classes.found.target.miss_rate", "10%"},
		{"classes.token.ttl.from_value", "from-value"},
		{`routes."GET /articles/{id}"`, "GET /articles/{id}:"},
		{`routes."GET /articles/{id}".statuses.404`, "30s, 410"},
		{"cdn[0].token", "CLOUDFLARE_API_TOKEN"},
		// What is not there is where it would be.
		{"classes.found.ttl.memory", "5m"},
		{"classes.token.tags[3]", "token:"},
		{`routes."GET /me".vary[0]`, "GET /me:"},
		{"classes.other.ttl", "classes:"},
		{"nothing", "# yaml-language-server"},
	} {
		at := index.Position(c.path)
		if got := lines[at.Line-1][at.Column-1:]; !strings.HasPrefix(got, c.want) {
			t.Errorf("%s is at %v, %q, want %q", c.path, at, got, c.want)
		}
	}
	if !index.Has("classes.token.ttl") || index.Has("classes.token.tags") {
		t.Error("Has mistakes what is in the file")
	}
	if got, want := Member(Path("routes", "GET /x/{id}", "tags"), 1), `routes."GET /x/{id}".tags[1]`; got != want {
		t.Errorf("the path is %s, want %s", got, want)
	}
	if got, want := Path("classes", `a.b"c`, "ttl"), `classes."a.b\"c".ttl`; got != want {
		t.Errorf("the path is %s, want %s", got, want)
	}
	got := index.Error("fleet.hold", "it is long", "make it shorter").Error()
	if want := "full.yaml:8:9: it is long: make it shorter"; got != want {
		t.Errorf("the error is %q, want %q", got, want)
	}
}

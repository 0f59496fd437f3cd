package muxroute_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/larderdev/larder/internal/muxroute"
)

// patterns are such as match the same in all ways that a ServeMux knows.
var patterns = []string{
	"GET /{$}", "/a", "GET /a", "POST /a", "HEAD /a", "/a/", "GET /a/{id}", "/a/{id}/b", "GET /a/x", "GET /a/x/{rest...}", "/a/x/y", "/only/",
	"/only/{id}/", "GET /end/{$}", "/end/{id}", "/c%2Fd/{id}", "/ü/{id}", "example.com/a", "GET example.com/{id}", "GET example.com/a/{id}",
	"POST other.example/a", "\tGET  /tab", "/deep/{a}/{b}/{c}", "/deep/{a}/x/y", "/all/{path...}", "/a b",
}

// table returns a table of patterns that a mux takes, and that mux.
func table(t *testing.T, patterns []string) (*muxroute.Table[string], *http.ServeMux) {
	t.Helper()
	values := map[string]string{}
	mux := http.NewServeMux()
	for _, p := range patterns {
		if muxroute.Register(mux, p, named(p)) == nil {
			values[p] = p
		}
	}
	table, err := muxroute.NewTable(values)
	if err != nil {
		t.Fatal(err)
	}
	return table, mux
}

// named is a handler that is told from those of a mux itself.
type named string

func (named) ServeHTTP(http.ResponseWriter, *http.Request) {}

// same compares a table with a mux.
func same(t *testing.T, table *muxroute.Table[string], mux *http.ServeMux, host, path string) {
	t.Helper()
	u, err := url.ParseRequestURI(path)
	if err != nil || u.Host != "" || u.Scheme != "" {
		return
	}
	h, _ := mux.Handler(&http.Request{Method: http.MethodGet, Host: host, URL: u})
	want, _ := h.(named)
	if got, ok := table.Find(host, u.EscapedPath()); got != string(want) || ok != (want != "") {
		t.Errorf("Find(%q, %q) = %q, %t, and a ServeMux says %q", host, u.EscapedPath(), got, ok, want)
	}
}

// FuzzTable_IsAsServeMux: a table finds what a ServeMux finds.
func FuzzTable_IsAsServeMux(f *testing.F) {
	for _, path := range []string{
		"/", "/a", "/a/", "/a/1", "/a/x", "/a/x/", "/a/x/y", "/a/x/y/", "/a/1/b", "/a/1/b/", "/a/1/c", "//a", "/a/../a", "/a/.", "/only", "/only/",
		"/only/1", "/only/1/", "/only/1/2", "/end", "/end/", "/end/1", "/end/%2F", "/a/%2F", "/c%2Fd/1", "/c/d/1", "/%C3%BC/1", "/%c3%bc/1", "/%61/x",
		"/tab", "/deep/1/x/y", "/deep/1/x/z", "/deep/1/2/3", "/all", "/all/", "/all/x//y", "/all/x/y", "/none", "/a%20b", "/a?b", "*", "/..", "/a//",
	} {
		for _, host := range []string{"", "www.example.com", "example.com", "example.com:8080", "other.example", "[::1]:80", "[::1]"} {
			f.Add(host, path, strings.Join(patterns, "\n"))
			f.Add(host, path, "/a/\n/a/{b}/c/\nGET /\n/{x}/y\nexample.com/")
		}
	}
	f.Fuzz(func(t *testing.T, host, path, list string) {
		patterns := strings.Split(list, "\n")
		for _, p := range patterns {
			before, _, _ := strings.Cut(p, "/")
			name := before[strings.LastIndexAny(before, " \t")+1:]
			if strings.ToLower(name+host) != name+host {
				return // a table folds the names of hosts
			}
		}
		table, mux := table(t, patterns)
		same(t, table, mux, host, path)
	})
}

func TestTable(t *testing.T) {
	table, mux := table(t, patterns)
	same(t, table, mux, "example.com", "/a/1")
	if got, ok := table.Find("www.example.com", "/a/1/b"); got != "/a/{id}/b" || !ok {
		t.Errorf("Find(/a/1/b) = %q, %t", got, ok)
	}
	for _, path := range []string{"/a/1/b", "/a/x/y", "/nowhere/at/all/and/longer/than/a/small/buffer", "/all/" + strings.Repeat("x", 100)} {
		if n := testing.AllocsPerRun(100, func() { table.Find("www.example.com:8080", path) }); n != 0 {
			t.Errorf("Find(%q) allocates %v times", path, n)
		}
	}
	upper, err := muxroute.NewTable(map[string]int{"GET WWW.Example.com/a": 1})
	if err != nil {
		t.Fatal(err)
	}
	if got, ok := upper.Find("www.example.com", "/a"); got != 1 || !ok {
		t.Errorf("a host with capital letters is not found: %d, %t", got, ok)
	}
	_, err = muxroute.NewTable(map[string]int{"GET /{": 1, "GET /a/{id}": 2, "GET /{x}/b": 3, "POST /{": 4})
	for _, want := range []string{`pattern "GET /{"`, "conflicts with", `pattern "POST /{"`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("NewTable: %v, want %q in it", err, want)
		}
	}
}

package cli

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// writePolicy writes a policy with routes.
func writePolicy(t *testing.T, file, routes string) {
	t.Helper()
	if err := os.WriteFile(file, []byte("version: 1\nroutes:\n"+routes), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestEdge_Policy: parameters that a route does not list make no keys and do not reach
// the origin; others stay. A reload reads the file anew, and a broken file changes
// nothing.
func TestEdge_Policy(t *testing.T) {
	dir := t.TempDir()
	policy, log := filepath.Join(dir, "larder.yaml"), filepath.Join(dir, "access.log")
	writePolicy(t, policy, `  GET /list: {edge: 1m, query: [page]}
  GET /list/{id}: {edge: 1m, query: []}
  GET /list/mine: {edge: 1m}
  GET /basket: {no_store: true, query: [page]}
`)
	n := 0
	s := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n++
		w.Header().Set("CDN-Cache-Control", "max-age=60")
		fmt.Fprintf(w, "%s %d", r.URL.RequestURI(), n)
	}), "", "-policy", policy, "-access-log", log)
	get := func(uri string) string {
		t.Helper()
		_, body, _ := ask(t, http.DefaultClient, "GET", s.clients+uri, "", "")
		return body
	}
	for _, tt := range []struct{ uri, want string }{
		{"/list?utm_source=mail&page=1", "/list?page=1 1"},
		{"/list?page=1&utm_source=post", "/list?page=1 1"},
		{"/list/7?utm_source=mail", "/list/7 2"},
		{"/list/7", "/list/7 2"},
		{"/list/mine?b=1&a=2", "/list/mine?b=1&a=2 3"},
		{"/basket?utm_source=mail&page=1", "/basket?utm_source=mail&page=1 4"},
	} {
		if got := get(tt.uri); got != tt.want {
			t.Errorf("%s got %q, want %q", tt.uri, got, tt.want)
		}
	}
	if status, body, _ := ask(t, http.DefaultClient, "POST", s.admin+"/purge_cache", "", fmt.Sprintf(`{"files":["%s/list?utm_source=ad&page=1"]}`, s.clients)); status != 200 {
		t.Errorf("a purge: %d %s", status, body)
	}
	if got := get("/list?page=1"); got != "/list?page=1 5" {
		t.Errorf("after a purge /list?page=1 got %q", got)
	}
	for _, tt := range []struct{ routes, want string }{
		{"  GET /list: {edge: 1m, query: [page], nonsense: 1}\n", "/list?page=1 5"}, // stays
		{"  GET /list/{a}: {edge: 1m}\n  GET /{b}/mine: {edge: 1m}\n", "/list?page=1 5"},
		{"  GET /list: {edge: 1m, query: [page, size]}\n", "/list?page=1&size=2 6"},
	} {
		writePolicy(t, policy, tt.routes)
		s.reload <- os.Interrupt
		s.reload <- os.Interrupt // taken when the first has been done
		if got := get("/list?size=2&page=1&utm_source=x"); got != tt.want {
			t.Errorf("after a reload of %q: %q, want %q", tt.routes, got, tt.want)
		}
	}
	s.stop()
	if text, err := os.ReadFile(log); err != nil || strings.Contains(string(text), "utm") {
		t.Errorf("the access log has the query: %s, %v", text, err)
	}
}

// TestEdge_PolicyConflict: it is the file that is wrong, not the command line.
func TestEdge_PolicyConflict(t *testing.T) {
	policy := filepath.Join(t.TempDir(), "larder.yaml")
	writePolicy(t, policy, "  GET /list/{a}: {edge: 1m}\n  GET /{b}/mine: {edge: 1m}\n")
	var out strings.Builder
	args := []string{"edge", "-origin", "http://o", "-listen", "127.0.0.1:0", "-policy", policy}
	if code := Run(t.Context(), args, func(string) string { return "" }, &out, &out); code != exitFindings || !strings.Contains(out.String(), "conflicts with") {
		t.Errorf("larder edge with such a policy: exit %d, %s", code, out.String())
	}
}

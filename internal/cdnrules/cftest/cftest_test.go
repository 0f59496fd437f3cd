package cftest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestCompile(t *testing.T) {
	get := Request{Method: "GET", Host: "shop.example.com", Path: `/a/b*c\d"e`}
	for expression, want := range map[string]bool{
		`true`:                                                   true,
		`not true`:                                               false,
		`http.host eq "shop.example.com"`:                        true,
		`http.host ne "shop.example.com"`:                        false,
		`http.host in {"x" "shop.example.com"}`:                  true,
		`http.host contains "example"`:                           true,
		`http.host wildcard "SHOP.*"`:                            true,
		`http.host strict wildcard "SHOP.*"`:                     false,
		`http.host strict wildcard "shop"`:                       false,
		`http.request.uri.path strict wildcard r"/a/b\*c\\d*"`:   true,
		`http.request.uri.path strict wildcard "/a/b\\*c\\\\*"`:  true,
		`http.request.uri.path strict wildcard "/a/\\**"`:        false,
		`http.request.uri.path eq "/a/b*c\\d\"e"`:                true,
		`http.request.uri.path eq r#"/a/b*c\d"e"#`:               true,
		`http.request.uri.path matches r"^/a/[^/]+$"`:            true,
		`http.request.uri.path matches "b"`:                      true,
		`starts_with(http.request.uri.path, "/a/")`:              true,
		`ends_with(http.request.uri.path, "/")`:                  false,
		`true or true and not true`:                              true,
		`(true or true) and not true`:                            false,
		`not true and true or true`:                              true,
		`http.request.method eq "GET" and not (http.host eq "")`: true,
	} {
		check, err := Compile(expression)
		if err != nil {
			t.Errorf("%s: %v", expression, err)
		} else if got := check(get); got != want {
			t.Errorf("%s is %t, want %t", expression, got, want)
		}
	}
	for _, wrong := range []string{
		``, `true true`, `truer`, `(true`, `not`, `true and`, `http.host`, `http.hosts eq "x"`, `http.host eq x`, `http.host eq "x`, `http.host == `,
		`http.host eq "\x"`, `http.host eq r#"x"`, `http.host in {}`, `http.host in {"x"`, `http.host wildcard "**"`, `http.host wildcard r"\x"`,
		`http.host matches "("`, `starts_with(http.host)`, `http.host starts_with "x"`, `starts_with http.host`,
	} {
		if _, err := Compile(wrong); err == nil {
			t.Errorf("%s: no error", wrong)
		}
	}
}

// answerOf is what a test needs of the envelope.
type answerOf struct {
	Success bool
	Errors  []struct {
		Code    int
		Message string
		Source  struct{ Pointer string }
	}
	Result *struct {
		ID, Version string
		Rules       []Rule
	}
}

func call(t *testing.T, z *Zone, method, path, body string) (int, answerOf) {
	t.Helper()
	r := httptest.NewRequest(method, "/zones/z/rulesets"+path, bytes.NewReader([]byte(body)))
	r.Header.Set("Authorization", "Bearer "+z.Token)
	w := httptest.NewRecorder()
	z.ServeHTTP(w, r)
	var a answerOf
	if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil {
		t.Fatalf("%s %s: %v in %s", method, path, err, w.Body)
	}
	if a.Success != (w.Code == http.StatusOK) || a.Success != (len(a.Errors) == 0) {
		t.Errorf("%s %s: status %d beside success %t and %d errors", method, path, w.Code, a.Success, len(a.Errors))
	}
	return w.Code, a
}

const (
	entrypoint = "/phases/" + phase + "/entrypoint"
	rulesPath  = "/" + rulesetID + "/rules"
	good       = `"expression":"true","action":"set_cache_settings","action_parameters":{"cache":true}`
)

func TestZone_Refuses(t *testing.T) {
	with := func(parameters string) string {
		return `{"expression":"true","action":"set_cache_settings","action_parameters":` + parameters + `}`
	}
	for _, c := range []struct {
		body    string
		status  int
		pointer string
	}{
		{`{"ref":"one",` + good + `}`, 400, "/rules/1/ref"},
		{`{"nonsense":1,` + good + `}`, 400, "/nonsense"},
		{`{"enabled":"yes",` + good + `}`, 400, "/enabled"},
		{`{"expression":"nonsense","action":"set_cache_settings","action_parameters":{"cache":true}}`, 400, "/expression"},
		{`{"expression":"` + strings.Repeat("not ", 1100) + `true","action":"set_cache_settings","action_parameters":{"cache":true}}`, 400, "/expression"},
		{`{"expression":"http.host matches \"x\"","action":"set_cache_settings","action_parameters":{"cache":true}}`, 403, "/expression"},
		{`{"expression":"true","action":"block","action_parameters":{"cache":true}}`, 400, "/action"},
		{`{"expression":"true","action":"set_cache_settings"}`, 400, "/action_parameters"},
		{with(`{"cach":true}`), 400, "/action_parameters/cach"},
		{with(`{"cache":"yes"}`), 400, "/action_parameters/cache"},
		{with(`{"cache":false,"edge_ttl":{"mode":"respect_origin"}}`), 400, "/action_parameters"},
		{with(`{"cache":true,"edge_ttl":{"mode":"never"}}`), 400, "/action_parameters/edge_ttl/mode"},
		{with(`{"cache":true,"edge_ttl":{"mode":"override_origin"}}`), 400, "/action_parameters/edge_ttl/default"},
		{with(`{"cache":true,"edge_ttl":{"mode":"respect_origin","ttl":1}}`), 400, "/action_parameters/edge_ttl/ttl"},
		{with(`{"cache":true,"cache_key":{"custom_key":{"query_string":{"include":{"all":true},"exclude":{"all":true}}}}}`), 400, "/action_parameters/cache_key/custom_key/query_string"},
		{with(`{"cache":true,"cache_key":{"custom_key":{"query_string":{"include":{"list":["a"]}}}}}`), 403, "/action_parameters/cache_key/custom_key/query_string"},
		{with(`{"cache":true,"vary":{}}`), 400, "/action_parameters/vary/default"},
		{with(`{"cache":true,"vary":{"default":{"action":"bypass"},"headers":{"Accept":{"action":"normalize"}}}}`), 400, "/action_parameters/vary/headers/Accept"},
		{`{"position":{"after":"none"},` + good + `}`, 400, "/position"},
		{`{"position":{"index":9},` + good + `}`, 400, "/position"},
		{`{"position":{"after":"","before":""},` + good + `}`, 400, "/position"},
		{`no JSON`, 400, ""},
	} {
		z := &Zone{ID: "z", Token: "t", Plan: "free"}
		if status, a := call(t, z, "POST", "", `{"name":"default","kind":"zone","phase":"`+phase+`","rules":[{"ref":"one",`+good+`}]}`); status != 200 {
			t.Fatalf("create: %d %+v", status, a)
		}
		status, a := call(t, z, "POST", rulesPath, c.body)
		if status != c.status || len(a.Errors) != 1 || a.Errors[0].Source.Pointer != c.pointer {
			t.Errorf("%.120s: %d %+v, want %d at %s", c.body, status, a.Errors, c.status, c.pointer)
		}
		if z.Version() != 1 || len(z.Rules()) != 1 {
			t.Errorf("%.120s was refused and changed the rules", c.body)
		}
	}
}

// TestZone_TakesLists: the schema has objects, the guide has lists.
func TestZone_TakesLists(t *testing.T) {
	for query, status := range map[string]int{
		`{}`: 200, `{"exclude":{"all":true}}`: 200, `{"exclude":["*"]}`: 200, `{"include":["*"]}`: 200,
		`{"include":["a"]}`: 403, `{"include":[]}`: 400, `{"include":"a"}`: 400,
	} {
		z := &Zone{ID: "z", Token: "t", Plan: "free"}
		got, a := call(t, z, "PUT", entrypoint, `{"rules":[{"expression":"true","action":"set_cache_settings","action_parameters":{"cache":true,"cache_key":{"custom_key":{"query_string":`+query+`}}}}]}`)
		if got != status {
			t.Errorf("%s: %d %+v, want %d", query, got, a.Errors, status)
		}
	}
}

func TestZone_Lists(t *testing.T) {
	z := &Zone{ID: "z", Token: "t", Plan: "free"}
	if status, a := call(t, z, "GET", entrypoint, ""); status != 404 || a.Errors[0].Code != 10003 {
		t.Errorf("without a ruleset: %d %+v", status, a)
	}
	if status, _ := call(t, z, "PUT", entrypoint, `{"rules":[{"ref":"a",`+good+`},{"ref":"b",`+good+`}]}`); status != 200 {
		t.Fatalf("PUT: %d", status)
	}
	if status, a := call(t, z, "POST", "", `{"name":"default","kind":"zone","phase":"`+phase+`"}`); status != 400 || a.Errors[0].Code != 20217 {
		t.Errorf("a second ruleset: %d %+v", status, a)
	}
	refs := func() string {
		text := ""
		for _, r := range z.Rules() {
			text += r.Ref
		}
		return fmt.Sprintf("%s %d", text, z.Version())
	}
	id := z.Rules()[0].ID
	for _, c := range []struct{ method, path, body, want string }{
		{"POST", rulesPath, `{"ref":"c",` + good + `}`, "abc 2"},
		{"POST", rulesPath, `{"ref":"d","position":{"before":""},` + good + `}`, "dabc 3"},
		{"POST", rulesPath, `{"ref":"e","position":{"after":"` + id + `"},` + good + `}`, "daebc 4"},
		{"PATCH", rulesPath + "/" + id, `{"position":{"after":""}}`, "debca 5"},
		{"PATCH", rulesPath + "/" + id, `{"position":{"index":1}}`, "adebc 6"},
		{"PATCH", rulesPath + "/" + id, `{"ref":"f","enabled":false,` + good + `}`, "fdebc 7"},
		{"PATCH", rulesPath + "/" + id, `{"ref":"f"}`, "fdebc 7"}, // not a whole definition
		{"DELETE", rulesPath + "/" + id, "", "debc 8"},
		{"DELETE", rulesPath + "/" + id, "", "debc 8"},
		{"PUT", entrypoint, `{"rules":[{"ref":"x",` + good + `}]}`, "x 9"},
		{"PUT", entrypoint, `{"rules":[{"ref":"x",` + good + `},{"ref":"x",` + good + `}]}`, "x 9"},
		{"PUT", entrypoint, `{"rules":[` + strings.Repeat(`{`+good+`},`, 10) + `{` + good + `}]}`, "x 9"},
		{"PATCH", entrypoint, `{}`, "x 9"},
	} {
		call(t, z, c.method, c.path, c.body)
		if got := refs(); got != c.want {
			t.Errorf("%s %s %s: %s, want %s", c.method, c.path, c.body, got, c.want)
		}
	}
}

func TestZone_Authorizes(t *testing.T) {
	z := &Zone{ID: "z", Token: "t", Plan: "free"}
	for _, c := range []struct {
		path, token string
		want        int
	}{{"/zones/z/rulesets" + entrypoint, "", 401}, {"/zones/z/rulesets" + entrypoint, "Bearer x", 403}, {"/zones/y/rulesets" + entrypoint, "Bearer t", 404}} {
		r := httptest.NewRequest("GET", c.path, nil)
		r.Header.Set("Authorization", c.token)
		w := httptest.NewRecorder()
		z.ServeHTTP(w, r)
		if w.Code != c.want {
			t.Errorf("%s with %q: %d, want %d", c.path, c.token, w.Code, c.want)
		}
	}
	if got := z.Requests(); len(got) != 0 {
		t.Errorf("requests that were refused are counted: %q", got)
	}
}

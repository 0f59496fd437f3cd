package web_test

import (
	"net/http"
	"strings"
	"testing"
)

func TestBadInput(t *testing.T) {
	s := alone(t)
	var all strings.Builder
	many := strings.Repeat("1,", 500) + "1"
	for _, tt := range []struct {
		method, path, body string
		status             int
		reason             string
	}{
		{"GET", "/api/products", "", 400, "ids or category"},
		{"GET", "/api/products?ids=", "", 400, "not an id"},
		{"GET", "/api/products?ids=1,,2", "", 400, "not an id"},
		{"GET", "/api/products?ids=1,x", "", 400, "not an id"},
		{"GET", "/api/products?ids=0", "", 400, "not an id"},
		{"GET", "/api/products?ids=-1", "", 400, "not an id"},
		{"GET", "/api/products?ids=9223372036854775808", "", 400, "from 1 to 9223372036854775807"},
		{"GET", "/api/products?ids=" + many, "", 400, "501 ids"},
		{"GET", "/api/products?ids=1&ids=2", "", 400, "more than once"},
		{"GET", "/api/products?ids=1&category=books", "", 400, "not both"},
		{"GET", "/api/products?category=", "", 400, "category is empty"},
		{"GET", "/api/products?category=books&page=0", "", 400, "page is"},
		{"GET", "/api/products?category=books&page=1e3", "", 400, "page is"},
		{"GET", "/api/products?ids=%zz", "", 400, "cannot be parsed"},
		{"GET", "/api/products?ids=1;2", "", 400, "cannot be parsed"},
		{"GET", "/api/products/abc", "", 400, "not an id"},
		{"GET", "/api/products/1.0", "", 400, "not an id"},
		{"GET", "/api/inventory/x", "", 400, "not an id"},
		{"GET", "/api/search", "", 400, "at least one"},
		{"GET", "/api/search?q=a&min=x", "", 400, "min is"},
		{"GET", "/api/search?min=5&max=4", "", 400, "above max"},
		{"GET", "/api/search?q=%00", "", 400, "q holds control characters"},
		{"GET", "/api/search?q=%ff", "", 400, "q is not text in UTF-8"},
		{"GET", "/api/search?q=a&page=2&limit=5", "", 400, `unknown parameter \"limit\", \"page\"; known here: q, category, min, max`},
		{"GET", "/api/products?ids=1&IDS=2", "", 400, "ids is there more than once"},
		{"GET", "/api/products?ids=1&page=2", "", 400, "page goes with category"},
		{"GET", "/api/products?ids=1&size=2", "", 400, `unknown parameter \"size\"; known here: ids, category, page`},
		{"GET", "/api/products/1?x=1", "", 400, `unknown parameter \"x\"; known here: none`},
		{"GET", "/api/users/me", "", 400, "not an id"},
		{"PUT", "/api/users/0", `{"name":"x"}`, 400, "not an id"},
		{"PUT", "/api/users/1", ``, 400, "the body is empty; wanted is a JSON object with email, name"},
		{"PUT", "/api/users/1", `{}`, 400, "nothing to change"},
		{"PUT", "/api/users/1", `null`, 400, "the body is null; wanted"},
		{"PUT", "/api/users/1", `[]`, 400, "the body is an array; wanted"},
		{"PUT", "/api/users/1", `{"name":"x"`, 400, "breaks off"},
		{"PUT", "/api/users/1", `{name:"x"}`, 400, "not JSON at byte 2"},
		{"PUT", "/api/users/1", `{"name":"x"} {}`, 400, `\"{}\" comes after it`},
		{"PUT", "/api/users/1", `{"name":1}`, 400, "name is a number, want a string"},
		{"PUT", "/api/users/1", `{"email":null}`, 400, "email is null, want a string"},
		{"PUT", "/api/users/1", `{"nom":"x"}`, 400, `unknown field \"nom\"; known here: email, name`},
		{"PUT", "/api/users/1", `{"Name":"x"}`, 400, `unknown field \"Name\"`},
		{"PUT", "/api/users/1", `{"name":"x","name":"y"}`, 400, "name is there more than once"},
		{"PUT", "/api/users/1", `{"name":"x","na\u006de":"y"}`, 400, "name is there more than once"},
		{"PUT", "/api/users/1", "{\"name\":\"\xff\"}", 400, "the body is not text in UTF-8"},
		{"PUT", "/api/users/1", `{"name":"a\ud800b"}`, 400, "name holds half of a surrogate pair"},
		{"PUT", "/api/users/1", `{"name":"\udc00"}`, 400, "surrogate"},
		{"PUT", "/api/users/1", `{"name":"\ud83d\ud83d\ude00"}`, 400, "surrogate"},
		{"PUT", "/api/users/1", `{"name":"\ud83d\n"}`, 400, "surrogate"},
		{"PUT", "/api/users/1", `{"name":"x"}` + strings.Repeat(" ", 70_000), 400, "more than 65536 bytes"},
		{"PUT", "/api/users/1?x=1", `{"name":"x"}`, 400, "unknown parameter"},
		{"PUT", "/api/users/1001", `{"name":"\\ud800 \ud83d\ude00 \ufffd"}`, 404, "no user"},
		{"PUT", "/api/users/1", `{"name":" "}`, 400, "name is empty"},
		{"PUT", "/api/users/1", `{"name":"a\u0000b"}`, 400, "control"},
		{"PUT", "/api/users/1", `{"email":"nobody"}`, 400, "not an address"},
		{"PUT", "/api/users/1", `{"email":"A <a@b.c>"}`, 400, "not an address"},
		{"PUT", "/api/users/1", `{"name":"` + strings.Repeat("x", 201) + `"}`, 400, "at most 200"},
		{"PUT", "/api/users/1", `{"name":"` + strings.Repeat("x", 70_000) + `"}`, 400, "more than 65536 bytes"},
		{"PUT", "/api/users/1001", `{"name":"x"}`, 404, "no user 1001"},
		{"POST", "/api/users/invalidate", ``, 400, "the body is empty; wanted is a JSON object with ids"},
		{"POST", "/api/users/invalidate", `{"ids":[]}`, 400, "no ids"},
		{"POST", "/api/users/invalidate", `{"ids":[0]}`, 400, "not an id"},
		{"POST", "/api/users/invalidate", `{"ids":[2,"1"]}`, 400, "ids[1] is a string, want a number"},
		{"POST", "/api/users/invalidate", `{"ids":1}`, 400, "ids is a number, want an array of numbers"},
		{"POST", "/api/users/invalidate", `{"ids":[1.5]}`, 400, `ids[0]: \"1.5\" is not an id`},
		{"POST", "/api/users/invalidate", `{"ids":[9223372036854775808]}`, 400, "from 1 to 9223372036854775807"},
		{"POST", "/api/users/invalidate?x=1", `{"ids":[1]}`, 400, "unknown parameter"},
		{"POST", "/api/users/invalidate", `{"ids":[` + many + `]}`, 400, "501 ids"},
		{"POST", "/api/users/invalidate", `{"ids":[1],"all":true}`, 400, "unknown field"},
		{"GET", "/api/users/invalidate", "", 405, "Method Not Allowed"},
		{"PUT", "/api/users/invalidate", `{"name":"x"}`, 405, "Method Not Allowed"},
		{"DELETE", "/api/users/1", "", 405, "Method Not Allowed"},
		{"GET", "/api/nothing", "", 404, "Not Found"},
		{"GET", "/api/products/", "", 404, "Not Found"},
		{"GET", "//api/products/1", "", 404, "not clean"},
		{"GET", "/api//users/5", "", 404, "not clean"},
		{"PUT", "/api//users/5", `{"name":"x"}`, 404, "not clean"},
		{"GET", "/api/products/../users/5", "", 404, "not clean"},
		{"GET", "/api/products/%2e%2e/users/5", "", 404, "Not Found"},
		{"GET", "//", "", 404, "not clean"},
		{"OPTIONS", "*", "", 404, "not clean"},
	} {
		a := s.ask(tt.method, tt.path, tt.body)
		all.WriteString(a.body)
		if (a.status == http.StatusMethodNotAllowed) != (a.header.Get("Allow") != "") {
			t.Errorf("%s %s: %d with Allow %q", tt.method, tt.path, a.status, a.header.Get("Allow"))
		}
		if a.status != tt.status || !strings.Contains(a.body, `{"error":`) || !strings.Contains(a.body, tt.reason) {
			t.Errorf("%s %.60s %.60s: %d %.200s; want %d with %q", tt.method, tt.path, tt.body, a.status, a.body, tt.status, tt.reason)
		}
	}
	for _, word := range []string{"Go ", "json:", "struct", "EOF", "invalid character"} {
		if strings.Contains(all.String(), word) {
			t.Errorf("some reason says %q", word)
		}
	}
	if log := s.log.String(); log != "" {
		t.Errorf("bad input is logged: %.300s", log)
	}
}

// TestSameRuleForNames: names of parameters count in any case, everywhere.
func TestSameRuleForNames(t *testing.T) {
	s := alone(t)
	for one, other := range map[string]string{
		"/api/products?ids=1,2":            "/api/products?IDS=1,2",
		"/api/products?category=books":     "/api/products?%20Category=BOOKS&PAGE=1",
		"/api/search?q=oak&category=books": "/api/search?CATEGORY=books&Q=Oak",
	} {
		if a, b := s.get(one), s.get(other); a.status != 200 || a.body != b.body {
			t.Errorf("%s: %d, and %s: %d %.100s", one, a.status, other, b.status, b.body)
		}
	}
}

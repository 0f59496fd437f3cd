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
		{"PUT", "/api/products/x", `{"name":"x"}`, 400, "not an id"},
		{"PUT", "/api/products/1", `{}`, 400, "nothing to change: give name, category, price_cents"},
		{"PUT", "/api/products/1", `{"id":1,"version":1}`, 400, "nothing to change"},
		{"PUT", "/api/products/1", `{"price_cents":-1}`, 400, "price_cents is -1, want a whole number from 0 to 100000000"},
		{"PUT", "/api/products/1", `{"price_cents":1.5}`, 400, "price_cents is 1.5, want a whole number"},
		{"PUT", "/api/products/1", `{"price_cents":"1"}`, 400, "price_cents is a string, want a number"},
		{"PUT", "/api/products/1", `{"price_cents":1e30}`, 400, "want a whole number"},
		{"PUT", "/api/products/1", `{"name":""}`, 400, "name is empty"},
		{"PUT", "/api/products/1", `{"category":"Books"}`, 400, `category is \"Books\", want it in lower case`},
		{"PUT", "/api/products/1", `{"category":"wall  art"}`, 400, "one space"},
		{"PUT", "/api/products/1", `{"colour":"red"}`, 400, "known here: category, id, name, price_cents, version"},
		{"PUT", "/api/products/1", `{"id":2,"name":"x"}`, 422, "id is 2 in the body and 1 in the path"},
		{"PUT", "/api/products/1", `{"version":999999,"name":"x"}`, 409, "product 1 has version 1 by now, not 999999"},
		{"PUT", "/api/products/10001", `{"name":"x"}`, 404, "no product 10001"},
		{"PUT", "/api/inventory/1", `{}`, 400, "give either stock or delta"},
		{"PUT", "/api/inventory/1", `{"stock":1,"delta":1}`, 400, "give either stock or delta"},
		{"PUT", "/api/inventory/1", `{"stock":-1}`, 400, "stock is -1, want a whole number from 0"},
		{"PUT", "/api/inventory/1", `{"stock":null}`, 400, "stock is null"},
		{"PUT", "/api/inventory/1", `{"delta":-1000000}`, 409, "of product 1, not 1000000"},
		{"PUT", "/api/inventory/1", `{"stock":1,"version":1}`, 409, "has version 2 by now, not 1"},
		{"PUT", "/api/inventory/1", `{"product_id":2,"stock":1}`, 422, "product_id is 2 in the body and 1 in the path"},
		{"PUT", "/api/inventory/10001", `{"stock":1}`, 404, "no stock of product 10001"},
		{"PUT", "/api/users/1", `{"email":"` + seedEmail(t, s, 2) + `"}`, 409, "another user's"},
		{"POST", "/api/login", ``, 400, "wanted is a JSON object with email, password"},
		{"POST", "/api/login", `{"email":"a@b.c"}`, 400, "give email and password"},
		{"POST", "/api/login", `{"email":"a@b.c","password":null}`, 400, "password is null, want a string"},
		{"POST", "/api/login", `{"email":"a@b.c","password":"` + strings.Repeat("x", 73) + `"}`, 400, "password has 73 bytes, want at most 72"},
		{"POST", "/api/login", `{"email":"` + strings.Repeat("x", 201) + `","password":"x"}`, 400, "email has 201 bytes"},
		{"POST", "/api/login", `{"email":"a@b.c","password":"\u0000"}`, 400, "zero byte"},
		{"POST", "/api/login?password=x", `{"email":"a@b.c","password":"x"}`, 400, "unknown parameter"},
		{"POST", "/api/login", `{"email":"a@b.c","password":"x"}`, 401, "no user with this email and password"},
		{"GET", "/api/login", "", 405, "Method Not Allowed"},
		{"POST", "/api/session", "", 405, "Method Not Allowed"},
		{"DELETE", "/api/cart", "", 405, "Method Not Allowed"},
		{"GET", "/api/checkout", "", 405, "Method Not Allowed"},
		{"GET", "/api/account", "", 404, "Not Found"},
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

package lint

import (
	"reflect"
	"strings"
	"testing"

	"github.com/larderdev/larder/policy"
)

// secrets are made up, and put together here so that nobody's scanner takes them for
// real ones.
var secrets = []string{
	"postgres://reader:" + "hunter2hunter2@db",
	"mysql://reader:" + "a-password-that-is-longer-than-what-a-message-repeats-of-it@db",
	"AKIA" + "IOSFODNN7EXAMPLE",
	"ghp_" + "16C7e42F292c6912E7710c838347Ae178B4a",
	"glpat-" + "aBcDeFgHiJkLmNoPqRsT",
	"xoxb-" + "17653672481-19874698323",
	"sk_live_" + "4eC39HqLyjWDarjtT1zdp7dc",
	"AIza" + "SyD-9tSrke72PouQMnMX-a7eZSW0jkFMBWY",
	"eyJhbGciOiJIUzI1NiJ9" + ".eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N",
	"Bearer " + "abcdefghijklmnopqrstuvwxyz",
	"-----BEGIN RSA " + "PRIVATE KEY-----MIIEow",
	"v1Kx8Zq0" + "TnR4uW7yB2mC5pL9sD3fG6hJ",
	"9a7806061c88ada1" + "91ed06f989cc3dac",
}

// TestCheck_SecretsAreNotShown puts each secret into every text of a policy, one at a
// time: it is found there, and in no output.
func TestCheck_SecretsAreNotShown(t *testing.T) {
	for _, secret := range secrets {
		everywhere(t, secret)
	}
}

func everywhere(t *testing.T, secret string) {
	t.Helper()
	for i := 0; ; i++ {
		p := &policy.Policy{
			Version: 1, Go: policy.Go{Package: "a", Out: "b"},
			Classes: map[string]policy.Class{"a": {
				Description: "a", Type: "a", Profile: "a", Tags: []string{"a"}, Tiers: []policy.Tier{policy.Shared}, RowVersion: "column",
				Key: policy.Key{Type: "string"}, Source: policy.Source{From: "a", Tables: []policy.Table{{Name: "a", Key: "a", Tags: []string{"a"}, Version: "a", Sequence: "a"}}},
				Ignore: map[string]string{"x": "a"},
			}},
			Routes: map[string]policy.Route{"GET /a": {Class: "a", Profile: "a", Tags: []string{"a"}, Query: []string{"a"}, Vary: []string{"a"}, Ignore: map[string]string{"x": "a"}}},
			CDNs:   []policy.CDN{{Kind: "akamai", Zone: "A", Token: "A", Hosts: []string{"a"}}},
		}
		n := 0
		if !replace(reflect.ValueOf(p).Elem(), secret, i, &n) {
			if i < 20 {
				t.Fatalf("only %d texts were found", i)
			}
			return
		}
		found := Check(p)
		text := lines(found)
		for _, format := range Formats() {
			text += write(t, format, found, func(string) Place { return Place{File: "larder.yaml", Line: 1, Column: 1, Shown: "x: " + secret} })
		}
		if !strings.Contains(lines(found), "secret-in-file") {
			t.Errorf("text %d: %.12s… is not found:\n%s", i, secret, lines(found))
		}
		if strings.Contains(text, secret[:min(20, len(secret))]) || strings.Contains(text, secret[len(secret)-8:]) {
			t.Errorf("text %d: %.12s… is shown:\n%s", i, secret, lines(found))
		}
	}
}

// TestWrite_SecretLine: the line that holds a secret is not shown for any finding,
// also if only a part of it is there to be looked at.
func TestWrite_SecretLine(t *testing.T) {
	found := []Finding{
		{Rule: "class-without-source", Severity: Warning, Path: "a", Message: "m", Mend: "d"},
		{Rule: "secret-in-file", Severity: Error, Path: "a", Message: "m", Mend: "d"},
		{Rule: "class-without-source", Severity: Warning, Path: "b", Message: "m", Mend: "d"},
	}
	got := write(t, Text, found, func(path string) Place {
		return Place{File: "f", Line: int(path[0]), Column: 1, Shown: "line " + path + " hunter2"}
	})
	if strings.Contains(got, "line a") || !strings.Contains(got, "line b") {
		t.Errorf("got\n%s", got)
	}
}

// replace puts text in the place of the text with number at, and tells whether there
// is one.
func replace(v reflect.Value, text string, at int, n *int) bool {
	switch v.Kind() {
	case reflect.String:
		*n++
		if *n-1 == at {
			v.SetString(text)
			return true
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if replace(v.Field(i), text, at, n) {
				return true
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			if replace(v.Index(i), text, at, n) {
				return true
			}
		}
	case reflect.Map:
		for _, k := range v.MapKeys() {
			if k.Kind() == reflect.String {
				*n++
				if *n-1 == at {
					v.SetMapIndex(reflect.ValueOf(text), v.MapIndex(k))
					return true
				}
			}
			value := reflect.New(v.Type().Elem()).Elem()
			value.Set(v.MapIndex(k))
			if replace(value, text, at, n) {
				v.SetMapIndex(k, value)
				return true
			}
		}
	}
	return false
}

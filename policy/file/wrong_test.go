package file

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write what is said of the files in testdata/wrong")

// TestParse_Wrong reads wrong files, and compares what is said of each with the
// text beside it.
func TestParse_Wrong(t *testing.T) {
	files, err := filepath.Glob("testdata/wrong/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 60 {
		t.Fatalf("%d wrong files, want 60", len(files))
	}
	for _, name := range files {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".yaml"), func(t *testing.T) {
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			p, _, err := Parse("larder.yaml", data)
			if err == nil || p != nil {
				t.Fatalf("read as %+v, error %v", p, err)
			}
			checkErrors(t, data, err)
			var all *Errors
			errors.As(err, &all)
			for _, e := range all.List {
				if e.Line == 0 || e.Mend == "" {
					t.Errorf("%q has no line or no mend", e.Error())
				}
			}
			golden(t, strings.TrimSuffix(name, ".yaml")+".txt", err.Error()+"\n")
		})
	}
}

// golden compares a text with a file, or writes it.
func golden(t *testing.T, name, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestParse_HidesSecrets: whatever is wrong with a file, no message and no line that is
// shown repeats a token, neither one that can be told by sight nor a word beside its key.
func TestParse_HidesSecrets(t *testing.T) {
	for _, token := range []string{"ghp_1234567890abcdefghijKLMNOPQRSTUVWXYZ", "hunter2"} {
		for _, form := range []string{
			"token: TOKEN: y", "token: \"TOKEN", "token: [TOKEN]", "token: {a: TOKEN}", "tokens: TOKEN", "token = TOKEN", "Token: TOKEN",
			"token: \"\\qTOKEN\"", "token: @TOKEN", "token: \x01TOKEN", "token:\n      TOKEN\n     zone: x", "token: |\n      TOKEN: [", "{token: 'TOKEN', zone: }",
			"\"token\": TOKEN, x", "zone: TOKEN", "token: A,TOKEN", "token: A TOKEN",
		} {
			refuses(t, "version: 1\ncdn:\n  - kind: cloudflare\n    "+form+"\n", "TOKEN", token)
		}
	}
	for _, text := range []string{
		"cdn:\n  - token: &TOKEN x", "cdn:\n  - token: *TOKEN", "cdn:\n  - token: !TOKEN x", "cdn:\n  - TOKEN: x", "cdn:\n  - TOKEN", "cdn: TOKEN",
		"classes:\n  TOKEN: {ttl: 1h}", "cdn:\n  - {kind: larder, hosts: [\"https://u:TOKEN@x.example\"]}", "x: &TOKEN 1\ny: *TOKEN",
		"classes:\n  a: {profile: TOKEN}", "classes:\n  a: {ttl: 1h, type: TOKEN}",
	} {
		refuses(t, "version: 1\n"+text+"\n", "TOKEN", "ghp_1234567890abcdefghijKLMNOPQRSTUVWXYZ")
	}
}

// refuses fails if a text in which a word stands for a token is read, or if the error
// repeats the token.
func refuses(t *testing.T, text, word, token string) {
	t.Helper()
	text = strings.ReplaceAll(text, word, token)
	_, _, err := Parse("larder.yaml", []byte(text))
	if err == nil {
		t.Errorf("it is read: %q", text)
	} else if said := strings.ToLower(err.Error()); strings.Contains(said, strings.ToLower(token[:min(len(token), 20)])) {
		t.Errorf("%q says\n%v", text, err)
	}
}

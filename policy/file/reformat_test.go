package file

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestReformat: comments stand next to what they stood next to.
func TestReformat(t *testing.T) {
	got, err := Reformat("larder.yaml", []byte(`# The shop's caches.
# Ask the shop's team.

classes: # all of them
  # prices change at night
  # and at noon
  price:
    tags:
      - a # one
      - b # two
    source: db   # the primary
    # it is short
    ttl: {shared: 300s} # seconds
    # larder:ignore jitter-none it is new
    # the end of price
  # the next
  about: {ttl: 1m, source: db} # the page
  # the end of the classes
version: 1 # of the format
# the end
`))
	if err != nil {
		t.Fatal(err)
	}
	want := `# yaml-language-server: $schema=larder.schema.json
# The shop's caches.
# Ask the shop's team.
version: 1 # of the format

classes: # all of them
  # the next
  about: # the page
    ttl: 1m
    source: db
  # larder:ignore jitter-none it is new
  # prices change at night
  # and at noon
  price:
    # it is short
    ttl: 5m # seconds
    # one
    # two
    tags: [a, b]
    source: db # the primary
    # the end of price
  # the end of the classes
# the end
`
	if string(got) != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestReformat_Refuses names the line of a comment whose field says nothing.
func TestReformat_Refuses(t *testing.T) {
	_, err := Reformat("larder.yaml", []byte("version: 1\nclasses:\n  a:\n    ttl: 1m\n    strict: false # for now\n"))
	if err == nil || !strings.HasPrefix(err.Error(), "larder.yaml:5:19: this comment has no place") {
		t.Errorf("got %v, want the line 5", err)
	}
}

// TestReformat_Keeps: wherever comments are, the policy is the same, all comments are
// there, and the result is its own canonical form.
func TestReformat_Keeps(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawPolicy(t)
		sections := strings.Split(strings.TrimSuffix(strings.TrimPrefix(string(Format(p)), modeline), "\n"), "\n\n")
		lines := strings.Split(strings.Join(rapid.Permutation(sections).Draw(t, "order"), "\n\n"), "\n")
		var b strings.Builder
		var all []string
		note := func() string {
			text := fmt.Sprintf("# note %d: a \"b\" 'c #", len(all))
			all = append(all, text)
			return text
		}
		for _, line := range lines {
			if line != "" && rapid.IntRange(0, 3).Draw(t, "before") == 0 {
				b.WriteString(strings.Repeat(" ", rapid.IntRange(0, 6).Draw(t, "indent")) + note() + "\n")
				if rapid.IntRange(0, 3).Draw(t, "blank") == 0 {
					b.WriteString("\n")
				}
			}
			b.WriteString(line)
			if line != "" && !strings.Contains(line, "#") && rapid.IntRange(0, 3).Draw(t, "behind") == 0 {
				b.WriteString("  " + note())
			}
			b.WriteString("\n")
		}
		got, err := Reformat("larder.yaml", []byte(b.String()))
		if err != nil {
			t.Fatalf("%v\nof\n%s", err, b.String())
		}
		q, _, err := Parse("larder.yaml", got)
		if err != nil || !reflect.DeepEqual(p, q) {
			t.Fatalf("it is another policy: %v\n%s\nfrom\n%s", err, got, b.String())
		}
		for _, text := range all {
			if !strings.Contains(string(got), text+"\n") {
				t.Fatalf("%s is lost:\n%s\nfrom\n%s", text, got, b.String())
			}
		}
		again, err := Reformat("larder.yaml", got)
		if err != nil || !bytes.Equal(again, got) {
			t.Fatalf("again it is\n%s\nfirst\n%s\nfrom\n%s: %v", again, got, b.String(), err)
		}
	})
}

// TestReformat_Text: what a # and a quote mean depends on the text that they are in.
// No comment is taken for text, which would lose it, and no text for a comment.
func TestReformat_Text(t *testing.T) {
	for _, tt := range []string{
		"the db\n      'twas here # note",
		"the db\n      \"live\" or \"not # note",
		"-\"a # note", "-'a # note", "one,'two # note", "one, \"two # note", "a [\"b # note", "a {'b # note",
		"a\n      | # note", "a, |\n    # note",
		"'é # text' # note", "\"\\\"é # text\" # note", "'it''s # text\n\n      # text' # note",
		"\"a \\\n      # text\n      b\" # note",
		"| # note\n      # text\n", "|2\n        # text\n      # text\n    # note", ">-\n\n      # text\n   # note",
		"\n      |-\n      # text\n    # note",
		"|\n      # text\n       # text\n    # note", "|2-\n       # text\n    # note",
	} {
		// In a class that comes behind another one in the canonical form.
		text := "version: 1\nclasses:\n  b:\n    ttl: 1h\n    description: " + tt + "\n    source: db # last\n  # next\n  a: {ttl: 1h}\n"
		p, _, err := Parse("larder.yaml", []byte(text))
		if err != nil {
			t.Fatalf("%v\nof\n%s", err, text)
		}
		got, err := Reformat("larder.yaml", []byte(text))
		if err != nil {
			t.Errorf("%v\nof\n%s", err, text)
			continue
		}
		q, index, err := Parse("larder.yaml", got)
		if err != nil || !reflect.DeepEqual(p, q) {
			t.Errorf("it is another policy: %v\n%s\nfrom\n%s", err, got, text)
			continue
		}
		var notes []string
		for _, c := range index.comments()[1:] { // the first names the schema
			notes = append(notes, strings.TrimSpace(c.text))
		}
		if want := []string{"next", "note", "last"}; !slices.Equal(notes, want) {
			t.Errorf("the comments are %q, want %q\n%s\nfrom\n%s", notes, want, got, text)
		}
	}
}

package file

import (
	"maps"
	"strings"
	"testing"
)

// TestParse_Ignore puts comments wherever they may stand, and finds whose they are.
func TestParse_Ignore(t *testing.T) {
	p, _, err := Parse("larder.yaml", []byte(`version: 1
# a comment for people: larder is fine
classes:
  # larder:ignore R1 the line before
  # and for people
  #larder:ignore R2 no space

  a:  # larder:ignore R3 the name's line
    # larder:ignore R4 inside, before a key
    ttl: 5m # larder:ignore R5 at the end # of a line
    tags: [
      "x # larder:ignore S1 in quotes", # larder:ignore R6 within a list
      'it''s # larder:ignore S2 too', z]
    description: |
      # larder:ignore S3 in a text
      "
    target: 10%
    # larder:ignore R7 at the end, further in
  # larder:ignore R8 of the next
  b: {ttl: 5m, description: it's} # larder:ignore R9 in one line
  c:
    description: >-
      one "

      # larder:ignore S4 two
    ttl: 1h   # larder:ignore R10 last
routes:
  GET /x: # larder:ignore R11 a route's
    edge: 1m
    # larder:ignore R12 the file's last line`))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name      string
		got, want map[string]string
	}{
		{"a", p.Classes["a"].Ignore, map[string]string{
			"R1": "the line before", "R2": "no space", "R3": "the name's line", "R4": "inside, before a key",
			"R5": "at the end # of a line", "R6": "within a list", "R7": "at the end, further in",
		}},
		{"b", p.Classes["b"].Ignore, map[string]string{"R8": "of the next", "R9": "in one line"}},
		{"c", p.Classes["c"].Ignore, map[string]string{"R10": "last"}},
		{"GET /x", p.Routes["GET /x"].Ignore, map[string]string{"R11": "a route's", "R12": "the file's last line"}},
	} {
		if !maps.Equal(c.got, c.want) {
			t.Errorf("%s ignores\n%v, want\n%v", c.name, c.got, c.want)
		}
	}
}

func TestParse_Bounds(t *testing.T) {
	_, _, err := Parse("larder.yaml", []byte(strings.Repeat("#", maxSize+1)))
	if want := "larder.yaml: the file is larger than 1024 KiB: write one policy for each service"; err == nil || err.Error() != want {
		t.Errorf("a large file: %v, want %s", err, want)
	}
	if _, _, err := Load("testdata"); err == nil {
		t.Error("a folder was read")
	}
	if _, _, err := Load("testdata/none.yaml"); err == nil {
		t.Error("a file that is not there was read")
	}
	// What takes long for its size must end soon: 10,000 mistakes, each of which
	// would be worth a search for the nearest name.
	for _, text := range []string{
		"version: 1\nclasses:\n" + strings.Repeat("  c: {profile: x}\n", 10000),
		"version: 1\nroutes:\n" + lines(5000, "  GET /#: {class: c#}\n"),
		"version: 1\nclasses:\n" + lines(5000, "  c#: {ttl: 1h, profile: p#, x: 1}\n"),
		"version: 1\nclasses:\n  a: {tags: [" + strings.Repeat("a,", 100000) + "a]}\n",
		"version: 1\nx: " + strings.Repeat("[", 500000),
		"version: 1\nclasses:\n  a: {ttl: 5m} # larder:ignore A b\n" + strings.Repeat("  # larder:ignore A b\n", 8000),
	} {
		_, _, err := Parse("larder.yaml", []byte(text))
		checkErrors(t, []byte(text), err)
	}
}

// lines repeats a line with its number in place of each #.
func lines(count int, line string) string {
	var b strings.Builder
	for i := range count {
		b.WriteString(strings.ReplaceAll(line, "#", strings.Repeat("x", i%7)+string(rune('a'+i%26))+strings.TrimLeft(formatCount(int64(i)), "-")))
	}
	return b.String()
}

func TestParse_JSON(t *testing.T) {
	p, index, err := Parse("larder.json", []byte("\ufeff{\r\n\t\"version\": 1,\r\n\t\"classes\": {\"a\": {\"ttl\": \"5m\", \"rebuild\": 3, \"strict\": true}},\r\n\t\"routes\": {\"GET /x\": {\"statuses\": {\"404\": \"30s\"}, \"query\": []}}\r\n}\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	if c := p.Classes["a"]; c.TTL.Shared.String() != "5m0s" || c.Rebuild != 3 || !c.Strict {
		t.Errorf("read %+v", c)
	}
	if r := p.Routes["GET /x"]; len(r.Statuses) != 1 || r.Query == nil {
		t.Errorf("read %+v", r)
	}
	if got, want := index.Position("classes.a.rebuild"), (Position{3, 44}); got != want {
		t.Errorf("rebuild is at %v, want %v", got, want)
	}
}

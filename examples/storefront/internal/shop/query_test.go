package shop

import (
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"
)

func parse(t *testing.T, raw string) (Query, error) {
	t.Helper()
	values, err := url.ParseQuery(raw)
	if err != nil {
		t.Fatal(err)
	}
	return ParseQuery(values)
}

// text is the text of q's key.
func text(q Query) string {
	b, _ := q.MarshalText()
	return string(b)
}

func TestParseQuery_Same(t *testing.T) {
	for _, tt := range []struct{ one, other string }{
		{"q=oak+chair&category=books", "category=books&q=oak+chair"},
		{"q=oak+chair", "q=++OAK%09Chair+"},
		{"q=oak+chair", "q=chair+oak"},
		{"q=oak", "q=oak+oak"},
		{"q=oak&min=100&max=200", "max=0200&MIN=+100+&Q=Oak"},
		{"q=oak", "q=oak&min=&max=&category="},
		{"q=oak", "q=oak&min=0"},
		{"category=wall+art", "category=+Wall++ART"},
		{"q=ÄPFEL", "q=äpfel"},
	} {
		one, err := parse(t, tt.one)
		if err != nil {
			t.Errorf("ParseQuery(%q): %v", tt.one, err)
		}
		other, err := parse(t, tt.other)
		if err != nil || one != other || text(one) != text(other) {
			t.Errorf("ParseQuery(%q) = %q, %v; want that of %q, %q", tt.other, text(other), err, tt.one, text(one))
		}
	}
}

func TestParseQuery_Different(t *testing.T) {
	seen := map[string]string{}
	for _, raw := range []string{
		"q=oak", "q=oa+k", "category=oak", "q=oak&category=books", "q=oak+books", "q=books&category=oak",
		"min=1", "max=1", "q=1", "category=1", "min=12", "min=1&max=2", "q=oak&max=0", "q=oak&min=1",
		"q=a%0Ab", "q=a%0Ab&category=c", "q=a&category=b%0Ac", "q=a",
	} {
		q, err := parse(t, raw)
		if err != nil {
			t.Errorf("ParseQuery(%q): %v", raw, err)
		}
		if other, ok := seen[text(q)]; ok {
			t.Errorf("%q and %q have the key %q", raw, other, text(q))
		}
		seen[text(q)] = raw
	}
}

func TestParseQuery_Mistakes(t *testing.T) {
	for raw, want := range map[string]string{
		"":                              "at least one",
		"q=+&category=":                 "at least one",
		"min=0":                         "at least one",
		"min=abc":                       "min is",
		"min=-1":                        "min is",
		"min=%2B1":                      "min is",
		"max=1.5":                       "max is",
		"max=99999999999999999999":      "from 0 to 9223372036854775807",
		"min=2&max=1":                   "above max",
		"q=a&q=b":                       "more than once",
		"q=a&Q=b":                       "more than once",
		"q=%ff":                         "UTF-8",
		"q=a%00b":                       "control characters",
		"q=a%1bb":                       "control characters",
		"q=a&page=2&limit=5":            `"limit", "page"; known here: q, category, min, max`,
		"q=" + strings.Repeat("a", 201): "at most 200",
		"category=%00":                  "control characters",
	} {
		if q, err := parse(t, raw); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ParseQuery(%q) = %q, %v; want an error with %q", raw, text(q), err, want)
		}
	}
}

// TestParseQuery_AnySpelling writes random searches in many ways.
func TestParseQuery_AnySpelling(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 2_000 {
		words := []string{"oak", "chair", "blue", "größe", "100%"}
		random.Shuffle(len(words), func(i, j int) { words[i], words[j] = words[j], words[i] })
		parameters := [][2]string{
			{"q", strings.Join(words[:1+random.IntN(4)], " ")},
			{"category", "wall art"},
			{"min", "5"},
			{"max", "700"},
		}[:1+random.IntN(4)]
		want, err := ParseQuery(spell(nil, parameters))
		if err != nil {
			t.Fatal(err)
		}
		values := spell(random, parameters)
		if got, err := ParseQuery(values); err != nil || text(got) != text(want) {
			t.Fatalf("ParseQuery(%q) = %q, %v; want %q", values, text(got), err, text(want))
		}
	}
}

// spell writes parameters with random case and spacing, or, without random, as
// they are.
func spell(random *rand.Rand, parameters [][2]string) url.Values {
	values := url.Values{}
	for _, p := range parameters {
		name, value := p[0], p[1]
		if random != nil {
			name, value = randomCase(random, name), space(random)+randomCase(random, value)+space(random)
			value = strings.ReplaceAll(value, " ", " "+space(random))
		}
		values.Set(name, value)
	}
	return values
}

func space(random *rand.Rand) string {
	return []string{"", " ", "\t", " \n", "\u00a0"}[random.IntN(5)]
}

func randomCase(random *rand.Rand, text string) string {
	out := []rune(text)
	for i, r := range out {
		if random.IntN(2) == 0 && r != 'ß' { // has no capital of its own in ToUpper
			out[i] = []rune(strings.ToUpper(string(r)))[0]
		}
	}
	return string(out)
}

func TestParsePage(t *testing.T) {
	for raw, want := range map[string]Page{
		"category=books":               {Category: "books", Page: 1},
		"category=+BOOKS+&page=1":      {Category: "books", Page: 1},
		"PAGE=+002&Category=Wall++Art": {Category: "wall art", Page: 2},
		"category=books&page=1000000":  {Category: "books", Page: 1_000_000},
	} {
		values, _ := url.ParseQuery(raw)
		if got, err := ParsePage(values); got != want || err != nil {
			t.Errorf("ParsePage(%q) = %v, %v; want %v", raw, got, err, want)
		}
	}
	for _, raw := range []string{"category=", "category=a&page=0", "category=a&page=", "category=a&page=-1", "category=a&page=1000001", "category=a&page=x", "category=a&page=1&page=2", "category=a&size=9"} {
		values, _ := url.ParseQuery(raw)
		if got, err := ParsePage(values); err == nil {
			t.Errorf("ParsePage(%q) = %v, want an error", raw, got)
		}
	}
}

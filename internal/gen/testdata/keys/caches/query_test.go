package caches_test

import (
	"math"
	"math/rand/v2"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/larderdev/larder/internal/gen/testdata/keys/caches"
)

// awkward are texts that a careless encoding would take for something else.
var awkward = []string{
	"", "a", "A", "b", "a&b", "a=b", "a,b", "%2C", "a b", "a+b", "q=a", "&q=", "é", "\xff", "\x00", "0", "true", "a,", ",",
	"a&sizes=a", "a&user_id=1", // as if it were another part
}

// query is what a request may ask for, part by part.
type query struct {
	q       string
	sizes   []string
	price   float64
	inStock bool
	page    int64
	user    int64
}

func random(r *rand.Rand) query {
	pick := func() string { return awkward[r.IntN(len(awkward))] }
	var sizes []string
	for range r.IntN(4) {
		sizes = append(sizes, pick())
	}
	prices := []float64{0, math.Copysign(0, -1), 1, 1.5, -1, 1e300, 5e-324, 0.1}
	numbers := []int64{0, 1, -1, math.MaxInt64, math.MinInt64}
	return query{
		q: pick(), sizes: sizes, price: prices[r.IntN(len(prices))], inStock: r.IntN(2) == 0,
		page: numbers[r.IntN(len(numbers))], user: numbers[r.IntN(len(numbers))],
	}
}

// key is the query as a key.
func (q query) key() caches.ListingKey {
	return caches.ListingKey{
		Q: q.q, Sizes: caches.NewList(q.sizes...), MinPrice: q.price, InStock: q.inStock, Page: q.page, UserID: q.user,
	}
}

// values is the query as a request has it: lists in any order, members twice, and
// what is absent left out or there without a value.
func (q query) values(r *rand.Rand) url.Values {
	values := url.Values{}
	set := func(name, value string, absent bool) {
		switch {
		case !absent:
			values.Set(name, value)
		case r.IntN(2) == 0:
			values.Set(name, "")
		}
	}
	set("q", q.q, q.q == "")
	set("min.price", strconv.FormatFloat(q.price, 'e', -1, 64), q.price == 0 && r.IntN(2) == 0)
	set("in_stock", strconv.FormatBool(q.inStock), !q.inStock && r.IntN(2) == 0)
	set("page", strconv.FormatInt(q.page, 10), q.page == 0 && r.IntN(2) == 0)
	set("user_id", strconv.FormatInt(q.user, 10), q.user == 0 && r.IntN(2) == 0)
	sizes := append(slices.Clone(q.sizes), q.sizes[:r.IntN(len(q.sizes)+1)]...)
	r.Shuffle(len(sizes), func(i, j int) { sizes[i], sizes[j] = sizes[j], sizes[i] })
	if len(sizes) > 0 {
		values["sizes"] = sizes
	}
	return values
}

// meaning is the query without what does not matter, for comparison: made by other
// means than the key is.
func (q query) meaning() string {
	set := map[string]bool{}
	for _, size := range q.sizes {
		if size != "" {
			set[size] = true
		}
	}
	var sizes []string
	for size := range set {
		sizes = append(sizes, strconv.Quote(size))
	}
	slices.Sort(sizes)
	price := q.price
	if price == 0 {
		price = 0 // not -0
	}
	return strings.Join([]string{
		strconv.Quote(q.q), "[" + strings.Join(sizes, " ") + "]", strconv.FormatUint(math.Float64bits(price), 16),
		strconv.FormatBool(q.inStock), strconv.FormatInt(q.page, 10), strconv.FormatInt(q.user, 10),
	}, " ")
}

func text(t *testing.T, k caches.ListingKey) string {
	t.Helper()
	b, err := k.MarshalText()
	if err != nil {
		t.Fatalf("MarshalText(%+v): %v", k, err)
	}
	return string(b)
}

// TestQueries: two queries have the same text if, and only if, they mean the same;
// keys that are equal in Go too; and what a request says is the key that it means.
func TestQueries(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	byText, byMeaning := map[string]string{}, map[string]string{}
	same := 0
	for range 100_000 {
		q := random(r)
		parsed, err := caches.ParseListingKey(q.values(r))
		if err != nil {
			t.Fatalf("%+v: %v", q, err)
		}
		if parsed != q.key() {
			t.Fatalf("a request for %+v is %+v, want %+v", q, parsed, q.key())
		}
		text, meaning := text(t, parsed), q.meaning()
		if other, seen := byText[text]; seen && other != meaning {
			t.Fatalf("%s and %s have the same text %s", other, meaning, text)
		}
		if other, seen := byMeaning[meaning]; seen && other != text {
			t.Fatalf("%s has two texts, %s and %s", meaning, other, text)
		} else if seen {
			same++
		}
		byText[text], byMeaning[meaning] = meaning, text
	}
	if same < 1000 || len(byText) < 1000 {
		t.Errorf("%d texts, and %d queries that meant one of before: too few to show anything", len(byText), same)
	}
}

// TestText: the text is part of the contract, since it names keys in the fleet.
func TestText(t *testing.T) {
	for want, key := range map[string]caches.ListingKey{
		"": {},
		"in_stock=true&min.price=1.5&page=-2&q=a+%26+b&sizes=l%2Cxl,s&user_id=7": {
			Q: "a & b", Sizes: caches.NewList("s", "l,xl", "s", ""), MinPrice: 1.5, InStock: true, Page: -2, UserID: 7,
		},
		"q=Tea": {Q: "Tea", MinPrice: math.Copysign(0, -1)},
	} {
		if got := text(t, key); got != want {
			t.Errorf("%+v: text %q, want %q", key, got, want)
		}
	}
	if got := caches.NewList("s", "l,xl", "s", "", "\xff ").Members(); !slices.Equal(got, []string{"l,xl", "s", "\xff "}) {
		t.Errorf("Members = %q, want each once and sorted", got)
	}
	if got := caches.NewList("").Members(); got != nil {
		t.Errorf("Members of an empty list = %q, want none", got)
	}
	for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		if got, err := (caches.ListingKey{MinPrice: bad}).MarshalText(); err == nil {
			t.Errorf("MarshalText of %v = %q, want an error", bad, got)
		}
	}
}

// TestRefused: what the key does not have is not ignored: two requests that a
// handler would answer in different ways must not share one key.
func TestRefused(t *testing.T) {
	for query, want := range map[string]string{
		"q=a&colour=red":                      `unknown parameter "colour"; known here: in_stock, min.price, page, q, sizes, user_id`,
		"Q=a":                                 `unknown parameter "Q"`,
		"q=a&q=a":                             "q is there more than once",
		"page=1.5":                            `page is "1.5", want a whole number`,
		"page=9223372036854775808":            "page is",
		"min.price=NaN":                       "want a finite number",
		"min.price=-Inf":                      "want a finite number",
		"min.price=1e999":                     "want a finite number",
		"in_stock=maybe":                      "want true or false",
		"a=&b=&c=&d=&e=&f=&g=":                `unknown parameter "a", "b", "c", "d", "e"; known`,
		"page=x&in_stock=y":                   "in_stock is",
		"user_id=" + strings.Repeat("9", 100): `user_id is "999999999999999999999999999999", want`,
	} {
		values, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		key, err := caches.ParseListingKey(values)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", query, err, want)
		}
		if key != (caches.ListingKey{}) {
			t.Errorf("%s: a key beside the error: %+v", query, key)
		}
	}
}

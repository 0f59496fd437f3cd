package shop

import (
	"fmt"
	"maps"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/larderdev/larder/examples/storefront/internal/caches"
	"github.com/larderdev/larder/examples/storefront/internal/catalog"
)

// maxText bounds the text of a query, in bytes.
const maxText = 200

// Query is a search in its canonical form: two searches that ask for the same
// are equal. Q has the words in lower case, each once, sorted, one space between;
// Category is in lower case, one space between words; Min and Max are cents
// without leading zeros, "" for no bound.
type Query = caches.SearchKey

// ParseQuery makes the canonical form of a search. The order of the
// parameters, the case of names and values, and the spacing do not matter,
// nor do the order of the words and leading zeros. Its errors are for whoever
// sent the search.
func ParseQuery(values url.Values) (Query, error) {
	given, err := Parameters(values, "q", "category", "min", "max")
	if err != nil {
		return Query{}, err
	}
	var q Query
	if q.Q, err = cleanText("q", given["q"]); err != nil {
		return Query{}, err
	}
	words := strings.Fields(q.Q)
	slices.Sort(words)
	q.Q = strings.Join(slices.Compact(words), " ")
	if q.Category, err = cleanText("category", given["category"]); err != nil {
		return Query{}, err
	}
	if q.Min, err = cleanNumber("min", given["min"]); err != nil {
		return Query{}, err
	}
	if q.Max, err = cleanNumber("max", given["max"]); err != nil {
		return Query{}, err
	}
	return q, check(&q)
}

// check finds mistakes that no parameter has by itself.
func check(q *Query) error {
	if q.Min == "0" { // no price is below
		q.Min = ""
	}
	if *q == (Query{}) {
		return fmt.Errorf("give at least one of q, category, min (above 0) and max")
	}
	if f := filter(*q); f.HasMax && f.MinCents > f.MaxCents {
		return fmt.Errorf("min is %d, above max %d", f.MinCents, f.MaxCents)
	}
	return nil
}

// filter is q in the words of the catalog.
func filter(q Query) catalog.Filter {
	f := catalog.Filter{Words: strings.Fields(q.Q), Category: q.Category, HasMax: q.Max != ""}
	f.MinCents, _ = strconv.ParseInt(q.Min, 10, 64) // checked by cleanNumber; "" is 0
	f.MaxCents, _ = strconv.ParseInt(q.Max, 10, 64)
	return f
}

// PageSize is how many products a full page of a category has.
const PageSize = 50

// Page is a page of a category in its canonical form: its name is in lower case,
// the first page is 1.
type Page = caches.CategoryPageKey

// maxPage is the highest number of a page that is looked for.
const maxPage = 1_000_000

// ParsePage makes the canonical form of the parameters category and page; the
// first page is 1, and the one that is meant when there is no page.
func ParsePage(values url.Values) (Page, error) {
	given, err := Parameters(values, "category", "page")
	if err != nil {
		return Page{}, err
	}
	p := Page{Page: 1}
	if p.Category, err = cleanText("category", given["category"]); err != nil {
		return Page{}, err
	}
	if p.Category == "" {
		return Page{}, fmt.Errorf("category is empty")
	}
	if text, ok := given["page"]; ok {
		n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
		if err != nil || n < 1 || n > maxPage {
			return Page{}, fmt.Errorf("page is %.30q, want a number from 1 to %d", text, maxPage)
		}
		p.Page = n
	}
	return p, nil
}

// PageTags are the tags that move when other products come onto the page.
func PageTags(p Page) []string { return categoryTags(p.Category) }

// Parameters returns the values of parameters by their names, in lower case
// and without space around them. Those with other names than the given ones,
// or that are there more than once, are errors for whoever sent them.
func Parameters(values url.Values, names ...string) (map[string]string, error) {
	given := map[string]string{}
	var unknown []string
	for _, spelling := range slices.Sorted(maps.Keys(values)) {
		name := parameterName(spelling)
		_, twice := given[name]
		switch {
		case !slices.Contains(names, name):
			unknown = append(unknown, fmt.Sprintf("%.30q", spelling))
		case twice || len(values[spelling]) > 1:
			return nil, fmt.Errorf("%s is there more than once", name)
		default:
			given[name] = values[spelling][0]
		}
	}
	if len(unknown) == 0 {
		return given, nil
	}
	const show = 5
	known := "none"
	if len(names) > 0 {
		known = strings.Join(names, ", ")
	}
	return nil, fmt.Errorf("unknown parameter %s; known here: %s", strings.Join(unknown[:min(len(unknown), show)], ", "), known)
}

// parameterName is the name that is meant by a spelling of it: case does not
// count, nor does space around it.
func parameterName(spelling string) string { return strings.ToLower(strings.TrimSpace(spelling)) }

// cleanText returns text in lower case with one space between words.
func cleanText(name, text string) (string, error) {
	switch {
	case len(text) > maxText:
		return "", fmt.Errorf("%s has %d bytes, want at most %d", name, len(text), maxText)
	case !utf8.ValidString(text):
		return "", fmt.Errorf("%s is not text in UTF-8", name)
	case strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) && !unicode.IsSpace(r) }):
		return "", fmt.Errorf("%s holds control characters, which are not allowed", name)
	}
	return strings.Join(strings.Fields(strings.ToLower(text)), " "), nil
}

// cleanNumber returns the digits of a number of cents. An empty text is none.
func cleanNumber(name, text string) (string, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return "", nil
	}
	n, err := strconv.ParseUint(text, 10, 63)
	if err != nil {
		return "", fmt.Errorf("%s is %.30q, want a number of cents from 0 to %d", name, text, math.MaxInt64)
	}
	return strconv.FormatUint(n, 10), nil
}

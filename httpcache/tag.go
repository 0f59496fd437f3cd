package httpcache

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// template is a tag with wildcards of a pattern: "product-{id}".
type template []piece

// piece is fixed text, or the name of a wildcard.
type piece struct {
	text string
	wild bool
}

// parseTemplate reads fixed text with wildcards in braces.
func parseTemplate(text string) (template, error) {
	var t template
	for rest := text; rest != ""; {
		fixed, after, found := strings.Cut(rest, "{")
		if strings.Contains(fixed, "}") {
			return nil, errors.New("a } without a {")
		}
		if fixed != "" {
			t = append(t, piece{text: fixed})
		}
		if !found {
			break
		}
		name, more, closed := strings.Cut(after, "}")
		if !closed || name == "" || strings.ContainsAny(name, "{.$") {
			return nil, errors.New("want the name of a wildcard between { and }")
		}
		t, rest = append(t, piece{text: name, wild: true}), more
	}
	return t, nil
}

// fixed tells whether the tag is the same for all requests.
func (t template) fixed() bool {
	return !slices.ContainsFunc(t, func(p piece) bool { return p.wild })
}

// sample returns the tag with a digit for each wildcard, to be looked at before
// there is a request.
func (t template) sample() string {
	var b strings.Builder
	for _, p := range t {
		if p.wild {
			p.text = "0"
		}
		b.WriteString(p.text)
	}
	return b.String()
}

// of returns the tag of a request's response.
func (t template) of(r *http.Request) (string, *TagError) {
	if len(t) == 1 && !t[0].wild {
		return t[0].text, nil
	}
	b := make([]byte, 0, 64)
	for _, p := range t {
		if !p.wild {
			b = append(b, p.text...)
			continue
		}
		value := r.PathValue(p.text)
		if value == "" {
			return "", &TagError{Tag: t.sample(), Reason: fmt.Sprintf("the request has no {%s}", p.text)}
		}
		b = append(b, value...)
	}
	return string(b), nil
}

// wildcards returns the names of the wildcards of a pattern of [http.ServeMux],
// which is valid.
func wildcards(pattern string) []string {
	var names []string
	for {
		_, after, found := strings.Cut(pattern, "{")
		if !found {
			return names
		}
		name, rest, _ := strings.Cut(after, "}")
		if name != "$" {
			names = append(names, strings.TrimSuffix(name, "..."))
		}
		pattern = rest
	}
}

// tagsOf returns the tags of a response, each once: those of the route, then
// those that the handler has named.
func (l *Layer) tagsOf(rt *route, r *http.Request, named []string) ([]string, *TagError) {
	tags := make([]string, 0, len(rt.tags)+len(named))
	for _, t := range rt.tags {
		tag, err := t.of(r)
		if err != nil {
			return nil, err
		}
		tags = append(tags, tag)
	}
	tags = append(tags, named...)
	unique := tags[:0]
	for _, tag := range tags {
		if err := checkTag(tag, l.cdns); err != nil {
			return nil, err
		}
		if slices.Contains(unique, tag) {
			continue
		}
		unique = append(unique, tag)
		if len(unique) > maxTags {
			return nil, &TagError{Reason: fmt.Sprintf("there are more than %d tags", maxTags)}
		}
	}
	if err := checkTags(unique, l.cdns); err != nil {
		return nil, err
	}
	return unique, nil
}

// maxTags bounds the tags of a response whatever the CDN takes. 1,000 fill the
// largest field there is.
const maxTags = 1000

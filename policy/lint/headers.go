package lint

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/larderdev/larder/httpcache"
)

// release keeps package httpcache from looking for the program's revision.
const release = "lint"

// plain returns those of the configured CDNs that read lifetimes from Cache-Control
// alone, where they need an s-maxage: package httpcache refuses a stale window for
// them.
func (k *check) plain() []httpcache.CDN {
	// They are found by asking, so that package httpcache alone knows which they are.
	probe := httpcache.Policy{Edge: time.Minute, StaleWhileRevalidate: time.Minute}
	var found []httpcache.CDN
	for _, cdn := range k.cdns {
		if _, err := httpcache.New(map[string]httpcache.Policy{"GET /": probe}, httpcache.Options{CDNs: []httpcache.CDN{cdn}, Release: release}); err != nil {
			found = append(found, cdn)
		}
	}
	return found
}

// sMaxAge is about stale windows that cannot be said to a configured CDN: with s-maxage a
// response must not be served stale without asking (RFC 9111, 5.2.2.10 and 4.2.4).
func sMaxAge(k *check) {
	plain := k.plain() // for one of them a window has to go, whatever the others could do
	if len(plain) == 0 {
		return
	}
	for _, r := range k.routes {
		if !r.cached() {
			continue
		}
		for _, w := range r.windows() {
			k.bind(r.owner, w.where(),
				fmt.Sprintf("%v reads Cache-Control alone and needs s-maxage there, which switches %s off (RFC 9111 5.2.2.10)", plain[0], w.field),
				fmt.Sprintf("Write %s: none, and let %v's own configuration say how long it serves stale.", w.field, plain[0]))
		}
	}
}

// headersRefused lets package httpcache look at each route, without what other
// rules have looked at: tags, and windows that a CDN cannot be told.
func headersRefused(k *check) {
	for _, r := range k.routes {
		if !r.strict() && r.is.Edge == 0 && r.is.Browser == 0 && len(r.is.Statuses) == 0 || refusal(r.pattern) != nil {
			continue // route-without-effect, route-pattern
		}
		p := httpcache.Policy{
			NoStore: r.is.NoStore, Private: r.is.Private, Browser: r.is.Browser, Edge: r.is.Edge,
			StaleWhileRevalidate: r.is.StaleWhileRevalidate, StaleIfError: r.is.StaleIfError,
			Immutable: r.is.Immutable, Vary: r.is.Vary, Statuses: r.is.Statuses,
		}
		if len(r.is.Tags) > 0 {
			p.Tags = []string{"tag"} // that there are tags matters; cdn-tag looks at which
		}
		_, err := httpcache.New(map[string]httpcache.Policy{r.pattern: p}, httpcache.Options{CDNs: []httpcache.CDN{httpcache.LarderEdge}, Release: release})
		for _, text := range refusals(err, r.pattern) {
			field, message := fieldOf(text)
			message = fieldNames.ReplaceAllStringFunc(message, snake)
			k.bind(r.owner, field, message, "The service would not start: change it.")
		}
	}
}

// refusals are the texts in an error of package httpcache about one route. Its errors
// have no type for a field, so that the texts are taken apart: if they change, the path
// of a finding becomes that of the route, and nothing is lost.
func refusals(err error, pattern string) []string {
	if err == nil {
		return nil
	}
	var texts []string
	for line := range strings.Lines(err.Error()) {
		line = strings.TrimPrefix(strings.TrimSpace(line), "httpcache: ")
		texts = append(texts, strings.TrimPrefix(line, fmt.Sprintf("route %q: ", pattern)))
	}
	return texts
}

// fieldNames are those of httpcache.Policy, as a file has them.
var fieldNames = regexp.MustCompile(`\b(?:NoStore|Private|Browser|Edge|StaleWhileRevalidate|StaleIfError|Immutable|Vary|Statuses|Tags)\b`)

// fieldOf splits off the field that a text of package httpcache begins with, for the path
// of the finding. A text about two fields, or none, is about the route.
func fieldOf(text string) (field, message string) {
	name, rest, _ := strings.Cut(text, " ")
	name, index, indexed := strings.Cut(strings.TrimSuffix(name, "]"), "[")
	switch name {
	case "Browser", "Edge", "StaleWhileRevalidate", "StaleIfError", "Immutable":
		if rest == "and" { // "StaleWhileRevalidate and StaleIfError begin …"
			return "", text
		}
		return snake(name), text
	case "Vary":
		if indexed {
			return "vary[" + index + "]", strings.TrimPrefix(text, "Vary["+index+"] ")
		}
	case "Statuses":
		if indexed {
			return "statuses." + index, text
		}
	}
	return "", text
}

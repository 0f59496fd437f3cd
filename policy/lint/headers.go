package lint

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/larderdev/larder/httpcache"
	"github.com/larderdev/larder/internal/muxroute"
	"github.com/larderdev/larder/policy"
)

// release keeps package httpcache from looking for the program's revision.
const release = "lint"

// plain returns those of the configured CDNs that read lifetimes from Cache-Control
// alone, where they need an s-maxage: package httpcache refuses a stale window for
// them.
func (k *check) plain() []httpcache.CDN {
	probe := httpcache.Policy{Edge: time.Minute, StaleWhileRevalidate: time.Minute}
	var found []httpcache.CDN
	for _, cdn := range k.cdns {
		if _, err := httpcache.New(map[string]httpcache.Policy{"GET /": probe}, httpcache.Options{CDNs: []httpcache.CDN{cdn}, Release: release}); err != nil {
			found = append(found, cdn)
		}
	}
	return found
}

// sMaxAge is about stale windows that cannot be said to a configured CDN.
func sMaxAge(k *check) {
	plain := k.plain()
	if len(plain) == 0 {
		return
	}
	for _, r := range k.routes {
		if !r.cached() {
			continue
		}
		for _, w := range []struct {
			field    string
			said, is time.Duration
		}{
			{"stale_while_revalidate", r.said.StaleWhileRevalidate, r.is.StaleWhileRevalidate},
			{"stale_if_error", r.said.StaleIfError, r.is.StaleIfError},
		} {
			if w.is <= 0 {
				continue
			}
			field := w.field
			if w.said == 0 {
				field = "profile"
			}
			k.bind(r.owner, field,
				fmt.Sprintf("%v reads Cache-Control alone and needs s-maxage there, which switches %s off (RFC 9111 5.2.2.10)", plain[0], w.field),
				fmt.Sprintf("Write %s: none, and let %v's own configuration say how long it serves stale.", w.field, plain[0]))
		}
	}
}

// headersRefused lets package httpcache look at each route, without what other
// rules have looked at: tags, and windows that a CDN cannot be told.
func headersRefused(k *check) {
	for _, r := range k.routes {
		said := r.is
		if !r.strict() && said.Edge == 0 && said.Browser == 0 && len(said.Statuses) == 0 || muxroute.Register(http.NewServeMux(), r.pattern, nothing{}) != nil {
			continue // other rules
		}
		p := httpcache.Policy{
			NoStore: said.NoStore, Private: said.Private, Browser: said.Browser, Edge: said.Edge,
			StaleWhileRevalidate: said.StaleWhileRevalidate, StaleIfError: said.StaleIfError,
			Immutable: said.Immutable, Vary: said.Vary, Statuses: said.Statuses,
		}
		if len(said.Tags) > 0 {
			p.Tags = []string{"tag"}
		}
		_, err := httpcache.New(map[string]httpcache.Policy{r.pattern: p}, httpcache.Options{CDNs: []httpcache.CDN{httpcache.LarderEdge}, Release: release})
		for _, text := range refusals(err, r.pattern) {
			field, message := fieldOf(text)
			message = fieldNames.ReplaceAllStringFunc(message, snake)
			k.bind(r.owner, field, message, "The service would not start: change it.")
		}
	}
}

// refusals are the texts in an error of package httpcache about one route.
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

// fieldOf splits off the field that a text of package httpcache begins with.
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

// place is a tag and where it is.
type place struct {
	*owner
	field, tag string
	ofRoute    bool
}

// tagPlaces returns the tags that responses carry to the edge, or that are purged
// there: of routes, and of classes that have routes at the edge.
func (k *check) tagPlaces() []place {
	var all []place
	for _, c := range k.classes {
		if !c.has(policy.Edge) && !slices.ContainsFunc(c.routes, (*route).cached) {
			continue
		}
		for i, tag := range c.is.Tags {
			all = append(all, place{c.owner, fmt.Sprintf("tags[%d]", i), tag, false})
		}
		for i, table := range c.is.Source.Tables {
			for j, tag := range table.Tags {
				all = append(all, place{c.owner, fmt.Sprintf("source[%d].tags[%d]", i, j), tag, false})
			}
		}
	}
	for _, r := range k.routes {
		for i, tag := range r.is.Tags {
			all = append(all, place{r.owner, fmt.Sprintf("tags[%d]", i), tag, true})
		}
	}
	return all
}

// sample writes a digit for each name in braces, or returns an error.
func sample(tag string) (string, error) {
	var b strings.Builder
	for i, piece := range strings.Split(tag, "{") {
		if i > 0 {
			name, after, closed := strings.Cut(piece, "}")
			if !closed || name == "" {
				return "", errors.New("a { without a name and a }")
			}
			b.WriteByte('0')
			piece = after
		}
		if strings.Contains(piece, "}") {
			return "", errors.New("a } without a {")
		}
		b.WriteString(piece)
	}
	return b.String(), nil
}

// cdnTag asks package httpcache about each tag, for each CDN. Without one the tags
// of routes are still to be written somewhere: what Larder's own edge, which takes
// most, does not take is taken by nobody.
func cdnTag(k *check) {
	places := k.tagPlaces()
	if len(k.cdns) == 0 {
		places = slices.DeleteFunc(places, func(at place) bool { return !at.ofRoute })
	}
	seen := map[string]string{}
	for _, at := range places {
		text, err := sample(at.tag)
		if err != nil {
			continue // rule invalid says it
		}
		reason, ok := seen[text]
		if !ok {
			reason = k.refusesTags(text)
			seen[text] = reason
		}
		if reason != "" {
			report := k.report
			if at.ofRoute { // headers that the service would not start with
				report = k.bind
			}
			report(at.owner, at.field, reason, "Letters, digits, . _ and - are taken everywhere: \"product-42\", not \"product:42\".")
		}
	}
	for _, r := range k.routes {
		var all []string
		for _, tag := range r.is.Tags {
			if text, err := sample(tag); err == nil && seen[text] == "" {
				all = append(all, text)
			}
		}
		if len(all) < 2 {
			continue
		}
		if reason := k.refusesTags(all...); reason != "" {
			k.bind(r.owner, "tags", reason, "Use fewer tags, or shorter ones: one for the thing and one for its list are mostly enough.")
		}
	}
}

// refusesTags says why one of the configured CDNs, or Larder's edge if there is none, does not take a response with
// these tags, or nothing.
func (k *check) refusesTags(tags ...string) string {
	p := httpcache.Policy{Edge: time.Minute, Tags: tags}
	cdns := k.cdns
	if len(cdns) == 0 {
		cdns = []httpcache.CDN{httpcache.LarderEdge}
	}
	_, err := httpcache.New(map[string]httpcache.Policy{"GET /": p}, httpcache.Options{CDNs: cdns, Release: release})
	var refused *httpcache.TagError
	switch {
	case !errors.As(err, &refused):
		return ""
	case refused.CDN == 0:
		return fmt.Sprintf("tag %s: no CDN takes it: %s", quote(refused.Tag), refused.Reason)
	case refused.Tag == "":
		return fmt.Sprintf("%v does not take them: %s", refused.CDN, refused.Reason)
	}
	return fmt.Sprintf("tag %s: %v does not take it: %s", quote(refused.Tag), refused.CDN, refused.Reason)
}

// tagCase is about two tags that a configured CDN takes for one.
func tagCase(k *check) {
	i := slices.IndexFunc(k.cdns, func(c httpcache.CDN) bool { return c == httpcache.Cloudflare || c == httpcache.CloudFront })
	if i < 0 {
		return
	}
	first := map[string]string{}
	for _, at := range k.tagPlaces() {
		folded := strings.ToLower(at.tag)
		if other, ok := first[folded]; ok && other != at.tag {
			k.report(at.owner, at.field, fmt.Sprintf("tags %s and %s are one for %v: a purge of one purges the other", quote(at.tag), quote(other), k.cdns[i]),
				"Write all tags in small letters.")
			continue
		}
		first[folded] = at.tag
	}
}

// tagsUnsent: package httpcache has no field to write them to, unless the program
// names the caches by itself.
func tagsUnsent(k *check) {
	if len(k.cdns) > 0 {
		return
	}
	for _, r := range k.routes {
		if len(r.is.Tags) > 0 && !r.strict() {
			k.report(r.owner, "tags", "cdn names no cache that takes tags: unless the program does, nothing carries them",
				"Name the caches in front under cdn (larder is Larder's own edge), or take the tags out.")
		}
	}
}

package lint

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/larderdev/larder/httpcache"
	"github.com/larderdev/larder/policy"
)

// kinds are the caches in front, as package httpcache calls them, which knows their
// limits: CloudFront keeps 50 tags of a response and drops the others without a word,
// Fastly ignores what comes after 16 KiB, Bunny takes 1,024 bytes, Akamai no colon.
// nginx takes no tags.
var kinds = map[string]httpcache.CDN{
	"cloudflare": httpcache.Cloudflare,
	"fastly":     httpcache.Fastly,
	"cloudfront": httpcache.CloudFront,
	"akamai":     httpcache.Akamai,
	"bunny":      httpcache.Bunny,
	"google":     httpcache.GoogleCDN,
	"varnish":    httpcache.Varnish,
	"larder":     httpcache.LarderEdge,
}

// place is a tag and where it is. What carries a route's own tags is headers that the
// service builds when it starts, and so cannot be excused.
type place struct {
	*owner
	field, tag string
	ofRoute    bool
}

// tagPlaces returns the tags that responses carry to the edge, or that are purged
// there: of routes, and of classes that have routes at the edge. A class that only
// memory and Redis keep may have any tag: no CDN sees it.
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

// sample writes a digit for each name in braces, or returns an error. What stands for a
// name at run time is mostly an id, and a digit the shortest of these: what is refused
// with it is refused with all.
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
		// Many places have the same tag, and each question builds a whole policy.
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
		k.tagsTogether(r, seen)
	}
}

// tagsTogether is about limits on the field that carries the tags: 50 tags of one
// response are all that CloudFront keeps, 1,024 bytes all that Bunny does. Those that
// are refused by themselves, as refused says by their samples, are told already.
func (k *check) tagsTogether(r *route, refused map[string]string) {
	var all []string
	for _, tag := range r.is.Tags {
		if text, err := sample(tag); err == nil && refused[text] == "" {
			all = append(all, text)
		}
	}
	if len(all) < 2 {
		return
	}
	if reason := k.refusesTags(all...); reason != "" {
		k.bind(r.owner, "tags", reason, "Use fewer tags, or shorter ones: one for the thing and one for its list are mostly enough.")
	}
}

// refusesTags says why one of the configured CDNs, or Larder's edge if there is none,
// does not take a response with these tags, or nothing.
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

// tagCase is about two tags that a configured CDN takes for one: Cloudflare and CloudFront
// compare tags without case.
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

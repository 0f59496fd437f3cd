package httpcache

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// CDN is a kind of shared cache that takes tags with a response. It decides the
// field that they are written to, and what may be in it. It is no account and no
// address: those belong to the purger.
type CDN uint8

// The kinds of caches. CloudFront reads the field that its distribution names:
// let its CacheTagConfig say "Cache-Tag".
const (
	Cloudflare CDN = iota + 1 // Cache-Tag
	Fastly                    // Surrogate-Key
	CloudFront                // Cache-Tag
	Akamai                    // Edge-Cache-Tag
	Bunny                     // CDN-Tag
	GoogleCDN                 // Cache-Tag
	Varnish                   // xkey, with the module of that name
	LarderEdge                // Cache-Groups (RFC 9875), for Larder's own edge, which keeps it from clients unless told otherwise
)

// String returns the name of the CDN.
func (c CDN) String() string {
	if limits, ok := limitsOf(c); ok {
		return limits.name
	}
	return fmt.Sprintf("CDN(%d)", uint8(c))
}

// limits are what a CDN takes. It cuts or ignores what is beyond, without a
// word, and the response can then not be purged: this is why they are checked
// here.
type limits struct {
	name  string
	field tagField
	// tag bounds the length of a tag, tags their number, line the length of the
	// field's value, all in bytes. 0: no bound.
	tag, tags, line int
	// portable: only letters, digits and a few marks may be in a tag.
	portable bool
	// plain: it reads lifetimes from Cache-Control alone.
	plain bool
}

// limitsOf returns what a CDN takes, as its documentation had it in November
// 2026. Where that is silent, the bounds are those that fit all of them: 100
// bytes, 50 tags. Varnish fails a response with a line above its http_resp_hdr_len,
// 8 KiB.
func limitsOf(c CDN) (limits, bool) {
	switch c {
	case Cloudflare:
		return limits{name: "Cloudflare", field: cacheTag, tag: 1024, line: 16 << 10}, true
	case Fastly:
		return limits{name: "Fastly", field: surrogateKey, tag: 1024, line: 16 << 10}, true
	case CloudFront:
		return limits{name: "CloudFront", field: cacheTag, tag: 256, tags: 50, plain: true}, true
	case Akamai:
		return limits{name: "Akamai", field: edgeCacheTag, tag: 128, tags: 128, portable: true}, true
	case Bunny:
		return limits{name: "Bunny", field: cdnTag, line: 1024}, true
	case GoogleCDN:
		return limits{name: "Google Cloud CDN", field: cacheTag, tag: 100, tags: 50, plain: true}, true
	case Varnish:
		return limits{name: "Varnish", field: xkey, line: 8000, plain: true}, true
	case LarderEdge:
		return limits{name: "Larder's edge", field: cacheGroups, tag: 256, tags: 128, line: 16 << 10}, true
	}
	return limits{}, false
}

// tagField is a field that carries tags.
type tagField uint8

const (
	cacheTag tagField = iota
	surrogateKey
	edgeCacheTag
	cdnTag
	xkey
	cacheGroups
	tagFields // how many there are
)

// name returns the field's name as a key of an [http.Header].
func (f tagField) name() string {
	return [tagFields]string{"Cache-Tag", "Surrogate-Key", "Edge-Cache-Tag", "Cdn-Tag", "Xkey", "Cache-Groups"}[f]
}

// separator returns what stands between two tags.
func (f tagField) separator() string {
	switch f {
	case surrogateKey, xkey:
		return " "
	case cacheGroups:
		return ", " // a List of RFC 9651
	}
	return ","
}

// length returns how long the value of the field is.
func (f tagField) length(tags []string) int {
	n := len(f.separator()) * max(len(tags)-1, 0)
	for _, tag := range tags {
		n += len(tag)
		if f == cacheGroups {
			n += 2 + strings.Count(tag, `"`) + strings.Count(tag, `\`)
		}
	}
	return n
}

// value writes tags, which are valid, in the form of the field.
func (f tagField) value(tags []string) string {
	if len(tags) == 1 && f != cacheGroups {
		return tags[0]
	}
	b, separator := make([]byte, 0, f.length(tags)), f.separator()
	for i, tag := range tags {
		if i > 0 {
			b = append(b, separator...)
		}
		if f == cacheGroups {
			b = appendString(b, tag)
		} else {
			b = append(b, tag...)
		}
	}
	return string(b)
}

// TagError says that a response cannot carry a tag to a CDN.
type TagError struct {
	// CDN is the one that does not take it; 0: none does.
	CDN CDN
	// Tag is the tag, or empty if it is their number or their length in all. It
	// may hold anything that a client has put into a path.
	Tag string
	// Reason says what is wrong.
	Reason string
}

func (e *TagError) Error() string {
	text := "httpcache: "
	if e.Tag != "" {
		text += fmt.Sprintf("tag %.200q: ", e.Tag)
	}
	if e.CDN != 0 {
		text += e.CDN.String() + ": "
	}
	return text + e.Reason
}

// checkTag says what is wrong with a tag for any of the CDNs. Space and comma
// separate tags in one field or another, so they are in none: no tag can be made
// to be two.
func checkTag(tag string, cdns []CDN) *TagError {
	if tag == "" {
		return &TagError{Reason: "a tag is empty"}
	}
	for i := range len(tag) {
		if c := tag[i]; c <= ' ' || c > '~' || c == ',' {
			return &TagError{Tag: tag, Reason: fmt.Sprintf("%q in it: want printable ASCII without space and comma", firstRune(tag[i:]))}
		}
	}
	for _, cdn := range cdns {
		limits, _ := limitsOf(cdn)
		if limits.tag > 0 && len(tag) > limits.tag {
			return &TagError{CDN: cdn, Tag: tag, Reason: fmt.Sprintf("it has %d bytes, at most %d", len(tag), limits.tag)}
		}
		if limits.portable {
			if i := strings.IndexFunc(tag, notPortable); i >= 0 {
				return &TagError{CDN: cdn, Tag: tag, Reason: fmt.Sprintf("%q in it: want letters, digits and !#$%%'+./^_`|~-", tag[i])}
			}
		}
	}
	return nil
}

func notPortable(c rune) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return false
	}
	return !strings.ContainsRune("!#$%'+./^_`|~-", c)
}

// checkTags says what is wrong with the tags of a response, each of which is
// valid: too many, or too long in all.
func checkTags(tags []string, cdns []CDN) *TagError {
	for _, cdn := range cdns {
		limits, _ := limitsOf(cdn)
		if limits.tags > 0 && len(tags) > limits.tags {
			return &TagError{CDN: cdn, Reason: fmt.Sprintf("there are %d tags, at most %d", len(tags), limits.tags)}
		}
		if length := limits.field.length(tags); limits.line > 0 && length > limits.line {
			return &TagError{CDN: cdn, Reason: fmt.Sprintf("the %d tags have %d bytes in all, at most %d", len(tags), length, limits.line)}
		}
	}
	return nil
}

// firstRune is the character at the beginning of text, for a message.
func firstRune(text string) rune {
	c, _ := utf8.DecodeRuneInString(text)
	return c
}

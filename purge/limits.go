package purge

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// longestItem bounds a tag or URL where the target does not.
const longestItem = 8 << 10

// Check tells why p is no call within the limits: it names neither tags nor
// URLs or both, more than a call may carry, a tag that the cache cannot have,
// a URL for which [CheckURL] has an error. It wraps [ErrUnsupported] where the
// cache does not know tags, or URLs.
func (l Limits) Check(p Purge) error {
	items, most, kind := p.Tags, l.Tags, "tags"
	switch {
	case len(p.Tags) == 0 && len(p.URLs) == 0:
		return errors.New("there is nothing to purge: name tags or URLs")
	case len(p.Tags) > 0 && len(p.URLs) > 0:
		return errors.New("a call takes tags or URLs, not both: make two")
	case len(p.URLs) > 0:
		items, most, kind = p.URLs, l.URLs, "URLs"
	}
	if most == 0 {
		return fmt.Errorf("%s: %w", kind, ErrUnsupported)
	}
	if len(items) > most {
		return fmt.Errorf("%d %s in a call, at most %d", len(items), kind, most)
	}
	size := 0
	for i, item := range items {
		size += len(item)
		if err := l.checkItem(item, kind == "URLs"); err != nil {
			return fmt.Errorf("%s: number %d: %w", kind, i+1, err)
		}
	}
	if l.Bytes > 0 && size > l.Bytes {
		return fmt.Errorf("%d bytes of %s in a call, at most %d", size, kind, l.Bytes)
	}
	return nil
}

// CheckRate tells why rate, a number of calls a second, and burst, how many may be
// made at once, are no bound: both are above 0, or both are 0 where there is none.
// NaN is no rate.
func CheckRate(rate float64, burst int) error {
	if rate > 0 && burst > 0 || rate == 0 && burst == 0 {
		return nil
	}
	return fmt.Errorf("Rate is %v and Burst %d, want both above 0 or neither", rate, burst)
}

// ValidName tells whether a purger may be called so: journals, logs and receipts
// hold the name as it is, so that it is UTF-8 without control characters.
func ValidName(name string) bool {
	return utf8.ValidString(name) && !strings.ContainsFunc(name, unicode.IsControl)
}

// checkItem tells why no call can carry an item.
func (l Limits) checkItem(item string, isURL bool) error {
	most := longestItem
	if l.Bytes > 0 {
		most = min(most, l.Bytes)
	}
	switch {
	case isURL && l.URLs == 0 || !isURL && l.Tags == 0:
		return ErrUnsupported
	case len(item) > most:
		return fmt.Errorf("it has %d bytes, at most %d", len(item), most)
	case !utf8.ValidString(item):
		return errors.New("it is not UTF-8")
	case isURL:
		return CheckURL(item)
	case item == "":
		return errors.New("the tag is empty")
	case l.Tag != nil:
		return l.Tag(item)
	}
	return nil
}

// CheckURL tells what is wrong with a URL to purge: it must be absolute, http
// or https, with a host and without user information. The error does not
// repeat it, since it may hold what is secret.
func CheckURL(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return errors.New("the URL cannot be parsed")
	case u.Scheme != "http" && u.Scheme != "https":
		return errors.New("the URL does not begin with http:// or https://")
	case u.Host == "":
		return errors.New("the URL has no host")
	case u.User != nil:
		return errors.New("the URL has user information: take it out")
	}
	return nil
}

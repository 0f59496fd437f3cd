package purgeapi

import (
	"errors"
	"fmt"
	"net"
	"net/url"

	"github.com/larderdev/larder/purge"
)

// Check tells why a purger cannot make a call for p, as a final *[purge.Error],
// or nil: neither tags nor URLs or both, more than limits allow, a tag that the
// cache cannot have, a URL that is not absolute. It wraps
// [purge.ErrUnsupported] where the cache does not know tags, or URLs.
func (c *Client) Check(p purge.Purge, limits purge.Limits) error {
	if err := check(p, limits); err != nil {
		return &purge.Error{Target: c.Target, Final: true, Err: err}
	}
	return nil
}

func check(p purge.Purge, limits purge.Limits) error {
	items, most, kind := p.Tags, limits.Tags, "tags"
	switch {
	case len(p.Tags) == 0 && len(p.URLs) == 0:
		return errors.New("there is nothing to purge: name tags or URLs")
	case len(p.Tags) > 0 && len(p.URLs) > 0:
		return errors.New("a call takes tags or URLs, not both: make two")
	case len(p.URLs) > 0:
		items, most, kind = p.URLs, limits.URLs, "URLs"
	}
	if most == 0 {
		return fmt.Errorf("%s: %w", kind, purge.ErrUnsupported)
	}
	if len(items) > most {
		return fmt.Errorf("%d %s in a call, at most %d", len(items), kind, most)
	}
	size := 0
	for i, item := range items {
		size += len(item)
		if err := checkItem(item, kind == "tags", limits); err != nil {
			return fmt.Errorf("%s: number %d: %w", kind, i+1, err)
		}
	}
	if limits.Bytes > 0 && size > limits.Bytes {
		return fmt.Errorf("%d bytes of %s in a call, at most %d", size, kind, limits.Bytes)
	}
	return nil
}

func checkItem(item string, tag bool, limits purge.Limits) error {
	if !tag {
		return URL(item)
	}
	if limits.Tag != nil {
		return limits.Tag(item)
	}
	return nil
}

// URL tells what is wrong with a URL to purge: it must be absolute, http or
// https, with a host and without user information. The error does not repeat
// it, since it may hold what is secret.
func URL(text string) error {
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

// Base parses the address of an API: absolute, http or https, without user
// information, query and fragment. With secret, something secret is sent
// there, and http is for loopback alone. The error does not repeat the
// address.
func Base(address string, secret bool) (*url.URL, error) {
	if err := URL(address); err != nil {
		return nil, err
	}
	u, err := url.Parse(address)
	switch {
	case err != nil:
		return nil, errors.New("the URL cannot be parsed")
	case u.RawQuery != "" || u.Fragment != "" || u.ForceQuery:
		return nil, errors.New("the URL has a query or a fragment: take it out")
	case secret && u.Scheme == "http" && !Loopback(u):
		return nil, errors.New("the URL begins with http://, and a token would go there in clear text: use https://")
	}
	return u, nil
}

// Loopback tells whether u names this machine: localhost, 127.0.0.0/8 or ::1.
func Loopback(u *url.URL) bool {
	host := u.Hostname()
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// PrintableTag returns a function for [purge.Limits.Tag]: a tag is 1 to longest
// bytes of printable ASCII without space (0x21 to 0x7E) and without any of the
// bytes in without.
func PrintableTag(longest int, without string) func(tag string) error {
	var banned [256]bool
	for i := range len(without) {
		banned[without[i]] = true
	}
	return func(tag string) error {
		if tag == "" {
			return errors.New("the tag is empty")
		}
		if len(tag) > longest {
			return fmt.Errorf("the tag has %d bytes, at most %d", len(tag), longest)
		}
		for i := range len(tag) {
			if b := tag[i]; b < 0x21 || b > 0x7e || banned[b] {
				return fmt.Errorf("the tag %.40q has %q at byte %d", tag, b, i+1)
			}
		}
		return nil
	}
}

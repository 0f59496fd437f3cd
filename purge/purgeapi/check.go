package purgeapi

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"unicode/utf8"

	"github.com/larderdev/larder/purge"
)

// Check tells why a purger cannot make a call for p, as a final *[purge.Error],
// or nil; see [purge.Limits.Check].
func (c *Client) Check(p purge.Purge, limits purge.Limits) error {
	if err := limits.Check(p); err != nil {
		return &purge.Error{Target: c.Target, Final: true, Err: err}
	}
	return nil
}

// Base parses the address of an API: absolute, http or https, without user
// information, query and fragment. With secret, something secret is sent
// there, and http is for loopback alone. The error does not repeat the
// address.
func Base(address string, secret bool) (*url.URL, error) {
	if err := purge.CheckURL(address); err != nil {
		return nil, err
	}
	u, err := url.Parse(address)
	switch {
	case err != nil:
		return nil, errors.New("the URL cannot be parsed")
	// Paths are put behind the address, and would become part of these.
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
		// Spaces part the tags of some fields, and what is not ASCII no two caches read
		// alike.
		for i := range len(tag) {
			if b := tag[i]; b < 0x21 || b > 0x7e || banned[b] {
				c, _ := utf8.DecodeRuneInString(tag[i:])
				return fmt.Errorf("the tag %.40q has %q at byte %d", tag, c, i+1)
			}
		}
		return nil
	}
}

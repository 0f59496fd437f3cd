package edge

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Purge is what a cache is to forget: everything that any of its fields names.
type Purge struct {
	// Tags are compared without regard to case. At most 1,024 bytes each.
	Tags []string
	// URLs are absolute, http or https; all variants of them are meant, under
	// both schemes. Of the query those parameters count that do in a request.
	URLs []string
	// Prefixes are a host and the beginning of a path, without a scheme:
	// "www.example.com/shop". Whatever begins with it is meant.
	Prefixes []string
	// Hosts are names, with the port if it is not the scheme's own. With 80 or 443
	// those without a port are meant too.
	Hosts []string
	// Everything is all that there is.
	Everything bool
	// Soft lets stale responses be served where that is allowed, and the origin
	// confirm them. Without it they are gone.
	Soft bool
}

// maxPurgeItem bounds the length of a tag, URL, prefix or host, in bytes.
const (
	maxPurgeTag = 1024
	maxPurgeURL = 16 << 10
)

// Purge makes the cache forget. When it has returned nil, no request that begins
// later gets what is meant as if it were fresh, also where it was on its way from
// the origin. The error names all items that make no sense; nothing is purged
// then.
func (h *Handler) Purge(p Purge) error {
	names, urls, err := p.read(h)
	if err != nil {
		return fmt.Errorf("edge: purge: %w", err)
	}
	// One moment for all of it: a soft purge says since when it is stale.
	now := time.Now()
	if len(names) > 0 {
		h.store.book.enter(names, p.Soft, now)
	}
	for _, t := range urls {
		if p.Soft {
			h.store.soften(t.key, now)
		} else {
			h.store.forget(t.key)
		}
	}
	if p.Everything && !p.Soft {
		h.store.clear() // the mark has made it wrong; this frees the room
	}
	h.count.purges.Add(1)
	return nil
}

// read returns the names of marks, and the targets, that a purge is about.
func (p *Purge) read(h *Handler) (names []string, urls []target, err error) {
	var errs []error
	if p.Everything {
		names = append(names, aboutAll)
	}
	for _, tag := range p.Tags {
		// As responses' tags are folded, so that both are compared in one form.
		folded := foldTag(tag)
		if !isTag(folded) {
			errs = append(errs, fmt.Errorf("tag %.80q, want 1 to %d printable characters without commas and spaces", tag, maxPurgeTag))
			continue
		}
		names = append(names, aboutTag+folded)
	}
	for _, host := range p.Hosts {
		if !plainHost(host) {
			errs = append(errs, fmt.Errorf("host %.80q, want a name such as www.example.com", host))
			continue
		}
		for _, form := range hostForms(host) {
			names = append(names, aboutHost+form)
		}
	}
	for _, prefix := range p.Prefixes {
		host, _, _ := strings.Cut(prefix, "/")
		u, err := url.Parse("http://" + prefix)
		if err != nil || !plainHost(host) || len(prefix) > maxPurgeURL || strings.ContainsAny(prefix, "?#") || strings.Contains(prefix, "://") {
			errs = append(errs, fmt.Errorf("prefix %.80q, want a host and a path, without a scheme, query or fragment", prefix))
			continue
		}
		// In the form of the keys, or a prefix with an escape would match nothing.
		path := normalPath(u.EscapedPath())
		for _, form := range hostForms(host) {
			names = append(names, aboutPrefix+form+path)
		}
	}
	for _, text := range p.URLs {
		both, err := h.parseTargets(text)
		if err != nil || len(text) > maxPurgeURL {
			errs = append(errs, fmt.Errorf("URL %.200q, want http:// or https://, a host and a path", text))
			continue
		}
		urls = append(urls, both[:]...)
	}
	// A caller who thinks that something was purged must learn that nothing was.
	if len(errs) == 0 && len(names)+len(urls) == 0 {
		errs = append(errs, errors.New("it names nothing"))
	}
	return names, urls, errors.Join(errs...)
}

// hostForms returns a host as keys may have it: a port that is one scheme's own is
// not in the keys of that scheme, and a purge does not say which it means.
func hostForms(host string) []string {
	forms := []string{strings.ToLower(host)}
	for _, scheme := range []string{"http", "https"} {
		if form := normalHost(scheme, host); !slices.Contains(forms, form) {
			forms = append(forms, form)
		}
	}
	return forms
}

// isTag tells whether a purge can name a tag, in the form in which it is compared.
func isTag(tag string) bool {
	if len(tag) > maxPurgeTag {
		return false
	}
	for _, c := range []byte(tag) {
		if c <= ' ' || c >= 0x7f || c == ',' {
			return false
		}
	}
	return tag != ""
}

// plainHost tells whether text can be a host with or without a port.
func plainHost(text string) bool {
	u, err := url.Parse("//" + text)
	return err == nil && text != "" && u.Host == text && u.Hostname() != ""
}

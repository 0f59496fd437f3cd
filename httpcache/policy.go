package httpcache

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Policy says who may keep the responses of a route, and for how long. It speaks
// of successful answers to GET and HEAD (200, 203, 204, 206, 304), unless
// Statuses says more. A policy must say something: the zero value is a mistake,
// so that no route is cached, or not, because somebody forgot a line.
//
// Durations are whole seconds, at most 2³¹−1.
type Policy struct {
	// NoStore: nobody keeps it. Nothing else may be set.
	NoStore bool
	// Private: the browser of the one who asked may keep it, no shared cache. It
	// may then answer requests with credentials. With Browser 0 the browser asks
	// each time whether its copy is still good.
	Private bool
	// Browser is how long a browser uses its copy without asking. No purge
	// reaches it, so keep it short for what may change.
	//
	// Default: 0, it asks each time.
	Browser time.Duration
	// Edge is how long shared caches keep it: CDNs, and Larder's edge.
	Edge time.Duration
	// StaleWhileRevalidate is how long after Edge a shared cache may still serve
	// it while it asks for a new one (RFC 5861 3).
	StaleWhileRevalidate time.Duration
	// StaleIfError is how long after Edge a shared cache may still serve it when
	// the origin fails (RFC 5861 4).
	StaleIfError time.Duration
	// Immutable: it never changes while it is fresh, and browsers do not ask even
	// when the user reloads (RFC 8246). For names that contain a fingerprint.
	Immutable bool
	// Vary names the request fields that decide between forms of the response.
	// What a handler has in its own Vary is kept. Most CDNs look at
	// Accept-Encoding only.
	Vary []string
	// Tags are the names by which it is purged. {id} stands for the wildcard of
	// the route's pattern. A handler adds others by [Response.Tag]. If a CDN
	// would not take all of them, no shared cache keeps the response.
	Tags []string
	// Statuses are further statuses that are kept, and for how long at the edge
	// (in a browser, not longer than Browser): {404: 30 * time.Second}.
	Statuses map[int]time.Duration
	// HashUpTo is the size in bytes up to which a body is held back to hash it,
	// for an ETag; see [Layer]. At most 8 MiB; negative: never.
	//
	// Default: 64 KiB.
	HashUpTo int
	// SameForEveryoneDespiteAuthorization: shared caches may keep the response
	// although the request had an Authorization field, or one of
	// Options.Credentials. Whoever asks for the URL gets the same bytes then,
	// with credentials or without.
	SameForEveryoneDespiteAuthorization bool
	// SameForEveryoneDespiteCookies: the same for requests with cookies that are
	// not known to be harmless.
	SameForEveryoneDespiteCookies bool
	// SameForEveryoneSoDropSetCookie: the response is kept although it sets
	// cookies. They are removed from it, for all: no client gets one from this
	// route.
	SameForEveryoneSoDropSetCookie bool
}

const (
	defaultHashUpTo = 64 << 10
	maxHashUpTo     = 8 << 20
	maxDuration     = (maxSeconds - 1) * time.Second
)

// validate reports every mistake at once, in the words of the field names.
// pattern is that of the route, empty if it is not known.
func (p *Policy) validate(cdns []CDN, pattern string) []error {
	var errs []error
	note := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	for _, d := range []struct {
		name  string
		value time.Duration
	}{
		{"Browser", p.Browser},
		{"Edge", p.Edge},
		{"StaleWhileRevalidate", p.StaleWhileRevalidate},
		{"StaleIfError", p.StaleIfError},
	} {
		if err := checkDuration(d.value); err != nil {
			note("%s %w", d.name, err)
		}
	}
	if p.HashUpTo > maxHashUpTo {
		note("HashUpTo is %d, want at most %d", p.HashUpTo, maxHashUpTo)
	}
	errs = append(errs, p.contradictions(cdns)...)
	errs = append(errs, p.checkVary()...)
	errs = append(errs, p.checkTemplates(cdns, pattern)...)
	return append(errs, p.checkStatuses()...)
}

func checkDuration(d time.Duration) error {
	switch {
	case d < 0:
		return fmt.Errorf("is %v, want 0 or more", d)
	case d > maxDuration:
		return fmt.Errorf("is %v, want at most %v", d, maxDuration)
	case d%time.Second != 0:
		return fmt.Errorf("is %v, want whole seconds", d)
	}
	return nil
}

// contradictions reports what does not go together.
func (p *Policy) contradictions(cdns []CDN) []error {
	var errs []error
	note := func(wrong bool, text string) {
		if wrong {
			errs = append(errs, errors.New(text))
		}
	}
	windows := p.StaleWhileRevalidate > 0 || p.StaleIfError > 0
	everyone := p.SameForEveryoneDespiteAuthorization || p.SameForEveryoneDespiteCookies || p.SameForEveryoneSoDropSetCookie
	shared := p.Edge > 0 || windows || len(p.Tags) > 0 || len(p.Statuses) > 0 || everyone
	switch {
	case p.NoStore:
		note(p.Private || p.Browser > 0 || shared || p.Immutable || len(p.Vary) > 0 || p.HashUpTo != 0,
			"NoStore is set, and something else, too: nobody would look at that")
		return errs
	case p.Private:
		note(shared, "Private is set, and something for shared caches, too (Edge, StaleWhileRevalidate, StaleIfError, Tags, Statuses or SameForEveryone…)")
	case p.Edge == 0 && p.Browser == 0:
		note(true, "it says nothing: set Edge, or Private, or NoStore")
	case p.Edge == 0:
		note(true, "Browser is set without Edge: if shared caches may not keep it, set Private")
	}
	note(windows && p.Edge == 0 && !p.Private, "StaleWhileRevalidate and StaleIfError begin where Edge ends: set Edge")
	note(p.Immutable && p.Browser == 0, "Immutable needs Browser: it is for copies that a browser uses without asking")
	if windows {
		for _, cdn := range cdns {
			limits, _ := limitsOf(cdn)
			note(limits.plain, fmt.Sprintf("StaleWhileRevalidate and StaleIfError cannot be said to %v: it reads Cache-Control alone, "+
				"where the s-maxage that it needs switches them off (RFC 9111 5.2.2.10). Set them to 0, and say them in its own configuration", cdn))
		}
	}
	return errs
}

func (p *Policy) checkVary() []error {
	var errs []error
	for i, name := range p.Vary {
		switch {
		case name == "*":
			errs = append(errs, fmt.Errorf("Vary[%d] is *: no cache ever finds such a response again; set NoStore", i))
		case !isToken(name):
			errs = append(errs, fmt.Errorf("Vary[%d] is %q, which is no name of a field", i, name))
		case !p.Private && isPersonal(name):
			errs = append(errs, fmt.Errorf("Vary[%d] is %s: what depends on it is for one person; set Private", i, name))
		}
	}
	return errs
}

// checkTemplates reports what is wrong with Tags, as far as that can be known
// without a request.
func (p *Policy) checkTemplates(cdns []CDN, pattern string) []error {
	var errs []error
	wild := wildcards(pattern)
	if len(p.Tags) > 0 && len(cdns) == 0 {
		errs = append(errs, errors.New("Tags are set, and Options.CDNs is empty: no field would carry them"))
	}
	samples := make([]string, 0, len(p.Tags))
	for i, text := range p.Tags {
		t, err := parseTemplate(text)
		if err != nil {
			errs = append(errs, fmt.Errorf("Tags[%d] is %q: %w", i, text, err))
			continue
		}
		for _, piece := range t {
			if pattern != "" && piece.wild && !slices.Contains(wild, piece.text) {
				errs = append(errs, fmt.Errorf("Tags[%d] is %q: the pattern has no wildcard {%s}", i, text, piece.text))
			}
		}
		sample := t.sample()
		if err := checkTag(sample, cdns); err != nil {
			errs = append(errs, fmt.Errorf("Tags[%d]: %w", i, err))
		} else {
			samples = append(samples, sample)
		}
	}
	if err := checkTags(samples, cdns); err != nil {
		errs = append(errs, fmt.Errorf("Tags: %w", err))
	}
	return errs
}

func (p *Policy) checkStatuses() []error {
	var errs []error
	for status, life := range p.Statuses {
		switch {
		case isSuccess(status):
			errs = append(errs, fmt.Errorf("Statuses[%d] is kept for Edge and needs no line", status))
		case status < 200 || status > 599:
			errs = append(errs, fmt.Errorf("Statuses[%d] is no final status", status))
		case status == 401 || status == 407:
			errs = append(errs, fmt.Errorf("Statuses[%d] is about the credentials of one who asks, and for nobody else", status))
		case life == 0:
			errs = append(errs, fmt.Errorf("Statuses[%d] is 0: leave out what is not kept", status))
		default:
			if err := checkDuration(life); err != nil {
				errs = append(errs, fmt.Errorf("Statuses[%d] %w", status, err))
			}
		}
	}
	// In the same order each time, though a map has none.
	slices.SortFunc(errs, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errs
}

// isPersonal tells whether a request field says who asks.
func isPersonal(field string) bool {
	return strings.EqualFold(field, "Cookie") || strings.EqualFold(field, "Authorization")
}

// personal tells whether a response that varies by a request field is for one
// person, as far as the policy does not say otherwise.
func (p *Policy) personal(field string) bool {
	switch {
	case p.Private:
		return false
	case strings.EqualFold(field, "Cookie"):
		return !p.SameForEveryoneDespiteCookies
	case strings.EqualFold(field, "Authorization"):
		return !p.SameForEveryoneDespiteAuthorization
	}
	return false
}

// isSuccess tells whether a policy speaks of a status without naming it.
func isSuccess(status int) bool {
	switch status {
	case 200, 203, 204, 206, 304:
		return true
	}
	return false
}

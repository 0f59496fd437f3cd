package policy

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

const (
	// longestFromValue is the bound of a class whose values know their own end: a
	// value that says a wrong one must be gone some day.
	longestFromValue = 24 * time.Hour
	// longestNegative is the default bound on how long "there is none" is remembered,
	// that of larder.Policy: what is created meanwhile is missed.
	longestNegative = 30 * time.Second
)

// Resolve returns the class under name with what its profile and its tiers say
// filled in: TTL in each tier, both stale windows, Jitter, Pattern, Tiers, Privacy
// and Encrypt. [None] has become zero in the windows; in Jitter, where zero means
// the default, it stays. The rest is as it was said. The error says that there is
// no such class, or no such profile.
func (p *Policy) Resolve(name string) (Class, error) {
	c, ok := p.Classes[name]
	if !ok {
		return Class{}, fmt.Errorf("policy: no class %q", name)
	}
	line, err := p.line(c.Profile)
	if err != nil {
		return Class{}, fmt.Errorf("policy: class %q: %w", name, err)
	}
	c.Pattern = cmp.Or(c.Pattern, CacheAside)
	c.Privacy = cmp.Or(c.Privacy, Public)
	if c.Pattern == Never {
		return c, nil
	}
	// Sensitive is a promise about the values, and encryption how it is kept.
	c.Encrypt = c.Encrypt || c.Privacy == Sensitive
	if c.Tiers == nil {
		c.Tiers = []Tier{Memory, Shared}
	}
	if c.FromValue && line.Fresh == 0 {
		line.Fresh = longestFromValue
	}
	c.TTL.Shared = cmp.Or(c.TTL.Shared, line.Fresh)
	c.TTL.Memory = cmp.Or(c.TTL.Memory, c.TTL.Shared)
	c.TTL.Edge = cmp.Or(c.TTL.Edge, c.TTL.Shared)
	c.StaleWhileRevalidate = said(c.StaleWhileRevalidate, line.Stale)
	c.StaleIfError = said(c.StaleIfError, line.staleIfError())
	c.Jitter = cmp.Or(c.Jitter, line.Jitter)
	c.NegativeTTL = cmp.Or(c.NegativeTTL, min(c.TTL.Shared, longestNegative))
	return c, nil
}

// ResolveRoute returns the route under pattern with what its profile and its class
// say filled in: NoStore, Edge and both stale windows. The error says that
// there is no such route, or that it names a class or profile that is not there.
func (p *Policy) ResolveRoute(pattern string) (Route, error) {
	r, ok := p.Routes[pattern]
	if !ok {
		return Route{}, fmt.Errorf("policy: no route %q", pattern)
	}
	line, err := p.line(r.Profile)
	if err != nil {
		return Route{}, fmt.Errorf("policy: route %q: %w", pattern, err)
	}
	if r.Class != "" {
		c, err := p.Resolve(r.Class)
		if err != nil {
			return Route{}, fmt.Errorf("policy: route %q: %w", pattern, err)
		}
		if c.Pattern == Never {
			return Route{Class: r.Class, NoStore: true, Ignore: r.Ignore}, nil
		}
		// The life of the class is the least that a route says: its own, and that of a
		// profile of its own, come before it.
		if line.Fresh == 0 && slices.Contains(c.Tiers, Edge) && !r.NoStore && !r.Private {
			line.Fresh = c.TTL.Edge
		}
	}
	// No profile opens at the edge what the route has closed.
	if r.NoStore || r.Private {
		line = Profile{}
	}
	r.Edge = said(r.Edge, line.Fresh)
	r.Browser = max(r.Browser, 0)
	r.StaleWhileRevalidate = said(r.StaleWhileRevalidate, line.Stale)
	r.StaleIfError = said(r.StaleIfError, line.staleIfError())
	return r, nil
}

// Queries returns by which parameters of the query the responses of each route differ
// for caches that many share, by its pattern: by all if it is nil, by none if it is
// empty. Routes that no shared cache keeps are there too, with nil: they take their
// requests from less specific ones, and what they answer may depend on anything. The
// error names a class or profile that is not there.
func (p *Policy) Queries() (map[string][]string, error) {
	all := make(map[string][]string, len(p.Routes))
	var errs []error
	for _, pattern := range slices.Sorted(maps.Keys(p.Routes)) {
		r, err := p.ResolveRoute(pattern)
		if err != nil {
			errs = append(errs, err)
		}
		if r.Edge <= 0 {
			r.Query = nil
		}
		all[pattern] = r.Query
	}
	return all, errors.Join(errs...)
}

// line returns the profile under name, or an empty one for none.
func (p *Policy) line(name string) (Profile, error) {
	if name == "" {
		return Profile{}, nil
	}
	line, ok := p.Profiles[name]
	if !ok {
		return Profile{}, fmt.Errorf("no profile %q", name)
	}
	return line, nil
}

// staleIfError is how long after Fresh a value is of use when nothing replaces it. A
// profile has ages and a class has windows, hence the difference.
func (l Profile) staleIfError() time.Duration {
	if l.Expire == 0 {
		return l.Stale
	}
	return l.Expire - l.Fresh
}

// said is what a field says, or otherwise if it says nothing. None becomes zero here,
// after the profile had its turn: zero before would have let the profile speak.
func said(field, otherwise time.Duration) time.Duration {
	return max(cmp.Or(field, otherwise), 0)
}

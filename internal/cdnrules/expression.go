package cdnrules

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// pathField is the path of a request in Cloudflare's Rules language.
const pathField = "http.request.uri.path"

// clause is the condition of one rule: requests for its route, less its exceptions.
// It has no condition on the host: rules for the same hosts share one, which join puts
// before them.
func (r *Rule) clause() string {
	var exceptions []string
	for _, e := range r.except {
		text := e.pattern.expression()
		// Where the hosts are the same, the condition on them stands outside.
		if !slices.Equal(e.Hosts, r.Hosts) {
			text = hostExpression(e.Hosts) + " and " + text
		}
		exceptions = append(exceptions, "("+text+")")
	}
	text := r.pattern.expression()
	if method := r.only(); method != "" {
		text = "http.request.method eq " + quote(method) + " and " + text
	}
	if len(exceptions) > 0 {
		text += " and not (" + strings.Join(exceptions, " or ") + ")"
	}
	return text
}

// needsRegexp tells whether the rule can only be said with the operator matches.
// Its exceptions count, too, since they stand in its clause.
func (r *Rule) needsRegexp() bool {
	return r.pattern.needsRegexp() || slices.ContainsFunc(r.except, func(e *Rule) bool { return e.pattern.needsRegexp() })
}

// hostExpression is the condition on hosts, of which there is at least one.
// Of one host it is the shorter form: each byte of an expression counts.
func hostExpression(hosts []string) string {
	if len(hosts) == 1 {
		return "http.host eq " + quote(hosts[0])
	}
	quoted := make([]string, len(hosts))
	for i, host := range hosts {
		quoted[i] = quote(host)
	}
	return "http.host in {" + strings.Join(quoted, " ") + "}"
}

// expression is the condition on the path. It relies on paths without empty
// segments: ServeMux redirects others.
//
// The star of the wildcard operators matches slashes too. So where nothing may
// follow, a second condition bounds the number of slashes: each star then has one
// segment.
func (p *pattern) expression() string {
	switch {
	case !p.has(single) && p.has(rest):
		return "starts_with(" + pathField + ", " + quote(p.path(nothing, same)) + ")"
	case !p.has(single):
		return pathField + " eq " + quote(p.path(nothing, same))
	case p.needsRegexp():
		return pathField + ` matches r"^` + p.regexp() + `$"`
	}
	star := func(kind) string { return "*" }
	text := pathField + " strict wildcard " + quote(p.path(star, escapeStar))
	if p.has(rest) {
		return text
	}
	text += " and not " + pathField + " strict wildcard " + quote(strings.Repeat("/*", len(p.segments)+1))
	if p.segments[len(p.segments)-1].kind == single {
		text += " and not ends_with(" + pathField + `, "/")`
	}
	return text
}

// needsRegexp: with a literal between a wildcard and an open end, the number of
// slashes does not tell where the wildcard ends.
func (p *pattern) needsRegexp() bool {
	after := false
	for _, s := range p.segments {
		if s.kind == single {
			after = true
		}
		if s.kind == literal && after && p.has(rest) {
			return true
		}
	}
	return false
}

// regexp is a regular expression, without anchors, for a path in the form of
// [escape], maybe with a query behind it. It means the same to RE2, PCRE and Rust.
func (p *pattern) regexp() string {
	return p.path(func(k kind) string {
		if k == rest {
			return `[^?]*`
		}
		return `[^/?]+`
	}, regexp.QuoteMeta)
}

// nothing and same are for paths without wildcards, or with one at the end that
// starts_with leaves open.
func nothing(kind) string { return "" }

func same(text string) string { return text }

// escapeStar writes a star that the wildcard operators take literally. No
// backslash is in an escaped path.
func escapeStar(text string) string { return strings.ReplaceAll(text, "*", `\*`) }

// quote writes a string of the Rules language. What is quoted here has no control
// characters.
func quote(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
}

// maxExpression is how long an expression may be, in bytes (Cloudflare's Rules
// language, "Maximum rule expression length").
const maxExpression = 4096

// join puts clauses for the same hosts into as few expressions as fit, and returns
// which of the clauses are in each. They stay in their order: to fill gaps with later
// clauses would move them between the rules of a zone whenever one changes its length.
func join(hosts []string, rules []*Rule) (expressions []string, parts [][]*Rule, err error) {
	host := ""
	if len(hosts) > 0 {
		host = hostExpression(hosts) + " and "
	}
	room := maxExpression - len(host) - len("()")
	var open strings.Builder
	var part []*Rule
	flush := func() {
		if len(part) > 0 {
			text := open.String()
			if len(part) > 1 && host != "" {
				text = "(" + text + ")"
			}
			expressions = append(expressions, host+text)
			parts = append(parts, part)
			open.Reset()
			part = nil
		}
	}
	for _, r := range rules {
		text := "(" + r.clause() + ")"
		if len(text) > room {
			return nil, nil, fmt.Errorf("cdn: route %q: its expression has %d bytes, at most %d: make the pattern shorter, or let fewer routes lie within it", r.Route, len(host)+len(text), maxExpression)
		}
		if len(part) > 0 && open.Len()+len(" or ")+len(text) > room {
			flush()
		}
		if len(part) > 0 {
			open.WriteString(" or ")
		}
		open.WriteString(text)
		part = append(part, r)
	}
	flush()
	return expressions, parts, nil
}

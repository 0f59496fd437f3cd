package cdnrules

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/larderdev/larder/policy"
)

// Format is what rules are exported to.
type Format string

// The formats.
const (
	// Terraform is a resource cloudflare_ruleset for version 5.21.1 of Cloudflare's
	// provider and later 5. Terraform manages all rules of the phase: those of others go.
	Terraform Format = "terraform"
	// Varnish is VCL 4.1 for Varnish 6.6 and later, to be included. It goes with
	// larder.vcl of package purge/varnish.
	Varnish Format = "varnish"
	// Nginx are two files to be included, in the block http and in a location. They
	// go with larder.conf of package purge/nginx.
	Nginx Format = "nginx"
	// Fastly are two VCL snippets of Fastly, for vcl_recv and vcl_fetch.
	Fastly Format = "fastly"
)

// Formats returns all formats.
func Formats() []Format { return []Format{Terraform, Varnish, Nginx, Fastly} }

// File is a file that was exported.
type File struct {
	Name    string `json:"name"`
	Content string `json:"content"`
}

// Exported is what an export made.
type Exported struct {
	Files []File `json:"files"`
	// Notes tell what the format cannot say.
	Notes []string `json:"notes"`
}

// Export writes the rules of p for a cache that serves hosts, none meaning all.
// Equal policies give equal files. Of o, Plan and Owner are used, and by Terraform
// alone.
//
// The caches that Varnish, nginx and Fastly run keep what the policy names and
// nothing else. They, unlike Cloudflare, ask the service for the URL that is the
// key: without parameters that the policy leaves out, so that none can change a
// response that others get.
func Export(p *policy.Policy, hosts []string, f Format, o Options) (*Exported, error) {
	if err := o.Check(); err != nil {
		return nil, fmt.Errorf("cdn: %w", err)
	}
	rules, err := Rules(p, hosts)
	if err != nil {
		return nil, err
	}
	switch f {
	case Terraform:
		return terraform(rules, o)
	case Varnish:
		return varnish(byPrecedence(rules)), nil
	case Nginx:
		return nginx(byPrecedence(rules)), nil
	case Fastly:
		return fastly(byPrecedence(rules)), nil
	}
	return nil, fmt.Errorf("cdn: the format is %q, want one of %q", f, Formats())
}

// byPrecedence returns the rules about GET, of two that match the same the one that
// wins first.
// A bypass for POST is none there: these caches keep nothing but what GET and HEAD get.
func byPrecedence(rules []Rule) []Rule {
	sorted := slices.DeleteFunc(slices.Clone(rules), func(r Rule) bool { return r.only() != "" })
	slices.SortFunc(sorted, func(a, b Rule) int { return a.pattern.compare(&b.pattern) })
	return sorted
}

// written is the first line of each file that may have comments.
const written = "# Written by larder cdn export from the routes of larder.yaml: change those instead.\n"

// odd matches paths that are not as [escape] writes them, so that no pattern can be
// evaded by writing a path differently: with something escaped that need not be, or
// not that must be, with small hexadecimal digits, with empty segments or dots.
// What matches is passed to the service, which knows what it means, and is not kept.
const odd = `^(?!/)|//|/\.\.?(?:/|$)|%(?!0[0-9A-F]|1[0-9A-F]|2[0235]|3[CEF]|5[BCDE]|60|7[BCDF]|[89A-F][0-9A-F])|[^A-Za-z0-9._~!$&'()*+,;=:@%/-]`

// hostRegexp matches the field Host, without anchors.
// Without anchors, because each format has its own text around it.
func hostRegexp(hosts []string) string {
	quoted := make([]string, len(hosts))
	for i, host := range hosts {
		quoted[i] = regexp.QuoteMeta(host)
	}
	return "(?:" + strings.Join(quoted, "|") + ")"
}

// nameRegexp matches the name of a parameter as it stands in a query: with what is
// special escaped or not.
func nameRegexp(name string) string {
	var b strings.Builder
	for i := range len(name) {
		c := name[i]
		if strings.IndexByte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", c) >= 0 {
			b.WriteByte(c)
			continue
		}
		if c == '\\' { // nginx takes two of them in a string for one
			b.WriteString(`(?:%5C|%5c|\x5C)`)
			continue
		}
		escaped := fmt.Sprintf("%%%02X", c)
		// RFC 3986, section 2.1: the digits mean the same in both cases.
		if small := strings.ToLower(escaped); small != escaped {
			escaped += "|" + small
		}
		if strings.IndexByte("&=+%#;\"'", c) < 0 { // these mean something else as they are
			escaped += "|" + regexp.QuoteMeta(string(c))
		}
		b.WriteString("(?:" + escaped + ")")
	}
	return b.String()
}

// namesRegexp matches one of several names.
func namesRegexp(names []string) string {
	all := make([]string, len(names))
	for i, name := range names {
		all[i] = nameRegexp(name)
	}
	return "(?:" + strings.Join(all, "|") + ")"
}

// comment is what a rule does, in one line.
// On one line whatever the pattern is: what came behind a line feed would be
// configuration.
func (r *Rule) comment() string {
	return printable(fmt.Sprintf("%s: %s, %s", r.Route, r.Action, r.Reason))
}

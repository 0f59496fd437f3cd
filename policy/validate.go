package policy

import (
	"errors"
	"fmt"
	"go/token"
	"maps"
	"math"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/larderdev/larder/internal/nearest"
	"github.com/larderdev/larder/policy/internal/field"
)

// Validate returns what is wrong with a policy by itself, all at once: a name that
// is none or that is not there, a value out of range, two fields that contradict
// each other. What is doubtful is for package lint. A file that was read without an
// error is valid.
//
// The error unwraps to one for each mistake, each with the methods
//
//	Field() string   // the path of the field: classes.product.ttl.memory
//	Message() string // what is wrong
//	Mend() string    // what to do
//
// A path has the keys of the file, see file.Path.
func (p *Policy) Validate() error {
	c := &checker{
		profiles: slices.Sorted(maps.Keys(p.Profiles)),
		classes:  slices.Sorted(maps.Keys(p.Classes)),
	}
	if p.Version == 0 {
		c.report("version", fmt.Sprintf("write version: %d", FileVersion), "there is no version of the format")
	} else if p.Version != FileVersion {
		c.report("version", fmt.Sprintf("write version: %d", FileVersion), "want the version %d of the format, got %d", FileVersion, p.Version)
	}
	c.fleet(&p.Fleet)
	c.generated(&p.Go)
	for _, name := range c.profiles {
		c.profile(name, p.Profiles[name])
	}
	for _, name := range c.classes {
		class := p.Classes[name]
		c.class(name, &class)
	}
	for _, pattern := range slices.Sorted(maps.Keys(p.Routes)) {
		route := p.Routes[pattern]
		c.route(pattern, &route)
	}
	for i := range p.CDNs {
		c.cdn(field.At("cdn", i), &p.CDNs[i])
	}
	return errors.Join(c.mistakes...)
}

// fieldError is one mistake in a policy.
type fieldError struct{ path, message, mend string }

func (e *fieldError) Error() string {
	return "policy: " + e.path + ": " + e.message + ": " + e.mend
}

func (e *fieldError) Field() string   { return e.path }
func (e *fieldError) Message() string { return e.message }
func (e *fieldError) Mend() string    { return e.mend }

// checker collects the mistakes of a policy.
type checker struct {
	profiles, classes []string // the names that are there, sorted
	renamed           []string // "a class product": what names that cannot be should be
	mistakes          []error
}

func (c *checker) report(path, mend, format string, args ...any) {
	c.mistakes = append(c.mistakes, &fieldError{path, fmt.Sprintf(format, args...), mend})
}

const (
	// minStaleness is the least that larder.Options allows.
	minStaleness = 10 * time.Millisecond
	// maxJitter is the largest part of a life that chance may take.
	maxJitter = 0.5
	// maxMeant bounds the mistakes for which the nearest name is looked for, which
	// takes time when there are many names.
	maxMeant = 100
	// maxQuoted bounds the characters of a value that a message repeats.
	maxQuoted = 40
)

// className is the form of the names of classes and profiles.
var className = regexp.MustCompile(`^[a-z0-9][a-z0-9_.-]{0,63}$`)

// name reports a name that no class or profile can have.
func (c *checker) name(path, what, name string) {
	if className.MatchString(name) {
		return
	}
	mend := `write a small letter or digit, then up to 63 of "a" to "z", digits, "_", "." and "-"`
	if better := strings.ReplaceAll(strings.ToLower(strings.TrimSpace(name)), " ", "-"); className.MatchString(better) {
		mend = "write " + better
		c.renamed = append(c.renamed, what+" "+better)
	}
	c.report(path, mend, "%s cannot be called %s", what, quote(name))
}

// utf8 reports a text that cannot be written into a file.
func (c *checker) utf8(path, text string) {
	if !utf8.ValidString(text) {
		c.report(path, "write UTF-8", "the text %s is not UTF-8", quote(text))
	}
}

// length reports a duration that is below nothing, but for None where that has a
// meaning.
func (c *checker) length(path string, d time.Duration, noneToo bool) {
	if d >= 0 || noneToo && d == None {
		return
	}
	c.report(path, "write one above 0, or leave it out", "the duration %v is negative", d)
}

func (c *checker) number(path string, n int64, noneToo bool) {
	if n >= 0 || noneToo && n == None {
		return
	}
	c.report(path, "write one above 0, or leave it out", "the number %d is negative", n)
}

// fraction reports a number that is negative or none at all.
func (c *checker) fraction(path string, f float64, noneToo bool) {
	if f >= 0 && !math.IsInf(f, 0) || noneToo && f == None {
		return
	}
	c.report(path, "write one above 0, or leave it out", "%v is not a number above 0", f)
}

func (c *checker) jitter(path string, share float64) {
	if share == None || share >= 0 && share <= maxJitter {
		return
	}
	c.report(path, "write at most 50%, or none", "a jitter of %.4g%% is out of range", 100*share)
}

// oneOf reports a value that is not among those that a field has. Empty: not said.
func (c *checker) oneOf(path, what, value string, known ...string) {
	if value != "" && !slices.Contains(known, value) {
		c.report(path, c.meant(value, known), "%s is no %s", quote(value), what)
	}
}

// named reports a name that is not among those that are there, which are sorted.
func (c *checker) named(path, what, name string, there []string) {
	_, ok := slices.BinarySearch(there, name)
	if name != "" && !ok && !slices.Contains(c.renamed[:min(len(c.renamed), maxMeant)], "a "+what+" "+name) { // else one mend is enough
		c.report(path, c.meant(name, there), "there is no %s %s", what, quote(name))
	}
}

// meant says which of the known values somebody may have meant.
func (c *checker) meant(value string, known []string) string {
	if len(c.mistakes) > maxMeant {
		return "write the name of one that is there"
	}
	if near := nearest.Name(value, known); near != "" {
		return "did you mean " + near + "?"
	}
	if len(known) == 0 {
		return "there are none; leave it out"
	}
	if len(known) > 12 {
		return "write the name of one that is there"
	}
	return "write one of " + strings.Join(known, ", ")
}

// unique reports members of a list that are there twice.
func unique[T ~string](c *checker, path string, list []T) {
	seen := make(map[T]bool, len(list))
	for i, member := range list {
		if seen[member] {
			c.report(field.At(path, i), "keep one of them", "%s is there twice", quote(string(member)))
		}
		seen[member] = true
	}
}

// ignore reports lint rules that are to be ignored without a reason.
func (c *checker) ignore(path string, rules map[string]string) {
	for _, rule := range slices.Sorted(maps.Keys(rules)) {
		why := rules[rule]
		switch {
		case !plainWord.MatchString(rule):
			c.report(path, "write # larder:ignore RULE why", "%s is no lint rule to ignore", quote(rule))
		case why == "" || why != strings.TrimSpace(why) || strings.ContainsFunc(why, func(r rune) bool { return !printable(r) }):
			c.report(path, "write # larder:ignore "+rule+" and why, on one line", "the rule %s is ignored without a reason that can be written in a comment", rule)
		}
	}
}

// plainWord is the form of a rule's id.
var plainWord = regexp.MustCompile(`^[A-Za-z0-9_-]{1,40}$`)

// printable tells whether a character can stand in a comment of a file, or in the
// name of a folder that messages show.
func printable(r rune) bool {
	return r >= ' ' && r != 0x7f && !(r >= 0x80 && r < 0xa0) && r != '\u2028' && r != '\u2029' && r != '\uFEFF' && r != '\uFFFD'
}

func (c *checker) fleet(f *Fleet) {
	c.length("fleet.max_staleness", f.MaxStaleness, false)
	c.length("fleet.shared_timeout", f.SharedTimeout, false)
	c.length("fleet.lease", f.Lease, false)
	c.length("fleet.hold", f.Hold, false)
	if f.MaxStaleness > 0 && f.MaxStaleness < minStaleness {
		c.report("fleet.max_staleness", "write 10ms or more", "%v is below what clocks and networks can keep", f.MaxStaleness)
	}
}

func (c *checker) generated(g *Go) {
	switch name := path.Base(g.Out); {
	case g.Package != "" && !packageName(g.Package):
		c.report("go.package", "write a name such as caches", "%s cannot be the name of an imported Go package", quote(g.Package))
	case g.Package == "" && g.Out != "" && !packageName(name):
		c.report("go.out", "write the name as well: package: caches", "%s cannot be the name of an imported Go package, and no package says another", quote(name))
	}
	if g.Out != "" && (path.IsAbs(g.Out) || strings.ContainsAny(g.Out, "\\:") || strings.ContainsFunc(g.Out, func(r rune) bool { return !printable(r) }) || path.Clean(g.Out) != strings.TrimPrefix(strings.TrimSuffix(g.Out, "/"), "./")) {
		c.report("go.out", "write a path with / that is relative to the file: internal/caches", "%s is no folder relative to the file", quote(g.Out))
	}
}

// packageName tells whether an imported package may be called so.
func packageName(name string) bool {
	return token.IsIdentifier(name) && name != "_" && name != "main" && name != "documentation" && !strings.HasSuffix(name, "_test")
}

// profile reports what is wrong with a line of life.
func (c *checker) profile(name string, p Profile) {
	path := field.Path("profiles", name)
	c.name(path, "a profile", name)
	below := func(key string) string { return field.Path(path, key) }
	c.length(below("fresh"), p.Fresh, false)
	c.length(below("stale"), p.Stale, false)
	c.length(below("expire"), p.Expire, false)
	c.jitter(below("jitter"), p.Jitter)
	switch {
	case p.Fresh == 0:
		c.report(below("fresh"), "write how long a value is served as it is: fresh: 5m", "the profile %s has no fresh", quote(name))
	case p.Fresh < 0 || p.Stale < 0 || p.Expire <= 0:
	// The difference, and no sum, which could overflow.
	case p.Expire < p.Fresh || p.Expire-p.Fresh < p.Stale:
		c.report(below("expire"), "write the age at which a value is gone: fresh and stale together, or more",
			"expire is %v, below fresh (%v) and stale (%v) together", p.Expire, p.Fresh, p.Stale)
	}
}

// variable is the name of an environment variable, and host that of one host: rules
// are written for hosts that can be compared letter for letter.
var (
	variable = regexp.MustCompile(`^[A-Z_][A-Z0-9_]*$`)
	host     = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
)

// cdnKinds are the caches for which rules can be written.
var cdnKinds = []string{"cloudflare", "fastly", "cloudfront", "akamai", "bunny", "google", "varnish", "nginx", "larder"}

func (c *checker) cdn(path string, cdn *CDN) {
	if cdn.Kind == "" {
		c.report(field.Path(path, "kind"), "write one of "+strings.Join(cdnKinds, ", "), "the CDN has no kind")
	}
	c.oneOf(field.Path(path, "kind"), "kind of CDN", cdn.Kind, cdnKinds...)
	// The value is not repeated: it may be the secret itself.
	for _, v := range []struct{ key, value string }{{"zone", cdn.Zone}, {"token", cdn.Token}} {
		if v.value != "" && !variable.MatchString(v.value) {
			c.report(field.Path(path, v.key), "write a name in capital letters, digits and _, without $, and set the variable to the "+v.key,
				"%s is not the name of an environment variable", v.key)
		}
	}
	for i, name := range cdn.Hosts {
		if len(name) > 253 || !host.MatchString(name) {
			c.report(field.At(field.Path(path, "hosts"), i), "write each name alone, in small letters: shop.example.com", "%s is no name of a host", quote(name))
		}
	}
	unique(c, field.Path(path, "hosts"), cdn.Hosts)
}

// quote quotes a value for a message, without its end if it is long.
func quote(value string) string {
	runes := []rune(value)
	if len(runes) <= maxQuoted {
		return fmt.Sprintf("%q", value)
	}
	return fmt.Sprintf("%q…", string(runes[:maxQuoted]))
}

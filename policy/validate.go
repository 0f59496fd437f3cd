package policy

import (
	"errors"
	"fmt"
	"go/token"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/larderdev/larder/policy/internal/field"
	"github.com/larderdev/larder/policy/internal/secret"
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

// minStaleness is the least that larder.Options allows. The package repeats it, since
// it knows nothing of package larder.
const minStaleness = 10 * time.Millisecond

// fleet holds what all classes share to the bounds of larder.Options: what passes here
// is not refused when the service starts.
func (c *checker) fleet(f *Fleet) {
	c.length("fleet.max_staleness", f.MaxStaleness)
	c.length("fleet.shared_timeout", f.SharedTimeout)
	c.length("fleet.lease", f.Lease)
	c.length("fleet.hold", f.Hold)
	if f.MaxStaleness > 0 && f.MaxStaleness < minStaleness {
		c.report("fleet.max_staleness", "write 10ms or more", "%v is below what clocks and networks can keep", f.MaxStaleness)
	}
}

// generated reports a package that nothing could import, and a folder that would not
// be the same on each machine. The path is part of what generated code and messages
// say, so that it has one spelling, and nothing that acts on a terminal.
func (c *checker) generated(g *Go) {
	switch name := path.Base(g.Out); {
	case g.Package != "" && !packageName(g.Package):
		c.report("go.package", "write a name such as caches", "%s cannot be the name of an imported Go package", secret.Quote(g.Package))
	case g.Package == "" && g.Out != "" && !packageName(name):
		c.report("go.out", "write the name as well: package: caches", "%s cannot be the name of an imported Go package, and no package says another", secret.Quote(name))
	}
	if g.Out != "" && !relativeFolder(g.Out) {
		c.report("go.out", "write a path with / that is relative to the file: internal/caches", "%s is no folder relative to the file", secret.Quote(g.Out))
	}
}

// relativeFolder tells whether a path means the same folder wherever the file is. A
// backslash or a colon does on Windows only, and "a/../b" is "b" only if a is no link.
func relativeFolder(name string) bool {
	oneSpelling := path.Clean(name) == strings.TrimPrefix(strings.TrimSuffix(name, "/"), "./")
	return oneSpelling && !path.IsAbs(name) && !strings.ContainsAny(name, "\\:") && !strings.ContainsFunc(name, unprintable)
}

// packageName tells whether an imported package may be called so. The go command
// takes "main" for a program, "documentation" for a package to ignore, and a name
// that ends in "_test" for tests.
func packageName(name string) bool {
	return token.IsIdentifier(name) && name != "_" && name != "main" && name != "documentation" && !strings.HasSuffix(name, "_test")
}

// profile reports what is wrong with a line of life. What is negative is told once: the
// ages are compared only if each is one.
func (c *checker) profile(name string, p Profile) {
	path := field.Path("profiles", name)
	c.name(path, "a profile", name)
	below := func(key string) string { return field.Path(path, key) }
	c.length(below("fresh"), p.Fresh)
	c.length(below("stale"), p.Stale)
	c.length(below("expire"), p.Expire)
	c.jitter(below("jitter"), p.Jitter)
	switch {
	case p.Fresh == 0:
		c.report(below("fresh"), "write how long a value is served as it is: fresh: 5m", "the profile %s has no fresh", secret.Quote(name))
	case p.Fresh < 0 || p.Stale < 0 || p.Expire <= 0:
	case p.Expire < p.Fresh || p.Expire-p.Fresh < p.Stale: // fresh + stale could overflow
		c.report(below("expire"), "write the age at which a value is gone: fresh and stale together, or more",
			"expire is %v, below fresh (%v) and stale (%v) together", p.Expire, p.Fresh, p.Stale)
	}
}

// variable is the name of an environment variable in the spelling that people use.
// POSIX allows small letters, too, but then most tokens would look like names.
//
// host is the name of one host (RFC 1123, 2.1) in small letters and without
// wildcards, since rules of CDNs compare hosts letter for letter.
var (
	variable = regexp.MustCompile(`^[A-Z_][A-Z0-9_]*$`)
	host     = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
)

// maxHost is the longest name that DNS has, in bytes of its text: 255 on the wire
// (RFC 1035, 2.3.4).
const maxHost = 253

// cdnKinds are the caches for which rules can be written.
var cdnKinds = []string{"cloudflare", "fastly", "cloudfront", "akamai", "bunny", "google", "varnish", "nginx", "larder"}

// cdn reports what no rule could be written for. A CDN needs a kind, but no zone:
// Larder's edge, Varnish and nginx have none, and lint knows who does.
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
		if len(name) > maxHost || !host.MatchString(name) {
			c.report(field.At(field.Path(path, "hosts"), i), "write each name alone, in small letters: shop.example.com", "%s is no name of a host", secret.Quote(name))
		}
	}
	unique(c, field.Path(path, "hosts"), cdn.Hosts)
}

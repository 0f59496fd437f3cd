package edge

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"time"
)

// Profile says whom a cache believes.
type Profile int

const (
	// SafeDefault stores less than it might: no response with Set-Cookie, none to
	// a request with credentials (Authorization, a client certificate, a cookie
	// that is not in [Options.PlainCookies]), whatever the origin says; none
	// whose lifetime nobody stated; and none of which nobody can see whether it
	// is whole. Requests with Authorization go to the origin. Clients cannot have
	// the cache ask the origin anew.
	SafeDefault Profile = iota
	// StrictRFC stores whatever RFC 9111 lets a shared cache store, and obeys the
	// directives of requests.
	StrictRFC
)

// String returns the name of the profile as the command line has it.
func (p Profile) String() string {
	switch p {
	case SafeDefault:
		return "safe-default"
	case StrictRFC:
		return "strict-rfc"
	}
	return fmt.Sprintf("Profile(%d)", int(p))
}

// Options configures a [Handler]. Origin is the only field that must be set.
type Options struct {
	// Origin is where responses come from: http or https, a host, and maybe a
	// path that goes before that of each request.
	Origin *url.URL
	// Profile says whom the cache believes.
	//
	// Default: SafeDefault.
	Profile Profile
	// Name is what the edge calls itself in Cache-Status: a token of up to 64
	// letters, digits, "-", "_" and ".", that begins with a letter. In Via a random
	// part follows it, which tells this handler from all others: a request that
	// comes back with it runs in a circle, and is answered with 508.
	//
	// Default: "larder".
	Name string

	// MaxBytes bounds the memory of stored responses, keys and fields included;
	// at least 1 MiB. Bodies on their way take a quarter of it in addition, at
	// most, and the marks of purges 1/64, at least 1 MiB.
	//
	// Default: 256 MiB.
	MaxBytes int64
	// MaxObjectBytes bounds a body that is stored, from 1 to a quarter of
	// MaxBytes. A larger one passes through.
	//
	// Default: 8 MiB, or a quarter of MaxBytes if that is less.
	MaxObjectBytes int64

	// Disk is a folder for what is stored beside the memory, for this handler alone;
	// it is made if it is not there. What is in it outlives the process, however
	// that ends, and is confirmed by the origin before it is served again. Writing is
	// behind: what cannot be written in time is not, and a full disk fails no request.
	//
	// Default: none.
	Disk string
	// DiskBytes bounds the files in Disk, each counted as a multiple of 4 KiB; at
	// least 1 MiB. What the memory needs to know of them is some 150 bytes for each.
	//
	// Default: 4 GiB.
	DiskBytes int64

	// Queries says by which parameters of the query responses differ. Where it says
	// nothing each query is a URL of its own. [Handler.SetQueries] changes it.
	//
	// Default: none.
	Queries Queries
	// TargetFields are the fields that target this cache, the first of them
	// before the others, and all of them before Cache-Control (RFC 9213 2.2).
	//
	// Default: CDN-Cache-Control.
	TargetFields []string
	// PlainCookies are the names of cookies that say nothing of who the client
	// is, such as that of a colour scheme. A request with any other is one with
	// credentials for SafeDefault.
	//
	// Default: none.
	PlainCookies []string
	// ExposeTags leaves the fields for caches in answers (Cache-Tag,
	// Surrogate-Key, xkey, Edge-Cache-Tag, CDN-Tag, Surrogate-Control,
	// Cache-Groups): for another cache before this one. Those of TargetFields
	// stay in any case, and Cache-Groups, which a standard has for all caches (RFC
	// 9875), with StrictRFC.
	//
	// Default: false, clients do not get them.
	ExposeTags bool
	// PreserveHost sends the client's Host to the origin. X-Forwarded-Host tells
	// it in any case.
	//
	// Default: false, the origin gets the host of Origin.
	PreserveHost bool

	// OriginTimeout is how long the origin may be silent: before its header, and
	// within a body that is going to be stored.
	//
	// Default: 60 s.
	OriginTimeout time.Duration
	// StaleIfUnreachable is for how long a stale response is served when the
	// origin gives no answer at all (RFC 9111 4.2.4), unless it says that it must
	// not be. Negative: never.
	//
	// Default: 24 h.
	StaleIfUnreachable time.Duration
	// Logger is told of an origin that gives no answer, of requests that run in a
	// circle and of a disk store that fails: of each the first time, then at most
	// once in 10 s.
	//
	// Default: slog.Default().
	Logger *slog.Logger
	// Transport sends requests to the origin. It must not follow redirects, and
	// not unpack bodies. [Handler.Close] does not close it.
	//
	// Default: one of the handler's own.
	Transport http.RoundTripper
}

var (
	nameForm  = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9._-]{0,63}$`)
	fieldForm = regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")
)

// complete fills in the defaults.
func (o *Options) complete() {
	o.Name = cmp.Or(o.Name, "larder")
	o.MaxBytes = cmp.Or(o.MaxBytes, 256<<20)
	o.MaxObjectBytes = cmp.Or(o.MaxObjectBytes, min(8<<20, o.MaxBytes/4))
	if o.Disk != "" {
		o.DiskBytes = cmp.Or(o.DiskBytes, 4<<30)
	}
	o.OriginTimeout = cmp.Or(o.OriginTimeout, time.Minute)
	o.StaleIfUnreachable = cmp.Or(o.StaleIfUnreachable, 24*time.Hour)
	o.Logger = cmp.Or(o.Logger, slog.Default())
	if o.TargetFields == nil {
		o.TargetFields = []string{"CDN-Cache-Control"}
	}
	o.TargetFields = slices.Clone(o.TargetFields)
	o.PlainCookies = slices.Clone(o.PlainCookies)
	if o.Origin != nil {
		origin := *o.Origin
		o.Origin = &origin
	}
}

// OptionError says what is wrong with a field of [Options].
type OptionError struct {
	// Field is its name, Reason what it is and what it should be.
	Field, Reason string
}

// Error returns the name and the reason, as a sentence.
func (e *OptionError) Error() string { return e.Field + " " + e.Reason }

// validate reports every mistake at once, each as an OptionError. The reasons name
// no other field: a command line has other names for them.
func (o *Options) validate() error {
	var errs []error
	wrong := func(field, format string, args ...any) {
		errs = append(errs, &OptionError{field, fmt.Sprintf(format, args...)})
	}
	switch {
	case o.Origin == nil:
		wrong("Origin", "is nil, want the URL of the origin")
	case o.Origin.Scheme != "http" && o.Origin.Scheme != "https" || o.Origin.Host == "":
		wrong("Origin", "is %q, want http:// or https:// and a host", o.Origin.Redacted())
	case o.Origin.User != nil || o.Origin.RawQuery != "" || o.Origin.Fragment != "":
		wrong("Origin", "is %q, want no user, query or fragment", o.Origin.Redacted())
	}
	if o.Profile != SafeDefault && o.Profile != StrictRFC {
		wrong("Profile", "is %v, want SafeDefault or StrictRFC", o.Profile)
	}
	if !nameForm.MatchString(o.Name) {
		wrong("Name", "is %q, want up to 64 letters, digits, '-', '_' and '.', beginning with a letter", o.Name)
	}
	if o.MaxBytes < 1<<20 {
		wrong("MaxBytes", "is %d, want at least %d", o.MaxBytes, 1<<20)
	}
	if o.MaxObjectBytes < 1 || o.MaxObjectBytes > o.MaxBytes/4 {
		wrong("MaxObjectBytes", "is %d, want 1 to a quarter of the memory, which is %d", o.MaxObjectBytes, o.MaxBytes/4)
	}
	switch {
	case o.Disk == "" && o.DiskBytes != 0:
		wrong("DiskBytes", "is %d, want a folder too", o.DiskBytes)
	case o.Disk != "" && o.DiskBytes < 1<<20:
		wrong("DiskBytes", "is %d, want at least %d", o.DiskBytes, 1<<20)
	}
	for _, field := range o.TargetFields {
		if !fieldForm.MatchString(field) {
			wrong("TargetFields", "has %q, want the name of a field", field)
		}
	}
	if o.OriginTimeout < 0 {
		wrong("OriginTimeout", "is %v, want more than 0", o.OriginTimeout)
	}
	return errors.Join(errs...)
}

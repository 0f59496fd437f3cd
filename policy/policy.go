package policy

import "time"

// FileVersion is the version of the file's format that this package reads.
const FileVersion = 1

// None is a duration, or a number, that was said to be nothing: a class with
// StaleIfError None has no such window although its profile has one. In a file it
// is "none".
const None = -1

// Policy says how a service caches. It holds what was said, without defaults.
// A Policy does not change while it is used; it may then be used concurrently.
type Policy struct {
	// Version is that of the format: [FileVersion].
	Version int
	// Fleet is what all classes share.
	Fleet Fleet
	// Go says where generated code goes.
	Go Go
	// Profiles are named lines of life, by name.
	Profiles map[string]Profile
	// Classes are the kinds of data, by name: a small letter or digit, then up to
	// 63 of "a" to "z", digits, "_", "." and "-".
	Classes map[string]Class
	// Routes are what HTTP responses say, by pattern of net/http.ServeMux.
	Routes map[string]Route
	// CDNs are the caches in front of the service; their order does not matter.
	CDNs []CDN
}

// Fleet is what all classes share. Zero fields have the defaults of
// larder.Options.
type Fleet struct {
	// MaxStaleness bounds how long memory may serve what another process has
	// invalidated. Default: 1 s; at least 10 ms.
	MaxStaleness time.Duration
	// SharedTimeout is the longest wait for one answer of the shared tier.
	// Default: 50 ms.
	SharedTimeout time.Duration
	// Lease is how long a load may be silent before another process takes over.
	// Default: 500 ms.
	Lease time.Duration
	// Hold is how long an invalidated key is marked: longer than replicas lag.
	// Default: 10 s.
	Hold time.Duration
	// Outbox says that a relay delivers what was committed.
	Outbox bool
}

// Go says where generated code goes.
type Go struct {
	// Package is the name of the generated package. Default: the last element of
	// Out.
	Package string
	// Out is its folder, relative to the file. Default: internal/caches.
	Out string
}

// Profile is a named line of life. Fresh is how long a value is served as it is;
// Stale how long after that it is still served while one load replaces it; Expire
// is the age at which it is gone even if it cannot be replaced.
type Profile struct {
	// Fresh is required.
	Fresh time.Duration
	// Stale is StaleWhileRevalidate of whoever uses the profile.
	Stale time.Duration
	// Expire less Fresh is StaleIfError of whoever uses the profile. It is not
	// below Fresh and Stale together. Default: both together.
	Expire time.Duration
	// Jitter is the largest part of Fresh by which a life is shortened at random,
	// from 0 to 0.5; [None]: none. Default: 0.1.
	Jitter float64
}

// Pattern is how a class is cached.
type Pattern string

// The patterns.
const (
	// CacheAside loads values when they are asked for, and forgets them when they
	// change. It is what a class without a pattern has.
	CacheAside Pattern = "cache-aside"
	// WriteThrough puts what an update has written into the shared tier.
	WriteThrough Pattern = "write-through"
	// Never is for what must not be cached. Such a class has no other field than
	// Description.
	Never Pattern = "never"
)

// Tier is where values are kept.
type Tier string

// The tiers.
const (
	Memory Tier = "memory" // each process
	Shared Tier = "shared" // Redis or Valkey
	Edge   Tier = "edge"   // CDN; by routes that name the class
)

// Privacy says whose a class's values are.
type Privacy string

// The degrees of privacy.
const (
	// Public values are the same for everyone. It is what a class without the
	// field has.
	Public Privacy = "public"
	// Private values belong to one user: no shared edge keeps them.
	Private Privacy = "private"
	// Sensitive values are private ones that would harm their owner when they
	// leak: they are encrypted in the shared tier.
	Sensitive Privacy = "sensitive"
)

// Class is a kind of data.
type Class struct {
	// Description is a sentence for people.
	Description string
	// Pattern is how the class is cached. Default: [CacheAside].
	Pattern Pattern
	// Key is what a key is. Default: a string.
	Key Key
	// Type is the Go type of a value: a basic type, or an import path, a dot and a
	// name: "example.com/shop/catalog.Product"; "*" and "[]" may stand before it.
	// Default: encoding/json.RawMessage, JSON as it is.
	Type string
	// Profile names the profile whose line of life the class has.
	Profile string
	// TTL is how long a value is fresh, in each tier.
	TTL TTL
	// NegativeTTL is how long "there is none" is remembered. Default: TTL or 30 s,
	// whichever is shorter.
	NegativeTTL time.Duration
	// StaleWhileRevalidate is how long after TTL a value is still served while one
	// load replaces it. Default: the profile's, else none.
	StaleWhileRevalidate time.Duration
	// StaleIfError is how long after TTL a value is still served when it cannot be
	// loaded. Default: the profile's, else none.
	StaleIfError time.Duration
	// FromValue says that each value knows its own end, as a token does: it is
	// never served after that. TTL is then an upper bound; its default is 24 h.
	FromValue bool
	// Jitter is that of [Profile]. Default: the profile's.
	Jitter float64
	// Tiers says where values are kept. Default: memory and shared.
	Tiers []Tier
	// Tags are carried by every value. "{key}" stands for the key's text.
	Tags []string
	// ValueTags says that values name further tags by themselves.
	ValueTags bool
	// ValueTTL says that values may want a shorter life than TTL.
	ValueTTL bool
	// RowVersion says where the version of a value comes from: "column",
	// "sequence", "xid-snapshot" or "replay-lsn". Default: values have none.
	RowVersion string
	// Batch says that the origin loads many keys at once.
	Batch bool
	// Strict makes reads see no older value from COMMIT on, at the price of a
	// second round trip for each write.
	Strict bool
	// Stampede is how loads are kept from coming together.
	Stampede Stampede
	// Budget bounds the loads of one process.
	Budget Budget
	// MemoryEntries bounds the memory tier by number. Default: 10,000 if
	// MemoryBytes is 0.
	MemoryEntries int
	// MemoryBytes bounds the memory tier by the encoded size of its values.
	MemoryBytes int64
	// CompressAbove is the encoded size above which values in the shared tier are
	// compressed; [None]: never. Default: 4 KiB.
	CompressAbove int64
	// Privacy says whose the values are. Default: [Public].
	Privacy Privacy
	// Encrypt keeps values encrypted in the shared tier. Sensitive ones are in any
	// case.
	Encrypt bool
	// Rebuild is how many keys, the hottest, are loaded again at once when a tag of
	// theirs is invalidated.
	Rebuild int
	// Target is the share of misses that the class should stay below.
	Target Target
	// Source is where the truth is.
	Source Source
	// Ignore are the lint rules that do not apply to the class, each with why.
	Ignore map[string]string
}

// Key is what a key is: one Go type, or several named parts. At most one of the two
// is there.
type Key struct {
	// Type is a Go type as in [Class.Type].
	Type string
	// Parts are the fields of a generated struct, in their order. Its text is
	// canonical: a query that says the same has the same key.
	Parts []KeyPart
}

// KeyPart is a field of a key.
type KeyPart struct {
	// Name is that of a query parameter: "min_price".
	Name string
	// Type is "string", "bool", "int64", "float64" or "[]string". The order of a
	// list does not matter, and neither does a member that is there twice.
	Type string
}

// TTL is how long a value is fresh.
type TTL struct {
	// Shared is the life of a value, in the shared tier and everywhere else.
	Shared time.Duration
	// Memory bounds it in memory. Default: Shared.
	Memory time.Duration
	// Edge is what routes of the class have at the edge, if they do not say so
	// themselves. Default: Shared.
	Edge time.Duration
}

// Stampede is how loads of one key are kept from coming together, beyond the lease
// that each has.
type Stampede struct {
	// EarlyRefresh is the β of XFetch; [None]: never before the end. Default: 1.
	EarlyRefresh float64
	// SoftTimeout is how long readers wait for a load while StaleIfError lets them
	// have a value. Default: as long as it takes.
	SoftTimeout time.Duration
	// HardTimeout ends a load. Default: 10 s, or twice SoftTimeout.
	HardTimeout time.Duration
}

// Budget bounds the loads of one process.
type Budget struct {
	// Loads are those at once. Default: 128.
	Loads int
	// Rate are those in a second. Default: no bound.
	Rate float64
	// Wait is how long a load waits for its turn. Default: 1 s.
	Wait time.Duration
}

// Target is a share of misses.
type Target struct {
	// MissRate is from 0 to 1; 0: no target.
	MissRate float64
	// Window is the time over which it is measured.
	Window time.Duration
}

// Source is where the truth of a class is.
type Source struct {
	// From says it in words, if it is no table: "the search service".
	From string
	// Tables are those whose rows the values are made of. Triggers on them put
	// invalidations into the outbox.
	Tables []Table
}

// Table says which values depend on the rows of a table. Templates are fixed text
// with columns in braces: "product-{id}". See outbox.Mapping.
type Table struct {
	// Name is that of the table, maybe with its schema: "shop.products".
	Name string
	// Key is the template of the key. Empty: there are only Tags.
	Key string
	// Tags are templates of the tags that go with a row.
	Tags []string
	// Version is the column with the row's version.
	Version string
	// Sequence is what versions are taken from.
	Sequence string
}

// Route says what caches may do with the responses of a pattern.
type Route struct {
	// Class names the class of what is answered. A route of a class that is never
	// cached is never stored, and says nothing else.
	Class string
	// NoStore: nobody keeps it.
	NoStore bool
	// Private: only the browser of the one who asked keeps it.
	Private bool
	// Profile names the line of life at the edge.
	Profile string
	// Edge is how long shared caches keep it. Default: the profile's, else that of
	// a class with the tier edge, else not at all.
	Edge time.Duration
	// Browser is how long a browser uses its copy without asking. Default: 0, it
	// asks each time.
	Browser time.Duration
	// StaleWhileRevalidate is how long after Edge shared caches may serve it while
	// they ask for a new one. Default: the profile's, else none.
	StaleWhileRevalidate time.Duration
	// StaleIfError is how long after Edge shared caches may serve it when the
	// origin fails. Default: the profile's, else none.
	StaleIfError time.Duration
	// Immutable: it never changes while it is fresh.
	Immutable bool
	// Tags are the names by which it is purged; "{id}" stands for the wildcard of
	// the pattern.
	Tags []string
	// Query are the parameters that responses depend on; the edge leaves all others
	// out of its keys. Nil: all count. Empty, but not nil: none does.
	Query []string
	// Vary names the request fields that responses depend on.
	Vary []string
	// Statuses are other statuses than 200 that are kept, and how long at the edge.
	Statuses map[int]time.Duration
	// Ignore are the lint rules that do not apply to the route, each with why.
	Ignore map[string]string
}

// CDN is a cache in front of the service.
type CDN struct {
	// Kind is "cloudflare", "fastly", "cloudfront", "akamai", "bunny", "google",
	// "varnish", "nginx" or "larder".
	Kind string
	// Zone is the name of the environment variable with the zone's, service's or
	// distribution's id.
	Zone string
	// Token is the name of the environment variable with the token.
	Token string
	// Hosts are those that the rules are about. Default: all of the zone.
	Hosts []string
}

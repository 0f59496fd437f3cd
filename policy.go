package larder

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Tier is a place where a value can be.
type Tier uint8

// The tiers, from the nearest to the farthest.
const (
	Memory Tier = 1 << iota // this process
	Shared                  // Redis or Valkey, shared by the fleet
	Origin                  // where the truth is: what the loader reads
)

// String returns the tier's name: "memory", "shared" or "origin".
func (t Tier) String() string {
	switch t {
	case 0:
		return "none"
	case Memory | Shared:
		return "memory|shared"
	case Memory:
		return "memory"
	case Shared:
		return "shared"
	case Origin:
		return "origin"
	}
	return fmt.Sprintf("tiers(%d)", uint8(t))
}

// Policy says how one class of data is cached. Only TTL is required.
//
// The life of a value, on one line:
//
//	|—————— TTL, fresh ——————|—— StaleWhileRevalidate, StaleIfError ——| gone
//
// Inside TTL it is served as it is. After that it is served only while one
// load replaces it (StaleWhileRevalidate), or when loading fails
// (StaleIfError); each window starts where TTL ends. A value that was
// invalidated is never served, whatever the windows say. Durations of more than
// a hundred years count as a hundred.
type Policy struct {
	// Pattern says how the class is cached. A class that is cached [Never] has
	// no other field set.
	//
	// Default: CacheAside.
	Pattern Pattern
	// TTL is how long a value is fresh. Required: it is also what bounds the
	// harm of an invalidation that was lost.
	TTL time.Duration
	// MemoryTTL bounds TTL in memory.
	//
	// Default: 0, as TTL.
	MemoryTTL time.Duration
	// NegativeTTL is how long "there is no such thing" is remembered.
	//
	// Default: TTL or 30 s, whichever is shorter.
	NegativeTTL time.Duration
	// Tiers says where values are kept: Memory, Shared or Memory|Shared. A
	// class without Memory reads the shared tier each time and is always
	// strict.
	//
	// Default: Memory|Shared.
	Tiers Tier
	// StaleWhileRevalidate is how long after TTL a value is still served
	// while one load in the fleet replaces it in the background.
	//
	// Default: 0, readers wait for the load.
	StaleWhileRevalidate time.Duration
	// StaleIfError is how long after TTL a value is still served when it
	// cannot be loaded, or not within SoftTimeout. It also lets memory be
	// served when the shared tier is gone and nobody can say whether it is
	// still current.
	//
	// Default: 0, readers get the error.
	StaleIfError time.Duration
	// EarlyRefresh is the β of XFetch (Vattani, Chierichetti, Lowenstein:
	// Optimal Probabilistic Cache Stampede Prevention, VLDB 2015): with it a
	// value that is read often is loaded again shortly before its TTL ends,
	// the earlier the longer its load took. Negative: never.
	//
	// Default: 1.
	EarlyRefresh float64
	// Jitter is the largest part of TTL by which a value's life is shortened
	// at random, so that values loaded together do not expire together.
	// Between 0 and 0.5; negative: none.
	//
	// Default: 0.1.
	Jitter float64
	// SoftTimeout is how long readers wait for a load while there is a value
	// that StaleIfError lets them have. The load goes on.
	//
	// Default: 0, as long as the load takes.
	SoftTimeout time.Duration
	// HardTimeout ends a call of the loader: its context is cancelled.
	//
	// Default: 10 s, or twice SoftTimeout if that is longer.
	HardTimeout time.Duration
	// MaxEntries bounds the memory tier by number.
	//
	// Default: 10,000 if MaxBytes is 0.
	MaxEntries int
	// MaxBytes bounds the memory tier by the encoded size of its values.
	MaxBytes int64
	// CompressAbove is the encoded size in bytes above which values in the
	// shared tier are compressed (S2). Negative: never.
	//
	// Default: 4096.
	CompressAbove int
	// MaxLoads bounds the loader calls of this process that run at once.
	// After an outage it starts at an eighth and doubles each second.
	//
	// Default: 128.
	MaxLoads int
	// MaxLoadRate bounds the loader calls of this process per second, after a
	// burst of as many as a second allows. After an outage it starts at an
	// eighth like MaxLoads.
	//
	// Default: 0, no bound.
	MaxLoadRate float64
	// LoadWait is how long a load waits for its turn under MaxLoads and
	// MaxLoadRate. After that readers get a stale value if they may, else [ErrOverloaded].
	//
	// Default: 1 s.
	LoadWait time.Duration
	// Strict makes Update mark a key before its write commits: from COMMIT on
	// no process reads the older value from the shared tier, even before Update
	// has returned. The write calls [Intend]. It costs a second round trip.
	Strict bool
	// Version names where [Loader.Version] reads the version from, for the
	// record and to refuse what is unsound:
	//
	//	"column"        a column that each write of the row raises, and that
	//	                does not start again when a row is deleted and inserted
	//	"sequence"      the same, from a sequence of the database
	//	"xid-snapshot"  pg_current_xact_id of the writer, read together with
	//	                pg_current_snapshot in the statement that reads the row,
	//	                on the primary
	//	"replay-lsn"    pg_last_wal_replay_lsn, read in a statement before the
	//	                one that reads the row, on a standby
	//
	// Default: "column", if the loader has a Version.
	Version string
	// Tags are carried by every value of the class; see
	// [Larder.InvalidateTags]. "{key}" in a tag stands for the text form of
	// the value's key: "product-{key}".
	Tags []string
	// Encrypt keeps values encrypted in the shared tier, with Options.Keys
	// (AES-GCM; the key's name is authenticated too). Memory is not encrypted.
	Encrypt bool
	// Rebuild is how many keys, the hottest in this process's memory, are
	// loaded again at once when a tag of theirs is invalidated. If it is not 0, so is
	// every key that is invalidated by itself or by an update that leaves no
	// value. At most four of a class are loaded at a time.
	//
	// Default: 0, keys are loaded when they are asked for.
	Rebuild int
	// Target is the miss rate that the class should stay below, between 0
	// and 1. It is reported beside the measured one and changes nothing.
	//
	// Default: 0, none.
	Target float64
}

// Pattern is how a class of data is cached.
type Pattern uint8

// The patterns.
const (
	// CacheAside loads values when they are asked for, and forgets them when
	// they change.
	CacheAside Pattern = iota
	// WriteThrough puts what Update has written into the shared tier, over the
	// value that it replaces. It needs a Version in the loader; without one an
	// Update invalidates.
	WriteThrough
	// Never is for what must not be cached: NewCache refuses it.
	Never
)

var className = regexp.MustCompile(`^[a-z0-9][a-z0-9_.-]{0,63}$`)

// normalize returns p with its defaults, or every mistake in it.
func (p Policy) normalize(class string) (Policy, error) {
	var errs []error
	bad := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("class %q: %w", class, fmt.Errorf(format, args...)))
	}
	if !className.MatchString(class) {
		bad("the name must match %s", className)
	}
	if p.Pattern == Never {
		if err := p.checkNever(); err != nil {
			bad("%w", err)
		}
		return p, errors.Join(errs...)
	}
	if p.Pattern > Never {
		bad("Pattern is %d, want CacheAside, WriteThrough or Never", p.Pattern)
	}
	if p.TTL < time.Millisecond {
		bad("TTL is %v, want 1ms or more", p.TTL)
	}
	p.checkWrites(bad)
	if p.Tiers&^(Memory|Shared) != 0 {
		bad("Tiers is %v, want Memory, Shared or both", uint8(p.Tiers))
	}
	p.checkDurations(bad)
	p.checkNumbers(bad)
	if len(errs) > 0 {
		return p, errors.Join(errs...)
	}
	p.setDefaults()
	return p, nil
}

// unsound are the sources of versions that let an older row pass for a newer
// one, each with the reason.
var unsound = map[string]string{
	"xmin":       "xmin is not monotonic: a transaction that took its number earlier may change the row later",
	"wal-lsn":    "a commit record is in the primary's WAL before readers see the row, so that a number from there may come with an older row",
	"wall-clock": "clocks differ between hosts and go backwards, and two writes may have the same time",
}

func (p *Policy) checkWrites(bad func(string, ...any)) {
	switch p.Version {
	case "", "column", "sequence", "xid-snapshot", "replay-lsn":
	default:
		why, known := unsound[p.Version]
		if !known {
			why = "it is not a source that Larder knows"
		}
		bad("Version is %q: %s; want column, sequence, xid-snapshot or replay-lsn", p.Version, why)
	}
	if len(p.Tags) > maxTagsOf {
		bad("Tags has %d tags, want %d at most", len(p.Tags), maxTagsOf)
	}
	for i, tag := range p.Tags {
		if rest := strings.ReplaceAll(tag, keyInTag, ""); strings.ContainsAny(rest, "{}") {
			bad("Tags[%d]: %q has braces around something else than %s, the key's text", i, tag, keyInTag)
		}
		if err := checkTag(tag); err != nil {
			bad("Tags[%d]: %w", i, err)
		}
		if slices.Contains(p.Tags[:i], tag) {
			bad("Tags[%d]: %q is there twice", i, tag)
		}
	}
	if p.Rebuild < 0 {
		bad("Rebuild is %d, want 0 or more", p.Rebuild)
	}
}

// checkNever refuses settings that would have no effect.
func (p *Policy) checkNever() error {
	left := *p
	left.Pattern = CacheAside
	if v := reflect.ValueOf(left); !v.IsZero() {
		return errors.New("it is cached Never, and its policy says more: leave the other fields out")
	}
	return nil
}

func (p *Policy) checkDurations(bad func(string, ...any)) {
	for _, d := range []struct {
		name  string
		value time.Duration
	}{
		{"NegativeTTL", p.NegativeTTL},
		{"StaleWhileRevalidate", p.StaleWhileRevalidate},
		{"StaleIfError", p.StaleIfError},
		{"SoftTimeout", p.SoftTimeout},
		{"HardTimeout", p.HardTimeout},
		{"LoadWait", p.LoadWait},
	} {
		if d.value < 0 {
			bad("%s is %v, want 0 or more", d.name, d.value)
		}
	}
	if p.SoftTimeout > 0 && p.StaleIfError == 0 {
		bad("SoftTimeout needs StaleIfError: without it there is nothing to serve meanwhile")
	}
	if p.HardTimeout > 0 && p.SoftTimeout >= p.HardTimeout {
		bad("SoftTimeout is %v, want less than HardTimeout %v", p.SoftTimeout, p.HardTimeout)
	}
}

func (p *Policy) checkNumbers(bad func(string, ...any)) {
	if math.IsNaN(p.Jitter) || p.Jitter > 0.5 {
		bad("Jitter is %v, want 0.5 or less", p.Jitter)
	}
	if math.IsNaN(p.EarlyRefresh) || p.EarlyRefresh > 100 {
		bad("EarlyRefresh is %v, want 100 or less", p.EarlyRefresh)
	}
	if p.MaxEntries < 0 || p.MaxBytes < 0 || p.MaxLoads < 0 {
		bad("MaxEntries, MaxBytes and MaxLoads are %d, %d and %d, want 0 or more", p.MaxEntries, p.MaxBytes, p.MaxLoads)
	}
	if !(p.MaxLoadRate >= 0) || math.IsInf(p.MaxLoadRate, 1) {
		bad("MaxLoadRate is %v, want 0 or more", p.MaxLoadRate)
	}
	if p.MaxEntries > 0 && p.MaxBytes > 0 {
		bad("MaxEntries and MaxBytes are both set, want one of them")
	}
	if !(p.Target >= 0 && p.Target <= 1) {
		bad("Target is %v, want between 0 and 1", p.Target)
	}
}

func (p *Policy) setDefaults() {
	orDefault(&p.NegativeTTL, min(p.TTL, 30*time.Second))
	orDefault(&p.Tiers, Memory|Shared)
	orDefault(&p.EarlyRefresh, 1)
	orDefault(&p.Jitter, 0.1)
	orDefault(&p.HardTimeout, max(10*time.Second, 2*min(p.SoftTimeout, longest)))
	orDefault(&p.CompressAbove, 4096)
	orDefault(&p.MaxLoads, 128)
	orDefault(&p.LoadWait, time.Second)
	if p.MaxBytes == 0 {
		orDefault(&p.MaxEntries, 10_000)
	}
	for _, d := range []*time.Duration{
		&p.TTL, &p.NegativeTTL, &p.StaleWhileRevalidate, &p.StaleIfError,
		&p.SoftTimeout, &p.HardTimeout, &p.LoadWait,
	} {
		*d = min(*d, longest)
	}
	p.EarlyRefresh = max(p.EarlyRefresh, 0)
	p.Jitter = max(p.Jitter, 0)
	p.CompressAbove = max(p.CompressAbove, 0)
}

// longest is the longest duration that is told from another: a few of them and
// the time since the start fit into an int64 of nanoseconds together.
const longest = 100 * 365 * 24 * time.Hour

func orDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// window is how long after TTL a value can still be of use.
func (p *Policy) window() time.Duration {
	return max(p.StaleWhileRevalidate, p.StaleIfError)
}

// normalizePolicies checks all classes and reports all their mistakes.
func normalizePolicies(in map[string]Policy) (map[string]Policy, error) {
	out := make(map[string]Policy, len(in))
	var errs []error
	for class, p := range in {
		var err error
		if out[class], err = p.normalize(class); err != nil {
			errs = append(errs, err)
		}
	}
	slices.SortFunc(errs, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return out, errors.Join(errs...)
}

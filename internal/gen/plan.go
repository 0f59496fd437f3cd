package gen

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"

	"github.com/larderdev/larder"
	"github.com/larderdev/larder/internal/goname"
	"github.com/larderdev/larder/policy"
)

// plan is what there is to say in code. Slices are in the order of names.
//
// It is what templates read: they decide nothing, and compute nothing but layout.
type plan struct {
	Package string
	Out     string // the folder, relative to that of the policy, with slashes
	Fleet   policy.Fleet
	Classes []class // with a cache in the process; those at the edge alone have routes
	Keys    []keyType
	Routes  []route
	CDNs    []cdn
	Outbox  outboxPlan
	Imports []imported // of the types of keys and values
}

// class is a class with a cache.
//
// What it has in bits is what its loader needs: each asks for one method of Loaders.
type class struct {
	Name, Go   string
	Doc        string
	Key, Value string // Go types
	Batch      bool
	Version    string // where it comes from, in words; "": there is none
	Expires    bool
	Tagged     bool // values name tags by themselves
	Lived      bool // values may say a shorter life
	Policy     larder.Policy
}

// imported is an import with the name that it has.
type imported struct{ Name, Path string }

// makePlan finds out what there is to say, and everything that keeps it from being
// said.
// All at once, since somebody who mends one mistake at a time runs the command ten
// times.
func makePlan(p *policy.Policy) (*plan, error) {
	pl := &plan{Fleet: p.Fleet}
	var errs []error
	note := func(err error) {
		if err != nil {
			errs = append(errs, err)
		}
	}
	pl.place(p.Go)
	note(pl.addClasses(p))
	note(pl.addRoutes(p))
	pl.addCDNs(p.CDNs)
	note(pl.addMappings(p))
	// Only then: a class that is wrong is the reason to be told of.
	if len(errs) == 0 && len(pl.Classes)+len(pl.Routes) == 0 {
		note(errors.New("the policy has no class with a cache and no route: there is nothing to generate"))
	}
	return pl, errors.Join(errs...)
}

// place finds out where the package goes, and what it is called.
// The package is called like its folder unless the policy says otherwise, as people
// expect of Go.
func (pl *plan) place(g policy.Go) {
	pl.Out = path.Clean(cmp.Or(g.Out, "internal/caches"))
	pl.Package = cmp.Or(g.Package, path.Base(pl.Out))
}

// typed is a class whose types are not written yet: for that the imports of all
// must be known.
type typed struct {
	class
	key, value goType
}

// addClasses resolves the classes and notes what there is to say of those that the
// process caches. Names are compared at the end, when all are known.
func (pl *plan) addClasses(p *policy.Policy) error {
	var errs []error
	var all []typed
	named := map[string]policy.Class{}
	for _, name := range slices.Sorted(maps.Keys(p.Classes)) {
		c, err := p.Resolve(name)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if !cached(c) {
			continue
		}
		t, err := pl.class(name, c)
		if err != nil {
			errs = append(errs, fmt.Errorf("class %q: %w", name, err))
			continue
		}
		named[name] = c
		all = append(all, t)
	}
	for _, clash := range goname.Clashes(named) {
		where := ""
		if clash.Part != "" {
			where = fmt.Sprintf("class %q: key: ", clash.Class)
		}
		errs = append(errs, errors.New(where+clash.Message+": rename one"))
	}
	pl.nameTypes(all)
	return errors.Join(errs...)
}

// cached tells whether the process caches values of the class.
// A class at the edge alone has routes and no cache: the service computes its responses
// anew.
func cached(c policy.Class) bool {
	return c.Pattern != policy.Never && (slices.Contains(c.Tiers, policy.Memory) || slices.Contains(c.Tiers, policy.Shared))
}

// plainType is what values are until the policy says their Go type: a policy that
// was read from a page compiles before anybody has named one.
const plainType = "encoding/json.RawMessage"

// class finds out what there is to say of one class.
func (pl *plan) class(name string, c policy.Class) (typed, error) {
	t := typed{class: class{
		Name: name, Go: goname.Class(name), Batch: c.Batch, Expires: c.FromValue, Tagged: c.ValueTags, Lived: c.ValueTTL,
		Version: versions[c.RowVersion], Policy: policyOf(c),
	}}
	t.Doc = describe(c, t.Policy)
	t.value = parseType(cmp.Or(c.Type, plainType))
	switch {
	case len(c.Key.Parts) > 0:
		t.key = goType{name: t.Go + "Key"}
		pl.addKey(name, t.Go, c.Key.Parts)
	default:
		t.key = parseType(cmp.Or(c.Key.Type, "string"))
	}
	return t, checkClass(c)
}

// versions says where a version comes from, for the method that reads it.
var versions = map[string]string{
	"column":       "a number from a column of its row that each write raises, and that does not start again when the row is deleted and inserted",
	"sequence":     "a number from a sequence of the database that each write of its row takes",
	"xid-snapshot": "the writer's pg_current_xact_id, read together with pg_current_snapshot in the statement that reads the row, on the primary",
	"replay-lsn":   "pg_last_wal_replay_lsn, read in a statement before the one that reads the row, on a standby",
}

// checkClass reports what larder.Open and NewCache would refuse in words that
// mean something only in code.
// Everything else larder.Open says itself, in verify.
func checkClass(c policy.Class) error {
	var errs []error
	if c.TTL.Shared <= 0 {
		errs = append(errs, errors.New("it has no ttl, and no profile with one"))
	}
	if c.FromValue && (c.StaleWhileRevalidate > 0 || c.StaleIfError > 0) {
		errs = append(errs, errors.New("its values end by themselves (from_value), and its stale windows would extend them: say none, or take another profile"))
	}
	return errors.Join(errs...)
}

// nameTypes gives all types the names of their imports.
func (pl *plan) nameTypes(all []typed) {
	var paths []string
	for _, t := range all {
		for _, path := range []string{t.key.path, t.value.path} {
			if path != "" {
				paths = append(paths, path)
			}
		}
	}
	given := importNames(paths)
	for _, t := range all {
		t.Key, t.Value = t.key.in(given), t.value.in(given)
		pl.Classes = append(pl.Classes, t.class)
	}
	for _, path := range slices.Sorted(maps.Keys(given)) {
		pl.Imports = append(pl.Imports, imported{given[path], path})
	}
}

// policyOf says in the words of package larder what a resolved class says.
// What a class leaves to the default is left zero here, and so is not written: the
// default of package larder stands in one place.
func policyOf(c policy.Class) larder.Policy {
	p := larder.Policy{
		TTL: c.TTL.Shared, NegativeTTL: c.NegativeTTL,
		StaleWhileRevalidate: c.StaleWhileRevalidate, StaleIfError: c.StaleIfError,
		EarlyRefresh: c.Stampede.EarlyRefresh, Jitter: c.Jitter,
		SoftTimeout: c.Stampede.SoftTimeout, HardTimeout: c.Stampede.HardTimeout,
		MaxEntries: c.MemoryEntries, MaxBytes: c.MemoryBytes, CompressAbove: int(c.CompressAbove),
		MaxLoads: c.Budget.Loads, MaxLoadRate: c.Budget.Rate, LoadWait: c.Budget.Wait,
		Strict: c.Strict, Version: c.RowVersion, Tags: c.Tags, Encrypt: c.Encrypt,
		Rebuild: c.Rebuild, Target: c.Target.MissRate,
	}
	if c.Pattern == policy.WriteThrough {
		p.Pattern = larder.WriteThrough
	}
	for _, tier := range c.Tiers {
		switch tier {
		case policy.Memory:
			p.Tiers |= larder.Memory
		case policy.Shared:
			p.Tiers |= larder.Shared
		}
	}
	// A time in memory that is the value's own need not be said.
	if p.Tiers&larder.Memory != 0 && c.TTL.Memory != c.TTL.Shared {
		p.MemoryTTL = c.TTL.Memory
	}
	return p
}

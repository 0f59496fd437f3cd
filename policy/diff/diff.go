package diff

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/larderdev/larder/policy"
	"github.com/larderdev/larder/policy/internal/field"
	"github.com/larderdev/larder/policy/internal/secret"
)

// Kind says how bad a change is.
type Kind string

// The kinds of changes.
const (
	// Safe is what nobody notices.
	Safe Kind = "safe"
	// Behavioural is what makes values live, or be found, otherwise than before.
	Behavioural Kind = "behavioural"
	// Breaking is a cold start, code that does not compile, or data that others may
	// see.
	Breaking Kind = "breaking"
)

// Change is one thing that a policy says otherwise than before.
type Change struct {
	// Kind says how bad it is.
	Kind Kind
	// Path is the place, as in package policy/file: classes.product.key. What was
	// renamed has the path of the new name.
	Path string
	// Old and New are what was and is said, as in a file; empty if nothing is. What
	// looks like a secret is left out.
	Old, New string
	// Effect says what it does, in sentences.
	Effect string
}

// String returns the change as one line.
func (c Change) String() string {
	return fmt.Sprintf("%s: %s: %s -> %s: %s", c.Path, c.Kind, cmp.Or(c.Old, "nothing"), cmp.Or(c.New, "nothing"), c.Effect)
}

// Worst returns the worst kind among changes, or [Safe] if there are none.
func Worst(changes []Change) Kind {
	worst := Safe
	for _, c := range changes {
		if rank(c.Kind) > rank(worst) {
			worst = c.Kind
		}
	}
	return worst
}

// rank orders the kinds; what is none of them is below all.
func rank(k Kind) int { return slices.Index([]Kind{Safe, Behavioural, Breaking}, k) }

// Compare returns what is otherwise in new than in old, in the order of the file's
// parts and of the paths in each. It takes policies that are not valid, too, and
// changes neither.
func Compare(old, new *policy.Policy) []Change {
	d := &differ{old: old, new: new}
	d.field("version", old.Version, new.Version, func() verdict {
		return verdict{Breaking, "Programs of another version of Larder do not read the file."}
	})
	d.fleet()
	d.generated()
	d.profiles()
	d.classes()
	d.routes()
	d.cdns()
	slices.SortStableFunc(d.changes, func(a, b Change) int {
		return cmp.Or(cmp.Compare(part(a.Path), part(b.Path)), strings.Compare(a.Path, b.Path))
	})
	return d.changes
}

// part orders the parts of a file as people read them.
func part(path string) int {
	name := path[:strings.IndexAny(path+".", ".[")]
	return slices.Index([]string{"version", "fleet", "go", "profiles", "classes", "routes", "cdn"}, name)
}

// verdict is how bad a change is, and what it does.
type verdict struct {
	kind   Kind
	effect string
}

// differ collects changes.
type differ struct {
	old, new *policy.Policy
	changes  []Change
}

// field adds a change of a field if it has one. judge is called only then.
func (d *differ) field(path string, old, new any, judge func() verdict) {
	if reflect.DeepEqual(old, new) {
		return
	}
	v := judge()
	d.add(v.kind, path, text(old), text(new), v.effect)
}

// always is a judge that has made up its mind.
func always(kind Kind, effect string) func() verdict {
	return func() verdict { return verdict{kind, effect} }
}

// add adds a change. Somebody may have written a secret into a policy, or taken it
// out by this very change: it is not repeated.
func (d *differ) add(kind Kind, path, old, new, effect string) {
	d.changes = append(d.changes, Change{
		Kind: kind, Path: secret.Hide(path), Old: secret.Hide(old), New: secret.Hide(new), Effect: secret.Hide(strings.TrimSpace(effect)),
	})
}

// fleet compares what all classes share. While both versions of a program run, each
// goes by its own.
func (d *differ) fleet() {
	old, new := d.old.Fleet, d.new.Fleet
	d.field("fleet.max_staleness", old.MaxStaleness, new.MaxStaleness, always(Behavioural,
		"Memory may serve what another process has changed for another time. While both versions run, the longer one holds."))
	d.field("fleet.shared_timeout", old.SharedTimeout, new.SharedTimeout, always(Behavioural,
		"Reads wait another time for the shared tier before they do without it."))
	d.field("fleet.lease", old.Lease, new.Lease, always(Behavioural,
		"Another process takes over a load that is silent after another time."))
	d.field("fleet.hold", old.Hold, new.Hold, always(Behavioural,
		"Keys are marked for another time after an invalidation. If that is shorter than replicas lag, an older row can be cached again."))
	d.field("fleet.outbox", old.Outbox, new.Outbox, func() verdict {
		if new.Outbox {
			return verdict{Behavioural, "A relay must run, or nothing delivers what is committed."}
		}
		return verdict{Breaking, "Nothing delivers what is committed by others: values stay wrong until their TTL ends."}
	})
}

// generated compares where code goes, which only the compiler notices.
func (d *differ) generated() {
	effect := always(Breaking, "The generated package has another import path or name: what uses it does not compile until it is changed.")
	d.field("go.package", d.old.Go.Package, d.new.Go.Package, effect)
	d.field("go.out", d.old.Go.Out, d.new.Go.Out, effect)
}

// profiles says who uses a line of life that has changed: they have not changed
// themselves.
func (d *differ) profiles() {
	for _, name := range both(d.old.Profiles, d.new.Profiles) {
		path := field.Path("profiles", name)
		old, was := d.old.Profiles[name]
		new, is := d.new.Profiles[name]
		switch {
		case !was:
			d.add(Safe, path, "", text(new), "A new profile. Who uses it is listed by itself.")
			continue
		case !is:
			d.add(Safe, path, text(old), "", "The profile is gone. Who used it is listed by itself.")
			continue
		}
		judge := func() verdict {
			users := d.users(name)
			if len(users) == 0 {
				return verdict{Safe, "Nothing uses the profile."}
			}
			return verdict{Behavioural, "New values live otherwise; what is kept already keeps its end. It is about " + strings.Join(users, ", ") + "."}
		}
		d.field(field.Path(path, "fresh"), old.Fresh, new.Fresh, judge)
		d.field(field.Path(path, "stale"), old.Stale, new.Stale, judge)
		d.field(field.Path(path, "expire"), old.Expire, new.Expire, judge)
		d.field(field.Path(path, "jitter"), share(old.Jitter), share(new.Jitter), judge)
	}
}

// users returns the paths of what uses a profile before and after.
func (d *differ) users(profile string) []string {
	var users []string
	for _, name := range both(d.old.Classes, d.new.Classes) {
		if d.old.Classes[name].Profile == profile && d.new.Classes[name].Profile == profile {
			users = append(users, field.Path("classes", name))
		}
	}
	for _, pattern := range both(d.old.Routes, d.new.Routes) {
		if d.old.Routes[pattern].Profile == profile && d.new.Routes[pattern].Profile == profile {
			users = append(users, field.Path("routes", pattern))
		}
	}
	return users
}

// both returns the keys of either map, sorted.
func both[V any](a, b map[string]V) []string {
	all := maps.Clone(a)
	if all == nil {
		all = map[string]V{}
	}
	maps.Copy(all, b)
	return slices.Sorted(maps.Keys(all))
}

// cdns pairs the caches in front by kind and zone, since their order does not
// matter; what is left of a kind has changed its zone.
func (d *differ) cdns() {
	left := slices.Clone(d.old.CDNs)
	fresh := map[int]bool{}
	pair := func(i int, same func(policy.CDN) bool) {
		j := slices.IndexFunc(left, same)
		if j < 0 {
			return
		}
		d.cdn(field.At("cdn", i), left[j], d.new.CDNs[i])
		left, fresh[i] = slices.Delete(left, j, j+1), true
	}
	for i, new := range d.new.CDNs {
		pair(i, func(old policy.CDN) bool { return old.Kind == new.Kind && old.Zone == new.Zone })
	}
	for i, new := range d.new.CDNs {
		if !fresh[i] {
			pair(i, func(old policy.CDN) bool { return old.Kind == new.Kind })
		}
	}
	for i, new := range d.new.CDNs {
		if !fresh[i] {
			d.add(Behavioural, field.At("cdn", i), "", text(new), "Another cache in front: responses carry tags for it, and each of them must fit its limits. Apply its rules before traffic goes there.")
		}
	}
	for _, old := range left {
		d.add(Behavioural, "cdn", text(old), "", "Responses carry no tags for this cache and nothing purges it any more: take traffic away first. Its rules stay until somebody removes them.")
	}
}

// cdn compares a cache in front with what it was.
func (d *differ) cdn(path string, old, new policy.CDN) {
	d.field(field.Path(path, "zone"), old.Zone, new.Zone, always(Breaking,
		"Purges and rules go elsewhere: what the other zone keeps stays until its TTL ends, if the variables are not the same."))
	d.field(field.Path(path, "token"), old.Token, new.Token, always(Behavioural,
		"The token is read from another variable: without it purges fail, and are tried again."))
	d.field(field.Path(path, "hosts"), old.Hosts, new.Hosts, always(Behavioural,
		"The rules are about other hosts. Apply them; for hosts that are gone nothing holds any more."))
}

package diff

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/larderdev/larder/policy"
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

// rank orders the kinds; what is none of them is below all, so that it never hides one
// that is.
func rank(k Kind) int { return slices.Index([]Kind{Safe, Behavioural, Breaking}, k) }

// Compare returns what is otherwise in new than in old, in the order of the file's
// parts and of the paths in each. It takes policies that are not valid, too, and
// changes neither.
func Compare(old, new *policy.Policy) []Change {
	d := &differ{old: old, new: new, oldFound: found(old), newFound: found(new)}
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

// always is a judge that has made up its mind.
func always(kind Kind, effect string) func() verdict {
	return func() verdict { return verdict{kind, effect} }
}

// differ collects changes. It compares what was said and judges by what that means: a
// change that profiles and defaults make up for is safe.
type differ struct {
	old, new *policy.Policy
	// oldFound and newFound are the policies without the names that lead nowhere, so
	// that every class and every route can be resolved.
	oldFound, newFound *policy.Policy
	changes            []Change
}

// found returns a policy without the names of profiles and classes that are not there.
// Such a policy is refused when it is read, but a program can build one, and what can be
// told of the change should be: a route that is kept is no less so.
func found(p *policy.Policy) *policy.Policy {
	left := *p
	left.Classes, left.Routes = maps.Clone(p.Classes), maps.Clone(p.Routes)
	for name, c := range left.Classes {
		c.Profile = known(p.Profiles, c.Profile)
		left.Classes[name] = c
	}
	for pattern, r := range left.Routes {
		r.Profile, r.Class = known(p.Profiles, r.Profile), known(p.Classes, r.Class)
		left.Routes[pattern] = r
	}
	return &left
}

// known is name if it is one of m, else "".
func known[V any](m map[string]V, name string) string {
	if _, ok := m[name]; !ok {
		return ""
	}
	return name
}

// field adds a change of a field if it has one. judge is called only then, so that it may
// suppose that the two differ. Nil and empty lists do: of a query that is a change.
func (d *differ) field(path string, old, new any, judge func() verdict) {
	if reflect.DeepEqual(old, new) {
		return
	}
	v := judge()
	d.add(v.kind, path, text(old), text(new), v.effect)
}

// add adds a change. Somebody may have written a secret into a policy, or taken it
// out by this very change: it is not repeated.
func (d *differ) add(kind Kind, path, old, new, effect string) {
	d.changes = append(d.changes, Change{
		Kind: kind, Path: secret.Hide(path), Old: secret.Hide(old), New: secret.Hide(new), Effect: secret.Hide(strings.TrimSpace(effect)),
	})
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

// without returns the members of a that b does not have.
func without[T comparable](a, b []T) []T {
	return slices.DeleteFunc(slices.Clone(a), func(m T) bool { return slices.Contains(b, m) })
}

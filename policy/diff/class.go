package diff

import (
	"reflect"
	"slices"

	"github.com/larderdev/larder/policy"
	"github.com/larderdev/larder/policy/internal/field"
)

// What several effects say.
const (
	coldStart = "A cold start: nothing that is kept of the class is found any more, and everything that is asked for is loaded at once. "
	compile   = "What uses the generated code does not compile until it is changed. "
	sameLife  = "It means the same as before."
)

// classes compares what has a name in both, and pairs what came and went: two classes
// that say the very same are one that was renamed.
func (d *differ) classes() {
	var came, went []string
	for _, name := range both(d.old.Classes, d.new.Classes) {
		_, was := d.old.Classes[name]
		_, is := d.new.Classes[name]
		switch {
		case was && is:
			d.class(name)
		case was:
			went = append(went, name)
		default:
			came = append(came, name)
		}
	}
	for _, name := range came {
		// The description is compared, too: one that differs makes it another class.
		i := slices.IndexFunc(went, func(old string) bool { return reflect.DeepEqual(d.old.Classes[old], d.new.Classes[name]) })
		if i < 0 {
			d.add(Safe, field.Path("classes", name), "", name, "A new class: nothing is kept of it.")
			continue
		}
		d.renamed(went[i], name)
		went = slices.Delete(went, i, i+1)
	}
	for _, name := range went {
		d.gone(name)
	}
}

// renamed adds a class that says under another name what one said that is gone. Keys
// have the name in them, so that nothing is found any more.
func (d *differ) renamed(old, name string) {
	kind, effect := Breaking, "It is renamed. "+coldStart+compile+"What invalidates under the old name does not reach it."
	if d.new.Classes[name].Pattern == policy.Never {
		kind, effect = Safe, "It is renamed, and was and is never cached."
	}
	d.add(kind, field.Path("classes", name), old, name, effect)
}

// gone adds a class that is no more. Of one that was never cached the sentence is gone
// that has said so.
func (d *differ) gone(name string) {
	kind, effect := Breaking, "The class is gone. "+compile+"What is kept of it stays in the shared tier until its TTL ends."
	if d.old.Classes[name].Pattern == policy.Never {
		kind, effect = Behavioural, "Nothing says any more that it must never be cached."
	}
	d.add(kind, field.Path("classes", name), name, "", effect)
}

// classPair is a class before and after: as it was said, and what that means.
type classPair struct {
	old, new     policy.Class
	oldIs, newIs policy.Class
	known        bool // all that they name is there; else lives are not known
}

// class compares all fields of a class. A field that is added to the model belongs here:
// a test changes each one and looks for it.
func (d *differ) class(name string) {
	p := classPair{old: d.old.Classes[name], new: d.new.Classes[name]}
	_, before := d.old.Resolve(name)
	_, after := d.new.Resolve(name)
	p.known = before == nil && after == nil
	p.oldIs, _ = d.oldFound.Resolve(name)
	p.newIs, _ = d.newFound.Resolve(name)
	at := func(keys ...string) string { return field.Path(field.Path("classes", name), keys...) }
	d.field(at("description"), p.old.Description, p.new.Description, always(Safe, "It is for people."))
	d.field(at("pattern"), p.old.Pattern, p.new.Pattern, p.pattern)
	d.field(at("key"), p.old.Key, p.new.Key, p.key)
	// The shared tier has values with an id of their type: what was another type is a miss.
	d.field(at("type"), p.old.Type, p.new.Type, func() verdict {
		return verdict{Breaking, p.cold("(Only a type with the very same fields would read what is kept.) ") + compile}
	})
	d.lives(at, &p)
	d.kept(at, &p)
	d.invalidation(at, &p)
	d.loads(at, &p)
	d.field(at("target", "miss_rate"), share(p.old.Target.MissRate), share(p.new.Target.MissRate), always(Safe, "It is reported beside what is measured."))
	d.field(at("target", "window"), p.old.Target.Window, p.new.Target.Window, always(Safe, "It is reported beside what is measured."))
	d.field(at("ignore"), p.old.Ignore, p.new.Ignore, always(Safe, "It is for lint."))
}

// cold says that nothing is found any more, and why. It is empty unless the shared tier
// keeps the class before and after: memory begins empty with each process, whatever the
// policy says, and that a tier is gone is said of the tiers.
func (p *classPair) cold(why string) string {
	if !slices.Contains(p.oldIs.Tiers, policy.Shared) || !slices.Contains(p.newIs.Tiers, policy.Shared) {
		return ""
	}
	return coldStart + why
}

// pattern is about never most of all: code appears or disappears with it.
func (p *classPair) pattern() verdict {
	was, is := p.oldIs.Pattern, p.newIs.Pattern
	switch {
	case was == is:
		return verdict{Safe, sameLife}
	case is == policy.Never:
		return verdict{Breaking, "It is never cached any more: each read goes to the source, and routes of the class are not stored. " + compile +
			"What is kept already stays until its TTL ends: invalidate and purge it."}
	case was == policy.Never:
		return verdict{Breaking, "What must never be cached is cached. " + compile}
	case is == policy.WriteThrough:
		return verdict{Behavioural, "An update puts its value into the shared tier. While both versions run, some updates still invalidate, which is as right."}
	}
	return verdict{Behavioural, "An update invalidates, and the next reader loads: more loads than before. While both versions run, some updates still write."}
}

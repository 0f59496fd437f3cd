package diff

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/larderdev/larder/policy"
	"github.com/larderdev/larder/policy/internal/field"
)

const (
	coldStart = "A cold start: nothing that is kept of the class is found any more, and everything that is asked for is loaded at once. "
	compile   = "What uses the generated code does not compile until it is changed. "
	sameLife  = "It means the same as before."
)

// classes compares what has a name in both, and pairs what came and went.
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
		path := field.Path("classes", name)
		i := slices.IndexFunc(went, func(old string) bool { return reflect.DeepEqual(d.old.Classes[old], d.new.Classes[name]) })
		if i < 0 {
			d.add(Safe, path, "", name, "A new class: nothing is kept of it.")
			continue
		}
		effect := "It is renamed. " + coldStart + compile + "What invalidates under the old name does not reach it."
		if d.new.Classes[name].Pattern == policy.Never {
			effect = "It is renamed, and was and is never cached."
			d.add(Safe, path, went[i], name, effect)
		} else {
			d.add(Breaking, path, went[i], name, effect)
		}
		went = slices.Delete(went, i, i+1)
	}
	for _, name := range went {
		if d.old.Classes[name].Pattern == policy.Never {
			d.add(Behavioural, field.Path("classes", name), name, "", "Nothing says any more that it must never be cached.")
			continue
		}
		d.add(Breaking, field.Path("classes", name), name, "", "The class is gone. "+compile+"What is kept of it stays in the shared tier until its TTL ends.")
	}
}

// pair is a class before and after: as it was said, and what that means.
type pair struct {
	old, new     policy.Class
	oldIs, newIs policy.Class
	known        bool // both could be resolved
}

// class compares all fields of a class. A field that is added to the model belongs here:
// a test changes each one and looks for it.
func (d *differ) class(name string) {
	p := pair{old: d.old.Classes[name], new: d.new.Classes[name]}
	var before, after error
	p.oldIs, before = d.old.Resolve(name)
	p.newIs, after = d.new.Resolve(name)
	p.known = before == nil && after == nil
	at := func(keys ...string) string { return field.Path(field.Path("classes", name), keys...) }
	d.field(at("description"), p.old.Description, p.new.Description, always(Safe, "It is for people."))
	d.field(at("pattern"), p.old.Pattern, p.new.Pattern, p.pattern)
	d.field(at("key"), p.old.Key, p.new.Key, p.key)
	d.field(at("type"), p.old.Type, p.new.Type, always(Breaking,
		coldStart+"(Only a type with the very same fields would read what is kept.) "+compile))
	d.lives(at, &p)
	d.kept(at, &p)
	d.invalidation(at, &p)
	d.loads(at, &p)
	d.field(at("target", "miss_rate"), share(p.old.Target.MissRate), share(p.new.Target.MissRate), always(Safe, "It is reported beside what is measured."))
	d.field(at("target", "window"), p.old.Target.Window, p.new.Target.Window, always(Safe, "It is reported beside what is measured."))
	d.field(at("ignore"), p.old.Ignore, p.new.Ignore, always(Safe, "It is for lint."))
}

// pattern is about never most of all: code appears or disappears with it.
func (p *pair) pattern() verdict {
	was, is := p.oldIs.Pattern, p.newIs.Pattern
	switch {
	case was == is && p.known:
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

// key is about the text of keys, by which values are found. That of parts is in the
// order of their names, without those that are zero; that of a number is its digits.
func (p *pair) key() verdict {
	was, is := p.old.Key, p.new.Key
	switch {
	case textKey(was) == textKey(is):
		return verdict{Safe, sameLife}
	case len(was.Parts) > 0 && len(is.Parts) > 0:
		return parts(was.Parts, is.Parts)
	case plainText[textKey(was)] && plainText[textKey(is)]:
		return verdict{Breaking, "Keys keep their text, and what is kept is found as before. " + compile}
	}
	return verdict{Breaking, coldStart + "Keys have another text, and invalidations of the old ones reach nothing. " + compile}
}

// parts compares keys that both have parts.
func parts(was, is []policy.KeyPart) verdict {
	gone, come := without(was, is), without(is, was)
	switch {
	case len(gone)+len(come) == 0:
		return verdict{Behavioural, "Keys keep their text, and what is kept is found as before. The fields of the key stand in another order: code that writes a key without their names means another one, or does not compile."}
	case len(gone) == 0:
		return verdict{Behavioural, "Keys that ask for " + called(come) + " are new ones: nothing is kept of them. All others keep their text, and are found as before."}
	case len(come) == 0:
		return verdict{Breaking, "Nothing that is kept under a key with " + called(gone) + " is found any more. All others keep their text, and are found as before. " + compile}
	}
	return verdict{Breaking, coldStart + "Keys have another text, and invalidations of the old ones reach nothing. " + compile}
}

// without returns the parts of a that b does not have.
func without(a, b []policy.KeyPart) []policy.KeyPart {
	return slices.DeleteFunc(slices.Clone(a), func(p policy.KeyPart) bool { return slices.Contains(b, p) })
}

// called names parts in a sentence.
func called(parts []policy.KeyPart) string {
	names := make([]string, len(parts))
	for i, p := range parts {
		names[i] = p.Name
	}
	return strings.Join(names, " or ")
}

// plainText are the types whose text says only the value: 42 is "42" in all of them.
var plainText = map[string]bool{
	"string": true, "byte": true, "rune": true,
	"int": true, "int8": true, "int16": true, "int32": true, "int64": true,
	"uint": true, "uint8": true, "uint16": true, "uint32": true, "uint64": true,
}

// textKey is the key with its default.
func textKey(k policy.Key) string {
	if s := text(k); s != "" {
		return s
	}
	return "string"
}

// lives compares all that says how long a value lives.
func (d *differ) lives(at func(...string) string, p *pair) {
	d.field(at("profile"), p.old.Profile, p.new.Profile, func() verdict {
		if p.known && sameLives(p.oldIs, p.newIs) {
			return verdict{Safe, sameLife}
		}
		return verdict{Behavioural, fmt.Sprintf("New values live otherwise: fresh for %s and not %s. What is kept already keeps its end.", said(p.newIs.TTL.Shared), said(p.oldIs.TTL.Shared))}
	})
	for _, f := range []struct {
		keys         []string
		old, new     time.Duration
		oldIs, newIs time.Duration
		up, down     string
	}{
		{
			[]string{"ttl", "shared"},
			p.old.TTL.Shared, p.new.TTL.Shared, p.oldIs.TTL.Shared, p.newIs.TTL.Shared,
			"An invalidation that is lost does harm for longer.", "There are more loads.",
		},
		{
			[]string{"ttl", "memory"},
			p.old.TTL.Memory, p.new.TTL.Memory, p.oldIs.TTL.Memory, p.newIs.TTL.Memory,
			"Memory keeps values for longer.", "Memory asks the shared tier more often.",
		},
		{
			[]string{"ttl", "edge"},
			p.old.TTL.Edge, p.new.TTL.Edge, p.oldIs.TTL.Edge, p.newIs.TTL.Edge,
			"The edge keeps responses for longer; what is not purged is wrong for longer.", "The edge asks the origin more often.",
		},
		{
			[]string{"negative_ttl"},
			p.old.NegativeTTL, p.new.NegativeTTL, p.oldIs.NegativeTTL, p.newIs.NegativeTTL,
			"What is created without an invalidation is missed for longer.", "What is not there is asked for more often.",
		},
		{
			[]string{"stale_while_revalidate"},
			p.old.StaleWhileRevalidate, p.new.StaleWhileRevalidate, p.oldIs.StaleWhileRevalidate, p.newIs.StaleWhileRevalidate,
			"Older values are served while they are replaced.", "More readers wait for a load.",
		},
		{
			[]string{"stale_if_error"},
			p.old.StaleIfError, p.new.StaleIfError, p.oldIs.StaleIfError, p.newIs.StaleIfError,
			"Older values are served when the source fails.", "Readers get the source's errors sooner.",
		},
	} {
		d.field(at(f.keys...), f.old, f.new, func() verdict { return longer(f.oldIs, f.newIs, p.known, f.up, f.down) })
	}
	d.field(at("ttl", "from_value"), p.old.FromValue, p.new.FromValue, always(Breaking,
		"Values end by themselves, or do so no more; those that are kept already end as they did. "+compile))
	d.field(at("jitter"), share(p.old.Jitter), share(p.new.Jitter), func() verdict {
		if p.known && p.oldIs.Jitter == p.newIs.Jitter {
			return verdict{Safe, sameLife}
		}
		return verdict{Behavioural, "Lives are shortened by another part at random. Without jitter values that were loaded together end together."}
	})
}

// sameLives compares what remains when profiles and defaults are filled in.
func sameLives(a, b policy.Class) bool {
	return a.TTL == b.TTL && a.NegativeTTL == b.NegativeTTL && a.Jitter == b.Jitter &&
		a.StaleWhileRevalidate == b.StaleWhileRevalidate && a.StaleIfError == b.StaleIfError
}

// longer says what a life that is longer, or shorter, does.
func longer(old, new time.Duration, known bool, up, down string) verdict {
	switch {
	case known && old == new:
		return verdict{Safe, sameLife}
	case new > old:
		return verdict{Behavioural, fmt.Sprintf("It is longer, %s and not %s. %s What is kept already keeps its end.", said(new), said(old), up)}
	}
	return verdict{Behavioural, fmt.Sprintf("It is shorter, %s and not %s. %s What is kept already keeps its end.", said(new), said(old), down)}
}

// said is a duration in a sentence.
func said(d time.Duration) string {
	if d <= 0 {
		return "nothing"
	}
	return length(d)
}

// kept compares where and in which form values are kept.
func (d *differ) kept(at func(...string) string, p *pair) {
	d.field(at("tiers"), p.old.Tiers, p.new.Tiers, p.tiers)
	d.field(at("privacy"), p.old.Privacy, p.new.Privacy, p.privacy)
	d.field(at("encrypt"), p.old.Encrypt, p.new.Encrypt, func() verdict { return p.encryption(sameLife) })
	d.field(at("memory", "entries"), p.old.MemoryEntries, p.new.MemoryEntries, always(Behavioural, "Memory keeps more or fewer values: its hits, and the memory of each process, change."))
	d.field(at("memory", "size"), size(p.old.MemoryBytes), size(p.new.MemoryBytes), always(Behavioural, "Memory keeps more or fewer values: its hits, and the memory of each process, change."))
	d.field(at("compress_above"), size(p.old.CompressAbove), size(p.new.CompressAbove), always(Safe, "Values of both forms are read; new ones take another room, and other time to compress."))
}

// tiers says for each tier that comes or goes what that does. Reads from a tier that is
// gone find nothing, which only for the shared one is felt by the source.
func (p *pair) tiers() verdict {
	gone, come := missing(p.oldIs.Tiers, p.newIs.Tiers), missing(p.newIs.Tiers, p.oldIs.Tiers)
	if p.known && len(gone)+len(come) == 0 {
		return verdict{Safe, sameLife}
	}
	v := verdict{Behavioural, ""}
	for _, t := range come {
		switch {
		case t == policy.Memory:
			v.effect += "Memory keeps values: reads that are not strict may be older by max_staleness. "
		case t == policy.Shared:
			v.effect += "The shared tier keeps values, and begins empty. "
		case p.newIs.Privacy != policy.Public && p.newIs.Privacy != "":
			v = verdict{Breaking, v.effect + "The edge gives what it keeps of one user to everyone. "}
		default:
			v.effect += "The edge keeps responses of the routes that name the class: it must be purged when values change. "
		}
	}
	for _, t := range gone {
		switch t {
		case policy.Memory:
			v.effect += "Memory keeps nothing: each read asks the shared tier. "
		case policy.Shared:
			v = verdict{Breaking, v.effect + "A cold start: what the shared tier keeps is not read any more, and each process loads for itself. "}
		default:
			v.effect += "What the edge keeps stays there until its TTL ends: purge it. "
		}
	}
	return v
}

// missing returns the members of a that b does not have.
func missing(a, b []policy.Tier) []policy.Tier {
	return slices.DeleteFunc(slices.Clone(a), func(t policy.Tier) bool { return slices.Contains(b, t) })
}

// privacy is worse in the direction of public: nothing but the author knows whether the
// values are fit to be seen.
func (p *pair) privacy() verdict {
	order := []policy.Privacy{policy.Public, policy.Private, policy.Sensitive}
	was, is := slices.Index(order, p.oldIs.Privacy), slices.Index(order, p.newIs.Privacy)
	switch {
	case p.known && was == is:
		return verdict{Safe, sameLife}
	case is > was:
		v := p.encryption("Values are one user's: no shared edge keeps them any more.")
		v.effect += " What the edge keeps already stays there until its TTL ends: purge it."
		if v.kind == Safe {
			v.kind = Behavioural
		}
		return v
	}
	v := p.encryption("")
	return verdict{Breaking, "Values that were one user's may be given to others, or are no longer guarded as they were: be sure that they are not. " + v.effect}
}

// encryption says what it does that values are encrypted, or are no more.
func (p *pair) encryption(otherwise string) verdict {
	switch {
	case p.oldIs.Encrypt == p.newIs.Encrypt:
		return verdict{Safe, otherwise}
	case p.newIs.Encrypt:
		return verdict{Breaking, coldStart + "Values are encrypted, which needs a key; those kept in clear are not read, and stay in the shared tier until their TTL ends."}
	}
	return verdict{Breaking, coldStart + "Values are kept in clear; encrypted ones are not read."}
}

// invalidation compares what makes values wrong.
func (d *differ) invalidation(at func(...string) string, p *pair) {
	oldTags := "Values that are kept already carry the old tags until they end"
	if p.known && p.oldIs.TTL.Shared > 0 {
		oldTags += ", for up to " + length(p.oldIs.TTL.Shared+max(p.oldIs.StaleWhileRevalidate, p.oldIs.StaleIfError, 0))
	}
	oldTags += ": invalidate the old tags, too, until then. "
	tagged := func(c policy.Class) bool { return len(c.Tags) > 0 || c.ValueTags }
	form := tagged(p.old) != tagged(p.new)
	d.field(at("tags"), p.old.Tags, p.new.Tags, func() verdict {
		if form {
			return verdict{Breaking, coldStart + "A value with tags has another form than one without."}
		}
		if sameMembers(p.old.Tags, p.new.Tags) {
			return verdict{Safe, sameLife}
		}
		return verdict{Behavioural, oldTags}
	})
	d.field(at("value_tags"), p.old.ValueTags, p.new.ValueTags, func() verdict {
		if form {
			return verdict{Breaking, coldStart + "A value with tags has another form than one without. " + compile}
		}
		return verdict{Breaking, oldTags + compile}
	})
	d.field(at("value_ttl"), p.old.ValueTTL, p.new.ValueTTL, func() verdict {
		return verdict{Breaking, "Values say a shorter life by themselves, or do not any more. " + compile}
	})
	d.field(at("row_version"), p.old.RowVersion, p.new.RowVersion, func() verdict {
		if p.old.RowVersion != "" && p.new.RowVersion != "" {
			return verdict{Breaking, "Versions of another source cannot be compared with those that are kept: until these end, an older value may pass for the newer one. Invalidate the class."}
		}
		return verdict{Breaking, "The loader has a version, or has none any more. " + compile + "Without one an update invalidates and does not write."}
	})
	d.field(at("strict"), p.old.Strict, p.new.Strict, func() verdict {
		if p.new.Strict {
			return verdict{Behavioural, "No read sees an older value from COMMIT on, for one round trip more in each write. It holds when no process of the old version writes any more."}
		}
		return verdict{Behavioural, "Reads may see the older value between COMMIT and the end of the update."}
	})
	d.field(at("source"), p.old.Source.From, p.new.Source.From, always(Safe, "It is for people."))
	d.field(at("source"), p.old.Source.Tables, p.new.Source.Tables, always(Behavioural,
		"The triggers are others: generate and run the script. Until then changes of new tables invalidate nothing, and those of old ones still do."))
}

// sameMembers compares lists whose order does not matter.
func sameMembers(a, b []string) bool {
	a, b = slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b))
	return slices.Equal(a, b)
}

// loads compares how values are loaded.
func (d *differ) loads(at func(...string) string, p *pair) {
	old, new := p.old, p.new
	d.field(at("batch"), old.Batch, new.Batch, always(Breaking, "The loader loads many keys at once, or does so no more. "+compile))
	d.field(at("stampede", "early_refresh"), old.Stampede.EarlyRefresh, new.Stampede.EarlyRefresh, always(Behavioural, "Hot values are loaded again earlier, or later, before their end."))
	d.field(at("stampede", "soft_timeout"), old.Stampede.SoftTimeout, new.Stampede.SoftTimeout, always(Behavioural, "Readers wait another time for a load before they get the stale value."))
	d.field(at("stampede", "hard_timeout"), old.Stampede.HardTimeout, new.Stampede.HardTimeout, always(Behavioural, "Loads are ended after another time."))
	d.field(at("budget", "loads"), old.Budget.Loads, new.Budget.Loads, always(Behavioural, "Another number of loads runs at once in each process: look at what the source stands."))
	d.field(at("budget", "rate"), old.Budget.Rate, new.Budget.Rate, always(Behavioural, "Each process loads at another rate: look at what the source stands."))
	d.field(at("budget", "wait"), old.Budget.Wait, new.Budget.Wait, always(Behavioural, "Loads wait another time for their turn before readers get a stale value, or an error."))
	d.field(at("rebuild"), old.Rebuild, new.Rebuild, always(Behavioural, "Another number of keys is loaded at once after an invalidation of a tag."))
}

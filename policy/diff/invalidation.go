package diff

import (
	"slices"

	"github.com/larderdev/larder/policy"
)

// newForm is what happens to values that get their first tags, or lose their last: a
// value with tags carries the marks of these, and is read by other code.
const newForm = "A value with tags has another form than one without."

// invalidation compares what makes values wrong.
func (d *differ) invalidation(at func(...string) string, p *classPair) {
	d.field(at("tags"), p.old.Tags, p.new.Tags, p.tags)
	d.field(at("value_tags"), p.old.ValueTags, p.new.ValueTags, p.valueTags)
	d.field(at("value_ttl"), p.old.ValueTTL, p.new.ValueTTL, always(Breaking,
		"Values say a shorter life by themselves, or do not any more. "+compile))
	d.field(at("row_version"), p.old.RowVersion, p.new.RowVersion, p.rowVersion)
	d.field(at("strict"), p.old.Strict, p.new.Strict, p.strict)
	d.field(at("source"), p.old.Source.From, p.new.Source.From, always(Safe, "It is for people."))
	d.field(at("source"), p.old.Source.Tables, p.new.Source.Tables, always(Behavioural,
		"The triggers are others: generate and run the script. Until then changes of new tables invalidate nothing, and those of old ones still do."))
}

// tags are a cold start with the first and the last one; in between, what is kept
// already still has the old ones.
func (p *classPair) tags() verdict {
	switch {
	case p.otherForm() && p.cold("") != "":
		return verdict{Breaking, p.cold(newForm)}
	case sameMembers(p.old.Tags, p.new.Tags):
		return verdict{Safe, sameLife}
	}
	return verdict{Behavioural, p.oldTags()}
}

// valueTags are a function of the loader that the generated code asks for.
func (p *classPair) valueTags() verdict {
	if p.otherForm() {
		return verdict{Breaking, p.cold(newForm+" ") + compile}
	}
	return verdict{Breaking, p.oldTags() + compile}
}

// otherForm tells whether values have tags before or after, and not both.
func (p *classPair) otherForm() bool {
	tagged := func(c policy.Class) bool { return len(c.Tags) > 0 || c.ValueTags }
	return tagged(p.old) != tagged(p.new)
}

// oldTags says how long values are found by the tags that they were kept with: for
// their life and the longer of the stale windows, which begin at its end.
func (p *classPair) oldTags() string {
	until := ""
	if p.known && p.oldIs.TTL.Shared > 0 {
		until = ", for up to " + length(p.oldIs.TTL.Shared+max(p.oldIs.StaleWhileRevalidate, p.oldIs.StaleIfError, 0))
	}
	return "Values that are kept already carry the old tags until they end" + until + ": invalidate the old tags, too, until then. "
}

// rowVersion is a number that only means something beside others of its source.
func (p *classPair) rowVersion() verdict {
	if p.old.RowVersion != "" && p.new.RowVersion != "" {
		return verdict{Breaking, "Versions of another source cannot be compared with those that are kept: until these end, an older value may pass for the newer one. Invalidate the class."}
	}
	return verdict{Breaking, "The loader has a version, or has none any more. " + compile + "Without one an update invalidates and does not write."}
}

// strict is a promise that all writers keep together: one process of the old version
// breaks it.
func (p *classPair) strict() verdict {
	if p.new.Strict {
		return verdict{Behavioural, "No read sees an older value from COMMIT on, for one round trip more in each write. It holds when no process of the old version writes any more."}
	}
	return verdict{Behavioural, "Reads may see the older value between COMMIT and the end of the update."}
}

// sameMembers compares lists whose order does not matter.
func sameMembers(a, b []string) bool {
	a, b = slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b))
	return slices.Equal(a, b)
}

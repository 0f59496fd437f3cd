package diff

import (
	"cmp"
	"slices"

	"github.com/larderdev/larder/policy"
)

// kept compares where and in which form values are kept. Compressed values
// and others are read by all versions; of encrypted values and clear ones each version
// reads its own.
func (d *differ) kept(at func(...string) string, p *classPair) {
	d.field(at("tiers"), p.old.Tiers, p.new.Tiers, p.tiers)
	d.field(at("privacy"), p.old.Privacy, p.new.Privacy, p.privacy)
	d.field(at("encrypt"), p.old.Encrypt, p.new.Encrypt, func() verdict { return p.encryption(sameLife) })
	d.field(at("memory", "entries"), p.old.MemoryEntries, p.new.MemoryEntries, always(Behavioural, "Memory keeps more or fewer values: its hits, and the memory of each process, change."))
	d.field(at("memory", "size"), size(p.old.MemoryBytes), size(p.new.MemoryBytes), always(Behavioural, "Memory keeps more or fewer values: its hits, and the memory of each process, change."))
	d.field(at("compress_above"), size(p.old.CompressAbove), size(p.new.CompressAbove), always(Safe, "Values of both forms are read; new ones take another room, and other time to compress."))
}

// tiers says for each tier that comes or goes what that does. Reads from a tier that is
// gone find nothing, which only for the shared one is felt by the source.
func (p *classPair) tiers() verdict {
	gone, come := without(p.oldIs.Tiers, p.newIs.Tiers), without(p.newIs.Tiers, p.oldIs.Tiers)
	if len(gone)+len(come) == 0 {
		return verdict{Safe, sameLife}
	}
	v := verdict{Behavioural, ""} // one sentence is added for each tier, and the worst kind stays
	for _, t := range come {
		switch {
		case t == policy.Memory:
			v.effect += "Memory keeps values: reads that are not strict may be older by max_staleness. "
		case t == policy.Shared:
			v.effect += "The shared tier keeps values, and begins empty. "
		// Lint refuses that as well; a diff is read by those who have not run it.
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

// privacy is worse in the direction of public: nothing but the author knows whether the
// values are fit to be seen.
func (p *classPair) privacy() verdict {
	order := []policy.Privacy{policy.Public, policy.Private, policy.Sensitive}
	was, is := slices.Index(order, p.oldIs.Privacy), slices.Index(order, p.newIs.Privacy)
	switch {
	case was == is:
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

// encryption says what it does that values are encrypted, or are no more: a process reads
// only the form that it writes. otherwise is what is to be said if nothing changes.
func (p *classPair) encryption(otherwise string) verdict {
	switch {
	case p.oldIs.Encrypt == p.newIs.Encrypt:
		return verdict{Safe, otherwise}
	case p.newIs.Encrypt:
		return verdict{Breaking, p.cold("Those kept in clear are not read, and stay in the shared tier until their TTL ends. ") +
			"Values are encrypted, which needs a key: without one the service does not start."}
	case p.cold("") == "":
		return verdict{Safe, cmp.Or(otherwise, "The shared tier, in which alone values are encrypted, keeps none.")}
	}
	return verdict{Breaking, p.cold("Values are kept in clear; encrypted ones are not read.")}
}

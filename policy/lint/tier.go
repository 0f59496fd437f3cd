package lint

import (
	"fmt"

	"github.com/larderdev/larder/policy"
)

const (
	// mostEntries is the number of entries above which a bound by number says
	// nothing about memory: with values of 1 KiB it is 1 GiB in each process.
	mostEntries = 1_000_000
	// mostBytes is what all classes may have together in each process.
	mostBytes = 8 << 30
	// leastMisses is a share of misses that no cache stays below whose values end.
	leastMisses = 0.001
)

// memoryUnbounded adds up what classes say by size. A bound by number says nothing about
// size, so that only a very large one is reported.
func memoryUnbounded(k *check) {
	var sum, largest int64
	var worst *class
	for _, c := range k.classes {
		if !c.has(policy.Memory) {
			continue
		}
		if c.is.MemoryEntries > mostEntries {
			k.report(c.owner, "memory.entries", fmt.Sprintf("%d values in each process, whatever their size", c.is.MemoryEntries),
				"Bound memory by size instead: memory: {size: 256MiB}.")
		}
		bytes := min(max(c.is.MemoryBytes, 0), mostBytes+1) // so that the sum stays in range
		if sum += bytes; bytes > largest {
			largest, worst = bytes, c
		}
	}
	if sum > mostBytes && worst != nil {
		k.report(worst.owner, "memory.size", fmt.Sprintf("all classes together may take more than %d GiB in each process, this one the most", mostBytes>>30),
			"Lower it: what memory does not keep, the shared tier does.")
	}
}

// noEffect is about what belongs to a tier that the class does not have. It looks at what
// was said, as defaults are filled in for all tiers.
func noEffect(k *check) {
	for _, c := range k.classes {
		for _, s := range []struct {
			field string
			said  bool
			tier  policy.Tier
		}{
			{"ttl.memory", c.said.TTL.Memory != 0, policy.Memory},
			{"memory.entries", c.said.MemoryEntries != 0, policy.Memory},
			{"memory.size", c.said.MemoryBytes != 0, policy.Memory},
			{"rebuild", c.said.Rebuild != 0, policy.Memory},
			{"encrypt", c.said.Encrypt, policy.Shared},
			{"compress_above", c.said.CompressAbove != 0, policy.Shared},
			{"ttl.edge", c.said.TTL.Edge != 0, policy.Edge},
		} {
			if s.said && !c.has(s.tier) {
				k.report(c.owner, s.field, fmt.Sprintf("it says %s, and does not have the tier %s", s.field, s.tier),
					fmt.Sprintf("Take it out, or put %s into tiers.", s.tier))
			}
		}
	}
}

// edgeAlone is about classes that neither memory nor the shared tier keeps: there would
// be no cache for larder gen to make, and the service has no way to fill the edge but by
// answering a route, which needs no class.
func edgeAlone(k *check) {
	for _, c := range k.classes {
		if c.has(policy.Edge) && !c.has(policy.Memory) && !c.has(policy.Shared) {
			k.report(c.owner, "tiers", "the edge keeps responses, and the class has nothing to keep its values in",
				"Put shared into tiers, or leave the class out: what only routes keep needs none.")
		}
	}
}

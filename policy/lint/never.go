package lint

import (
	"fmt"
)

// neverSays is about classes that are never cached, and whose other fields nobody
// would look at. Tiers come first: they contradict, the others are only idle.
func neverSays(k *check) {
	for _, c := range k.nevers {
		if len(c.said.Tiers) > 0 {
			k.report(c.owner, "tiers", "it is never cached, and has tiers", "Take tiers out, or pattern: never.")
		}
		rest := c.said
		rest.Pattern, rest.Description, rest.Ignore, rest.Tiers = "", "", nil, nil
		for _, field := range saidFields(rest) {
			k.report(c.owner, field, fmt.Sprintf("it is never cached, and says %s, which nobody would look at", field),
				"Leave everything out but pattern and description.")
		}
	}
}

// neverCached is about routes of such classes. no_store says once more what is so, and
// does no harm.
func neverCached(k *check) {
	for _, r := range k.routes {
		if !r.never() {
			continue
		}
		rest := r.said
		rest.Class, rest.Ignore, rest.NoStore = "", nil, false
		for _, field := range saidFields(rest) {
			k.report(r.owner, field, fmt.Sprintf("%s is never cached, and the route says %s", r.class.name, field),
				"Take it out: nobody keeps what the route answers.")
		}
	}
}

package strategy

import (
	"time"

	"github.com/larderdev/larder/policy"
)

// staleRules read the two windows in which values are served beyond their end: while
// one load replaces them, and when that fails. Classes and routes have both.
func staleRules[S any](swr, sie func(*S) *time.Duration) []rule[S] {
	const while, ifError = "stale-while-revalidate", "stale-if-error"
	return []rule[S]{
		// The names of RFC 5861, then what they mean in words.
		onWindow(`(?:stale[- ]while[- ]revalidate|swr)(?: window)?FOR[ :=](.+)`, while, swr),
		onWindow(`(.+) (?:of )?(?:stale[- ]while[- ]revalidate|swr)`, while, swr),
		onWindow(`STALE(?: for)? (.+?) WHILELOADING`, while, swr),
		onWindow(`STALE WHILELOADING(?: for)? (.+)`, while, swr),
		onSet(`NO (?:stale[- ]while[- ]revalidate|swr)`, while, policy.None, swr),
		onWindow(`(?:stale[- ]if[- ]error|sie)(?: window)?FOR[ :=](.+)`, ifError, sie),
		onWindow(`(.+) (?:of )?(?:stale[- ]if[- ]error|sie)`, ifError, sie),
		onWindow(`STALE(?: for)? (.+?) WHENDOWN`, ifError, sie),
		onWindow(`STALE WHENDOWN(?: for)? (.+)`, ifError, sie),
		onSet(`NO (?:stale[- ]if[- ]error|sie)`, ifError, policy.None, sie),
		// Behind all others: neither reason is said, and the two differ in when a reader
		// gets old data.
		onRefused[S](`STALE(?: for)? .*\d.*`,
			"values are served stale while one load replaces them, or when that fails, and it does not say which", `say "stale-while-revalidate 5m", or "stale-if-error 5m"`),
	}
}

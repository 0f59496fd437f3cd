// Package doctor looks whether the surroundings are what Larder needs: the servers
// of the shared tier, and the tokens of CDNs.
//
// # Model
//
//	Redis, Valkey ──┐
//	                ├──▶ []Check: ok, warn, fail, each with what to do
//	CDN, its token ─┘
//
// Each look is a [Check] of its own: one that fails keeps the others from nothing
// but what needs it.
//
// # Invariants
//
//   - Nothing that is cached is changed. To see what a login may do, operations
//     are tried on one key that no class can have, which is gone a second later.
//   - No check holds a password or a token.
//   - Every look ends with its context.
package doctor

// Status is how a check has ended.
type Status string

// The outcomes of a check.
const (
	OK   Status = "ok"
	Warn Status = "warn" // it works, and will not always
	Fail Status = "fail" // it does not work
	Skip Status = "skip" // it was not looked at
)

// Check is one look.
//
// Programs read it as JSON, so that its fields and outcomes keep their names.
type Check struct {
	// Of is what was looked at: an address, or a CDN.
	Of string `json:"of"`
	// Name is what about it.
	Name string `json:"name"`
	// Status is how it has ended, and Says why.
	Status Status `json:"status"`
	Says   string `json:"says"`
	// Mend is what to do about it, if there is something.
	Mend string `json:"mend,omitempty"`
}

// Worst returns the worst outcome.
// What was skipped counts as well: nobody has asked for it. Without checks all is well.
func Worst(checks []Check) Status {
	worst := OK
	rank := map[Status]int{OK: 0, Skip: 0, Warn: 1, Fail: 2}
	for _, c := range checks {
		if rank[c.Status] > rank[worst] {
			worst = c.Status
		}
	}
	return worst
}

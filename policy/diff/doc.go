// Package diff says what a change of a policy does to a service that runs: what
// nobody notices, what behaves otherwise, and what breaks.
//
//	old ─┐                    safe         nobody notices
//	     ├─Compare─▶ []Change behavioural  values live, or are found, otherwise
//	new ─┘                    breaking     a cold start, code that does not compile,
//	                                       data in sight of others
//
// # Model
//
// A [Change] is one field that says something else. How bad that is follows from
// what the field means after profiles and defaults: a class that takes its hour from
// a profile and then says ttl: 1h has changed, and nobody notices.
//
// Values that are kept already do not change with the policy. They keep the key, the
// form, the tags and the end that they were written with: this is what most of the
// texts are about.
//
// A cold start is a class, or a route at the edge, of which nothing that was kept is
// found any more. All that is asked for is loaded at once.
//
// # Invariants
//
//   - Two policies that are equal have no changes; each field that differs is in one.
//   - Classes and routes that come and go are one change each; a class that came and
//     one that went with the same settings are one that was renamed.
//   - The same policies give the same changes in the same order.
package diff

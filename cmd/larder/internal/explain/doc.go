// Package explain says what is cached of a key, a class or a URL, and what the
// next reader gets.
//
// # Model
//
//	shared tier ──Inspect──▶ record, lease ─┐
//	            ──InspectTags──▶ tags ──────┼─▶ sight ──▶ State ──▶ Next
//	larder.yaml ──Resolve──▶ class ─────────┘   what is there       what Get does
//
// A sight is what the shared tier holds of one key at one moment. From it and from
// the class alone follow the state and what a Get does next: both are functions
// without a server, which the tests compare with what Get of package larder then
// does.
//
// # Invariants
//
//   - Nothing is changed: no lease is taken, no tag is made, nothing is discarded.
//   - The answer is for a process whose memory does not hold the key, as after its
//     start. What another process holds in memory cannot be seen from here, and the
//     answer says so.
//   - What cannot be known is said to be unknown, and is not guessed: the schema of
//     the program's type, and the tags of an encrypted value without its keys.
//   - A value itself is never shown.
package explain

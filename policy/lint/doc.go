// Package lint says what is wrong with a policy as a whole: each field may be
// fine, and still two of them contradict each other, or mean what nobody wants.
//
//	policy.Policy ──Check──▶ []Finding ──Write──▶ text, JSON, GitHub, SARIF
//	                  ▲                    ▲
//	              Rules: id, why,      Source: where in the file
//	              bad and good         a path is
//
// # Model
//
// A [Rule] has an id that never changes, a severity, and two examples in YAML:
// one that breaks it, and one that does not. The tests check both, and the page
// of the documentation, [Page], is made of the rules, so that it cannot be wrong.
//
// A [Finding] names a place by its path in the file, such as
// "classes.product.ttl.memory". The package does not read files: whoever did
// tells where a path is, as a [Source].
//
// # Invariants
//
//   - Check never panics and never changes the policy, also if it was built by a
//     program and makes no sense.
//   - The same policy gives the same findings in the same order.
//   - An exception is said in the policy, with its reason (Class.Ignore and
//     Route.Ignore). One that names no rule, or excuses nothing, is itself a finding,
//     so that exceptions do not outlive their cause.
//   - What looks like a secret is never repeated.
//
// The limits of CDNs are those of package httpcache, which is asked, so that what
// passes here is not refused when the service starts.
package lint

// Package policy is the model of larder.yaml: one file that says, for each class
// of data and each route, how it is cached in every tier.
//
//	larder.yaml ──Parse──▶ Policy ──▶ lint      what is wrong with it as a whole
//	program ──────────────▶   │   ├─▶ gen       typed caches, keys, route table
//	                          │   ├─▶ strategy  the page for people
//	                          │   └─▶ cdn       rules of the CDN
//	                          ▼
//	                       Resolve   a class with its profile and the defaults
//
// # Model
//
// A [Policy] has classes and routes. A class is a named kind of data: what its
// key and its values are, how long they live in which tier, what makes them
// wrong. A route is a pattern of net/http.ServeMux: what caches may do with its
// responses. The two meet where a route names its class.
//
// The life of a value is one line, for classes and for routes:
//
//	|———————— TTL, fresh ————————|— StaleWhileRevalidate, StaleIfError —| gone
//
// A [Profile] names such a line, so that many classes can share it.
//
// # Invariants
//
//   - Reading a file and building the same Policy in a program give equal values:
//     a Policy holds what was said, and nothing that was filled in. [Policy.Resolve]
//     and [Policy.ResolveRoute] fill in.
//   - A field that is zero was not said. What must be told from that, such as a
//     window that a profile opens and a class closes, is [None].
//   - Nothing secret is in a Policy: zones and tokens are names of environment
//     variables.
//   - The package knows nothing of the cache in package larder.
package policy

// Package cdnrules turns the routes of a policy into what caches in front of the
// service need: rules of a Cloudflare zone, which it plans and applies, and files
// for Terraform, Varnish, nginx and Fastly.
//
//	Policy.Routes ──Rules──▶ []Rule ──▶ Cloudflare: Plan ──▶ Apply
//	                           └──────▶ Export: Terraform, Varnish, nginx, Fastly
//
// # Model
//
// A [Rule] is one route: either its responses may be kept, for as long as their own
// header says, or they are bypassed. Nothing here sets a lifetime: the service
// sends it (see package httpcache). A rule that overrode it would make Cloudflare
// strip Set-Cookie and keep the page of one visitor for all.
//
// In a zone, several routes with the same settings are one rule of the phase
// http_request_cache_settings. Its reference begins with "larder_", the owner and
// "_": by that it is known to be ours. At the end of its description stands a
// fingerprint of what was written, so that a rule that somebody has edited is told
// from one that the policy has changed.
//
//	foreign …, our cache rules, foreign …, our bypass rules
//
// # Invariants
//
//   - Rules of others are neither written nor moved. Each change is a request for
//     one rule of ours, never one that replaces the list.
//   - In a zone the last rule that matches wins, so bypass rules stand last. A
//     bypass rule leaves out the cached routes that are more specific, as
//     net/http.ServeMux does.
//   - Between any two writes of an apply nothing is kept that neither the rules
//     before nor those after keep, and nothing with settings of neither.
//   - Where a pattern cannot be said exactly, it is an error, not something near it.
//   - What is planned is applied to the version that was read and to no other:
//     see [ErrChanged].
//   - The zone's id and the token are in no error, plan or file.
package cdnrules

// Package gen writes the Go code and the SQL of a caching policy: typed caches,
// the interface of their loaders, key types, the table of routes and the
// triggers of an outbox.
//
//	policy.Policy ──plan──▶ what there is to say ──render──▶ Output ──▶ Check, Diff, Write
//	                             │                              files in memory
//	                             └─verify─ opened once as the program would open it
//
// # Model
//
// [Generate] makes an [Output]: the files of one folder, in memory. Whoever has it
// asks how the folder differs ([Output.Check], [Output.Diff]) or makes it the same
// ([Output.Write]).
//
// # Invariants
//
//   - The same policy gives the same bytes: no time, no path of the machine, no
//     order of a map.
//   - What is written has been opened: the very values that stand in the code have
//     been given to larder.Open, httpcache.New and outbox.Box.Triggers, so that
//     what they refuse is refused here and not when the service starts.
//   - What larder lint passes is not refused here: a refusal is there first, with its
//     place in the file.
//   - A class that is never cached has no name in the code.
//   - Files that do not carry the header are not changed and not removed.
//   - Import paths of users' types get an explicit name: the code compiles whatever
//     the package calls itself.
package gen

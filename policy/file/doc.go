// Package file reads and writes larder.yaml, the file of a [policy.Policy].
//
//	larder.yaml ──Parse──▶ Policy, Index ──▶ whoever has something to say of a field
//	            ◀─Format──
//
// # Model
//
// A file is YAML, or JSON, which is YAML too. Its keys are those of package policy,
// in small letters; docs/policy.md is the guide, [Schema] what editors complete by.
// An [Index] tells where each field is, so that later findings can name its line.
//
// # Invariants
//
//   - Format and Parse are inverse: the file of a valid policy reads as that policy.
//   - All mistakes of a file come back at once, each with its line, its column and
//     its mend, and the bounds of size, depth and number hold for each file.
//   - What YAML 1.1 and 1.2 read differently is refused, not guessed: yes, 0123,
//     1:30. So are aliases, anchors, tags and merge keys.
//   - No error shows the value of a token or of a zone.
package file

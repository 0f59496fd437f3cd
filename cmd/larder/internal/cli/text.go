package cli

import (
	"fmt"
	"maps"
	"slices"

	"github.com/larderdev/larder/internal/plaintext"
)

// legible is a text of somebody else as it may be printed. A policy, a key and a tag
// of the shared tier, and the name of a file, are mostly by somebody else than the one
// who reads about them.
func legible(text string) string { return plaintext.Text(text) }

// count is a number of things.
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// sortedNames returns the names in a map, in order.
// Whatever is printed is in the same order each time.
func sortedNames[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

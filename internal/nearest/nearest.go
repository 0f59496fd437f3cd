// Package nearest finds the name that somebody may have meant who wrote another: of a
// key in larder.yaml, a flag, a class.
//
// # Invariants
//
//   - It never guesses far: at most a third of the letters are wrong. A wrong hint
//     costs its reader more than none.
//   - Of two names that are as near the first one wins, so that a message is the same
//     each time for names in order.
//   - The work is bounded whatever is written: long words are not compared.
package nearest

import "strings"

// maxWord bounds what is compared: nobody misspells a longer one by a letter.
const maxWord = 64

// Name returns the one of names that word was probably meant to be, or "" if none is
// near: at most a third of its letters are wrong, missing or too many, and one of a
// short word. Capital letters, "-", "_" and spaces do not count.
func Name(word string, names []string) string {
	if len(word) > maxWord {
		return ""
	}
	best, least := "", 1+max(len(word), 2)/3
	for _, name := range names {
		if len(name) > maxWord {
			continue
		}
		if away := distance(fold(word), fold(name)); away < least {
			best, least = name, away
		}
	}
	return best
}

// fold makes words equal that differ in the style of writing alone: those are the
// likeliest mistakes, of people who come from another format.
func fold(word string) string {
	return strings.NewReplacer("-", "", "_", "", " ", "").Replace(strings.ToLower(word))
}

// distance is the number of letters to change, insert, remove or swap with the next
// to make b of a (optimal string alignment). A swap counts once: "tlt" for "ttl" is
// one slip of the fingers, and not two.
func distance(a, b string) int {
	before, last := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row := make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}

// Package secret tells by sight what looks like a secret in a text, and takes it
// out of what is shown.
//
// A text is looked at for the forms of known keys and tokens, for URLs with
// passwords, and for words that are random. What has none of these is no promise:
// a password that is a word looks like one.
package secret

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
)

// forms are those of secrets that can be told by sight, each with what it is, and
// with fixed texts of which it has one: most texts have none, and need no more.
var forms = []struct {
	what  string
	fixed []string
	form  *regexp.Regexp
}{
	{"a private key", []string{"PRIVATE KEY"}, regexp.MustCompile(`-----BEGIN [A-Z ]*PRIVATE KEY[^"]*`)},
	{"a URL with a password", []string{"://"}, regexp.MustCompile(`[A-Za-z][A-Za-z0-9+.-]*://[^/\s:@]*:[^/\s@{$]+@`)},
	{"an AWS access key", []string{"AKIA", "ASIA"}, regexp.MustCompile(`\b(?:AKIA|ASIA)[0-9A-Z]{16}\b`)},
	{"a GitHub token", []string{"gh", "github_pat_"}, regexp.MustCompile(`\b(?:gh[pousr]_[A-Za-z0-9]{30,}|github_pat_[A-Za-z0-9_]{30,})`)},
	{"a GitLab token", []string{"glpat-"}, regexp.MustCompile(`\bglpat-[A-Za-z0-9_-]{20,}`)},
	{"a Slack token", []string{"xox"}, regexp.MustCompile(`\bxox[abeoprs]-[A-Za-z0-9-]{10,}`)},
	{"a Stripe key", []string{"k_live_"}, regexp.MustCompile(`\b[sr]k_live_[A-Za-z0-9]{16,}`)},
	{"a Google API key", []string{"AIza"}, regexp.MustCompile(`\bAIza[A-Za-z0-9_-]{35}`)},
	{"a JSON web token", []string{"eyJ"}, regexp.MustCompile(`\beyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)*`)},
	{"a bearer token", []string{"earer", "EARER"}, regexp.MustCompile(`(?i)\bbearer\s+[A-Za-z0-9._~+/-]{16,}`)},
}

// words are what may be a key or token without a form of its own. A slash or a dot ends
// one: paths and imports are long, and mix letters as tokens do.
var words = regexp.MustCompile(`[A-Za-z0-9_+=-]{24,}`)

const (
	// shortestSecret is the length of a word from which it is looked at.
	shortestSecret = 24
	// leastEntropy is in bits per letter. Random letters, digits and capitals have
	// above 4 at this length; words and names stay below.
	leastEntropy = 3.7
	// shortestHex is the length of 128 bits in hexadecimal.
	shortestHex = 32
)

// In says what kind of secret text seems to hold, or nothing.
func In(text string) string {
	for _, f := range forms {
		if slices.ContainsFunc(f.fixed, func(part string) bool { return strings.Contains(text, part) }) && f.form.MatchString(text) {
			return f.what
		}
	}
	if len(text) >= shortestSecret && slices.ContainsFunc(words.FindAllString(text, -1), isRandom) {
		return "a key or token: it is random"
	}
	return ""
}

// hidden stands for what is not repeated.
const hidden = "[hidden]"

// Hide takes out of a text what looks like a secret. Most texts hold none, and come back
// as they are.
func Hide(text string) string {
	if In(text) == "" {
		return text
	}
	for _, f := range forms {
		text = f.form.ReplaceAllString(text, hidden)
	}
	return words.ReplaceAllStringFunc(text, func(word string) string {
		if isRandom(word) {
			return hidden
		}
		return word
	})
}

// maxQuoted bounds the characters of a value that a message repeats.
const maxQuoted = 40

// Quote quotes a value for a message, without what looks like a secret, and without its
// end if it is long: one that was meant to be a whole file would hide all other mistakes.
func Quote(value string) string {
	value = Hide(value)
	runes := []rune(value)
	if len(runes) <= maxQuoted {
		return fmt.Sprintf("%q", value)
	}
	return fmt.Sprintf("%q…", string(runes[:maxQuoted]))
}

// isRandom tells whether a word is a number in hexadecimal of 128 bits or more, or
// a long mix of letters, capitals and digits. A word of only digits is a number and one
// of only letters a name; "aaaa0000…" and its like are made up, hence the entropy. The
// word is ASCII, as all of words are.
func isRandom(word string) bool {
	var small, capital, digit, hex int
	count := [128]int{}
	for i := range len(word) {
		c := word[i]
		count[c]++
		switch {
		case '0' <= c && c <= '9':
			digit++
		case 'a' <= c && c <= 'z':
			small++
		case 'A' <= c && c <= 'Z':
			capital++
		}
		if strings.IndexByte("0123456789abcdefABCDEF", c) >= 0 {
			hex++
		}
	}
	if hex == len(word) && len(word) >= shortestHex && digit > 0 && digit < len(word) {
		return entropy(count[:], len(word)) > 3
	}
	return small > 0 && capital > 0 && digit >= 3 && entropy(count[:], len(word)) > leastEntropy
}

// entropy returns the bits per letter of a text with these counts of letters.
func entropy(counts []int, length int) float64 {
	var bits float64
	for _, n := range counts {
		if n > 0 {
			p := float64(n) / float64(length)
			bits -= p * math.Log2(p)
		}
	}
	return bits
}

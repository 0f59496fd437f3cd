package file

import (
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// variable is the name of an environment variable.
var variable = regexp.MustCompile(`^[A-Z_][A-Z0-9_]*$`)

// secretKeys are the keys whose values must be names of variables. Who has written
// a token there must not find it in a log of what is wrong with the file.
var secretKeys = map[string]bool{"token": true, "zone": true}

// secretKey is such a key wherever it stands in a line, and secretName what may be shown
// behind it.
var (
	secretKey  = regexp.MustCompile(`(?:^|[\s{,?"'-])(?:token|zone)["']?\s*:`)
	secretName = regexp.MustCompile(`^\s*["']?[A-Z_][A-Z0-9_]*["']?\s*(?:[,}#].*)?$`)
)

// guessSecrets notes the lines that look as if they held a secret, and those further in
// below them. It needs no YAML: in a file that is none the line of the mistake is shown
// all the same, and a token with a quote too many is such a mistake.
func (x *Index) guessSecrets() {
	within := -1 // the indentation of the key that holds the lines at hand; -1: none
	for i, line := range x.lines {
		indent := len(line) - len(strings.TrimLeft(line, " \t-"))
		if slices.ContainsFunc(secretKey.FindAllStringIndex(line, -1), func(at []int) bool { return !secretName.MatchString(line[at[1]:]) }) {
			within, x.secret[i+1] = indent, true
			continue
		}
		if within >= 0 && (indent > within || strings.TrimSpace(line) == "") {
			x.secret[i+1] = true
		} else {
			within = -1
		}
	}
}

// hideSecrets notes the lines that hold a secret by what the parser has read, wherever
// in the file and however the key is written: a wrong indentation must not show one
// either. What is the name of a variable may be shown, and helps.
func (x *Index) hideSecrets(n *yaml.Node) {
	for i, child := range n.Content {
		x.hideSecrets(child)
		if n.Kind == yaml.MappingNode && i%2 == 1 && secretKeys[n.Content[i-1].Value] &&
			!(child.Kind == yaml.ScalarNode && variable.MatchString(child.Value)) {
			for line := n.Content[i-1].Line; line <= lastLine(child); line++ {
				x.secret[line] = true
			}
		}
	}
}

// lastLine is the line in which the last part of a node begins.
func lastLine(n *yaml.Node) int {
	last := n.Line
	for _, child := range n.Content {
		last = max(last, lastLine(child))
	}
	return last
}

package file

import (
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/larderdev/larder/policy/internal/field"
	"github.com/larderdev/larder/policy/internal/secret"
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
// either. It knows better than guessSecrets, which it replaces. A class may be called
// token, and is no secret. What is the name of a variable may be shown, and helps.
func (x *Index) hideSecrets(root *yaml.Node) {
	clear(x.secret)
	x.hideBelow(root, "")
}

// hideBelow is hideSecrets for what is below a path, of which only the names of the
// file's sections are looked at.
func (x *Index) hideBelow(n *yaml.Node, path string) {
	names := path == "classes" || path == "profiles" || path == "routes"
	for i, child := range n.Content {
		if n.Kind != yaml.MappingNode {
			x.hideBelow(child, path+"[]")
			continue
		}
		if i%2 == 0 {
			continue
		}
		key := n.Content[i-1]
		x.hideBelow(child, field.Path(path, key.Value))
		if !secretKeys[key.Value] || variable.MatchString(child.Value) || names && child.Kind != yaml.ScalarNode {
			continue
		}
		last := lastLine(child)
		if i+1 < len(n.Content) && strings.ContainsAny(child.Value, " \n") {
			last = n.Content[i+1].Line // the parser does not say where a scalar ends
		}
		for line := key.Line; line <= last; line++ {
			x.secret[line] = true
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

// nearKey is a key that is nearly one for a secret, "tokens:" or "Token =", and what is
// behind it.
var nearKey = regexp.MustCompile(`(?i)\b((?:token|zone)\w*)["']?\s*([:=])\s*(.*?)\s*$`)

// mayHide tells by sight whether a line may hold a secret where the others see none: it
// looks like one, or stands behind or below a key that is misspelt.
func (x *Index) mayHide(line int) bool {
	if behind, ok := behindNearKey(x.lines[line-1]); ok && behind != "" && !secretName.MatchString(behind) {
		return true
	}
	if line > 1 {
		if behind, ok := behindNearKey(x.lines[line-2]); ok && strings.Trim(behind, "|>+-0123456789") == "" {
			return true
		}
	}
	return secret.In(x.lines[line-1]) != ""
}

// behindNearKey returns what is behind such a key in a line. The right ones are none:
// what is behind them hideSecrets knows, or guessSecrets.
func behindNearKey(line string) (behind string, ok bool) {
	found := nearKey.FindStringSubmatch(line)
	if found == nil || secretKeys[found[1]] && found[2] == ":" {
		return "", false
	}
	return found[3], true
}

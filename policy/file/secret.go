package file

import (
	"regexp"

	"go.yaml.in/yaml/v4"
)

// variable is the name of an environment variable.
var variable = regexp.MustCompile(`^[A-Z_][A-Z0-9_]*$`)

// secretKeys are the keys whose values must be names of variables. Who has written
// a token there must not find it in a log of what is wrong with the file.
var secretKeys = map[string]bool{"token": true, "zone": true}

// hideSecrets notes the lines that may hold a secret, wherever in the file: a wrong
// indentation must not show one either. It runs before anything is reported. What is
// the name of a variable may be shown, and helps. A file that is not YAML has no nodes:
// there the line of the mistake is shown whatever it is.
func (x *Index) hideSecrets(n *yaml.Node) {
	for i, child := range n.Content {
		x.hideSecrets(child)
		if n.Kind == yaml.MappingNode && i%2 == 1 && secretKeys[n.Content[i-1].Value] &&
			child.Kind == yaml.ScalarNode && !variable.MatchString(child.Value) {
			for line := n.Content[i-1].Line; line <= child.Line; line++ {
				x.secret[line] = true
			}
		}
	}
}

package cli

import (
	"encoding/json"
	"strings"
)

// schemaVersion is that of the JSON that --json prints. Within a version fields
// are added, and never renamed, removed or given another meaning.
const schemaVersion = 1

// head begins every object that --json prints.
// A program looks at the schema before it believes any other field.
type head struct {
	Schema  int    `json:"schema"`
	Command string `json:"command"`
}

// head returns that of a command, by its name without the program's.
func (a *app) head(command string) head {
	return head{Schema: schemaVersion, Command: strings.TrimPrefix(command, "larder ")}
}

// printJSON prints v, which begins with a head.
// Without escapes for HTML: an expression with & and < in it is read by people, too.
func (a *app) printJSON(v any) error {
	enc := json.NewEncoder(a.out)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

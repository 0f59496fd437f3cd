package cdnrules

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// terraformHead begins the file, up to the list of rules.
const terraformHead = `#
# Terraform manages all rules of the phase: those of others in the zone are not
# here and would go. Where there are some, use larder cdn apply. A zone that has
# had rules has the phase's ruleset, and a second one is refused: take it over by
#
#   terraform import cloudflare_ruleset.larder zones/ZONE_ID/RULESET_ID
#
# It needs version 5.21.1 of Cloudflare's provider or a later 5. Beside it:
#
#   terraform {
#     required_providers {
#       cloudflare = {
#         source  = "cloudflare/cloudflare"
#         version = ">= 5.21.1, < 6.0.0"
#       }
#     }
#   }

variable "cloudflare_zone_id" {
  type = string
}

resource "cloudflare_ruleset" "larder" {
  zone_id = var.cloudflare_zone_id
  name    = "default"
  kind    = "zone"
  phase   = "` + phase + `"
  rules = `

// terraform writes a resource for version 5 of the provider, in which rules are a
// list of objects. It knows vary from 5.21.1 on.
// The rules are those that larder cdn apply writes, with the same references, so that a
// zone can be handed from one to the other.
func terraform(rules []Rule, o Options) (*Exported, error) {
	t, err := tierOf(o.Plan)
	if err != nil {
		return nil, fmt.Errorf("cdn: %w", err)
	}
	prefix, err := prefixOf(o.Owner)
	if err != nil {
		return nil, fmt.Errorf("cdn: %w", err)
	}
	wire, notes, err := compile(rules, prefix, t)
	if err != nil {
		return nil, err
	}
	if len(wire) > t.rules {
		return nil, fmt.Errorf("cdn: there are %d rules, and the plan %s allows %d: give routes the same query and vary, so that they share a rule", len(wire), t.name, t.rules)
	}
	list := make([]any, len(wire))
	for i := range wire {
		r := &wire[i]
		list[i] = map[string]any{
			"ref": r.Ref, "description": r.Description, "expression": r.Expression,
			"action": r.Action, "action_parameters": r.ActionParameters, "enabled": true,
		}
	}
	var b strings.Builder
	b.WriteString(written)
	b.WriteString(terraformHead)
	writeHCL(&b, list, "  ")
	b.WriteString("\n}\n")
	return &Exported{Files: []File{{"larder.tf", b.String()}}, Notes: notes}, nil
}

// hclName is what HCL takes for a name without quotes. Names of fields have dashes in
// them, which it takes, too, and which read as a subtraction.
var hclName = regexp.MustCompile(`^[a-z_][a-z0-9_]*$`)

// writeHCL writes a value of JSON as an expression of HCL, in the layout of
// terraform fmt.
func writeHCL(b *strings.Builder, value any, indent string) {
	switch v := value.(type) {
	case string:
		b.WriteString(hclString(v))
	case map[string]any:
		writeObject(b, v, indent)
	case []any:
		writeList(b, v, indent)
	default:
		fmt.Fprint(b, v) // true, false and numbers
	}
}

// writeList writes texts on one line, and objects each on lines of their own.
func writeList(b *strings.Builder, list []any, indent string) {
	if len(list) == 0 {
		b.WriteString("[]")
		return
	}
	if _, plain := list[0].(string); plain {
		b.WriteString("[")
		for i, item := range list {
			if i > 0 {
				b.WriteString(", ")
			}
			writeHCL(b, item, indent)
		}
		b.WriteString("]")
		return
	}
	b.WriteString("[\n")
	for _, item := range list {
		b.WriteString(indent + "  ")
		writeHCL(b, item, indent+"  ")
		b.WriteString(",\n")
	}
	b.WriteString(indent + "]")
}

// writeObject aligns the values of neighbours that have one line each.
// A file that terraform fmt would change is one that somebody's CI refuses.
func writeObject(b *strings.Builder, object map[string]any, indent string) {
	names := slices.Sorted(maps.Keys(object))
	key := func(name string) string {
		if hclName.MatchString(name) {
			return name
		}
		return hclString(name)
	}
	b.WriteString("{\n")
	for i := 0; i < len(names); i++ {
		last, width := i, 0
		for ; last < len(names) && oneLine(object[names[last]]); last++ {
			width = max(width, len(key(names[last])))
		}
		if last == i { // not one line: stands for itself
			fmt.Fprintf(b, "%s  %s = ", indent, key(names[i]))
			writeHCL(b, object[names[i]], indent+"  ")
			b.WriteByte('\n')
			continue
		}
		for ; i < last; i++ {
			fmt.Fprintf(b, "%s  %-*s = ", indent, width, key(names[i]))
			writeHCL(b, object[names[i]], indent+"  ")
			b.WriteByte('\n')
		}
		i--
	}
	b.WriteString(indent + "}")
}

// oneLine tells whether a value is written on one line, and so aligned with its
// neighbours.
func oneLine(value any) bool {
	switch v := value.(type) {
	case map[string]any:
		return false
	case []any:
		if len(v) == 0 {
			return true
		}
		_, plain := v[0].(string)
		return plain
	}
	return true
}

// hclString quotes a text in which nothing is a template.
func hclString(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "${", "$${", "%{", "%%{", "\n", `\n`, "\r", `\r`, "\t", `\t`).Replace(text) + `"`
}

// Package tfschema holds what larder cdn export writes for Terraform against the
// schema of Cloudflare's provider, which is recorded in testdata: the names of the
// resource's attributes, their types, which are required, and the values that
// are allowed. HashiCorp's own parser reads the export. This is more than terraform
// validate does: of an object within an attribute it drops, and does not report,
// what the schema does not name.
//
// The package is a module of its own, so that nobody else requires that parser.
//
// To record the schema of another version, in a folder whose configuration names
// that version of the provider:
//
//	terraform init && terraform providers schema -json > schema.json
//	go test -C internal/tfschema . -run Record -record "$PWD/schema.json" -version 5.22.0
package tfschema

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

const recorded = "testdata/cloudflare_ruleset.json"

// resource is the recorded schema.
type resource struct {
	Provider   string     `json:"provider"`
	Version    string     `json:"version"`
	Attributes attributes `json:"attributes"`
}

// attributes are those of a resource or an object, by their names.
type attributes map[string]*attribute

// attribute is an attribute of a resource, or of an object in it.
//
// Computed is what only the provider fills in, unless it is optional, too.
type attribute struct {
	Required bool `json:"required,omitempty"`
	Optional bool `json:"optional,omitempty"`
	Computed bool `json:"computed,omitempty"`
	// Type is that of a value: "string", or ["list", "string"].
	Type json.RawMessage `json:"type,omitempty"`
	// Nesting is what objects with Attributes are in: single, list or map.
	Nesting    string     `json:"nesting,omitempty"`
	Attributes attributes `json:"attributes,omitempty"`
	// Values are those allowed; none: all.
	Values []string `json:"values,omitempty"`
}

// exported is what the export says, evaluated.
//
// zone is what the variable was given, to see it come back.
type exported struct {
	zone  string
	value map[string]cty.Value
}

// read parses the export, which must be a variable and a resource.
// Nothing else may stand in the export, as it would not be compared with anything.
func read(text string) (*exported, error) {
	file, diags := hclsyntax.ParseConfig([]byte(text), "larder.tf", hcl.InitialPos)
	if diags.HasErrors() {
		return nil, diags
	}
	body := file.Body.(*hclsyntax.Body)
	var names []string
	e := &exported{zone: "9a7806061c88ada191ed06f989cc3dac", value: map[string]cty.Value{}}
	scope := &hcl.EvalContext{Variables: map[string]cty.Value{
		"var": cty.ObjectVal(map[string]cty.Value{"cloudflare_zone_id": cty.StringVal(e.zone)}),
	}}
	for _, block := range body.Blocks {
		names = append(names, strings.Join(append([]string{block.Type}, block.Labels...), " "))
		if block.Type != "resource" {
			continue
		}
		if len(block.Body.Blocks) > 0 {
			return nil, fmt.Errorf("%s: a block %s within a resource whose schema has none", block.Body.Blocks[0].Range(), block.Body.Blocks[0].Type)
		}
		for name, a := range block.Body.Attributes {
			value, diags := a.Expr.Value(scope)
			if diags.HasErrors() {
				return nil, diags
			}
			e.value[name] = value
		}
	}
	want := []string{"variable cloudflare_zone_id", "resource cloudflare_ruleset larder"}
	if !slices.Equal(names, want) || len(body.Attributes) > 0 {
		return nil, fmt.Errorf("the blocks are %q and %d attributes, want %q alone", names, len(body.Attributes), want)
	}
	return e, nil
}

// check returns what is wrong with the values at a place.
// In order, so that a failure of a test has the same text each time.
func (as attributes) check(at string, values map[string]cty.Value) []string {
	var found []string
	for name, a := range as {
		if _, ok := values[name]; a.Required && !ok {
			found = append(found, fmt.Sprintf("%s.%s is required", at, name))
		}
	}
	for name, value := range values {
		a := as[name]
		switch {
		case a == nil:
			found = append(found, fmt.Sprintf("%s.%s is no attribute; there are %q", at, name, slices.Sorted(maps.Keys(as))))
		case !a.Required && !a.Optional:
			found = append(found, fmt.Sprintf("%s.%s cannot be set", at, name))
		default:
			found = append(found, a.check(at+"."+name, value)...)
		}
	}
	slices.Sort(found)
	return found
}

// check returns what is wrong with one value. What is null or not known yet would be
// accepted by Terraform, and be something else when it is applied.
func (a *attribute) check(at string, value cty.Value) []string {
	if value.IsNull() || !value.IsWhollyKnown() {
		return []string{at + " is null or not known"}
	}
	if a.Nesting != "" {
		return a.checkNested(at, value)
	}
	if why := typed(a.Type, value); why != "" {
		return []string{at + " " + why}
	}
	if len(a.Values) > 0 && value.Type() == cty.String && !slices.Contains(a.Values, value.AsString()) {
		return []string{fmt.Sprintf("%s is %q, want one of %q", at, value.AsString(), a.Values)}
	}
	return nil
}

// checkNested looks at objects, alone or in a list or a map.
// HCL has no lists and maps of objects: what is written in brackets is a tuple, and in
// braces an object, which a provider converts.
func (a *attribute) checkNested(at string, value cty.Value) []string {
	object := value.Type().IsObjectType()
	switch {
	case a.Nesting == "single" && object:
		return a.Attributes.check(at, value.AsValueMap())
	case a.Nesting == "list" && value.Type().IsTupleType() || a.Nesting == "map" && object:
		var found []string
		for key, item := range value.Elements() {
			at := fmt.Sprintf("%s[%s]", at, text(key))
			if !item.Type().IsObjectType() {
				found = append(found, at+" is no object")
				continue
			}
			found = append(found, a.Attributes.check(at, item.AsValueMap())...)
		}
		return found
	}
	return []string{fmt.Sprintf("%s is %s, want %s of objects", at, value.Type().FriendlyName(), a.Nesting)}
}

// text is a key of a list or a map.
func text(key cty.Value) string {
	if key.Type() == cty.Number {
		return key.AsBigFloat().String()
	}
	return key.AsString()
}

// typed returns what is wrong with the type of a value. Terraform would convert
// "true" to true; an export should not need that.
func typed(want json.RawMessage, value cty.Value) string {
	wrong := fmt.Sprintf("is %s, want %s", value.Type().FriendlyName(), want)
	var name string
	if json.Unmarshal(want, &name) == nil {
		if known := map[string]cty.Type{"string": cty.String, "bool": cty.Bool, "number": cty.Number}; known[name] != value.Type() {
			return wrong
		}
		return ""
	}
	var list [2]json.RawMessage
	if json.Unmarshal(want, &list) != nil || string(list[0]) != `"list"` || !value.Type().IsTupleType() {
		return wrong
	}
	for _, item := range value.AsValueSlice() {
		if why := typed(list[1], item); why != "" {
			return "has an item that " + why
		}
	}
	return ""
}

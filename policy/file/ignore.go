package file

import (
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/larderdev/larder/policy"
	"github.com/larderdev/larder/policy/internal/field"
	"github.com/larderdev/larder/policy/internal/secret"
)

// owner is a class or route with the lines that its comments may be in.
type owner struct {
	path        string
	from, until int // lines; until is the first that belongs to something else
	column      int // of its key
	ignore      *map[string]string
}

// ignores reads the comments that tell lint to be silent into the classes and
// routes that they belong to. They are comments, and no key, so that they stand where
// the doubt is, and so that a schema has nothing to say of them.
func (d *decoder) ignores(root *yaml.Node, p *policy.Policy) {
	all := d.index.comments()
	classes, routes := map[string]*map[string]string{}, map[string]*map[string]string{}
	for name := range p.Classes {
		classes[name] = new(map[string]string)
	}
	for pattern := range p.Routes {
		routes[pattern] = new(map[string]string)
	}
	owners := append(d.owners(root, "classes", classes), d.owners(root, "routes", routes)...)
	for _, c := range all {
		d.directive(c, owners)
	}
	for name, rules := range classes {
		class := p.Classes[name]
		class.Ignore = *rules
		p.Classes[name] = class
	}
	for pattern, rules := range routes {
		route := p.Routes[pattern]
		route.Ignore = *rules
		p.Routes[pattern] = route
	}
}

// owners returns what is below a key of the file, in the order of the file. Those that
// could not be read have no rules, and no owner.
func (d *decoder) owners(root *yaml.Node, key string, rules map[string]*map[string]string) []owner {
	var found []owner
	for i := 0; i+1 < len(root.Content); i += 2 {
		things := root.Content[i+1]
		if root.Content[i].Value != key || things.Kind != yaml.MappingNode {
			continue
		}
		end := len(d.index.lines) + 1
		if i+2 < len(root.Content) {
			end = root.Content[i+2].Line
		}
		// What is after the last thing, up to the next section, is its own.
		for j := 0; j+1 < len(things.Content); j += 2 {
			k := things.Content[j]
			ignore, ok := rules[k.Value]
			if !ok {
				continue
			}
			until := end
			if j+2 < len(things.Content) {
				until = things.Content[j+2].Line
			}
			found = append(found, owner{field.Path(key, k.Value), k.Line, until, k.Column, ignore})
		}
	}
	return found
}

// directiveForm is what a comment for a tool begins with. It takes more spellings than
// there are, so that "# larder: ignore" is told to say nothing, and is not passed over.
var directiveForm = regexp.MustCompile(`^\s*larder\s*:\s*([A-Za-z-]*)\s*(.*)$`)

// directive reads a comment, if it is for this package.
func (d *decoder) directive(c comment, owners []owner) {
	found := directiveForm.FindStringSubmatch(c.text)
	if found == nil {
		return
	}
	// The place is the comment, which no field has.
	report := func(path, message, mend string) {
		e := d.index.at(c.at, message, mend)
		e.Field = path
		d.keep(e)
	}
	rule, why, _ := strings.Cut(strings.TrimSpace(found[2]), " ")
	why = strings.TrimSpace(why)
	o := d.ownerOf(c, owners)
	switch {
	// The spelling is exact, or other tools could not find the exceptions.
	case found[1] != "ignore" || !strings.HasPrefix(strings.TrimLeft(c.text, " \t"), "larder:ignore"):
		report("", "the comment says nothing to larder", "write # larder:ignore RULE why")
	case o == nil:
		report("", "the comment belongs to no class and no route", "write it on the line before the class's or route's name")
	case rule == "":
		report(o.path, "the comment names no rule", "write # larder:ignore RULE why")
	case !ruleForm.MatchString(rule):
		report(o.path, secret.Quote(rule)+" is no lint rule to ignore", "write # larder:ignore RULE why")
	case why == "": // an exception without one outlives what it was for
		report(o.path, "the rule "+rule+" is ignored without a reason", "write # larder:ignore "+rule+" and why")
	case (*o.ignore)[rule] != "":
		report(o.path, "the rule "+rule+" is ignored twice", "keep one of the comments")
	default:
		if *o.ignore == nil {
			*o.ignore = map[string]string{}
		}
		(*o.ignore)[rule] = why
	}
}

// ruleForm is the form of a lint rule's id.
var ruleForm = regexp.MustCompile(`^[A-Za-z0-9_-]{1,40}$`)

// ownerOf finds what a comment belongs to: the class or route in whose lines it is,
// or, if it stands as far left as a name, that which follows it.
func (d *decoder) ownerOf(c comment, owners []owner) *owner {
	if c.alone {
		at := slices.IndexFunc(owners, func(o owner) bool { return o.from == c.next && c.at.Column <= o.column })
		if at >= 0 {
			return &owners[at]
		}
	}
	// The last one, as several may begin on a line.
	for i := len(owners) - 1; i >= 0; i-- {
		o := &owners[i]
		if c.at.Line == o.from || c.at.Line > o.from && c.at.Line < o.until && (!c.alone || c.at.Column > o.column) {
			return o
		}
	}
	return nil
}

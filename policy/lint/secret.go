package lint

import (
	"reflect"

	"github.com/larderdev/larder/policy/internal/secret"
)

// secretRule is the id of the rule that outputs obey, too.
const secretRule = "secret-in-file"

// secretInFile looks at all texts of the policy, names included. The finding says
// where and what kind, never what.
func secretInFile(k *check) {
	for _, name := range sortedKeys(k.p.Classes) {
		k.secretName(k.byClass[name], name)
		k.secrets(k.byClass[name], reflect.ValueOf(k.p.Classes[name]))
	}
	for _, pattern := range sortedKeys(k.p.Routes) {
		k.secretName(k.byRoute[pattern], pattern)
		k.secrets(k.byRoute[pattern], reflect.ValueOf(k.p.Routes[pattern]))
	}
	// Of the rest nobody can be excused: there is no place for the comment.
	rest := *k.p
	rest.Classes, rest.Routes = nil, nil
	k.secrets(&owner{}, reflect.ValueOf(rest))
}

const secretMend = "Take it out, put it into an environment variable or a secret store, and replace it where it is used: whoever has the file has had it."

// secretName looks at the name of a class, or at the pattern of a route, which stand in
// every path of a finding below them: clean hides them there.
func (k *check) secretName(o *owner, name string) {
	if what := secret.In(name); what != "" {
		k.report(o, "", "its name holds what looks like "+what, secretMend)
	}
}

// secrets looks at all texts within a part of the policy. The field is named, and
// readers of the file see what it is about.
func (k *check) secrets(o *owner, v reflect.Value) {
	texts("", v, func(path, text string) {
		if what := secret.In(text); what != "" {
			k.report(o, path, "it holds what looks like "+what, secretMend)
		}
	})
}

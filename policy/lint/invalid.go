package lint

import (
	"errors"
	"slices"

	"github.com/larderdev/larder/policy/internal/field"
)

// mistake is one that [policy.Policy.Validate] reports.
type mistake interface {
	error
	Field() string
	Message() string
	Mend() string
}

// invalid reports what a policy that a program has built is refused for, unless
// another rule has said it as an error, too: it runs after the others. What a text that holds a
// secret is refused for would repeat the secret.
func invalid(k *check) {
	all, ok := k.p.Validate().(interface{ Unwrap() []error })
	if !ok {
		return
	}
	said := map[string]bool{}
	var secrets []string
	for _, f := range k.found {
		said[f.Path] = said[f.Path] || f.Severity == Error
		if f.Rule == secretRule {
			secrets = append(secrets, f.Path)
		}
	}
	for _, err := range all.Unwrap() {
		var m mistake
		if !errors.As(err, &m) {
			continue
		}
		path := clean(m.Field())
		// The secret may be in a part of the field, or the field in a name that is one.
		near := func(f string) bool { return field.Within(f, path) || field.Within(path, f) }
		if !said[path] && !slices.ContainsFunc(secrets, near) {
			k.add(path, m.Message(), "You could "+m.Mend()+".")
		}
	}
}

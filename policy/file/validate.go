package file

import (
	"errors"
	"strings"

	"github.com/larderdev/larder/policy"
	"github.com/larderdev/larder/policy/internal/field"
)

// fielded is a mistake that [policy.Policy.Validate] has found, by the methods that it
// promises.
type fielded interface {
	error
	Field() string
	Message() string
	Mend() string
}

// validate adds what is wrong with the policy by itself. What was not read has been
// reported already, and is not told again to be missing. Beyond the bound mistakes are
// only counted: each of them is compared with all fields that were not read.
func (d *decoder) validate(p *policy.Policy) {
	unread := map[string]bool{}
	for _, e := range d.mistakes {
		unread[e.Field] = true
	}
	for _, err := range errorsIn(p.Validate()) {
		var e fielded
		switch {
		case d.full():
			d.more++
		case !errors.As(err, &e):
			d.keep(d.index.at(Position{1, 1}, err.Error(), ""))
		case !d.follows(e.Field(), unread):
			at := d.index.at(d.index.Position(e.Field()), e.Message(), e.Mend())
			at.Field = e.Field()
			d.keep(at)
		}
	}
}

// follows tells whether a mistake at path may come from one in a field that could
// not be read: that field itself, one below it, or, if path misses something, one
// beside it, whose key may be misspelt. The name of a class, profile or route is
// wrong by itself.
func (d *decoder) follows(path string, unread map[string]bool) bool {
	// Without its section every name of one is unknown.
	if unread["profiles"] && strings.HasSuffix(path, ".profile") || unread["classes"] && strings.HasSuffix(path, ".class") {
		return true
	}
	parent := field.Parent(path)
	if parent == "profiles" || parent == "classes" || parent == "routes" {
		return false
	}
	beside := path
	if !d.index.Has(path) {
		beside = parent
	}
	for other := range unread {
		if beside != "" && field.Within(other, beside) {
			return true
		}
	}
	return false
}

// errorsIn returns the errors that were joined. Validate joins them with errors.Join,
// from which errors.As would take the first only.
func errorsIn(err error) []error {
	if all, ok := err.(interface{ Unwrap() []error }); ok {
		return all.Unwrap()
	}
	if err != nil {
		return []error{err}
	}
	return nil
}

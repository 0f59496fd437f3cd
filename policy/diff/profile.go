package diff

import (
	"strings"

	"github.com/larderdev/larder/policy/internal/field"
)

// profiles says who uses a line of life that has changed: they have not changed
// themselves.
func (d *differ) profiles() {
	for _, name := range both(d.old.Profiles, d.new.Profiles) {
		path := field.Path("profiles", name)
		old, was := d.old.Profiles[name]
		new, is := d.new.Profiles[name]
		switch {
		case !was:
			d.add(Safe, path, "", text(new), "A new profile. Who uses it is listed by itself.")
			continue
		case !is:
			d.add(Safe, path, text(old), "", "The profile is gone. Who used it is listed by itself.")
			continue
		}
		// All four fields have the same effect: one line of life is another one.
		judge := func() verdict {
			users := d.users(name)
			if len(users) == 0 {
				return verdict{Safe, "Nothing uses the profile."}
			}
			return verdict{Behavioural, "New values live otherwise; what is kept already keeps its end. It is about " + strings.Join(users, ", ") + "."}
		}
		d.field(field.Path(path, "fresh"), old.Fresh, new.Fresh, judge)
		d.field(field.Path(path, "stale"), old.Stale, new.Stale, judge)
		d.field(field.Path(path, "expire"), old.Expire, new.Expire, judge)
		d.field(field.Path(path, "jitter"), share(old.Jitter), share(new.Jitter), judge)
	}
}

// users returns the paths of what uses a profile before and after. Who began to use it,
// or does so no more, has a change of its own.
func (d *differ) users(profile string) []string {
	var users []string
	for _, name := range both(d.old.Classes, d.new.Classes) {
		if d.old.Classes[name].Profile == profile && d.new.Classes[name].Profile == profile {
			users = append(users, field.Path("classes", name))
		}
	}
	for _, pattern := range both(d.old.Routes, d.new.Routes) {
		if d.old.Routes[pattern].Profile == profile && d.new.Routes[pattern].Profile == profile {
			users = append(users, field.Path("routes", pattern))
		}
	}
	return users
}

package lint

import (
	"slices"

	"github.com/larderdev/larder/internal/goname"
	"github.com/larderdev/larder/policy"
	"github.com/larderdev/larder/policy/internal/field"
)

// nothingCached is about a policy of which no code can be made: larder gen would have
// nothing to write.
func nothingCached(k *check) {
	unresolved := len(k.p.Classes) - len(k.classes) - len(k.nevers) // rule invalid says why
	if len(k.p.Routes)+unresolved > 0 || slices.ContainsFunc(k.classes, (*class).inProcess) {
		return
	}
	path := "version" // the one field that every file has
	if len(k.p.Classes) > 0 {
		path = "classes"
	}
	k.add(path, "it has no class with a cache and no route: nothing is cached, and larder gen has nothing to write",
		"Write a class with a ttl, or a route.")
}

// goName lets those who write the code say which names are the same there: they know how
// names are made, and what the code declares besides.
func goName(k *check) {
	named, owners := map[string]policy.Class{}, map[string]*owner{}
	for _, c := range k.classes {
		if c.inProcess() {
			named[c.name], owners[c.name] = c.is, c.owner
		}
	}
	for _, clash := range goname.Clashes(named) {
		at := ""
		if clash.Part != "" {
			at = field.Path("key", clash.Part)
		}
		k.bind(owners[clash.Class], at, clash.Message+": larder gen would refuse it", "Rename one.")
	}
}

package redisstore

import (
	"crypto/sha1"
	_ "embed"
	"encoding/hex"
	"strings"
)

// The scripts' sources, and what stands before them: those of the first group
// run on the two keys of one entry, the others on the keys of tags, see
// keyspace.
var (
	//go:embed lua/prelude.lua
	preludeLua string
	//go:embed lua/floor.lua
	floorLua string
	//go:embed lua/lease.lua
	leaseLua string
	//go:embed lua/fill.lua
	fillLua string
	//go:embed lua/renew.lua
	renewLua string
	//go:embed lua/release.lua
	releaseLua string
	//go:embed lua/invalidate.lua
	invalidateLua string
	//go:embed lua/intend.lua
	intendLua string
	//go:embed lua/write.lua
	writeLua string
	//go:embed lua/raise.lua
	raiseLua string
	//go:embed lua/commit.lua
	commitLua string
	//go:embed lua/discard.lua
	discardLua string

	//go:embed lua/tags.lua
	tagsLua string
	//go:embed lua/read_tags.lua
	readTagsLua string
	//go:embed lua/move_tags.lua
	moveTagsLua string
)

// script is one script as the server gets it.
type script struct {
	source string
	sha    string // what EVALSHA calls it by
}

// scripts are all scripts, in the form for one kind of server.
type scripts struct {
	lease, fill, renew, release script
	invalidate, discard         script
	intend, raise, commit       script
	readTags, moveTags          script
}

// newScripts returns the scripts. In the form with a first line "#!lua", which
// servers know from 7.0 on, the server refuses a script that touches a key it
// has not declared, and can be told that a script may run while memory is
// short: a floor has to be set then more than ever. Earlier servers allow the
// latter to every script whose first write is a DEL.
//
// What a writer has committed is stored by a script without that line, which
// all servers run as earlier ones do: when memory is short it must be refused
// the value and nothing else, see write.lua.
func newScripts(shebang bool) *scripts {
	grow, keep := "", ""
	if shebang {
		grow, keep = "#!lua\n", "#!lua flags=allow-oom\n"
	}
	return &scripts{
		lease:      newScript(grow, preludeLua, leaseLua),
		fill:       newScript(grow, preludeLua, fillLua),
		renew:      newScript(keep, preludeLua, renewLua),
		release:    newScript(keep, preludeLua, releaseLua),
		invalidate: newScript(keep, preludeLua, floorLua, invalidateLua),
		discard:    newScript(keep, preludeLua, discardLua),
		intend:     newScript(keep, intendLua),
		raise:      newScript(keep, preludeLua, raiseLua),
		commit:     newScript(writeLua, preludeLua, floorLua, commitLua),
		readTags:   newScript(keep, tagsLua, readTagsLua),
		moveTags:   newScript(keep, tagsLua, moveTagsLua),
	}
}

// newScript joins the parts of a script.
func newScript(parts ...string) script {
	source := strings.Join(parts, "")
	sum := sha1.Sum([]byte(source))
	return script{source: source, sha: hex.EncodeToString(sum[:])}
}

// all returns the scripts one by one.
func (s *scripts) all() []script {
	return []script{
		s.lease, s.fill, s.renew, s.release, s.invalidate, s.discard,
		s.intend, s.raise, s.commit, s.readTags, s.moveTags,
	}
}

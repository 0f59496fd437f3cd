package redisstore

import (
	"crypto/sha1"
	_ "embed"
	"encoding/hex"
)

// The scripts' sources. Each runs on the two keys of one entry, see keyspace.
var (
	//go:embed lua/prelude.lua
	preludeLua string
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
	//go:embed lua/discard.lua
	discardLua string
)

// script is one script as the server gets it.
type script struct {
	source string
	sha    string // what EVALSHA calls it by
}

// scripts are all scripts, in the form for one kind of server.
type scripts struct {
	lease, fill, renew, release, invalidate, discard script
}

// newScripts returns the scripts. In the form with a first line "#!lua", which
// servers know from 7.0 on, the server refuses a script that touches a key it
// has not declared, and can be told that a script may run while memory is
// short: a floor has to be set then more than ever. Earlier servers allow the
// latter to every script whose first write is a DEL.
func newScripts(shebang bool) *scripts {
	grow, keep := "", ""
	if shebang {
		grow, keep = "#!lua\n", "#!lua flags=allow-oom\n"
	}
	return &scripts{
		lease:      newScript(grow, leaseLua),
		fill:       newScript(grow, fillLua),
		renew:      newScript(keep, renewLua),
		release:    newScript(keep, releaseLua),
		invalidate: newScript(keep, invalidateLua),
		discard:    newScript(keep, discardLua),
	}
}

func newScript(first, body string) script {
	source := first + preludeLua + body
	sum := sha1.Sum([]byte(source))
	return script{source: source, sha: hex.EncodeToString(sum[:])}
}

// all returns the scripts one by one.
func (s *scripts) all() []script {
	return []script{s.lease, s.fill, s.renew, s.release, s.invalidate, s.discard}
}

package doctor

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/larderdev/larder/redisstore"
	"github.com/larderdev/larder/store"
)

// acl is the mend of a login that may not do what is needed; %s is the namespace.
// It is the whole list and not what was missing: a server names one command at a time,
// and nobody wants to run the doctor ten times.
const acl = "give the user these rights (in a cluster +cluster and +asking, too): ~%s:* -@all +hello +ping +time +info +select +client +get +mget " +
	"+getrange +set +del +pttl +pexpire +eval +evalsha +script|load"

// mend returns what it takes to mend an error, by what servers answer. A command within a
// script is refused in other words than one outside, and without a code.
func (r Redis) mend(err error) string {
	text := err.Error()
	has := func(parts ...string) bool {
		return slices.ContainsFunc(parts, func(part string) bool { return strings.Contains(text, part) })
	}
	switch {
	case has("NOPERM", "The user executing the script can't"):
		return fmt.Sprintf(acl, r.namespace())
	case has("WRONGPASS", "NOAUTH"):
		return "set LARDER_REDIS_USERNAME and LARDER_REDIS_PASSWORD, or the login in the URL"
	case has("unknown command", "NOPROTO"):
		return "use Redis 6.2 or later, or Valkey: it has to speak RESP3"
	}
	return "look at the server and at the way to it"
}

// trialKey is a key that no class can have: names of classes begin with a letter or a
// digit.
const trialKey = ".doctor"

// short is how long what a trial leaves may live: the doctor may be ended at any moment.
const short = time.Second

// trials are the operations of a service, in an order in which each can be done: the
// login needs another command of Redis, or another script, for each.
var trials = []store.Op{
	store.Lease{Key: trialKey, ID: "doctor", For: short, Force: true},
	store.Renew{Key: trialKey, ID: "doctor", For: short},
	store.Fill{Key: trialKey, ID: "doctor", Kind: store.Value, Fresh: short, Life: short, Body: []byte("doctor")},
	store.Intend{Key: trialKey, ID: "doctor", For: short, Hold: short},
	store.Finish{Key: trialKey, ID: "doctor", Fresh: short, Life: short, Hold: time.Millisecond},
	store.Invalidate{Key: trialKey, Hold: time.Millisecond},
}

// rights tries the operations of a service, on a key that no class can have.
// To ask the server what the login may do, ACL DRYRUN, would need a right of its own,
// and would say nothing of the scripts.
func (r Redis) rights(ctx context.Context) []Check {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	check := Check{Of: "redis", Name: "rights", Status: OK, Says: "the login may do all that a service does"}
	fail := func(err error, what string) []Check {
		check.Status, check.Says, check.Mend = Fail, what+": "+err.Error(), r.mend(err)
		return []Check{check}
	}
	s, err := redisstore.Open(ctx, r.Options)
	if err != nil {
		return fail(err, "open")
	}
	defer func() { _ = s.Close() }()
	for i, reply := range s.Do(ctx, trials) {
		if reply.Err != nil {
			return fail(reply.Err, fmt.Sprintf("%T", trials[i]))
		}
	}
	in, err := s.Inspect(ctx, trialKey)
	if err != nil {
		return fail(err, "inspect")
	}
	checks := []Check{check}
	if r.Outbox {
		checks = append(checks, relay(ctx, s, in.History))
	}
	return checks
}

// relay looks whether a relay has confirmed what the server remembers.
// A service asks for the moment too, up to which a relay has confirmed; that changes
// while it runs, and is not looked at here.
func relay(ctx context.Context, s *redisstore.Store, history string) Check {
	c := Check{Of: "redis", Name: "relay", Status: OK, Says: "a relay has confirmed what this server remembers"}
	// The key is that of larder.Confirm, whose value is JSON: histories, each with a
	// moment.
	r := s.Get(ctx, []string{".watermark"})[0]
	if r.Err != nil || r.Status != store.Found || !strings.Contains(string(r.Record.Body), strconv.Quote(history)) {
		c.Status, c.Says = Fail, "fleet.outbox is set, and no relay has confirmed what this server remembers: no process trusts it, and all read the primary"
		c.Mend = "run the relay, and look at what it says"
	}
	return c
}

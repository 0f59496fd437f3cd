package redisstore

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/redis/rueidis"

	"github.com/larderdev/larder/store"
)

// redirection is the answer of a node that does not hold a slot, or not any
// more all of its keys.
type redirection struct {
	addr string
	ask  bool // for this once, and with ASKING
}

// Error says what the node said.
func (r *redirection) Error() string {
	if r.ask {
		return "the slot is moving to " + r.addr
	}
	return "the slot is at " + r.addr
}

// readRedirection reads a node's answer, if it is one.
func readRedirection(answer *rueidis.RedisError, from string) *redirection {
	if addr, ok := answer.IsMoved(); ok {
		return &redirection{addr: beside(from, addr)}
	}
	if addr, ok := answer.IsAsk(); ok {
		return &redirection{addr: beside(from, addr), ask: true}
	}
	return nil
}

// errand is a Get or a Do, whose parts may have to go to different nodes.
type errand struct {
	key  func(i int) string
	send func(ctx context.Context, sess *dataSession, some []int, asking bool) []store.Reply
}

// stop is where some parts of an errand go to.
type stop struct {
	shard  *shard
	asking bool
}

// get reads keys, on all nodes at once.
func (c *cluster) get(ctx context.Context, keys []string, replies []store.Reply) {
	c.travel(ctx, errand{
		key: func(i int) string { return keys[i] },
		send: func(ctx context.Context, sess *dataSession, some []int, asking bool) []store.Reply {
			chosen := make([]string, len(some))
			for i, at := range some {
				chosen[i] = keys[at]
			}
			return sess.getEach(ctx, chosen, asking)
		},
	}, replies)
}

// do runs operations, on all nodes at once.
func (c *cluster) do(ctx context.Context, ops []store.Op, replies []store.Reply) {
	c.travel(ctx, errand{
		key: func(i int) string { return ops[i].Target() },
		send: func(ctx context.Context, sess *dataSession, some []int, asking bool) []store.Reply {
			chosen, answers := make([]store.Op, len(some)), make([]store.Reply, len(some))
			for i, at := range some {
				chosen[i] = ops[at]
			}
			sess.run(ctx, chosen, answers, asking)
			return answers
		},
	}, replies)
}

// travel does an errand: each part at the node that holds its slot, and again
// where it is sent to from there.
func (c *cluster) travel(ctx context.Context, e errand, replies []store.Reply) {
	stops := make(map[stop][]int)
	now := c.current.Load() // one for all, so that parts for one key go together
	for i := range replies {
		at := stop{shard: now.owners[slot(e.key(i))]}
		stops[at] = append(stops[at], i)
	}
	for hop := range maxRedirects {
		c.visit(ctx, e, stops, replies)
		if hop > 0 {
			foreign(stops, replies)
		}
		if stops = c.next(e, replies); len(stops) == 0 {
			return
		}
	}
	for i := range replies {
		if r, ok := replies[i].Err.(*redirection); ok {
			replies[i].Err = refused(fmt.Errorf("redisstore: %w, and on from there", r))
		}
	}
}

// foreign marks the replies of nodes to which others have sent a part: Node
// named another when the errand began. That one is well, even if these are not.
func foreign(stops map[stop][]int, replies []store.Reply) {
	for at, some := range stops {
		for _, i := range some {
			switch err := replies[i].Err; err.(type) {
			case nil:
				replies[i].Elsewhere, replies[i].Node = true, at.shard.addr
			case *redirection:
			default:
				replies[i].Err = refused(err)
			}
		}
	}
}

// visit goes to all stops at once.
func (c *cluster) visit(ctx context.Context, e errand, stops map[stop][]int, replies []store.Reply) {
	var wg sync.WaitGroup
	for at, some := range stops {
		if len(stops) == 1 {
			c.call(ctx, e, at, some, replies)
			return
		}
		wg.Go(func() { c.call(ctx, e, at, some, replies) })
	}
	wg.Wait()
}

// call does some parts of an errand at one node.
func (c *cluster) call(ctx context.Context, e errand, at stop, some []int, replies []store.Reply) {
	err := errNoOwner
	if at.shard != nil {
		var sess *dataSession
		if sess, err = at.shard.link.get(); err == nil {
			for i, reply := range e.send(ctx, sess, some, at.asking) {
				replies[some[i]] = reply
			}
			return
		}
	}
	c.lookSoon()
	for _, i := range some {
		replies[i].Err = err
	}
}

// errNoOwner is the error of a call for a slot that no known primary holds.
var errNoOwner = unavailable(errors.New("no primary is known to hold the slot"))

// next collects the parts that were sent elsewhere. Those for one key go where
// the first of them was sent, so that they stay in order. A part must not run
// after a later one on the same key: it fails in its place.
func (c *cluster) next(e errand, replies []store.Reply) map[stop][]int {
	var stops map[stop][]int
	var where map[string]stop
	var late map[string]int // the last part for a key that was done
	var now *topology
	for i := range replies {
		r, ok := replies[i].Err.(*redirection)
		if !ok {
			continue
		}
		if stops == nil {
			c.lookSoon()
			stops, where, late, now = make(map[stop][]int), make(map[string]stop), lastDone(e, replies), c.current.Load()
		}
		key := e.key(i)
		at, decided := where[key]
		if !decided {
			at = stop{now.shards[r.addr], r.ask}
			if at.shard == nil || now.guests[r.addr] {
				c.guests.invite(r.addr)
			}
			where[key] = at
		}
		switch {
		case late[key] > i:
			replies[i].Err = errOvertaken
		case at.shard == nil:
			replies[i].Err = refused(fmt.Errorf("redisstore: %w, which is not connected yet", r))
		default:
			stops[at] = append(stops[at], i)
		}
	}
	return stops
}

// lastDone returns the last part for each key that was not sent elsewhere.
func lastDone(e errand, replies []store.Reply) map[string]int {
	last := make(map[string]int)
	for i := range replies {
		if _, elsewhere := replies[i].Err.(*redirection); !elsewhere {
			last[e.key(i)] = i
		}
	}
	return last
}

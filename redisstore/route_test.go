package redisstore

import (
	"context"
	"errors"
	"testing"

	"github.com/larderdev/larder/store"
)

// TestTravel_OneTopology: while an errand is being planned the topology is
// replaced. Two parts for one key must not go to different nodes.
func TestTravel_OneTopology(t *testing.T) {
	owned := func(name string) *topology {
		l := &link{}
		l.lost(errors.New(name)) // so that the replies say where they were sent
		next := &topology{}
		for i := range next.owners {
			next.owners[i] = &shard{addr: name, link: l}
		}
		return next
	}
	c := &cluster{kick: make(chan struct{}, 1)}
	c.current.Store(owned("old"))
	replies := make([]store.Reply, 2)
	c.travel(context.Background(), errand{key: func(i int) string {
		if i == 1 {
			c.current.Store(owned("new"))
		}
		return "k"
	}}, replies)
	if replies[0].Err != replies[1].Err {
		t.Errorf("sent to different nodes: %v; %v", replies[0].Err, replies[1].Err)
	}
}

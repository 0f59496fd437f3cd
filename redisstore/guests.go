package redisstore

import (
	"sync"
	"time"
)

// guests are the nodes to which others have sent requests lately. A node that
// has just joined a cluster holds no slot, and is sent the keys of those that
// are on their way to it. One that has lost its last slot is a guest for a
// while too. The zero value is ready.
type guests struct {
	mu   sync.Mutex
	last map[string]time.Time // by address: when it was last invited
}

// invite makes a node a guest, or lets it stay. There are never more than
// maxGuests: a further one must wait until another has left.
func (g *guests) invite(addr string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, ok := g.last[addr]; !ok && len(g.last) >= maxGuests {
		return
	}
	if g.last == nil {
		g.last = make(map[string]time.Time)
	}
	g.last[addr] = time.Now()
}

// present returns the guests, and sends those away that were of no use for
// guestFor.
func (g *guests) present() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	var addrs []string
	for addr, last := range g.last {
		if time.Since(last) > guestFor {
			delete(g.last, addr)
			continue
		}
		addrs = append(addrs, addr)
	}
	return addrs
}

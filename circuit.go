package larder

import (
	"sync"
	"sync/atomic"
	"time"
)

const (
	// tripAfter consecutive failures open a node's circuit.
	tripAfter = 3
	// probeEvery is how often an open circuit lets one call try, for stores
	// whose watch cannot tell that the node is back.
	probeEvery = 500 * time.Millisecond
)

// circuits keeps a circuit breaker for each node, so that callers do not wait
// out the tier's time-out one after another while it is down.
type circuits struct {
	l        *Larder
	troubled atomic.Bool // some node has failed since it last succeeded
	mu       sync.Mutex
	state    map[string]*circuit
}

type circuit struct {
	failures int
	open     bool
	probe    int64 // local time of the next trial
}

func (c *circuits) get(node string) *circuit {
	s := c.state[node]
	if s == nil {
		s = &circuit{}
		c.state[node] = s
	}
	return s
}

// allow reports whether key's node may be asked now. While all is well it
// takes no lock, and does not look the node up.
func (c *circuits) allow(key string) bool {
	if !c.troubled.Load() {
		return true
	}
	node := c.l.store.Node(key)
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.get(node)
	if !s.open {
		return true
	}
	if now := c.l.now(); now >= s.probe {
		s.probe = now + int64(probeEvery)
		return true
	}
	return false
}

// failed counts a failure, reason, and opens the circuit at the limit.
func (c *circuits) failed(node string, reason error) {
	c.mu.Lock()
	s := c.get(node)
	c.troubled.Store(true)
	s.failures++
	opened := !s.open && s.failures >= tripAfter
	if opened {
		s.open, s.probe = true, c.l.now()+int64(probeEvery)
	}
	c.mu.Unlock()
	if opened {
		c.l.hookCircuit(node, true, reason)
	}
}

// succeeded closes the circuit. After an outage loads begin slowly: every key
// that expired or changed meanwhile wants one. It takes no lock while all is
// well.
func (c *circuits) succeeded(node string) {
	if !c.troubled.Load() {
		return
	}
	c.mu.Lock()
	s := c.get(node)
	closed := s.open
	s.failures, s.open = 0, false
	troubled := false
	for _, other := range c.state {
		troubled = troubled || other.failures > 0
	}
	c.troubled.Store(troubled)
	c.mu.Unlock()
	if closed {
		c.l.eachClass(func(cl *class) { cl.budget.ramp(c.l.now()) })
		c.l.hookCircuit(node, false, nil)
	}
}

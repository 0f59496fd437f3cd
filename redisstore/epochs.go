package redisstore

import "time"

// concedeAfter is how long nobody may have known the highest epoch, where
// others answered, before a lower one is taken for that of a new cluster.
const concedeAfter = 3 * time.Second

// epochs tell what a node knows from what it believes. The epoch of a cluster
// grows with every failover and every slot that has moved, so that a node with
// a lower one than another's has missed something. But it begins again when an
// operator makes another cluster of the same nodes.
//
// The zero value is ready.
type epochs struct {
	highest int64
	missing time.Time // since when nobody knows highest; zero while somebody does
}

// accept reports whether a node that knows epoch knows all that is known.
func (e *epochs) accept(epoch int64) bool {
	if epoch < e.highest {
		return false
	}
	*e = epochs{highest: epoch}
	return true
}

// concede is called when all nodes that answer are behind, of which the best
// knows epoch. It reports whether that has been so for long enough to believe
// it: nobody is left who knows more.
func (e *epochs) concede(epoch int64) bool {
	if e.missing.IsZero() {
		e.missing = time.Now()
	}
	if time.Since(e.missing) < concedeAfter {
		return false
	}
	*e = epochs{highest: epoch}
	return true
}

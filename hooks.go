package larder

import (
	"context"
	"time"
)

// Hooks are functions that Larder calls as things happen, for tracing and
// metrics. Any of them may be nil. They may be called concurrently, must
// return soon and must not call the Larder. No hook is told a key: keys are
// unbounded and may be secret, so they are no labels.
type Hooks struct {
	// Got is called at the end of each Get and GetMany.
	Got func(ctx context.Context, class string, r Report, err error)
	// LoadStart is called before the loader; the context it returns, if not
	// nil, is the loader's: derive it from ctx, which has the load's deadline.
	// LoadDone is called after it. A panic of either is a [LoadError].
	LoadStart func(ctx context.Context, class string, keys int) context.Context
	LoadDone  func(ctx context.Context, class string, keys int, took time.Duration, err error)
	// Invalidated is called at the end of each call that invalidates keys, an
	// Update too, or tags; class is then "tags" and keys their number.
	Invalidated func(ctx context.Context, class string, keys int, err error)
	// Circuit is called when the circuit of a node of the shared tier opens
	// or closes. reason is the error that opened it, nil when it closes.
	Circuit func(node string, open bool, reason error)
}

// Report tells how a Get or GetMany was answered; see [Into]. For a batch the
// numbers count its keys.
type Report struct {
	// Memory, Shared and Origin count the keys answered by each tier.
	Memory, Shared, Origin int
	// Stale counts values past their TTL, Negative remembered "not found"s,
	// Coalesced keys answered by a load that another Get had begun.
	// Stored those from the origin that a tier keeps now.
	Stale, Negative, Coalesced, Stored int
	// FreshFor is how long the answer stays fresh; of a batch, the shortest.
	// Of a stale one it is negative: how long ago it ended.
	FreshFor time.Duration
	// Version of the value; of a batch, of any of them.
	Version uint64
}

// Tier returns the farthest tier that had to be asked, 0 if none has answered.
func (r *Report) Tier() Tier {
	switch {
	case r.Origin > 0:
		return Origin
	case r.Shared > 0:
		return Shared
	case r.Memory > 0:
		return Memory
	}
	return 0
}

func (l *Larder) hookCircuit(node string, open bool, reason error) {
	if l.opts.Hooks.Circuit != nil {
		l.opts.Hooks.Circuit(node, open, reason)
	}
	if open {
		l.opts.Logger.Warn("larder: the shared tier does not answer, its circuit is open", "tier", node, "error", reason)
	} else {
		l.opts.Logger.Info("larder: the shared tier answers again", "tier", node)
	}
}

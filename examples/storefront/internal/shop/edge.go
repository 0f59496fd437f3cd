package shop

import (
	"context"
	"strconv"
	"sync"
	"time"

	"github.com/larderdev/larder"
	"github.com/larderdev/larder/purge"
)

// Edges are the caches before the shop. *purge.Queue is one.
type Edges interface {
	// Purge takes a purge, which the edges accept a little later.
	Purge(ctx context.Context, p purge.Purge) (*purge.Ticket, error)
}

// acceptWithin bounds how long a change waits for the edges to accept its purge.
// What is loaded again after it is then asked for by edges that have forgotten
// the old one. The purge goes on without the change.
const acceptWithin = 2 * time.Second

// purgeEdges has the edges forget what they show of inv. Larder calls it when the
// application's own tiers have forgotten: an edge that asked before would get
// the old one again.
func (s *Shop) purgeEdges(ctx context.Context, inv larder.Invalidation) error {
	tags := edgeTags(inv)
	if len(tags) == 0 {
		return nil
	}
	ticket, err := s.edges.Purge(ctx, purge.Purge{Tags: tags, Soft: inv.Soft})
	if ticket != nil {
		timer := time.NewTimer(acceptWithin)
		defer timer.Stop()
		select {
		case <-ticket.Accepted():
		case <-timer.C:
		case <-ctx.Done():
		}
	}
	if receipts, ok := ctx.Value(receiptsKey{}).(*Receipts); ok {
		// The row is committed, and its caller learns of the purge by the receipt.
		receipts.add(ticket)
		if err != nil {
			s.log.Error("a purge of the edges was not taken", "err", err)
		}
		return nil
	}
	return err // the outbox delivers the change again
}

// edgeTags are the tags of answers that show what was invalidated. Those of
// users, stocks and sessions are kept by no edge.
func edgeTags(inv larder.Invalidation) (tags []string) {
	if inv.Class == "product" {
		for _, key := range inv.Keys {
			if id, err := strconv.ParseInt(key, 10, 64); err == nil { // the keys are ids
				tags = append(tags, ProductTag(id))
			}
		}
	}
	for _, tag := range inv.Tags {
		tags = append(tags, EdgeTag(tag))
	}
	return tags
}

// Receipts collect what has come of the purges that a change has caused. Its
// methods may be called concurrently.
type Receipts struct {
	mu      sync.Mutex
	tickets []*purge.Ticket
}

type receiptsKey struct{}

// WithReceipts returns a context for a change whose purges are to be told.
func WithReceipts(ctx context.Context) (context.Context, *Receipts) {
	r := &Receipts{}
	return context.WithValue(ctx, receiptsKey{}, r), r
}

func (r *Receipts) add(t *purge.Ticket) {
	if t == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tickets = append(r.tickets, t)
}

// Sum adds up the receipts, by target.
func (r *Receipts) Sum() []purge.TargetReceipt {
	r.mu.Lock()
	defer r.mu.Unlock()
	var sum []purge.TargetReceipt
	at := map[string]int{}
	for _, t := range r.tickets {
		for _, one := range t.Receipt().Targets {
			i, ok := at[one.Target]
			if !ok {
				i = len(sum)
				at[one.Target] = i
				sum = append(sum, purge.TargetReceipt{Target: one.Target})
			}
			sum[i].Waiting += one.Waiting
			sum[i].Settling += one.Settling
			sum[i].Accepted = max(sum[i].Accepted, one.Accepted)
			sum[i].Failed = append(sum[i].Failed, one.Failed...)
		}
	}
	return sum
}

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

// acceptWithin bounds how long a change with a receipt waits for the edges to
// accept its purge, so that the receipt has something to say. The purge goes on
// without the change.
const acceptWithin = 2 * time.Second

// purgeEdges has the edges forget what they show of inv. Larder calls it when the
// application's own tiers have forgotten: an edge that asked before would get
// the old one again.
//
// Only whoever wants a receipt waits for the edges. The relay of the outbox
// delivers one change after the other: it goes on when the queue has taken the
// purge, or one dead edge would hold up the changes for all tiers. A queue with a
// journal has written the purge down by then.
func (s *Shop) purgeEdges(ctx context.Context, inv larder.Invalidation) error {
	tags := edgeTags(inv)
	if len(tags) == 0 {
		return nil
	}
	ticket, err := s.edges.Purge(ctx, purge.Purge{Tags: tags, Soft: inv.Soft})
	receipts, wanted := ctx.Value(receiptsKey{}).(*Receipts)
	if !wanted {
		return err // the outbox delivers the change again
	}
	// The row is committed, and its caller learns of the purge by the receipt.
	if err != nil {
		s.log.Error("a purge of the edges was not taken", "err", err)
	}
	if ticket != nil {
		await(ctx, ticket)
		receipts.add(ticket)
	}
	return nil
}

// await waits until all edges have accepted a purge or refused it, but no longer
// than acceptWithin.
func await(ctx context.Context, t *purge.Ticket) {
	timer := time.NewTimer(acceptWithin)
	defer timer.Stop()
	select {
	case <-t.Accepted():
	case <-timer.C:
	case <-ctx.Done():
	}
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

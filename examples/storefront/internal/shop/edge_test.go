package shop

import (
	"context"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larderdev/larder"
	"github.com/larderdev/larder/purge"
)

// dead is an edge that never answers. calls gets each purge that it is sent.
type dead struct{ calls chan purge.Purge }

func (d dead) Name() string         { return "dead" }
func (d dead) Limits() purge.Limits { return purge.Limits{Tags: 100, URLs: 100} }
func (d dead) Purge(ctx context.Context, p purge.Purge) error {
	d.calls <- p
	<-ctx.Done()
	return ctx.Err()
}

// behind returns a shop that has only its queue for a dead edge, which keeps what
// waits in the file journal.
func behind(t *testing.T, journal string) (*Shop, *purge.Queue, dead) {
	t.Helper()
	file, err := purge.OpenFile(journal, purge.FileOptions{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	edge := dead{make(chan purge.Purge, 100)}
	q, err := purge.Open(t.Context(), purge.Options{Targets: []purge.Purger{edge}, Journal: file, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return &Shop{edges: q, log: slog.New(slog.DiscardHandler)}, q, edge
}

// A dead edge holds up nobody but those who want to know what it says.
func TestPurgeEdges_OnlyAReceiptWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		journal := filepath.Join(t.TempDir(), "purges")
		s, q, _ := behind(t, journal)
		changed := larder.Invalidation{Class: "product", Keys: []string{"1"}}

		began := time.Now()
		if err := s.purgeEdges(t.Context(), changed); err != nil || time.Since(began) != 0 {
			t.Errorf("for the relay: %v after %v, want nil at once", err, time.Since(began))
		}
		ctx, receipts := WithReceipts(t.Context())
		if err := s.purgeEdges(ctx, changed); err != nil || time.Since(began) != acceptWithin {
			t.Errorf("for a receipt: %v after %v, want nil after %v", err, time.Since(began), acceptWithin)
		}
		if sum := receipts.Sum(); len(sum) != 1 || sum[0].Target != "dead" || sum[0].Waiting != 1 {
			t.Errorf("receipt %+v, want that the edge is waited for", sum)
		}

		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if err := q.Close(ended); err == nil {
			t.Error("closed with nothing left")
		}
		// The queue is closed: what is not taken is to be delivered again.
		if err := s.purgeEdges(t.Context(), changed); err == nil {
			t.Error("for the relay: a purge that was not taken is no error")
		}
		if err := s.purgeEdges(ctx, changed); err != nil {
			t.Errorf("for a receipt: %v, but the row is committed", err)
		}

		// The next process purges what the relay has handed over.
		_, q, edge := behind(t, journal)
		if p := <-edge.calls; strings.Join(p.Tags, " ") != "product-1" {
			t.Errorf("after a restart %q is purged, want product-1", p.Tags)
		}
		_ = q.Close(ended) // the edge is still dead
	})
}

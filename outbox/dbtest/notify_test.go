package dbtest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/larderdev/larder"
	"github.com/larderdev/larder/internal/pgtest"
	"github.com/larderdev/larder/outbox"
)

// TestNotify has a relay that never polls, and listens.
func TestNotify(t *testing.T) {
	t.Parallel()
	dsn := pgtest.Start(t)
	w := newWorld(t, outbox.PostgreSQL, "pgx", dsn)
	w.box = newBox(t, w.db, outbox.Options{Dialect: outbox.PostgreSQL, Notify: "changes"})
	products(t, w, product)
	listener, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := listener.Exec(t.Context(), `LISTEN "changes"`); err != nil {
		t.Fatal(err)
	}
	hints := make(chan struct{}, 1)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() {
		defer close(hints)
		for {
			if _, err := listener.WaitForNotification(ctx); err != nil {
				ended <- err
				return
			}
			select {
			case hints <- struct{}{}:
			default:
			}
		}
	}()
	g := newTarget()
	o := quick()
	o.MinPoll, o.MaxPoll, o.Lease, o.Hint = time.Minute, time.Minute, time.Hour, hints
	start(t, w.relay(t, g, o))
	w.enqueue(t, larder.Change{Class: "product", Key: "enqueued"})
	g.await(t, "product:enqueued")
	mustExec(t, w.db, "INSERT INTO products (id, name) VALUES (1, 'chair')")
	g.await(t, "product:1")
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

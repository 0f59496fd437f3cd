package torture

import (
	"context"
	"log/slog"
	"time"

	"github.com/larderdev/larder/outbox"
)

// runRelay delivers until it is killed.
func runRelay(c config) error {
	db, err := connect(c.Primary)
	if err != nil {
		return err
	}
	box, err := newOutbox(db)
	if err != nil {
		return err
	}
	l, err := c.openLarder()
	if err != nil {
		return err
	}
	r, err := box.Relay(l, outbox.RelayOptions{Lease: time.Second, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	return r.Run(context.Background())
}

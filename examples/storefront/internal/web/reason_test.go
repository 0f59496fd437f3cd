package web

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/larderdev/larder"
	"github.com/larderdev/larder/examples/storefront/internal/catalog"
)

func TestReason(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want string
	}{
		{larder.ErrClosed, "closing"},
		{fmt.Errorf("get: %w", larder.ErrOverloaded), "too many requests"},
		{&larder.BatchError[int64]{Failed: map[int64]error{1: larder.ErrOverloaded}}, "too many requests"},
		{&larder.LoadError{Err: errors.New("refused")}, "the database fails"},
		{larder.ErrLoadFailed, "the database fails"},
		{&larder.PendingError{Dropped: 1, Err: errors.New("down")}, "too many invalidations"},
		{errors.Join(catalog.ErrUnknownOutcome, &larder.PendingError{Pending: 1, Err: errors.New("down")}), "did not say"},
	} {
		if got := reason(tt.err); !strings.Contains(got, tt.want) {
			t.Errorf("reason(%v) = %q, want %q", tt.err, got, tt.want)
		}
	}
}

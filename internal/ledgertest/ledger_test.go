//go:build unix

package ledgertest_test

import (
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larderdev/larder/internal/ledgertest"
)

// Two that open one path see one ledger, and none is lowered by the other.
func TestOpen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger")
	var both [2]*[3]ledgertest.Told
	for i := range both {
		var err error
		if both[i], err = ledgertest.Open[[3]ledgertest.Told](path); err != nil {
			t.Fatal(err)
		}
	}
	var raising sync.WaitGroup
	for i, l := range both {
		raising.Go(func() {
			for v := range uint64(1000) {
				ledgertest.Raise(&l[2].Acked, 2*v+uint64(i))
			}
		})
	}
	raising.Wait()
	for i, l := range both {
		if got := l[2].Acked.Load(); got != 1999 {
			t.Errorf("ledger %d has %d, want 1999", i, got)
		}
	}
	if _, err := ledgertest.Open[int](filepath.Join(path, "x")); err == nil {
		t.Error("a ledger below a file was opened")
	}
}

func TestTold_Age(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told ledgertest.Told
		for v := uint64(1); v <= 5; v++ { // one second apart
			told.Acknowledge(v)
			time.Sleep(time.Second)
		}
		began := time.Now()
		for _, tt := range []struct {
			got, acked uint64
			want       time.Duration
		}{
			{5, 5, 0},
			{6, 5, 0},
			{4, 5, time.Second},
			{2, 5, 3 * time.Second},
			{2, 4, 3 * time.Second},
			{2, 2, 0}, // newer ones came when the read was under way
		} {
			if got := told.Age(tt.got, tt.acked, began); got != tt.want {
				t.Errorf("a read of %d with %d acknowledged is %v old, want %v", tt.got, tt.acked, got, tt.want)
			}
		}
		if got := told.Acked.Load(); got != 5 {
			t.Errorf("acknowledged %d, want 5", got)
		}
		told.Acknowledge(3)
		if got := told.Acked.Load(); got != 5 {
			t.Errorf("acknowledged %d after an older one came late, want 5", got)
		}
	})
}

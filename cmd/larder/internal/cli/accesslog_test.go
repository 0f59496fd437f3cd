package cli

import (
	"path/filepath"
	"sync"
	"testing"
)

// TestAccessLog_Reopen: no line is lost while the log is opened anew.
func TestAccessLog_Reopen(t *testing.T) {
	a, err := openAccessLog(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer a.close()
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 5000 {
				if _, err := a.Write([]byte("line\n")); err != nil {
					t.Errorf("a line was lost: %v", err)
					return
				}
			}
		})
	}
	written := make(chan struct{})
	go func() {
		defer close(written)
		all.Wait()
	}()
	for {
		select {
		case <-written:
			return
		default:
		}
		if err := a.reopen(); err != nil {
			t.Fatal(err)
		}
	}
}

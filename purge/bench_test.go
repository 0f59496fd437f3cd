package purge_test

import (
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/larderdev/larder/purge"
)

// What an acknowledgement costs: new tags each time, by 64 callers at once.
func BenchmarkQueue_Purge(b *testing.B) {
	for _, journal := range []string{"none", "not synced", "synced"} {
		b.Run("journal="+journal, func(b *testing.B) {
			o := purge.Options{Targets: []purge.Purger{&silent{all: true}}, Settle: -1, MaxWaiting: 10_000_000}
			if journal != "none" {
				j, err := purge.OpenFile(filepath.Join(b.TempDir(), "purges"), purge.FileOptions{NoSync: journal == "not synced"})
				if err != nil {
					b.Fatal(err)
				}
				o.Journal = j
			}
			q, err := purge.Open(b.Context(), o)
			if err != nil {
				b.Fatal(err)
			}
			var n atomic.Int64
			b.SetParallelism(32)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if _, err := q.Purge(b.Context(), tags(fmt.Sprint("t", n.Add(1)))); err != nil {
						b.Error(err)
					}
				}
			})
			b.StopTimer()
			if err := q.Close(b.Context()); err != nil {
				b.Error(err)
			}
		})
	}
}

package purgetest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/larderdev/larder/purge"
)

// TestJournal checks that a [purge.Journal] keeps its promises. open opens one
// on the same empty place each time that it is called within a test: the one
// before is closed by then.
func TestJournal(t *testing.T, place func(t *testing.T) (open func() purge.Journal)) {
	for _, c := range []struct {
		promise string
		steps   []journalStep
		want    map[string]string
	}{
		{promise: "an empty journal has nothing", want: map[string]string{}},
		{
			promise: "what was put is there", steps: []journalStep{{put: []string{"tag:a", "url:https://x/?y=1&z=ü", "dead:3:cdn:tag:b c"}}},
			want: map[string]string{"tag:a": "1", "url:https://x/?y=1&z=ü": "1", "dead:3:cdn:tag:b c": "1"},
		},
		{
			promise: "a put takes the place of the one before", steps: []journalStep{{put: []string{"a", "b"}}, {put: []string{"b"}}},
			want: map[string]string{"a": "1", "b": "2"},
		},
		{
			promise: "what was deleted is gone, and can be put again",
			steps:   []journalStep{{put: []string{"a", "b", "c"}}, {del: []string{"a", "b", "absent"}}, {put: []string{"b"}}},
			want:    map[string]string{"b": "3", "c": "1"},
		},
		{
			promise: "keys differ in case and in any byte", steps: []journalStep{{put: []string{"a", "A", "a ", strings.Repeat("k", 9_000)}}, {del: []string{"A"}}},
			want: map[string]string{"a": "1", "a ": "1", strings.Repeat("k", 9_000): "1"},
		},
		{
			promise: "a thousand records at once", steps: []journalStep{{put: many(1000, "t%d")}, {del: many(999, "t%d")}},
			want: map[string]string{"t999": "1"},
		},
	} {
		t.Run(c.promise, func(t *testing.T) {
			open := place(t)
			j := open()
			checkRecords(t, j, map[string]string{})
			for i, s := range c.steps {
				s.run(t, j, i+1)
			}
			if err := j.Close(); err != nil {
				t.Fatalf("Close = %v", err)
			}
			j = open()
			checkRecords(t, j, c.want)
			if err := j.Close(); err != nil {
				t.Errorf("Close = %v", err)
			}
		})
	}
}

// journalStep puts keys, each with the number of the step, and deletes keys.
type journalStep struct{ put, del []string }

func (s journalStep) run(t *testing.T, j purge.Journal, n int) {
	t.Helper()
	if len(s.put) > 0 {
		var records []purge.Record
		for _, key := range s.put {
			records = append(records, purge.Record{Key: key, Data: fmt.Appendf(nil, "%d", n)})
		}
		if err := j.Put(t.Context(), records...); err != nil {
			t.Fatalf("Put(%.80q) = %v", s.put, err)
		}
	}
	if len(s.del) > 0 {
		if err := j.Delete(t.Context(), s.del...); err != nil {
			t.Fatalf("Delete(%.80q) = %v", s.del, err)
		}
	}
}

func checkRecords(t *testing.T, j purge.Journal, want map[string]string) {
	t.Helper()
	records, err := j.Load(t.Context())
	if err != nil {
		t.Fatalf("Load = %v", err)
	}
	got := map[string]string{}
	for _, r := range records {
		got[r.Key] = string(r.Data)
	}
	if !maps.Equal(got, want) || len(records) != len(want) {
		t.Errorf("Load has %d records, %.300q, want %d, %.300q", len(records), slices.Sorted(maps.Keys(got)), len(want), slices.Sorted(maps.Keys(want)))
	}
}

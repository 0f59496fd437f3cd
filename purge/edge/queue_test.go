package edge_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/larderdev/larder/purge"
	"github.com/larderdev/larder/purge/edge"
	"github.com/larderdev/larder/purge/purgeapi"
)

// A queue, its journal and a purger, over a real connection to an edge that is
// in trouble at first, and across a restart.
func TestQueueToEdge(t *testing.T) {
	var mu sync.Mutex
	var accepted []string
	calls, broken := 0, true
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		calls++
		switch {
		case r.Header.Get("Authorization") != "Bearer edge-secret":
			w.WriteHeader(http.StatusUnauthorized)
		case broken && calls%3 == 0:
			w.WriteHeader(http.StatusServiceUnavailable)
		case broken && calls%3 == 1:
			panic(http.ErrAbortHandler)
		case broken:
			_, _ = io.WriteString(w, `{"success":false,"errors":[{"code":7,"message":"busy"}]}`)
		default:
			accepted = append(accepted, strings.TrimPrefix(r.URL.Path, "/")+" "+string(body))
			_, _ = io.WriteString(w, `{"success":true,"errors":[]}`)
		}
	}))
	defer api.Close()
	path := filepath.Join(t.TempDir(), "purges")
	start := func() *purge.Queue {
		p, err := edge.New(edge.Options{BaseURL: api.URL, Token: purgeapi.NewSecret("edge-secret"), HTTP: api.Client()})
		if err != nil {
			t.Fatal(err)
		}
		j, err := purge.OpenFile(path, purge.FileOptions{})
		if err != nil {
			t.Fatal(err)
		}
		q, err := purge.Open(t.Context(), purge.Options{
			Targets: []purge.Purger{p}, Journal: j, Settle: 10 * time.Millisecond, MinBackoff: time.Millisecond, MaxBackoff: 2 * time.Millisecond,
			MaxTries: 10_000, Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
		})
		if err != nil {
			t.Fatal(err)
		}
		return q
	}
	q := start()
	for i := range 150 {
		if _, err := q.Purge(t.Context(), purge.Purge{Tags: []string{fmt.Sprint("product-", i)}}); err != nil {
			t.Fatal(err)
		}
	}
	short, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if err := q.Close(short); err == nil || !strings.Contains(err.Error(), "150 tags and URLs are not purged everywhere: they are left in the journal") {
		t.Errorf("Close while the edge is broken = %v, want 150 left in the journal", err)
	}
	mu.Lock()
	if calls < 3 {
		t.Errorf("%d calls while the edge was broken, want one of each failure", calls)
	}
	broken = false
	mu.Unlock()

	q = start()
	ticket, err := q.Purge(t.Context(), purge.Purge{URLs: []string{"https://www.example.com/"}, Soft: true})
	if err != nil {
		t.Fatal(err)
	}
	<-ticket.Settled()
	if err := q.Close(t.Context()); err != nil {
		t.Errorf("Close = %v, want nil", err)
	}
	all := strings.Join(accepted, "\n")
	for i := range 150 {
		if n := strings.Count(all, fmt.Sprintf(`"product-%d"`, i)); n != 2 {
			t.Errorf("product-%d was purged %d times after the restart, want 2", i, n)
		}
	}
	if want := `invalidate_cache {"files":["https://www.example.com/"]}`; !slices.Contains(accepted, want) {
		t.Errorf("the edge got\n%s\nwant\n%s in it", all, want)
	}
	if err := ticket.Err(); err != nil {
		t.Errorf("Err() = %v, want nil", err)
	}
}

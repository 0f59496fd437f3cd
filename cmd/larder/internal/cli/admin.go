package cli

import (
	"fmt"
	"io"
	"net/http"

	"github.com/larderdev/larder/edge"
)

// operators returns the handler of the -admin listener:
//
//	GET  /healthz                      200 while the process lives
//	GET  /readyz                       503 when it is draining
//	GET  /metrics                      counters for Prometheus
//	POST …/purge_cache, …/invalidate_cache   purges, with the token
func (s *edgeServer) operators() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if !s.ready.Load() {
			http.Error(w, "draining", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ready")
	})
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		writeMetrics(w, s.handler.Stats())
	})
	// Looked up for each call: a reload puts another one there.
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { (*s.api.Load()).ServeHTTP(w, r) })
	return mux
}

// writeMetrics writes the counters in the text format of Prometheus. Its names do
// not change from one version to the next.
func writeMetrics(w io.Writer, s edge.Stats) {
	family := func(name, kind, help string) {
		fmt.Fprintf(w, "# HELP larder_edge_%s %s\n# TYPE larder_edge_%s %s\n", name, help, name, kind)
	}
	family("requests_total", "counter", "Requests, by how they were answered.")
	for _, r := range []struct {
		result string
		n      uint64
	}{
		{"hit", s.Hits},
		{"stale", s.Stale},
		{"miss", s.Misses},
		{"bypass", s.Bypassed},
		{"write", s.Written},
		{"refused", s.Requests - min(s.Requests, s.Hits+s.Stale+s.Misses+s.Bypassed+s.Written)},
	} {
		fmt.Fprintf(w, "larder_edge_requests_total{result=%q} %d\n", r.result, r.n)
	}
	for _, c := range []struct {
		name, help string
		n          uint64
	}{
		{"collapsed_total", "Misses that shared another's request to the origin.", s.Collapsed},
		{"failed_total", "Requests answered with 502 or 504.", s.Failed},
		{"rescued_total", "Requests answered with a stale response because the origin failed.", s.Rescued},
		{"origin_requests_total", "Requests to the origin.", s.OriginRequests},
		{"origin_errors_total", "Requests to the origin without an answer.", s.OriginErrors},
		{"stored_total", "Responses stored.", s.Stored},
		{"confirmed_total", "Stored responses confirmed by the origin.", s.Confirmed},
		{"truncated_total", "Bodies that ended before their end.", s.Truncated},
		{"purges_total", "Purges accepted.", s.Purges},
		{"disk_found_total", "URLs read from the disk store.", s.DiskFound},
		{"disk_written_total", "URLs written to the disk store.", s.DiskWritten},
		{"disk_dropped_total", "URLs not written to the disk store.", s.DiskDropped},
		{"disk_failed_total", "Errors of the disk store.", s.DiskFailed},
	} {
		family(c.name, "counter", c.help)
		fmt.Fprintf(w, "larder_edge_%s %d\n", c.name, c.n)
	}
	for _, g := range []struct {
		name, help string
		n          int64
	}{
		{"entries", "URLs in memory, about.", int64(s.Entries)},
		{"disk_entries", "URLs in the disk store.", int64(s.DiskEntries)},
		{"disk_bytes", "Bytes of the files in the disk store, in blocks.", s.DiskBytes},
	} {
		family(g.name, "gauge", g.help)
		fmt.Fprintf(w, "larder_edge_%s %d\n", g.name, g.n)
	}
}

package cli

import (
	"fmt"
	"net/http"
)

// operators returns the handler of the -admin listener:
//
//	GET  /healthz                      200 while the process lives
//	GET  /readyz                       503 when it is draining
//	GET  /metrics                      counters for Prometheus
//	POST …/purge_cache, …/invalidate_cache   purges, with the token
//
// It is a listener of its own, so that what is for operators can be kept from clients
// by where it listens: see edgeServer.listen.
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
		// The media type of the text format, which Prometheus 3 refuses to guess.
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		writeMetrics(w, s.handler.Stats())
	})
	// Looked up for each call: a reload puts another one there.
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { (*s.api.Load()).ServeHTTP(w, r) })
	return mux
}

package cli

import (
	"fmt"
	"io"

	"github.com/larderdev/larder/edge"
)

// writeMetrics writes the counters in the text format of Prometheus. Its names do
// not change from one version to the next.
// The format is written by hand: a client library would be a dependency of each user,
// for names and numbers.
func writeMetrics(w io.Writer, s edge.Stats) {
	family := func(name, kind, help string) {
		fmt.Fprintf(w, "# HELP larder_edge_%s %s\n# TYPE larder_edge_%s %s\n", name, help, name, kind)
	}
	// By itself, because it alone has a label: the results add up to all requests.
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
		// The counters are read one after the other, while requests go on: without min
		// a difference below zero would be written as a huge number.
		{"refused", s.Requests - min(s.Requests, s.Hits+s.Stale+s.Misses+s.Bypassed+s.Written)},
	} {
		fmt.Fprintf(w, "larder_edge_requests_total{result=%q} %d\n", r.result, r.n)
	}
	for _, m := range metricsOf(s) {
		family(m.name, m.kind, m.help)
		fmt.Fprintf(w, "larder_edge_%s %d\n", m.name, m.n)
	}
}

// sample is a family with a single sample.
type sample struct {
	name, kind, help string
	n                int64
}

// metricsOf returns the families that have no labels, in the order in which they are
// written.
// What only grows is a counter, and ends in _total, as Prometheus names them.
func metricsOf(s edge.Stats) []sample {
	counter := func(name string, n uint64, help string) sample {
		return sample{name + "_total", "counter", help, int64(n)}
	}
	gauge := func(name string, n int64, help string) sample { return sample{name, "gauge", help, n} }
	return []sample{
		counter("collapsed", s.Collapsed, "Misses that shared another's request to the origin."),
		counter("failed", s.Failed, "Requests answered with 502 or 504."),
		counter("rescued", s.Rescued, "Requests answered with a stale response because the origin failed."),
		counter("origin_requests", s.OriginRequests, "Requests to the origin."),
		counter("origin_errors", s.OriginErrors, "Requests to the origin without an answer."),
		counter("stored", s.Stored, "Responses stored."),
		counter("confirmed", s.Confirmed, "Stored responses confirmed by the origin."),
		counter("truncated", s.Truncated, "Bodies that ended before their end."),
		counter("purges", s.Purges, "Purges accepted."),
		counter("disk_found", s.DiskFound, "URLs read from the disk store."),
		counter("disk_written", s.DiskWritten, "URLs written to the disk store."),
		counter("disk_dropped", s.DiskDropped, "URLs not written to the disk store."),
		counter("disk_failed", s.DiskFailed, "Errors of the disk store."),
		gauge("entries", int64(s.Entries), "URLs in memory, about."),
		gauge("disk_entries", int64(s.DiskEntries), "URLs in the disk store."),
		gauge("disk_bytes", s.DiskBytes, "Bytes of the files in the disk store, in blocks."),
	}
}

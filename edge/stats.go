package edge

import "sync/atomic"

// Stats counts what a handler has done since it was made.
type Stats struct {
	// Requests is the sum of Hits, Stale, Misses, Bypassed, Written and of what
	// the edge refused itself.
	Requests uint64
	// Hits were answered with a fresh response, Stale with a stale one while it
	// was asked for anew, Misses after the origin was asked.
	Hits, Stale, Misses uint64
	// Bypassed could not be answered from the cache. Written were requests of
	// other methods than GET and HEAD.
	Bypassed, Written uint64
	// Collapsed are the misses that shared another's request to the origin.
	Collapsed uint64
	// Failed were answered with 502 or 504, Rescued with a stale response because
	// the origin failed.
	Failed, Rescued uint64
	// OriginRequests went to the origin; OriginErrors of them had no answer.
	OriginRequests, OriginErrors uint64
	// Stored responses, and those that a 304 confirmed.
	Stored, Confirmed uint64
	// Truncated bodies ended before their end.
	Truncated uint64
	// Purges that were accepted.
	Purges uint64
	// Entries is about how many URLs are in memory now.
	Entries int

	// DiskFound were not in memory and were read from Options.Disk. DiskWritten were
	// written to it; DiskDropped were not, because too much was waiting, there was no
	// room or the disk had failed. DiskFailed are its errors.
	DiskFound, DiskWritten, DiskDropped, DiskFailed uint64
	// DiskEntries are the URLs that it has, DiskBytes what its files take.
	DiskEntries int
	DiskBytes   int64
}

type counters struct {
	requests, hits, stale, misses, bypassed, written atomic.Uint64
	collapsed, failed, rescued                       atomic.Uint64
	origin, originErrors, stored, confirmed          atomic.Uint64
	truncated, purges                                atomic.Uint64
}

// Stats returns the counters. They are read one after the other, so that sums
// may be off by what happens meanwhile.
func (h *Handler) Stats() Stats {
	c := &h.count
	s := Stats{
		Requests: c.requests.Load(), Hits: c.hits.Load(), Stale: c.stale.Load(), Misses: c.misses.Load(),
		Bypassed: c.bypassed.Load(), Written: c.written.Load(), Collapsed: c.collapsed.Load(),
		Failed: c.failed.Load(), Rescued: c.rescued.Load(),
		OriginRequests: c.origin.Load(), OriginErrors: c.originErrors.Load(),
		Stored: c.stored.Load(), Confirmed: c.confirmed.Load(), Truncated: c.truncated.Load(),
		Purges: c.purges.Load(), Entries: h.store.tier.Len(),
	}
	if d := h.store.disk; d != nil {
		s.DiskFound, s.DiskWritten = d.count.found.Load(), d.count.written.Load()
		s.DiskDropped, s.DiskFailed = d.count.dropped.Load(), d.count.failed.Load()
		s.DiskEntries, s.DiskBytes = d.size()
	}
	return s
}

// Package edge is a shared HTTP cache in front of an origin: a reverse proxy
// that stores what RFC 9111 allows and forgets what it is told to.
//
//	client ──▶ Handler ──▶ store: URL → variants (Vary) ──▶ hit
//	              │ miss, stale
//	              ▼
//	           flight: one request to the origin for all who wait
//	              │ begins at number n of the book
//	              ▼
//	           spool: body, to all who wait and into the store
//
//	store: memory ──▶ disk (maybe): a file for each URL, behind an index in memory
//
// The URL is that of the request, with those parameters of its query that count by
// [Options.Queries].
//
// A [Handler] is an [http.Handler]. It obeys RFC 9111 (caching), RFC 9213 (fields
// that target some caches), RFC 5861 (stale-while-revalidate, stale-if-error) and
// RFC 9875 (groups), and says what it did as RFC 9211 has it (Cache-Status).
//
// # Purges
//
// Purges by tag, host, prefix and of everything are marks in a book, each with a
// number that grows. A response carries the number that the book had before its
// request went to the origin. It is wrong if one of its marks has a greater one,
// whenever it arrives: that is looked up when the book has changed since the last
// look. A purge is one entry in a map, however many responses it is about.
//
// Purges of a URL, and unsafe methods, delete its variants and fence the requests
// for it that are under way: what they bring is not stored.
//
// # Disk
//
// What is put under a URL in memory is also written to disk, behind, and read back
// when memory has dropped it. The index of what is on disk follows memory under the
// same locks, so that a purge is in force for both when it returns, whatever is
// being written or read. Files of an earlier process are what the origin must
// confirm: the marks about them are gone.
//
// # Invariants
//
//   - Once [Handler.Purge] has returned, no request that begins later is answered
//     with a response whose request to the origin began before the purge, unless
//     the purge was soft and the response is marked stale.
//   - Two requests share a response only if it may be stored, and is fresh for
//     both. Each of the others is forwarded by itself. A request with credentials
//     never shares the flight of another.
//   - What is stored under a URL is what the origin said to that URL, whatever the
//     queries were then.
//   - What is stored is whole: a body that ends early is not stored, and whoever
//     is reading it sees the connection break.
//   - The bytes of all stored responses, their keys and fields included, stay
//     within [Options.MaxBytes], and those of bodies under way within a quarter of
//     it. Bodies beyond [Options.MaxObjectBytes] pass through a window. What waits
//     for the disk takes a sixteenth more, or is one response.
//   - The files take no more than [Options.DiskBytes]. No error of the disk is one of
//     a request, and no look-up waits for the disk longer than a second.
//   - No goroutine outlives [Handler.Close], unless the disk hangs; then its error
//     says so.
package edge

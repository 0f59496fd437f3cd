// Package httpcache is about what an HTTP response says of caching.
//
// It reads the fields that caches obey, with the tolerance that RFC 9111 asks
// for where that is safe and on the side of not caching where it is not:
// [ParseCacheControl], [ParseTargeted], [ParseAge], [ParseDate], [ParseVary] and
// [ParseGroups].
package httpcache

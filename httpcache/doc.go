// Package httpcache is about what an HTTP response says of caching: it says it,
// for all caches at once, and reads it.
//
// # Saying it
//
// A [Policy] is what one route allows. A [Layer] is middleware that writes it into
// every response:
//
//	Policy ─┐                        ┌─ Cache-Control       browsers, and who knows nothing else
//	        ├─► Layer, per response ─┼─ CDN-Cache-Control   caches of RFC 9213
//	handler ┘    may it be kept?     ├─ Surrogate-Control   Fastly
//	 Tag, Version, NoStore           ├─ Cache-Tag, Surrogate-Key, … as the CDNs want them
//	                                 └─ ETag, Vary, 304
//
// What holds for each response that a Layer has seen:
//
//   - All the fields that caches obey say the same, and none is left from before:
//     a targeted field wins over Cache-Control, so a forgotten one would count.
//   - Nobody keeps it unless its route has a policy and nothing speaks against
//     it: credentials, cookies, a status, a word of the handler. Exceptions are
//     fields of the Policy with names that nobody types by accident.
//   - What shared caches keep carries all its tags, exactly as they were named,
//     to all the CDNs. If that cannot be, shared caches do not keep it.
//   - s-maxage never stands beside stale-while-revalidate.
//   - No tag, name or path can add a tag, a field or a line.
//   - Its bytes are those of the handler. A body is held back only to be hashed,
//     up to a bound, and never once the handler flushes.
//
// [CacheStatus] tells which cache has answered (RFC 9211).
//
// # Reading it
//
// [ParseCacheControl], [ParseTargeted], [ParseAge], [ParseDate], [ParseVary] and
// [ParseGroups] read the fields that caches obey, with the tolerance that RFC 9111
// asks for where it is safe, and on the side of not caching where it is not.
//
// The package knows nothing of the cache in package larder, and needs none.
package httpcache

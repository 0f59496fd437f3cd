package redisstore

import (
	"strconv"
	"strings"
	"time"

	"github.com/larderdev/larder/store"
)

// The stored form of a record is a header of fixed width and then the body,
// untouched:
//
//	L  V  00000000000000000042  01767225600000  body…
//	│  │  version               fresh until, ms of the server's clock
//	│  kind: V, N, T, S, Q or I; q for an intent that is spoilt
//	format
//
// Numbers are decimal and padded, so that Lua can compare them as strings: its
// own numbers lose precision above 2⁵³.
const (
	format       = 'L'
	versionStart = 2
	versionWidth = 20 // of 18446744073709551615
	freshWidth   = 14 // until the year 5138
	headerWidth  = versionStart + versionWidth + freshWidth
)

// spoilt is the stored kind of an intent that will not become a value.
const spoilt = 'q'

// decode reads a stored record. Its Body is a part of stored, not a copy. It
// reports false for bytes that no version of this package has written, and for
// a tag.
func decode(stored []byte) (store.Record, bool) {
	if len(stored) < headerWidth || stored[0] != format {
		return store.Record{}, false
	}
	kind := store.Kind(stored[1])
	switch kind {
	case spoilt:
		kind = store.Intent
	case store.Value, store.Negative, store.Tombstone, store.Stale, store.Intent, store.Identity:
	default:
		return store.Record{}, false
	}
	version, ok := number(stored[versionStart : versionStart+versionWidth])
	if !ok {
		return store.Record{}, false
	}
	fresh, ok := number(stored[versionStart+versionWidth : headerWidth])
	if !ok {
		return store.Record{}, false
	}
	return store.Record{Kind: kind, Version: version, FreshUntil: int64(fresh), Body: stored[headerWidth:]}, true
}

// The stored form of a tag has no lifetime of its own to carry, and five things
// with a space between them, the last of which is when it was last invalidated or
// made, in Unix milliseconds of the server's clock:
//
//	LG00000000000000000042 epoch hard soft 1767225600000
const tagKind = 'G'

// decodeTag reads a stored tag, at the moment now of the server's clock.
func decodeTag(stored []byte, now int64) (store.Tag, bool) {
	parts := strings.Split(string(stored), " ")
	if len(parts) != 5 || len(parts[0]) != versionStart+versionWidth || parts[0][0] != format || parts[0][1] != tagKind {
		return store.Tag{}, false
	}
	n, ok := number([]byte(parts[0][versionStart:]))
	moved, err := strconv.ParseInt(parts[4], 10, 64)
	age := time.Duration(max(now-moved, 0)) * time.Millisecond
	return store.Tag{Number: n, Epoch: parts[1], Hard: parts[2], Soft: parts[3], Age: age}, ok && err == nil
}

// number reads digits, all of them. It reports false if they do not fit.
func number(digits []byte) (uint64, bool) {
	var n uint64
	for _, c := range digits {
		d := uint64(c - '0')
		if d > 9 {
			return 0, false
		}
		next := n*10 + d
		if n > (1<<64-1)/10 || next < d {
			return 0, false
		}
		n = next
	}
	return n, true
}

// padded is the stored form of a version.
func padded(version uint64) string {
	const zeros = "00000000000000000000"
	digits := strconv.FormatUint(version, 10)
	return zeros[:versionWidth-len(digits)] + digits
}

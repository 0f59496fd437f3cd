package redisstore

import (
	"strconv"

	"github.com/larderdev/larder/store"
)

// The stored form of a record is a header of fixed width and then the body,
// untouched:
//
//	L  V  00000000000000000042  01767225600000  body…
//	│  │  version               fresh until, ms of the server's clock
//	│  kind: V, N or T
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

// decode reads a stored record. Its Body is a part of stored, not a copy. It
// reports false for bytes that no version of this package has written.
func decode(stored []byte) (store.Record, bool) {
	if len(stored) < headerWidth || stored[0] != format {
		return store.Record{}, false
	}
	kind := store.Kind(stored[1])
	if kind != store.Value && kind != store.Negative && kind != store.Tombstone {
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

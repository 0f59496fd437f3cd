// Package envelope frames a payload for the shared tier, so that bytes which
// are not what a class expects are recognised before anything is decoded.
//
//	byte  0..3    CRC-32C of all that follows
//	      4..11   schema: which Go type and codec wrote it
//	      12..19  version of the value
//	      20..23  what the load cost, in milliseconds
//	      24..31  how long it is fresh, in milliseconds
//	      32      kind of the record
//	      33      flags
//	      34..    payload, compressed and encrypted if the flags say so
//
// Numbers are big-endian. Version and kind stand here again, beside those in
// the record's header which scripts compare, because only here the checksum
// covers them; and so does the freshness, from which the store makes a moment
// of its own clock.
package envelope

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"time"

	"github.com/klauspost/compress/s2"
)

const (
	headerSize     = 34
	flagCompressed = 1
	flagEncrypted  = 2
	// maxDecoded bounds what a few hostile bytes can make a reader allocate.
	maxDecoded = 64 << 20
	// maxMillis is the longest time.Duration.
	maxMillis = uint64(math.MaxInt64 / time.Millisecond)
)

// layout goes into the checksum, so that bytes of another layout are corrupt.
const layout = 2

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func checksum(b []byte) uint32 { return crc32.Update(layout, castagnoli, b) }

var (
	// ErrCorrupt says that the bytes are damaged: nothing in them is reliable.
	ErrCorrupt = errors.New("envelope: corrupt")
	// ErrSchema says that the bytes are whole, but of another type or codec.
	ErrSchema = errors.New("envelope: another schema")
)

// Header is what an envelope says of its payload.
type Header struct {
	Schema  uint64
	Version uint64
	Cost    time.Duration
	Fresh   time.Duration // from when it was stored; whole milliseconds, rounded up
	Kind    byte
}

// Seal frames payload. Payloads longer than compressAbove bytes are
// compressed when that makes them shorter; 0 means never. Those that are longer
// than Open would unpack, 64 MiB, are left as they are.
func Seal(h Header, payload []byte, compressAbove int) []byte {
	return SealSecret(h, payload, compressAbove, nil, "")
}

// SealSecret is Seal with the payload encrypted, if there are secrets, to be
// opened under the same name only.
func SealSecret(h Header, payload []byte, compressAbove int, secrets *Secrets, name string) []byte {
	var flags byte
	if compressAbove > 0 && len(payload) > compressAbove && len(payload) <= maxDecoded {
		if packed := s2.Encode(nil, payload); len(packed) < len(payload) {
			payload, flags = packed, flagCompressed
		}
	}
	b := make([]byte, headerSize, headerSize+len(payload))
	binary.BigEndian.PutUint64(b[4:], h.Schema)
	binary.BigEndian.PutUint64(b[12:], h.Version)
	binary.BigEndian.PutUint32(b[20:], costMillis(h.Cost))
	binary.BigEndian.PutUint64(b[24:], freshMillis(h.Fresh))
	if secrets != nil {
		flags |= flagEncrypted
	}
	b[32], b[33] = h.Kind, flags
	if secrets != nil {
		payload = secrets.seal(payload, b[4:], name)
	}
	b = append(b, payload...)
	binary.BigEndian.PutUint32(b, checksum(b[4:]))
	return b
}

func freshMillis(d time.Duration) uint64 {
	ms := uint64(max(d, 0) / time.Millisecond)
	if d%time.Millisecond > 0 {
		ms++
	}
	return ms
}

func costMillis(d time.Duration) uint32 {
	return uint32(min(max(d.Milliseconds(), 0), 1<<31))
}

// Open checks b and returns its header and payload, which may share b's
// memory. It returns [ErrCorrupt] for damaged bytes, and [ErrSchema], with the
// header, when the schema is not want.
func Open(b []byte, want uint64) (Header, []byte, error) {
	return OpenSecret(b, want, nil, "")
}

// OpenSecret is the reverse of SealSecret. It returns [ErrSchema] for what was
// not encrypted though there are secrets, and for what was encrypted with other
// keys or under another name.
func OpenSecret(b []byte, want uint64, secrets *Secrets, name string) (Header, []byte, error) {
	if len(b) < headerSize || checksum(b[4:]) != binary.BigEndian.Uint32(b) {
		return Header{}, nil, ErrCorrupt
	}
	h := header(b)
	if h.Schema != want {
		return h, nil, ErrSchema
	}
	payload := b[headerSize:]
	if encrypted := b[33]&flagEncrypted != 0; encrypted != (secrets != nil) {
		return h, nil, ErrSchema
	}
	if secrets != nil {
		var ok bool
		if payload, ok = secrets.open(payload, b[4:headerSize], name); !ok {
			return h, nil, ErrSchema
		}
	}
	if b[33]&flagCompressed == 0 {
		return h, payload, nil
	}
	return unpack(h, payload)
}

// Outside is what can be seen of an envelope without its schema and keys.
type Outside struct {
	Header
	Compressed, Encrypted bool
	Payload               int // its length as stored, in bytes
}

// Look returns what can be said of an envelope whatever its schema is. It returns
// [ErrCorrupt] for damaged bytes.
func Look(b []byte) (Outside, error) {
	if len(b) < headerSize || checksum(b[4:]) != binary.BigEndian.Uint32(b) {
		return Outside{}, ErrCorrupt
	}
	return Outside{
		Header:     header(b),
		Compressed: b[33]&flagCompressed != 0,
		Encrypted:  b[33]&flagEncrypted != 0,
		Payload:    len(b) - headerSize,
	}, nil
}

// header reads the header of whole bytes.
func header(b []byte) Header {
	return Header{
		Schema:  binary.BigEndian.Uint64(b[4:]),
		Version: binary.BigEndian.Uint64(b[12:]),
		Cost:    time.Duration(binary.BigEndian.Uint32(b[20:])) * time.Millisecond,
		Fresh:   time.Duration(min(binary.BigEndian.Uint64(b[24:]), maxMillis)) * time.Millisecond,
		Kind:    b[32],
	}
}

func unpack(h Header, packed []byte) (Header, []byte, error) {
	n, err := s2.DecodedLen(packed)
	if err != nil || n > maxDecoded {
		return h, nil, fmt.Errorf("%w: compressed payload", ErrCorrupt)
	}
	payload, err := s2.Decode(nil, packed)
	if err != nil {
		return h, nil, fmt.Errorf("%w: compressed payload", ErrCorrupt)
	}
	return h, payload, nil
}

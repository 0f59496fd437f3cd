package edge

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/gob"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// A file of the disk store holds what was under one URL:
//
//	magic 16 │ version 4 │ checksum 4 │ length of head 4 │ head │ body │ body …
//
// The checksum is over all that is behind it. Its name is made of a hash, so that
// nothing of what a client sends becomes a path:
//
//	ab/ab…(32 digits)-stamp(16)-size(hexadecimal)
//
// The size is in the name so that a start need not look at each file.
const (
	fileMagic   = "larder edge file"
	fileVersion = 1
	frontBytes  = len(fileMagic) + 4 + 4 + 4
	// maxFileBytes is more than any file has, whatever the options: a name that
	// says more is none of ours.
	maxFileBytes = 1 << 40
)

// errDamaged says that a file is not as it was written, or of another version.
var errDamaged = errors.New("the file is damaged")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// fileKey stands for a URL in names of files and in the index. 128 bits of SHA-256
// leave nobody two URLs with the same; the file has the URL itself to compare.
type fileKey [16]byte

// keyOf returns what stands for a URL.
func keyOf(url string) fileKey {
	sum := sha256.Sum256([]byte(url))
	return fileKey(sum[:16])
}

// fileName is the name of a file, with its shard.
func fileName(key fileKey, stamp uint64, size int64) string {
	return fmt.Sprintf("%02x/%x-%016x-%x", key[0], key[:], stamp, size)
}

// parseFileName reads what fileName has written, without the shard.
func parseFileName(base string) (key fileKey, stamp uint64, size int64, ok bool) {
	hash, rest, _ := strings.Cut(base, "-")
	first, second, _ := strings.Cut(rest, "-")
	raw, err1 := hex.DecodeString(hash)
	stamp, err2 := strconv.ParseUint(first, 16, 64)
	size, err3 := strconv.ParseInt(second, 16, 64)
	if err1 != nil || err2 != nil || err3 != nil || len(raw) != len(key) {
		return key, 0, 0, false
	}
	key = fileKey(raw)
	// There is one way to write a name: what differs in case or zeros is another's.
	_, written, _ := strings.Cut(fileName(key, stamp, size), "/")
	return key, stamp, size, 0 < size && size <= maxFileBytes && written == base
}

// isOurs tells whether a file begins as those of a disk store do. One that was cut
// off within its first bytes is too.
func isOurs(data []byte) bool {
	n := min(len(data), len(fileMagic))
	return string(data[:n]) == fileMagic[:n]
}

// fileHead is what a file has beside the bodies.
type fileHead struct {
	// Profile decides what may be stored: a file of another one is not used.
	Profile   string
	Responses []record
}

// record is a stored response without its body. What follows from the fields of
// the response is computed anew.
type record struct {
	Scheme, Host, Path string
	Status             int
	Header             http.Header
	Bytes              int64 // of the body
	First, Total       int64
	Vary               []recordSelector
	AskedAt, GotAt     time.Time
	InitialAge         time.Duration
	Date               time.Time
	// Began is a number of the book of the process that wrote the file, and means
	// nothing to another.
	Began   uint64
	Names   []string
	StaleAt int64
	// AskedSince and GotSince are the times since the process that wrote the file began
	// to hear of purges, by a clock that nobody sets.
	AskedSince, GotSince time.Duration
	// The rules are for the process that wrote the file: a qualified private or no-cache
	// may have taken out the very fields that they come from.
	Lifetime, WhileRevalidate, IfError time.Duration
	Explicit, NoCache, NeverStale      bool
}

type recordSelector struct {
	Name, Value string
	Present     bool
}

// record returns s as it is written by a process of which born is the beginning.
func (s *response) record(born time.Time) record {
	r := record{
		Scheme: s.url.scheme, Host: s.url.host, Path: s.url.path, Status: s.status, Header: s.header,
		Bytes: int64(len(s.body)), First: s.first, Total: s.total, AskedAt: s.askedAt, GotAt: s.gotAt,
		InitialAge: s.initialAge, Date: s.date, Began: s.began, Names: s.names, StaleAt: s.staleAt.Load(),
		AskedSince: s.askedAt.Sub(born), GotSince: s.gotAt.Sub(born),
		Lifetime: s.lifetime, WhileRevalidate: s.whileRevalidate, IfError: s.ifError,
		Explicit: s.explicit, NoCache: s.noCache, NeverStale: s.neverStale,
	}
	for _, sel := range s.vary {
		r.Vary = append(r.Vary, recordSelector{sel.name, sel.value, sel.present})
	}
	return r
}

// encodeFile returns the parts of a file with responses, as many of the first as it
// takes within most bytes, and its size; 0 if there is none that it takes. The
// bodies are not copied.
func encodeFile(profile Profile, born time.Time, list []*response, most int64) (parts [][]byte, size int64, err error) {
	// The latest come first in the list; what does not fit is asked for again.
	head := fileHead{Profile: profile.String()}
	parts = [][]byte{nil}
	bodies := int64(0)
	for _, s := range list {
		// What a response takes in memory is more than its fields take in a file.
		if bodies+s.size() > most {
			break
		}
		bodies += int64(len(s.body))
		head.Responses = append(head.Responses, s.record(born))
		parts = append(parts, s.body)
	}
	if len(head.Responses) == 0 {
		return nil, 0, nil
	}
	front := bytes.NewBuffer(append(make([]byte, 0, 2<<10), make([]byte, frontBytes)...))
	if err := gob.NewEncoder(front).Encode(&head); err != nil {
		return nil, 0, err
	}
	b := front.Bytes()
	copy(b, fileMagic)
	binary.BigEndian.PutUint32(b[16:], fileVersion)
	binary.BigEndian.PutUint32(b[24:], uint32(len(b)-frontBytes))
	parts[0] = b
	sum := crc32.Checksum(b[24:], castagnoli)
	for _, body := range parts[1:] {
		sum = crc32.Update(sum, castagnoli, body)
	}
	// Over the length of the head too: a wrong one would part head and bodies wrongly.
	binary.BigEndian.PutUint32(b[20:], sum)
	return parts, int64(len(b)) + bodies, nil
}

// decodeFile returns the head of a file, and its bodies, which share its bytes.
func decodeFile(data []byte) (*fileHead, [][]byte, error) {
	if len(data) < frontBytes || !isOurs(data) || binary.BigEndian.Uint32(data[16:]) != fileVersion ||
		binary.BigEndian.Uint32(data[20:]) != crc32.Checksum(data[24:], castagnoli) {
		return nil, nil, errDamaged
	}
	length := int64(binary.BigEndian.Uint32(data[24:]))
	rest := data[frontBytes:]
	if length > int64(len(rest)) {
		return nil, nil, errDamaged
	}
	// Behind the checksum: what is decoded is what was encoded here.
	head := new(fileHead)
	if err := gob.NewDecoder(bytes.NewReader(rest[:length])).Decode(head); err != nil {
		return nil, nil, fmt.Errorf("%w: %w", errDamaged, err)
	}
	rest = rest[length:]
	var bodies [][]byte
	for _, r := range head.Responses {
		if r.Bytes < 0 || r.Bytes > int64(len(rest)) {
			return nil, nil, errDamaged
		}
		bodies = append(bodies, rest[:r.Bytes:r.Bytes])
		rest = rest[r.Bytes:]
	}
	if len(rest) > 0 {
		return nil, nil, errDamaged
	}
	return head, bodies, nil
}

// restored makes a response of a record and its body. The rules are those of the
// fields as the handler reads them now, not as another version of it did.
func (o *Options) restored(r *record, body []byte) *response {
	header := r.Header
	if header == nil {
		header = http.Header{} // which is what an empty one becomes on its way
	}
	s := &response{
		url:    target{key: r.Scheme + "://" + r.Host + r.Path, scheme: r.Scheme, host: r.Host, path: r.Path},
		status: r.Status, header: clip(header, nil), body: body, first: r.First, total: r.Total,
		rules: o.state(r.Status, header, r.GotAt).rules, began: r.Began, names: r.Names,
	}
	s.stamp(header, r.AskedAt, r.GotAt)
	s.initialAge, s.date = r.InitialAge, r.Date
	for _, sel := range r.Vary {
		s.vary = append(s.vary, selector{sel.Name, sel.Value, sel.Present})
	}
	s.staleAt.Store(r.StaleAt)
	return s
}

// doubt makes of s what the origin must confirm before anybody gets it: it is from
// a process that is gone, and with it what was purged, and nobody knows what was
// purged since. Nor does it stand in for an origin that is down.
func (s *response) doubt(since time.Time) {
	s.began, s.noCache, s.neverStale = 0, true, true
	// Its clock may have been ahead: whatever is asked for from now on is newer.
	if s.askedAt.After(since) {
		s.askedAt = since
	}
	s.whileRevalidate, s.ifError = 0, 0
	s.soften(since) // a HEAD does not confirm what is stale
}

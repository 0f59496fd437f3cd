package edge

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/gob"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"strings"
	"time"
)

// snapshotMagic begins a snapshot; the profile follows in the same line.
const snapshotMagic = "larder edge 1 "

// ErrNotSnapshot says that what [Handler.Restore] reads was not written by
// [Handler.Save], of this version or another.
var ErrNotSnapshot = errors.New("edge: it is no snapshot")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// record is a stored response as it is written: its length, its checksum and
// these fields. What follows from the fields of the response is computed anew.
type record struct {
	Scheme, Host, Path string
	Status             int
	Header             http.Header
	Body               []byte
	First, Total       int64
	Vary               []recordSelector
	AskedAt, GotAt     time.Time
	InitialAge         time.Duration
	Date               time.Time
	Names              []string
	StaleAt            time.Time
}

type recordSelector struct {
	Name, Value string
	Present     bool
}

// Save writes all that is stored, those first that are used most, for
// [Handler.Restore]. It may be called while requests are served; what changes
// meanwhile may be in it or not.
func (h *Handler) Save(w io.Writer) error {
	out := bufio.NewWriterSize(w, 1<<16)
	now := time.Now()
	fmt.Fprintf(out, "%s%s\n", snapshotMagic, h.options.Profile)
	for _, v := range h.store.tier.Hottest() {
		for _, s := range v.list {
			if !s.usable(h.store.book) {
				continue
			}
			if err := writeRecord(out, s.record(now)); err != nil {
				return fmt.Errorf("edge: save: %w", err)
			}
		}
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("edge: save: %w", err)
	}
	return nil
}

// record returns s as it is saved. From now on nobody tells of purges, so that it
// is stale from now on.
func (s *response) record(now time.Time) *record {
	r := &record{
		Scheme: s.url.scheme, Host: s.url.host, Path: s.url.path, Status: s.status, Header: s.header, Body: s.body,
		First: s.first, Total: s.total, AskedAt: s.askedAt, GotAt: s.gotAt, InitialAge: s.initialAge, Date: s.date,
		Names: s.names, StaleAt: now,
	}
	if at := s.staleAt.Load(); at != 0 {
		r.StaleAt = time.Unix(0, at)
	}
	for _, sel := range s.vary {
		r.Vary = append(r.Vary, recordSelector{sel.name, sel.value, sel.present})
	}
	return r
}

// writeRecord writes one response in a frame of its own, so that damage to it is
// seen before any of it is believed.
func writeRecord(w io.Writer, r *record) error {
	var b bytes.Buffer
	b.Write(make([]byte, 8))
	if err := gob.NewEncoder(&b).Encode(r); err != nil {
		return err
	}
	frame := b.Bytes()
	binary.BigEndian.PutUint32(frame, uint32(len(frame)-8))
	binary.BigEndian.PutUint32(frame[4:], crc32.Checksum(frame[8:], castagnoli))
	_, err := w.Write(frame)
	return err
}

// Restore puts what [Handler.Save] has written into the store, before the first
// request, and returns how many responses that were. All of them are stale from
// the moment at which they were saved, for nobody knows what was purged since:
// the origin confirms each before it is served again, also where
// stale-while-revalidate would allow otherwise; they stand in for an origin that
// is down, where that is allowed.
//
// It returns [ErrNotSnapshot] for anything else, and an error for a snapshot of
// another profile or version and for one that is damaged; what comes before the
// damage is restored. Nothing at all is an empty snapshot. Restore a snapshot
// once: purges after that are not in it.
func (h *Handler) Restore(r io.Reader) (n int, err error) {
	in := bufio.NewReaderSize(r, 1<<16)
	first, err := in.ReadString('\n')
	switch {
	case first == "" && errors.Is(err, io.EOF):
		return 0, nil
	case !strings.HasPrefix(first, "larder edge "):
		return 0, ErrNotSnapshot
	}
	if want := fmt.Sprintf("%s%s\n", snapshotMagic, h.options.Profile); err != nil || first != want {
		return 0, fmt.Errorf("edge: restore: it begins with %.40q, want %q", first, want)
	}
	for {
		rec, err := h.readRecord(in)
		if errors.Is(err, io.EOF) {
			return n, nil
		}
		if err != nil {
			return n, fmt.Errorf("edge: restore: response %d: %w", n+1, err)
		}
		s := h.restored(rec)
		f := h.store.begin(s.url)
		s.began = f.began
		if h.store.put(f, s) {
			n++
		}
		h.store.end(f)
	}
}

// readRecord reads the next response; io.EOF if there is none.
func (h *Handler) readRecord(in io.Reader) (*record, error) {
	var head [8]byte
	if _, err := io.ReadFull(in, head[:]); err != nil {
		return nil, err // io.EOF at the very end
	}
	length := int64(binary.BigEndian.Uint32(head[:]))
	if length > h.options.MaxBytes {
		return nil, fmt.Errorf("it says that it has %d bytes", length)
	}
	frame := make([]byte, length)
	if _, err := io.ReadFull(in, frame); err != nil {
		return nil, io.ErrUnexpectedEOF
	}
	if crc32.Checksum(frame, castagnoli) != binary.BigEndian.Uint32(head[4:]) {
		return nil, errors.New("its checksum is wrong")
	}
	rec := new(record)
	if err := gob.NewDecoder(bytes.NewReader(frame)).Decode(rec); err != nil {
		return nil, err
	}
	if rec.Header == nil {
		rec.Header = http.Header{}
	}
	return rec, nil
}

// restored makes a response of a record. The rules are those of the fields as the
// handler reads them now, not as another version of it did.
func (h *Handler) restored(rec *record) *response {
	key := rec.Scheme + "://" + rec.Host + rec.Path
	s := &response{
		url:    target{key: key, scheme: rec.Scheme, host: rec.Host, path: rec.Path},
		status: rec.Status, header: clip(rec.Header, nil), body: rec.Body, first: rec.First, total: rec.Total,
		rules: h.options.state(rec.Status, rec.Header, rec.GotAt).rules, names: rec.Names,
	}
	s.stamp(rec.Header, rec.AskedAt, rec.GotAt)
	s.initialAge, s.date = rec.InitialAge, rec.Date
	for _, sel := range rec.Vary {
		s.vary = append(s.vary, selector{sel.Name, sel.Value, sel.Present})
	}
	s.soften(rec.StaleAt)
	// What was purged meanwhile would be served while the origin says so.
	s.whileRevalidate = 0
	return s
}

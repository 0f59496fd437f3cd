package edge

import (
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"
)

const (
	// chunkBytes is how much is read from the origin at once.
	chunkBytes = 32 << 10
	// windowBytes is how far the origin may be ahead of the slowest reader of a
	// body that is not going to be stored.
	windowBytes = 1 << 20
)

var (
	// errAbandoned says that nobody wants the rest of a body.
	errAbandoned = errors.New("edge: nobody reads the body")
	// errWindow says that a body has passed, and was too large to be kept.
	errWindow = errors.New("edge: the body was not kept")
)

// spool is a body on its way from the origin to its readers. Each of them reads
// it from the first byte, at its own pace.
//
// It keeps the whole body, which can then be stored, until it grows beyond limit
// or the budget of all spools is spent. From there on it is a window: what all
// have read is dropped, nobody can join, and the origin waits for the slowest.
type spool struct {
	limit  int64
	budget *atomic.Int64 // bytes that all spools together may still take

	mu      sync.Mutex
	changed sync.Cond
	chunks  [][]byte // of them only the last has room
	base    int64    // offset of the first chunk
	size    int64    // offset behind the last byte
	held    int64    // bytes taken from the budget
	window  bool
	done    bool
	err     error // why the body ended early
	readers map[*spoolReader]struct{}
}

// newSpool returns a spool for a body of the given length, -1 if that is not
// known, and its first reader. budget is charged for what it holds. ok is false
// if it could not keep the body.
func newSpool(length, limit int64, budget *atomic.Int64) (s *spool, first *spoolReader, ok bool) {
	s = &spool{limit: limit, budget: budget, readers: map[*spoolReader]struct{}{}}
	s.changed.L = &s.mu
	if length > limit || !s.charge(max(0, length)) {
		return nil, nil, false
	}
	if 0 < length && length <= 8*chunkBytes {
		s.chunks = [][]byte{make([]byte, 0, length)} // it will be in one piece
	}
	first = &spoolReader{spool: s}
	s.readers[first] = struct{}{}
	return s, first, true
}

// prefill puts what is there already before what comes.
func (s *spool) prefill(prefix []byte) {
	if len(prefix) == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.chunks = append([][]byte{prefix[:len(prefix):len(prefix)]}, s.chunks...)
	s.size = int64(len(prefix))
}

// total returns the bytes of the body so far.
func (s *spool) total() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.size
}

// charge takes n more bytes from the budget, and tells whether it had them.
func (s *spool) charge(n int64) bool {
	n -= s.held
	if n <= 0 {
		return true
	}
	if s.budget.Add(-n) < 0 {
		s.budget.Add(n)
		return false
	}
	s.held += n
	return true
}

// settle gives what the spool holds back to the budget, once its bytes are the
// store's or nobody's.
func (s *spool) settle() {
	if s.done && len(s.readers) == 0 {
		s.budget.Add(s.held)
		s.held = 0
	}
}

// fill reads the body to its end, and returns nil if it came whole and is whole
// in the spool, errWindow if it came whole and is not. Readers see the end only
// when finish says so.
func (s *spool) fill(body io.Reader, alive func()) error {
	for {
		room, err := s.room()
		if err != nil {
			return err
		}
		n, err := body.Read(room)
		alive()
		s.grow(n)
		switch {
		case errors.Is(err, io.EOF) && s.isWindow():
			return errWindow
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
}

// room returns where the next bytes go. In a window it waits until the slowest
// reader is near.
func (s *spool) room() ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		// A body that is kept needs no reader.
		if len(s.readers) == 0 && s.window {
			return nil, errAbandoned
		}
		if !s.window || s.size-s.slowest() < windowBytes {
			break
		}
		s.changed.Wait()
	}
	if s.window {
		s.drop(s.slowest())
	}
	if n := len(s.chunks); n == 0 || len(s.chunks[n-1]) == cap(s.chunks[n-1]) {
		s.chunks = append(s.chunks, make([]byte, 0, chunkBytes))
	}
	last := s.chunks[len(s.chunks)-1]
	return last[len(last):cap(last)], nil
}

// grow makes n bytes that were read into the room known.
func (s *spool) grow(n int) {
	if n == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	i := len(s.chunks) - 1
	s.chunks[i] = s.chunks[i][:len(s.chunks[i])+n]
	s.size += int64(n)
	// From here on there is no way back: what follows is not kept.
	if !s.window && (s.size > s.limit || !s.charge(s.size)) {
		s.window = true
	}
	s.changed.Broadcast()
}

// finish says that no more comes: nil if the body was whole.
func (s *spool) finish(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.done, s.err = true, err
	s.settle()
	s.changed.Broadcast()
}

// isWindow tells whether the body has outgrown what can be kept.
func (s *spool) isWindow() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.window
}

// slowest is the least offset of all readers.
func (s *spool) slowest() int64 {
	least := s.size
	for r := range s.readers {
		least = min(least, r.offset)
	}
	return least
}

// drop forgets the chunks that end at or before an offset.
func (s *spool) drop(offset int64) {
	for len(s.chunks) > 1 && s.base+int64(len(s.chunks[0])) <= offset {
		s.base += int64(len(s.chunks[0]))
		s.chunks[0] = nil
		s.chunks = s.chunks[1:]
	}
}

// bytes returns the whole body, in one piece, once fill has returned nil.
func (s *spool) bytes() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.chunks); n > 1 && len(s.chunks[n-1]) == 0 {
		s.chunks = s.chunks[:n-1] // it was for the end of the body alone
	}
	if len(s.chunks) == 1 && cap(s.chunks[0])-len(s.chunks[0]) <= cap(s.chunks[0])/8 {
		return s.chunks[0]
	}
	whole := make([]byte, 0, s.size)
	for _, chunk := range s.chunks {
		whole = append(whole, chunk...)
	}
	return whole
}

// spoolReader reads a spool from its first byte. Close it.
type spoolReader struct {
	spool  *spool
	offset int64
}

// join returns a new reader; false if the first bytes are gone.
func (s *spool) join() (*spoolReader, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.base > 0 || s.window && s.size > 0 && len(s.readers) == 0 {
		return nil, false
	}
	r := &spoolReader{spool: s}
	s.readers[r] = struct{}{}
	return r, true
}

// next waits for bytes that were not read yet and returns them. They do not
// change until next is called again. At the end of a whole body the error is
// io.EOF.
func (r *spoolReader) next(ctx context.Context) ([]byte, error) {
	s := r.spool
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.offset == s.size && !s.done {
		stop := context.AfterFunc(ctx, func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.changed.Broadcast()
		})
		defer stop()
	}
	for r.offset == s.size {
		switch {
		case s.done && s.err == nil:
			return nil, io.EOF
		case s.done:
			return nil, s.err
		case ctx.Err() != nil:
			return nil, ctx.Err()
		}
		s.changed.Wait()
	}
	at := s.base
	for _, chunk := range s.chunks {
		if end := at + int64(len(chunk)); r.offset < end {
			b := chunk[r.offset-at:]
			return b, nil
		}
		at += int64(len(chunk))
	}
	return nil, io.ErrUnexpectedEOF // not reached: readers keep what they have not read
}

// read says that n bytes of the last next were used.
func (r *spoolReader) read(n int) {
	s := r.spool
	s.mu.Lock()
	defer s.mu.Unlock()
	r.offset += int64(n)
	if s.window {
		s.changed.Broadcast()
	}
}

// Close lets the spool go on without r.
func (r *spoolReader) Close() {
	s := r.spool
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.readers, r)
	s.settle()
	s.changed.Broadcast()
}

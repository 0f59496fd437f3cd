package edge

import (
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// chunkBytes is how much is read from the origin at once.
	chunkBytes = 32 << 10
	// windowBytes is how far the origin may be ahead of the slowest reader of a
	// body that is not going to be stored.
	windowBytes = 1 << 20
	// slowPatience is how long the origin waits, in all, for one reader to take a
	// window's worth while others have nothing to read.
	slowPatience = 10 * time.Second
)

var (
	// errAbandoned says that nobody wants the rest of a body.
	errAbandoned = errors.New("edge: nobody reads the body")
	// errWindow says that a body has passed, and was too large to be kept.
	errWindow = errors.New("edge: the body was not kept")
	// errSlow says that a reader was cut off because it held up others.
	errSlow = errors.New("edge: the client reads too slowly for those it shares the body with")
	// errLong says that a body is longer than its Content-Length.
	errLong = errors.New("edge: the body is longer than it says")
)

// spool is a body on its way from the origin to its readers. Each of them reads
// it from the first byte, at its own pace.
//
// It keeps the whole body, which can then be stored, until it grows beyond limit
// or the budget of all spools is spent. From there on it is a window: what all
// have read is dropped, nobody can join, and the origin waits for the slowest. A
// window too holds no more than it has charged, with one chunk as the least.
//
// Who shares a window and is much slower than the others is cut off: some 100 KiB/s
// is enough not to be, and a reader that is alone may be as slow as it likes. The
// others cannot be served from anything but the window, while one that was cut off
// can ask again, and then is alone.
type spool struct {
	limit  int64
	budget *atomic.Int64 // bytes that all spools together may still take

	mu      sync.Mutex
	changed sync.Cond
	chunks  [][]byte // of them only the last has room
	base    int64    // offset of the first chunk
	size    int64    // offset behind the last byte
	end     int64    // offset behind the body as it says itself; -1: it does not
	prefix  int      // of the chunks, the first is the store's and has this length
	room    int64    // capacity of the other chunks
	held    int64    // bytes taken from the budget, room or more
	window  bool
	done    bool
	err     error // why the body ended early
	readers map[*spoolReader]struct{}

	// waited is for how long the origin was waiting since the slowest reader was at
	// waitedAt; it begins anew whenever that one has taken a window's worth.
	waited   time.Duration
	waitedAt int64
}

// newSpool returns a spool for a body of the given length, -1 if that is not
// known, and its first reader. budget is charged for what it holds. why says that
// it could not keep the body.
func newSpool(length, limit int64, budget *atomic.Int64) (s *spool, first *spoolReader, why refusal) {
	s = &spool{limit: limit, budget: budget, end: max(-1, length), readers: map[*spoolReader]struct{}{}}
	s.changed.L = &s.mu
	// Known in advance: it passes to one client alone, without a window for others.
	if length > limit {
		return nil, nil, refusedSize
	}
	least := length
	if length < 0 {
		least = chunkBytes // there is no less to read into
	}
	if !s.charge(least) {
		return nil, nil, refusedBudget
	}
	// What is stored later is then this piece, and not a copy.
	if 0 < length && length <= 8*chunkBytes {
		s.add(length) // it will be in one piece
	}
	first = &spoolReader{spool: s}
	s.readers[first] = struct{}{}
	return s, first, refusedNone
}

// add appends an empty chunk, which is charged already.
func (s *spool) add(capacity int64) {
	s.chunks = append(s.chunks, make([]byte, 0, capacity))
	s.room += capacity
}

// prefill puts what is there already before what comes.
func (s *spool) prefill(prefix []byte) {
	if len(prefix) == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	// The bytes are the store's: no room to grow, and nothing charged.
	s.chunks = append([][]byte{prefix[:len(prefix):len(prefix)]}, s.chunks...)
	s.size, s.prefix = int64(len(prefix)), len(prefix)
	if s.end >= 0 {
		s.end += s.size
	}
}

// total returns the bytes of the body so far.
func (s *spool) total() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.size
}

// charge takes n more bytes from the budget, and tells whether it had them.
func (s *spool) charge(n int64) bool {
	// What was charged before may be more than is needed now, and covers it.
	n -= s.held
	if n <= 0 {
		return true
	}
	// Two that try at once may both be refused; none can take what is not there.
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
// when finish says so. The watch is on the origin alone: it is off while the slowest
// reader is waited for. The end of ctx ends the wait.
func (s *spool) fill(ctx context.Context, body io.Reader, watch *silence) error {
	stop := context.AfterFunc(ctx, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.changed.Broadcast()
	})
	defer stop()
	var probe [1]byte
	for {
		watch.stop()
		room, err := s.next(ctx)
		if err != nil {
			return err
		}
		probing := len(room) == 0
		if probing {
			room = probe[:] // all is here, and the end is still to be seen
		}
		watch.heard()
		n, err := body.Read(room)
		// A cache that cut it would store what the origin did not mean to send.
		if probing && n > 0 {
			return errLong
		}
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

// next returns where the next bytes go, nothing if the body has the length that it
// said. In a window it waits until the slowest reader is near.
func (s *spool) next(ctx context.Context) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		// A body that is kept needs no reader; a window that has none is of no use to
		// anyone who comes later.
		if len(s.readers) == 0 && s.window {
			return nil, errAbandoned
		}
		if s.size == s.end {
			return nil, nil
		}
		if s.window {
			s.drop(s.slowest())
		}
		if !s.window || s.size-s.slowest() < windowBytes {
			if room := s.free(); room != nil {
				return room, nil
			}
			if !s.window {
				s.window = true
				continue
			}
		}
		s.waitForSlowest()
	}
}

// waitForSlowest waits until something changes. If it has waited for too long it cuts
// off those for whom.
func (s *spool) waitForSlowest() {
	slowest, starving := s.slowest(), false
	for r := range s.readers {
		starving = starving || r.offset == s.size
	}
	if !starving {
		s.changed.Wait() // nobody is held up: all are as slow, or there is one
		return
	}
	if slowest-s.waitedAt >= windowBytes {
		s.waited, s.waitedAt = 0, slowest
	}
	if left := slowPatience - s.waited; left > 0 {
		began := time.Now()
		timer := time.AfterFunc(left, func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.changed.Broadcast()
		})
		s.changed.Wait()
		timer.Stop()
		s.waited += time.Since(began)
		return
	}
	// Also those who are hardly faster: else each would have its own patience.
	for r := range s.readers {
		if r.offset <= slowest+(s.size-slowest)/2 {
			r.slow = true
			delete(s.readers, r)
		}
	}
	s.waited, s.waitedAt = 0, s.slowest()
}

// free returns the room in the last chunk, or in a new one if the budget has it.
func (s *spool) free() []byte {
	if n := len(s.chunks); n == 0 || len(s.chunks[n-1]) == cap(s.chunks[n-1]) {
		capacity := int64(chunkBytes)
		if s.end >= 0 {
			capacity = min(capacity, s.end-s.size) // as it was charged in advance
		}
		if !s.charge(s.room + capacity) {
			return nil
		}
		s.add(capacity)
	}
	last := s.chunks[len(s.chunks)-1]
	return last[len(last):cap(last)]
}

// keep appends p as long as the spool keeps all. It never waits.
func (s *spool) keep(p []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(p) > 0 && !s.window {
		room := s.free()
		if len(room) == 0 {
			s.window = true // no room, or more than the body said
			break
		}
		n := copy(room, p)
		s.took(n)
		p = p[n:]
	}
	if s.window {
		s.chunks = nil // nobody reads it
	}
}

// grow makes n bytes that were read into the room known.
func (s *spool) grow(n int) {
	if n == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.took(n)
	s.changed.Broadcast()
}

// took counts n bytes in the last chunk.
func (s *spool) took(n int) {
	i := len(s.chunks) - 1
	s.chunks[i] = s.chunks[i][:len(s.chunks[i])+n]
	s.size += int64(n)
	if s.size > s.limit {
		s.window = true // there is no way back: what follows is not kept
	}
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

// drop forgets the full chunks that end at or before an offset, and gives back what
// was charged for them. One chunk stays charged: the next one needs it.
func (s *spool) drop(offset int64) {
	for len(s.chunks) > 0 && s.base+int64(cap(s.chunks[0])) <= offset {
		s.base += int64(len(s.chunks[0]))
		if s.prefix > 0 {
			s.prefix = 0
		} else {
			s.room -= int64(cap(s.chunks[0]))
		}
		s.chunks[0] = nil
		s.chunks = s.chunks[1:]
	}
	if spare := s.held - max(s.room, chunkBytes); spare > 0 {
		s.held -= spare
		s.budget.Add(spare)
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
	slow   bool // it was cut off
}

// join returns a new reader; false if the first bytes are gone.
func (s *spool) join() (*spoolReader, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	// A reader that has missed the first bytes could never be given them.
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
	if r.slow {
		return nil, errSlow
	}
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
	// There are few: a window has 32, and what is kept is read near its end.
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
	// Only a window waits for its readers.
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
	// The origin may have been waiting for this one.
	delete(s.readers, r)
	s.settle()
	s.changed.Broadcast()
}

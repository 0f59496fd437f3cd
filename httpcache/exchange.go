package httpcache

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// exchange is one request and its response: the [http.ResponseWriter] that the
// handler sees.
//
//	open ──── WriteHeader, Write ────► sent       the header is gone
//	  │                                 ▲
//	  └─ a body that may be hashed ► holding      end, HashUpTo, Flush
//
// From open, Hijack leads out of all this.
//
// Like any ResponseWriter it is for one goroutine at a time.
type exchange struct {
	inner   http.ResponseWriter
	layer   *Layer
	parent  context.Context
	request *http.Request // as the handler sees it
	outer   *http.Request // as it came
	route   *route        // set by Wrap; nil: the request's pattern decides
	said    Response
	tag     string // the ETag that was made of the version tagged
	tagged  uint64
	who     credentials
	phase   phase
	status  int // 0: the handler has not begun
	// complete: the held body is all there is.
	complete bool
	// discard: the response has become one without a body.
	discard bool
	body    *bytes.Buffer // while holding
	// header is what the fields were when the handler began the response that is
	// held: as in net/http, what it changes later is not sent.
	header http.Header
	// early: a cookie was sent in an informational response.
	early bool
	// kept: the header has been sent, and somebody may keep the response.
	kept bool
	// values are the field values that are set, so that they cost no allocation.
	values [12]string
	used   int
}

type phase uint8

const (
	open phase = iota
	holding
	sent
	hijacked
)

// serve passes a request on. rt is nil if the pattern is to decide.
func (l *Layer) serve(w http.ResponseWriter, r *http.Request, rt *route, next http.Handler) {
	if x := exchangeOf(r.Context()); x != nil && x.layer == l && x.isBehind(w) {
		// The layer is around this one already, and has only to know what it sees
		// less of: the policy, or the request that the mux gets.
		x.request = r
		if rt != nil {
			x.route = rt
		}
		next.ServeHTTP(w, r)
		return
	}
	x := &exchange{inner: w, layer: l, parent: r.Context(), outer: r, route: rt, who: l.credentials(r)}
	x.said.x = x
	x.request = r.WithContext((*scope)(x))
	ended := false
	defer func() {
		r.Pattern = x.request.Pattern // for logs and metrics around this layer
		if !ended {
			x.abandon()
		}
		if x.kept {
			dropCookies(x.inner.Header()) // that would be trailers, and kept
		}
	}()
	next.ServeHTTP(x, x.request)
	x.end()
	ended = true
}

// scope is the exchange as the context of its request.
type scope exchange

type scopeKey struct{}

func (s *scope) Deadline() (time.Time, bool) { return s.parent.Deadline() }
func (s *scope) Done() <-chan struct{}       { return s.parent.Done() }
func (s *scope) Err() error                  { return s.parent.Err() }

func (s *scope) Value(key any) any {
	if key == (scopeKey{}) {
		return (*exchange)(s)
	}
	return s.parent.Value(key)
}

func exchangeOf(ctx context.Context) *exchange {
	x, _ := ctx.Value(scopeKey{}).(*exchange)
	return x
}

// isBehind tells whether what is written to w comes to x. A handler may call
// another with the same context and a writer of its own, to use a part of its
// response: that part's policy is not the whole's.
func (x *exchange) isBehind(w http.ResponseWriter) bool {
	for {
		if w == http.ResponseWriter(x) {
			return true
		}
		u, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return false
		}
		w = u.Unwrap()
	}
}

// Header returns the fields that will be sent. The ETag of a version is among
// them as soon as somebody looks.
func (x *exchange) Header() http.Header {
	h := x.inner.Header()
	if x.phase == open {
		x.setVersion(h, x.versionOf(x.said.soFar()))
	}
	return h
}

// Unwrap is for [http.ResponseController]: deadlines, full duplex.
func (x *exchange) Unwrap() http.ResponseWriter { return x.inner }

// WriteHeader begins the response.
func (x *exchange) WriteHeader(status int) {
	switch {
	case x.phase == holding:
		// The first status counts, as in net/http.
	case x.phase == open && (status < 100 || status > 199 || status == http.StatusSwitchingProtocols):
		x.begin(status)
	case x.phase == open:
		x.inform(status)
	default:
		x.inner.WriteHeader(status) // a mistake, which net/http knows how to tell
	}
}

// inform sends an informational response, which has the fields that there are
// now: also a cookie.
func (x *exchange) inform(status int) {
	h := x.inner.Header()
	if rt := x.layer.routeOf(x); rt != nil && rt.policy.SameForEveryoneSoDropSetCookie {
		dropCookies(h)
	} else if setsCookie(h) {
		x.early = true
	}
	x.inner.WriteHeader(status)
}

func (x *exchange) begin(status int) {
	x.status = status
	if x.mayHold() {
		x.phase = holding
		x.header = x.inner.Header().Clone()
		x.body = x.layer.buffers.Get().(*bytes.Buffer)
		return
	}
	x.commit()
}

// commit sends the header. While it is settled, a hook of the user's may still
// panic: then it has not been sent, and abandon sees to it.
func (x *exchange) commit() {
	x.status = x.settle(x.inner.Header(), x.said.close())
	x.phase = sent
	x.inner.WriteHeader(x.status)
}

// restore makes the fields what they were when the response began. Trailers may
// have come since (http.TrailerPrefix).
func (x *exchange) restore() {
	h := x.inner.Header()
	for name := range h {
		if _, was := x.header[name]; !was && !strings.HasPrefix(name, http.TrailerPrefix) {
			delete(h, name)
		}
	}
	for name, lines := range x.header {
		if !strings.HasPrefix(name, http.TrailerPrefix) || h[name] == nil {
			h[name] = lines
		}
	}
	x.header = nil
}

// release sends the header and what was held back of the body.
func (x *exchange) release() error {
	x.restore()
	x.commit()
	body := x.body
	x.body = nil
	defer x.recycle(body)
	if x.discard || body.Len() == 0 {
		return nil
	}
	_, err := x.inner.Write(body.Bytes())
	return err
}

// recycle keeps a buffer for the next response, unless it has become large.
func (x *exchange) recycle(body *bytes.Buffer) {
	if body.Cap() <= 2*defaultHashUpTo {
		body.Reset()
		x.layer.buffers.Put(body)
	}
}

// room tells whether n more bytes may be held back. If not, nothing is any more.
func (x *exchange) room(n int) (bool, error) {
	if x.phase == open {
		x.begin(http.StatusOK)
	}
	if x.phase != holding {
		return false, nil
	}
	if x.body.Len()+n <= x.layer.routeOf(x).policy.HashUpTo {
		return true, nil
	}
	return false, x.release()
}

// Write sends a part of the body.
func (x *exchange) Write(p []byte) (int, error) {
	hold, err := x.room(len(p))
	switch {
	case err != nil:
		return 0, err
	case hold:
		return x.body.Write(p)
	case x.discard:
		return len(p), nil
	}
	return x.inner.Write(p)
}

// WriteString is Write, for [io.WriteString].
func (x *exchange) WriteString(s string) (int, error) {
	hold, err := x.room(len(s))
	switch {
	case err != nil:
		return 0, err
	case hold:
		return x.body.WriteString(s)
	case x.discard:
		return len(s), nil
	}
	return io.WriteString(x.inner, s)
}

// ReadFrom sends a body from a reader, without a copy in this process where
// net/http can do that. Only what has a known length is held back: anything else
// may be a stream.
func (x *exchange) ReadFrom(src io.Reader) (int64, error) {
	if x.phase == open {
		x.begin(http.StatusOK)
	}
	if x.phase == holding {
		length := declaredLength(x.header)
		if length <= x.layer.routeOf(x).policy.HashUpTo && x.body.Len() <= length {
			return x.readHeld(src, length)
		}
		if err := x.release(); err != nil {
			return 0, err
		}
	}
	if x.discard {
		return io.Copy(io.Discard, src)
	}
	if rf, ok := x.inner.(io.ReaderFrom); ok {
		return rf.ReadFrom(src)
	}
	return io.Copy(struct{ io.Writer }{x.inner}, src)
}

// readHeld reads what is missing of a body of known length, and sends what comes
// beyond it, for net/http to refuse.
func (x *exchange) readHeld(src io.Reader, length int) (int64, error) {
	n, err := x.body.ReadFrom(io.LimitReader(src, int64(length-x.body.Len())))
	if err != nil || x.body.Len() < length {
		return n, err
	}
	// A reader that ends here says so; one that does not has more to give.
	more, err := io.Copy(struct{ io.Writer }{x}, src)
	return n + more, err
}

// FlushError sends what there is. [http.ResponseController] calls it.
func (x *exchange) FlushError() error {
	if x.phase == open {
		x.status = http.StatusOK
		x.commit()
	}
	if x.phase == holding {
		if err := x.release(); err != nil {
			return err
		}
	}
	return http.NewResponseController(x.inner).Flush()
}

// Flush sends what there is, as far as the connection can do that.
func (x *exchange) Flush() { _ = x.FlushError() }

// Hijack hands over the connection. Where that cannot be, the error is
// [http.ErrNotSupported].
func (x *exchange) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(x.inner).Hijack()
	if err == nil {
		x.drop()
		x.phase = hijacked
	}
	return conn, rw, err
}

// Push starts an HTTP/2 push. Where that cannot be, the error is
// [http.ErrNotSupported], as [http.Pusher] says.
func (x *exchange) Push(target string, opts *http.PushOptions) error {
	for w := x.inner; ; {
		if p, ok := w.(http.Pusher); ok {
			return p.Push(target, opts)
		}
		u, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return http.ErrNotSupported
		}
		w = u.Unwrap()
	}
}

// end sends what is left to send when the handler has returned.
func (x *exchange) end() {
	switch x.phase {
	case open:
		x.said.close()
		// It may have given up, and net/http is about to send an empty 200 for it.
		Never(x.inner.Header())
	case holding:
		x.complete = true
		_ = x.release() // the connection is gone, and net/http knows
	}
}

// abandon is end for a handler that panics. Middleware around this layer may
// still answer: nobody is to keep that. What was held back is not sent.
func (x *exchange) abandon() {
	if x.phase == open || x.phase == holding {
		x.said.close()
		Never(x.inner.Header())
	}
	x.drop()
}

// drop forgets what was held back.
func (x *exchange) drop() {
	if x.body != nil {
		x.recycle(x.body)
		x.body = nil
	}
}

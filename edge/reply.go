package edge

import (
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// reply answers with a response that is here as a whole, or the part of it that
// is asked for. validated: the origin has just confirmed it for this request,
// whose answer then has the origin's own age.
func (h *Handler) reply(x *exchange, s *response, from http.Header, n note, validated bool) {
	header := x.w.Header()
	// The values are shared with the store, not copied: they have no room to grow,
	// so that whoever appends to one gets a copy.
	for name, lines := range from {
		header[name] = lines
	}
	if !validated {
		header["Age"] = []string{strconv.FormatInt(int64(s.age(x.now)/time.Second), 10)}
	}
	h.mark(header, n)
	// RFC 9110 13.2.2: conditions on what the client has come before its Range. They
	// are evaluated here, since the response is for others as well.
	if s.notModified(x.r.Header) {
		writeNotModified(x.w)
		return
	}
	// A part is made of a 200, or of a stored part that has it (RFC 9111 3.3);
	// other statuses have no parts.
	status, body := s.status, s.body
	if lines := x.r.Header["Range"]; len(lines) > 0 && (status == http.StatusOK || !s.complete()) && x.r.Method == http.MethodGet {
		length := int64(len(s.body))
		if !s.complete() {
			length = s.total
		}
		want, satisfiable, ok := rangeOf(lines, length)
		switch {
		case !ok || s.complete() && !s.ifRange(x.r.Header):
		case !satisfiable:
			header["Content-Range"] = []string{"bytes */" + strconv.FormatInt(length, 10)}
			delete(header, "Content-Length")
			x.w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
			return
		default:
			status, body = http.StatusPartialContent, s.body[want.from-s.first:want.to-s.first]
			header["Content-Range"] = []string{
				"bytes " + strconv.FormatInt(want.from, 10) + "-" + strconv.FormatInt(want.to-1, 10) + "/" + strconv.FormatInt(length, 10),
			}
			header["Content-Length"] = []string{strconv.Itoa(len(body))}
		}
	}
	// All of it is here, also if it came in chunks: with its length the connection
	// can be used again, by HTTP/1.0 too.
	if _, ok := header["Content-Length"]; !ok && bodyAllowed(status) {
		header["Content-Length"] = []string{strconv.Itoa(len(body))}
	}
	x.w.WriteHeader(status)
	if x.r.Method != http.MethodHead && bodyAllowed(status) {
		// An error is the client's going, after which there is nobody to tell.
		_, _ = x.w.Write(body)
	}
}

// bodyAllowed tells whether a status can have a body (RFC 9110 6.4.1).
func bodyAllowed(status int) bool {
	return status >= 200 && status != http.StatusNoContent && status != http.StatusNotModified
}

// writeNotModified answers a condition. What describes the body stays out (RFC
// 9110 15.4.5).
func writeNotModified(w http.ResponseWriter) {
	header := w.Header()
	for _, name := range []string{"Content-Length", "Content-Type", "Content-Encoding", "Content-Language", "Content-Range"} {
		delete(header, name)
	}
	w.WriteHeader(http.StatusNotModified)
}

// stream answers with a response whose body is coming in.
func (h *Handler) stream(x *exchange, f *flight, from http.Header, body *spoolReader, n note) {
	defer body.Close()
	header := x.w.Header()
	for name, lines := range from {
		header[name] = lines
	}
	h.mark(header, n)
	s := f.response
	if s.notModified(x.r.Header) {
		writeNotModified(x.w)
		return
	}
	// Without a length nobody knows when the next byte comes: it is sent as it is.
	_, sized := header["Content-Length"]
	x.w.WriteHeader(s.status)
	if x.r.Method == http.MethodHead || !bodyAllowed(s.status) {
		return
	}
	if err := copyBody(x.r.Context(), x.w, body, !sized); err != nil {
		panic(http.ErrAbortHandler) // the only way in which the client sees that there was more
	}
}

// relay passes a response of the origin on to one client, and closes it.
func (h *Handler) relay(w http.ResponseWriter, resp *http.Response, from http.Header, n note) {
	defer func() { _ = resp.Body.Close() }()
	header := w.Header()
	for name, lines := range from {
		header[name] = lines
	}
	h.mark(header, n)
	// What is announced now may be sent when the body has passed.
	for name := range resp.Trailer {
		header.Add("Trailer", name)
	}
	w.WriteHeader(resp.StatusCode)
	// A transport of the user's may leave Request out; then the status decides alone.
	if resp.Request != nil && resp.Request.Method == http.MethodHead || !bodyAllowed(resp.StatusCode) {
		return
	}
	if err := h.copyThrough(w, resp.Body, resp.ContentLength < 0, n.detail == string(refusedBudget)); err != nil {
		panic(http.ErrAbortHandler)
	}
	// The prefix works whether they were announced or not.
	for name, lines := range resp.Trailer {
		header[http.TrailerPrefix+name] = lines
	}
}

// copyBuffers are for bodies that are not stored.
var copyBuffers = sync.Pool{New: func() any { return new([chunkBytes]byte) }}

// copyThrough copies a body as it comes. Where memory is short it does so in small
// pieces: clients that do not read may be many.
func (h *Handler) copyThrough(w http.ResponseWriter, body io.Reader, flush, short bool) error {
	// Pooled buffers of those who do not read would be held for as long as they like.
	var buffer []byte
	if short {
		buffer = make([]byte, 4<<10)
	} else {
		pooled := copyBuffers.Get().(*[chunkBytes]byte)
		defer copyBuffers.Put(pooled)
		buffer = pooled[:]
	}
	control := http.NewResponseController(w)
	for {
		n, err := body.Read(buffer)
		if n > 0 {
			if _, err := w.Write(buffer[:n]); err != nil {
				return err
			}
			if flush {
				_ = control.Flush()
			}
		}
		if err == io.EOF {
			return nil
		}
		// The header is out: only a broken connection can say that there was more.
		if err != nil {
			h.count.truncated.Add(1)
			return err
		}
	}
}

package httpcache

import (
	"context"
	"net/http"
	"sync"
)

// Response is what a handler says about the response that it is writing. A nil
// Response hears nothing, so that handlers work without a [Layer], too. Its
// methods may be called concurrently, also when the request is long over.
type Response struct {
	x  *exchange
	mu sync.Mutex
	// words are what was said until closed, which is when the header is made.
	words  words
	closed bool
}

type words struct {
	tags    []string
	version uint64
	noStore bool
}

// From returns the response to a request, by the request's context. It is nil if
// no [Layer] has seen the request.
func From(ctx context.Context) *Response {
	if x := exchangeOf(ctx); x != nil {
		return &x.said
	}
	return nil
}

// say notes something, if it can still be done.
func (r *Response) say(note func(*words)) bool {
	if r == nil {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return false
	}
	note(&r.words)
	return true
}

// soFar returns what was said until now.
func (r *Response) soFar() words {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.words
}

// close returns all that was said. From now on it is too late.
func (r *Response) close() words {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	return r.words
}

// Tag adds tags, such as those that depend on what was read: "category-tea". It
// returns false if they come too late, because the header has been sent; that is
// a [TagError], too.
func (r *Response) Tag(tags ...string) bool {
	heard := r.say(func(w *words) { w.tags = append(w.tags, tags...) })
	if !heard && r != nil && len(tags) > 0 {
		r.x.layer.tagError(r.x.outer, &TagError{Tag: tags[0], Reason: "the handler named it when the header had been sent"})
	}
	return heard
}

// Version says that the response is made of this version of a row, or the
// highest of several, and of nothing else but the URL and the request fields in
// Vary. The ETag is made of it; [http.ServeContent] sees it. That of a response
// with a Private policy is made of the bytes nevertheless, since a version does
// not say whose row it is. 0 says nothing. Version returns false if it comes too
// late.
func (r *Response) Version(v uint64) bool {
	return r.say(func(w *words) {
		if v != 0 {
			w.version = v
		}
	})
}

// NoStore says that nobody may keep this response, whatever the policy of the
// route. It returns false if it comes too late.
func (r *Response) NoStore() bool {
	return r.say(func(w *words) { w.noStore = true })
}

// set sets a field without an allocation.
func (x *exchange) set(h http.Header, name, value string) {
	if x.used == len(x.values) {
		h[name] = []string{value}
		return
	}
	x.values[x.used] = value
	x.used++
	// The slice ends where its value does: what is added to it is elsewhere.
	h[name] = x.values[x.used-1 : x.used : x.used]
}

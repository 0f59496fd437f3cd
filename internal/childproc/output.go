package childproc

import (
	"bytes"
	"sync"
)

// keep is how much of the output is kept for error messages.
const keep = 8 << 10

// output receives what the child prints. It keeps the end of it and notices
// the line that says that the child is ready.
type output struct {
	ready chan struct{} // closed when the mark was seen

	mu   sync.Mutex
	mark []byte // nil once it was seen
	tail []byte
}

func newOutput(mark string) *output {
	return &output{ready: make(chan struct{}), mark: []byte(mark)}
}

// Write takes a piece of the output and never fails, for an error would end
// the copying and so block the child.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.tail = append(o.tail, p...)
	// Looked for before the tail is cut, and over the whole of it, because the
	// mark may come in two pieces.
	if o.mark != nil && bytes.Contains(o.tail, o.mark) {
		o.mark = nil
		close(o.ready)
	}
	if over := len(o.tail) - keep; over > 0 {
		o.tail = append(o.tail[:0], o.tail[over:]...)
	}
	return len(p), nil
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return string(o.tail)
}

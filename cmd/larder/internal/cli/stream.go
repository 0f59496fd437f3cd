package cli

import (
	"io"
	"os"
	"sync/atomic"
)

// sink is standard output. It remembers that something could not be written: an
// answer without its end is none.
type sink struct {
	io.Writer
	err atomic.Pointer[error]
}

// Write remembers the first error: later ones follow from it.
func (s *sink) Write(p []byte) (int, error) {
	n, err := s.Writer.Write(p)
	if err != nil {
		s.err.CompareAndSwap(nil, &err)
	}
	return n, err
}

// messages is standard error, on which nothing but text is printed.
type messages struct{ io.Writer }

// Write takes whole texts, as package fmt writes them.
// It says that all was taken, even if escapes have made the text longer: callers count
// their own bytes.
func (m messages) Write(p []byte) (int, error) {
	if _, err := io.WriteString(m.Writer, legible(string(p))); err != nil {
		return 0, err
	}
	return len(p), nil
}

// isTerminal tells whether stream is a character device, and not the null device,
// at which nobody sits.
func (a *app) isTerminal(stream any) bool {
	if s, ok := stream.(*sink); ok {
		stream = s.Writer
	}
	f, ok := stream.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return false
	}
	null, err := os.Stat(os.DevNull)
	return err != nil || !os.SameFile(info, null)
}

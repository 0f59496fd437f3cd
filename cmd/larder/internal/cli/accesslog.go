package cli

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"sync"
	"time"
)

// accessLog writes a line of JSON for each request. It has the path, but not the
// query, which often holds what is nobody's business.
type accessLog struct {
	path string
	log  *slog.Logger

	mu   sync.Mutex
	file *os.File
}

// openAccessLog opens a file to append to; "-" is the standard output.
func openAccessLog(path string) (*accessLog, error) {
	a := &accessLog{path: path}
	if err := a.reopen(); err != nil {
		return nil, err
	}
	a.log = slog.New(slog.NewJSONHandler(a, nil))
	return a, nil
}

// reopen opens the file anew, after it has been moved away.
func (a *accessLog) reopen() error {
	file := os.Stdout
	if a.path != "-" {
		var err error
		// 0640: the log has addresses, and paths that may be somebody's.
		if file, err = os.OpenFile(a.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o640); err != nil {
			return fmt.Errorf("-access-log: %w", err)
		}
	}
	a.replace(file)
	return nil
}

// close ends the log: what is written later is lost.
func (a *accessLog) close() { a.replace(nil) }

// replace closes the file of the moment and puts another in its place, at once: a
// line that is written meanwhile goes to one of the two.
func (a *accessLog) replace(file *os.File) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.file != nil && a.file != os.Stdout {
		_ = a.file.Close()
	}
	a.file = file
}

// Write writes to the file of the moment.
func (a *accessLog) Write(line []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.file == nil {
		return 0, io.ErrClosedPipe
	}
	return a.file.Write(line)
}

// wrap logs what passes through next, also what is broken off.
func (a *accessLog) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		seen := &seenWriter{ResponseWriter: w}
		whole := false
		// Deferred: a body that breaks off leaves the handler by a panic.
		defer func() {
			a.log.LogAttrs(r.Context(), slog.LevelInfo, "request",
				slog.String("remote", r.RemoteAddr), slog.String("method", r.Method), slog.String("host", r.Host),
				slog.String("path", r.URL.EscapedPath()), slog.String("proto", r.Proto),
				slog.Int("status", seen.status), slog.Int64("bytes", seen.bytes), slog.Bool("whole", whole),
				slog.Float64("took_ms", float64(time.Since(began).Microseconds())/1000), slog.String("cache", w.Header().Get("Cache-Status")))
		}()
		next.ServeHTTP(seen, r)
		whole = true
	})
}

// seenWriter remembers what was answered.
type seenWriter struct {
	http.ResponseWriter
	status int
	bytes  int64
}

// Unwrap is for http.ResponseController: flushing and hijacking go past it.
func (w *seenWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// WriteHeader remembers the last status: before it there may be some of 1xx.
func (w *seenWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Write counts what the client was sent, also of a body that breaks off.
func (w *seenWriter) Write(p []byte) (int, error) {
	// Who writes without a header has sent 200.
	if w.status < 200 {
		w.status = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(p)
	w.bytes += int64(n)
	return n, err
}

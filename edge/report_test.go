package edge

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestReport_Origin: an origin that gives no answer is told of at once, and then not
// once for each request, whatever asks it. The query stays out.
func TestReport_Origin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		h := newEdge(t, func(r *http.Request) (*http.Response, error) {
			if strings.HasPrefix(r.URL.Path, "/silent") {
				<-r.Context().Done()
				return nil, r.Context().Err()
			}
			return nil, errors.New("refused")
		}, func(o *Options) { o.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
		post := httptest.NewRequest(http.MethodPost, "http://www.example.com/a?token=hunter2", strings.NewReader("x"))
		socket := newGet("/a", "Connection: Upgrade", "Upgrade: websocket")
		for range 100 {
			get(h, "/a?token=hunter2")
			do(h, post)
			do(h, socket)
			synctest.Wait()
		}
		text := log.String()
		if strings.Count(text, "\n") != 1 || strings.Contains(text, "hunter2") ||
			!strings.Contains(text, "status=502 method=GET host=www.example.com path=/a err=refused") {
			t.Errorf("300 answers with 502: %s\nwant one line, without the query", text)
		}
		log.Reset()
		time.Sleep(reportPause)
		get(h, "/silent")
		if text := log.String(); strings.Count(text, "\n") != 1 || !strings.Contains(text, "status=504") || !strings.Contains(text, "unsaid=299") {
			t.Errorf("a 504 after a pause: %q, want one line that counts the others", text)
		}
	})
}

// TestReport_NotTheOrigin: what the client ends or asks for is no trouble.
func TestReport_NotTheOrigin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		h := newEdge(t, func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		}, func(o *Options) { o.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
		get(h, "/a", "Cache-Control: only-if-cached")
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			r := newGet("/a").WithContext(ctx)
			r.Method = method
			do(h, r)
			cancel()
		}
		if log.Len() > 0 {
			t.Errorf("the log has %s", log.String())
		}
	})
}

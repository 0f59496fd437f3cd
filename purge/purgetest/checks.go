package purgetest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/larderdev/larder/purge"
)

// statuses are the failures that mean the same in every API.
func (k *Kit) statuses() []Failure {
	status := func(code int, field, value string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			if field != "" {
				w.Header().Set(field, value)
			}
			w.WriteHeader(code)
		}
	}
	// The Date of the answer, not the clock here, is what the date of Retry-After is
	// compared with: the two machines need not agree.
	inAMinute := func(w http.ResponseWriter, _ *http.Request) {
		now := time.Now().UTC()
		w.Header().Set("Date", now.Format(http.TimeFormat))
		w.Header().Set("Retry-After", now.Add(time.Minute).Format(http.TimeFormat))
		w.WriteHeader(http.StatusTooManyRequests)
	}
	all := []Failure{
		{Name: "429 with seconds", Answer: status(429, "Retry-After", "7"), Want: purge.Error{Status: 429, After: 7 * time.Second}},
		{Name: "429 with a date", Answer: inAMinute, Want: purge.Error{Status: 429, After: time.Minute}},
		{Name: "429 with nonsense", Answer: status(429, "Retry-After", "soon"), Want: purge.Error{Status: 429}},
		{Name: "503 with seconds", Answer: status(503, "Retry-After", "3"), Want: purge.Error{Status: 503, After: 3 * time.Second}},
	}
	for _, code := range []int{400, 401, 403, 404, 405, 413, 429, 500, 502, 503, 504} {
		all = append(all, Failure{
			Name: strconv.Itoa(code), Answer: status(code, "", ""),
			Want: purge.Error{Status: code, Final: code < 500 && code != 429},
		})
	}
	return slices.DeleteFunc(all, func(f Failure) bool { return slices.Contains(k.Fine, f.Want.Status) })
}

// checkLimits: a queue asks for the limits once, and plans all calls by them.
func (k *Kit) checkLimits(t *testing.T, s *server) {
	name, l := s.purger.Name(), s.purger.Limits()
	if name == "" || name != s.purger.Name() {
		t.Errorf("Name() = %q, then %q, want one name", name, s.purger.Name())
	}
	if l.Tags < 0 || l.URLs < 0 || l.Tags+l.URLs == 0 {
		t.Errorf("Limits() = %d tags and %d URLs: the cache can purge nothing", l.Tags, l.URLs)
	}
	if l.Bytes < 0 || purge.CheckRate(l.Rate, l.Burst) != nil {
		t.Errorf("Limits() = %d bytes, rate %v, burst %d: want none negative, and Rate and Burst both or neither", l.Bytes, l.Rate, l.Burst)
	}
	if purge.CheckRate(l.URLRate, l.URLBurst) != nil || l.URLRate > 0 && l.URLs == 0 {
		t.Errorf("Limits() = %d URLs, their rate %v, burst %d: want none negative, and rate and burst both or neither", l.URLs, l.URLRate, l.URLBurst)
	}
	again := s.purger.Limits()
	l.Tag, again.Tag = nil, nil
	if fmt.Sprint(l) != fmt.Sprint(again) {
		t.Errorf("Limits() = %+v, then %+v", l, again)
	}
}

// checkTags: tags come from paths and rows, so that what would end a field or
// begin another one must be refused before a request is made.
func (k *Kit) checkTags(t *testing.T, s *server) {
	l := s.purger.Limits()
	if l.Tags == 0 {
		return
	}
	if l.Tag == nil {
		t.Fatal("Limits().Tag is nil: every cache has tags that it cannot have, an empty one for a start")
	}
	for _, tag := range append([]string{"products", "product-42", "a.b_c-1"}, k.GoodTags...) {
		if err := l.Tag(tag); err != nil {
			t.Errorf("Tag(%q) = %v, want nil", tag, err)
		}
	}
	for _, tag := range append([]string{"", "a\r\nX-Injected: 1", "a\nb", "a\x00b"}, k.BadTags...) {
		if err := l.Tag(tag); err == nil {
			t.Errorf("Tag(%.80q) = nil, want an error", tag)
		} else if strings.ContainsAny(err.Error(), "\r\n\x00") {
			t.Errorf("Tag(%.80q) has an error with control characters: %q", tag, err)
		}
	}
}

// many returns n different items of a few bytes.
func many(n int, format string) []string {
	items := make([]string, n)
	for i := range items {
		items[i] = fmt.Sprintf(format, i)
	}
	return items
}

// checkBeyond: an API may cut what is too much and say that it succeeded, so that
// the purger has to refuse it, for good and without a request.
func (k *Kit) checkBeyond(t *testing.T, s *server) {
	s.answer(k.Accept)
	l := s.purger.Limits()
	tags, urls := many(l.Tags+1, "t%d"), many(l.URLs+1, "https://www.example.com/%d")
	refuse := func(p purge.Purge, unsupported bool) {
		t.Helper()
		e := k.mustFail(t, s, t.Context(), p)
		if !e.Final {
			t.Errorf("Purge(%s) = %v, which is not final", sketch(p), e)
		}
		if errors.Is(e, purge.ErrUnsupported) != unsupported {
			t.Errorf("Purge(%s) = %v: is ErrUnsupported %v, want %v", sketch(p), e, !unsupported, unsupported)
		}
		if got := s.taken(); len(got) > 0 {
			t.Errorf("Purge(%s) made a request:\n%s", sketch(p), list(got))
		}
	}
	refuse(purge.Purge{Tags: tags}, l.Tags == 0)
	refuse(purge.Purge{URLs: urls}, l.URLs == 0)
	refuse(purge.Purge{}, false)
	refuse(purge.Purge{Tags: tags[:1], URLs: urls[:1]}, false)
	if l.Tags > 0 {
		refuse(purge.Purge{Tags: []string{"a\r\nX-Injected: 1"}}, false)
	}
	if l.URLs > 0 {
		refuse(purge.Purge{URLs: []string{"/relative"}}, false)
		refuse(purge.Purge{URLs: []string{"https://www.example.com/a b\r\nX-Injected: 1"}}, false)
	}
}

// full returns purges as large as the limits allow.
func full(l purge.Limits) []purge.Purge {
	fit := func(items []string) []string {
		size := 0
		for i, item := range items {
			if size += len(item); l.Bytes > 0 && size > l.Bytes {
				return items[:i]
			}
		}
		return items
	}
	var all []purge.Purge
	if l.Tags > 0 {
		all = append(all, purge.Purge{Tags: fit(many(min(l.Tags, 10_000), "t%d"))})
	}
	if l.URLs > 0 {
		all = append(all, purge.Purge{URLs: fit(many(min(l.URLs, 10_000), "https://www.example.com/%d"))})
	}
	return all
}

// checkFull: limits that are too large show only in the largest call. An item that
// is in no request would be purged nowhere and count as accepted.
func (k *Kit) checkFull(t *testing.T, s *server) {
	s.answer(k.Accept)
	for _, p := range full(s.purger.Limits()) {
		for _, soft := range []bool{false, true} {
			p.Soft = soft
			if err := s.purger.Purge(t.Context(), p); err != nil {
				t.Errorf("Purge(%s) = %v, want nil", sketch(p), err)
			}
			got := s.taken()
			if len(got) == 0 {
				t.Errorf("Purge(%s) made no request", sketch(p))
			}
			if missing := absent(append(p.Tags, p.URLs...), got); len(missing) > 0 {
				t.Errorf("Purge(%s): %d items are in no request, the first is %q", sketch(p), len(missing), missing[0])
			}
		}
	}
}

// absent returns the items that are in no request, wherever they may be in it:
// of a URL its path counts, and it may be a parameter in a query.
func absent(items []string, requests []*request) []string {
	var sent bytes.Buffer
	for _, r := range requests {
		fmt.Fprintln(&sent, r.RequestURI)
		_ = r.Header.Write(&sent)
		sent.Write(r.body)
	}
	var missing []string
	for _, item := range items {
		path := strings.TrimPrefix(item, "https://www.example.com")
		if !bytes.Contains(sent.Bytes(), []byte(path)) && !bytes.Contains(sent.Bytes(), []byte(url.QueryEscape(path))) {
			missing = append(missing, item)
		}
	}
	return missing
}

// checkRedirect: after most redirects a client sends GET, which purges nothing and
// is answered 200; and the token must not go to another place.
func (k *Kit) checkRedirect(t *testing.T, s *server) {
	for _, code := range []int{301, 302, 303, 307, 308} {
		s.answer(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/elsewhere" {
				k.Accept(w, r)
				return
			}
			w.Header().Set("Location", base+"/elsewhere")
			w.WriteHeader(code)
		})
		k.mustFail(t, s, t.Context(), k.Calls[0].Purge)
		if n := len(s.taken()); n != 1 {
			t.Errorf("%d requests after a redirect with %d, want 1", n, code)
		}
	}
}

// cut closes the connection of a request.
func cut(w http.ResponseWriter, answer string) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	_, _ = io.WriteString(conn, answer)
	_ = conn.Close()
}

// checkCut: whether the API has obeyed is not known, so that it is asked again:
// by the queue, which knows the rate, and not by the purger.
func (k *Kit) checkCut(t *testing.T, s *server) {
	s.answer(func(w http.ResponseWriter, _ *http.Request) { cut(w, "") })
	e := k.mustFail(t, s, t.Context(), k.Calls[0].Purge)
	if e.Final || e.Err == nil || e.Status != 0 {
		t.Errorf("the error is %+v, want it not final, without a status, and with the error of the network", e)
	}
	if n := len(s.taken()); n != 1 {
		t.Errorf("%d requests, want 1: a purger does not try again", n)
	}
}

// checkTorn: the status is good and the body, which says whether it succeeded, is
// not whole.
func (k *Kit) checkTorn(t *testing.T, s *server) {
	s.answer(func(w http.ResponseWriter, _ *http.Request) {
		cut(w, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{\"success\":true")
	})
	if e := k.mustFail(t, s, t.Context(), k.Calls[0].Purge); e.Final {
		t.Errorf("the error is final: %v", e)
	}
}

// hang answers nothing until the caller is gone.
func hang(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// checkCancelled: a queue that is closed ends its calls, and waits for them for a
// second alone.
func (k *Kit) checkCancelled(t *testing.T, s *server) {
	s.answer(hang)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if e := k.mustFail(t, s, gone, k.Calls[0].Purge); !errors.Is(e, context.Canceled) || e.Final {
		t.Errorf("with a cancelled context: %v (final %v), want context.Canceled, not final", e, e.Final)
	}
	soon, stop := context.WithTimeout(t.Context(), time.Second)
	defer stop()
	began := time.Now()
	if e := k.mustFail(t, s, soon, k.Calls[0].Purge); !errors.Is(e, context.DeadlineExceeded) || e.Final {
		t.Errorf("after a deadline: %v (final %v), want context.DeadlineExceeded, not final", e, e.Final)
	}
	if took := time.Since(began); took != time.Second {
		t.Errorf("with a deadline after 1s the call took %v", took)
	}
}

// checkHangs: a call without a deadline would keep one of the few that may be made
// at once, for ever.
func (k *Kit) checkHangs(t *testing.T, s *server) {
	for name, h := range map[string]http.HandlerFunc{
		"before its status": hang,
		"in its body": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, "{")
			_ = http.NewResponseController(w).Flush()
			hang(w, r)
		},
	} {
		s.answer(h)
		began := time.Now()
		e := k.mustFail(t, s, t.Context(), k.Calls[0].Purge)
		if took := time.Since(began); took == 0 || took > 2*time.Minute {
			t.Errorf("the API hangs %s: the call took %v, want 2m0s at most", name, took)
		}
		if e.Final {
			t.Errorf("the API hangs %s: the error is final: %v", name, e)
		}
	}
}

// checkHuge: an answer is read into memory, and whoever sends it decides how long it
// is.
func (k *Kit) checkHuge(t *testing.T, s *server) {
	const huge = 64 << 20
	for _, status := range []int{200, 500} {
		var written atomic.Int64
		s.answer(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			chunk := bytes.Repeat([]byte("x"), 64<<10)
			for written.Load() < huge {
				n, err := w.Write(chunk)
				written.Add(int64(n))
				if err != nil {
					return
				}
			}
		})
		k.mustFail(t, s, t.Context(), k.Calls[0].Purge)
		// Buffers on the way may take more than the purger reads, but not this.
		if n := written.Load(); n > huge/4 {
			t.Errorf("of an answer of %d bytes with status %d %d were read, want %d at most", huge, status, n, huge/4)
		}
	}
}

// checkSecrets has the API say all it was told in its answers, as proxies and
// frameworks in their debug modes do.
func (k *Kit) checkSecrets(t *testing.T, s *server) {
	k.noSecret(t, "the purger", s.purger)
	if text, err := json.Marshal(s.purger); err == nil {
		k.noSecret(t, "the purger as JSON", string(text))
	}
	for _, status := range []int{200, 302, 400, 401, 403, 429, 500} {
		s.answer(func(w http.ResponseWriter, r *http.Request) {
			text := "not allowed: " + strings.Join(k.Secrets, " ")
			w.Header().Set("Location", base+"/?"+strings.Join(k.Secrets, "&"))
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			quoted, _ := json.Marshal(text)
			fmt.Fprintf(w, `{"success":false,"message":%s,"Message":%[1]s,"msg":%[1]s,"detail":%[1]s,"title":%[1]s,"status":"error",`+
				`"errors":[{"code":1,"message":%[1]s}],"error":{"code":400,"message":%[1]s,"errors":[{"message":%[1]s,"reason":%[1]s}]}}`, quoted)
		})
		if err := s.purger.Purge(t.Context(), k.Calls[0].Purge); err != nil {
			k.noSecret(t, fmt.Sprintf("the error after %d", status), err)
		}
	}
	for _, u := range []string{"https://user:s3cr3t@www.example.com/", "https://user:s3cr3t@www.example.com/%zz", "http://user:s3cr3t@ x/"} {
		err := s.purger.Purge(t.Context(), purge.Purge{URLs: []string{u}})
		if text := fmt.Sprintf("%v %+v %#v", err, err, err); strings.Contains(text, "s3cr3t") {
			t.Errorf("the error of a URL with a password holds it: %s", text)
		}
	}
}

// checkConcurrent: a queue makes several calls at once. The race detector sees what
// they share; each must still be one request.
func (k *Kit) checkConcurrent(t *testing.T, s *server) {
	s.answer(k.Accept)
	var tasks sync.WaitGroup
	for range 16 {
		tasks.Go(func() {
			for _, c := range k.Calls {
				if err := s.purger.Purge(t.Context(), c.Purge); err != nil {
					t.Errorf("%s: Purge(%+v) = %v, want nil", c.Name, c.Purge, err)
				}
				s.purger.Limits()
				s.purger.Name()
			}
		})
	}
	tasks.Wait()
	want := 0
	for _, c := range k.Calls {
		want += 16 * len(c.Want)
	}
	if got := len(s.taken()); got != want {
		t.Errorf("16 times all calls at once made %d requests, want %d", got, want)
	}
}

package edge

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestCases runs the cases in testdata. A file is about one RFC, a case about a
// sentence of it; time is a bubble's.
//
//	# title                     a new case
//	profile strict-rfc          the other profile than safe-default
//	> GET /a                    a request; more lines with > are its fields
//	< 200 body                  what the origin would answer; more lines with < are
//	                            its fields; "< break" gives no answer,
//	                            "< cut body" ends the body early
//	? Name: value               the origin saw this field; "? !Name" it did not
//	= cache 200 body            what came: from cache, or from origin, or broken
//	= Name: value               a field of it; "= !Name" it has none
//	wait 5s                     time passes
//	purge tag a, soft tag a, purge url http://… and so on
func TestCases(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("Glob: %v, %v", files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for title, lines := range splitCases(string(text)) {
			name := strings.TrimSuffix(filepath.Base(file), ".txt") + "/" + title
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { runCase(t, lines) })
			})
		}
	}
}

// splitCases goes over the cases of a file.
func splitCases(text string) func(yield func(string, []string) bool) {
	return func(yield func(string, []string) bool) {
		title := ""
		var lines []string
		for line := range strings.Lines(text + "\n# end\n") {
			line = strings.TrimRight(line, "\n")
			if rest, ok := strings.CutPrefix(line, "# "); ok {
				if title != "" && len(lines) > 0 && !yield(title, lines) {
					return
				}
				title, lines = rest, nil
			} else if strings.TrimSpace(line) != "" {
				lines = append(lines, line)
			}
		}
	}
}

// caseRun is a case that is being run.
type caseRun struct {
	t       *testing.T
	handler *Handler
	profile Profile
	started time.Time

	request *http.Request
	answer  answer
	asked   []*http.Request // what the origin saw for the last request
	got     *http.Response
	body    string
	broken  bool
}

// answer is what the origin would say.
type answer struct {
	status    int
	header    http.Header
	body      string
	none, cut bool
}

var errBreak = errors.New("the origin broke the connection")

func runCase(t *testing.T, lines []string) {
	c := &caseRun{t: t, started: time.Now()}
	for _, line := range lines {
		kind, rest, _ := strings.Cut(line, " ")
		if kind != ">" && kind != "<" && kind != "profile" {
			c.send()
		}
		if c.line(kind, rest) {
			continue
		}
		t.Fatalf("cannot read the line %q", line)
	}
	c.send()
	if c.handler != nil {
		if err := c.handler.Close(); err != nil {
			t.Error(err)
		}
	}
}

// line takes one line of a case.
func (c *caseRun) line(kind, rest string) bool {
	switch kind {
	case "profile":
		c.profile = map[string]Profile{"strict-rfc": StrictRFC, "safe-default": SafeDefault}[rest]
	case "wait":
		d, err := time.ParseDuration(rest)
		time.Sleep(d)
		synctest.Wait()
		return err == nil
	case "purge", "soft":
		return c.purge(kind == "soft", rest)
	case ">":
		c.requestLine(rest)
	case "<":
		c.answerLine(rest)
	case "?":
		c.checkAsked(rest)
	case "=":
		c.check(rest)
	default:
		return false
	}
	return true
}

func (c *caseRun) requestLine(text string) {
	if name, value, ok := strings.Cut(text, ": "); ok {
		c.request.Header.Add(name, c.date(value))
		return
	}
	c.send() // the one before, if nobody asked what came of it
	method, target, _ := strings.Cut(text, " ")
	if !strings.Contains(target, "://") {
		target = "http://www.example.com" + target
	}
	var body io.Reader
	if !safe(method) {
		body = strings.NewReader("form")
	}
	c.request = httptest.NewRequest(method, target, body)
	c.answer = answer{status: 200, header: http.Header{}}
}

func (c *caseRun) answerLine(text string) {
	a := &c.answer
	if name, value, ok := strings.Cut(text, ": "); ok {
		a.header.Add(name, c.date(value))
		return
	}
	first, rest, _ := strings.Cut(text, " ")
	switch first {
	case "break":
		a.none = true
	case "cut":
		a.cut, a.body = true, rest
	default:
		status, err := strconv.Atoi(first)
		if err != nil {
			c.t.Fatalf("cannot read the answer %q", text)
		}
		a.status, a.body = status, rest
	}
}

// date replaces "@-10s" by the date ten seconds before the case began.
func (c *caseRun) date(value string) string {
	text, ok := strings.CutPrefix(value, "@")
	if !ok {
		return value
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		c.t.Fatalf("cannot read the time %q: %v", value, err)
	}
	return c.started.Add(d).UTC().Format(http.TimeFormat)
}

// RoundTrip is the origin.
func (c *caseRun) RoundTrip(r *http.Request) (*http.Response, error) {
	c.asked = append(c.asked, r)
	a := c.answer
	if a.none {
		return nil, errBreak
	}
	resp := &http.Response{
		StatusCode: a.status, ProtoMajor: 1, ProtoMinor: 1, Request: r,
		Header: a.header.Clone(), Body: io.NopCloser(strings.NewReader(a.body)), ContentLength: int64(len(a.body)),
	}
	if resp.Header.Get("Date") == "" {
		resp.Header.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	}
	if a.cut {
		resp.ContentLength = int64(len(a.body)) + 10
		resp.Body = io.NopCloser(io.MultiReader(strings.NewReader(a.body), errReader{}))
	}
	if resp.Header.Get("Transfer-Encoding") != "" {
		resp.TransferEncoding, resp.ContentLength = []string{"chunked"}, -1
		resp.Header.Del("Transfer-Encoding")
	}
	if resp.Header.Get("Unframed") != "" {
		resp.ContentLength = -1
	}
	return resp, nil
}

type errReader struct{}

func (errReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// send sends the request that has been read, if there is one.
func (c *caseRun) send() {
	if c.request == nil {
		return
	}
	c.open()
	c.asked = nil
	w := httptest.NewRecorder()
	func() {
		defer func() {
			v := recover()
			if c.broken = v != nil; c.broken && v != http.ErrAbortHandler {
				panic(v)
			}
		}()
		c.handler.ServeHTTP(w, c.request)
	}()
	synctest.Wait()
	c.got, c.body, c.request = w.Result(), w.Body.String(), nil
}

func (c *caseRun) open() {
	if c.handler != nil {
		return
	}
	h, err := New(Options{
		Origin: &url.URL{Scheme: "http", Host: "origin.internal"}, Profile: c.profile, Transport: c,
		PlainCookies: []string{"theme"}, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		c.t.Fatal(err)
	}
	h.pseudonym = "larder" // the cases cannot know what is random
	c.handler = h
}

func (c *caseRun) purge(soft bool, text string) bool {
	what, name, _ := strings.Cut(text, " ")
	p := Purge{Soft: soft}
	switch what {
	case "tag":
		p.Tags = []string{name}
	case "url":
		p.URLs = []string{name}
	case "host":
		p.Hosts = []string{name}
	case "prefix":
		p.Prefixes = []string{name}
	case "everything":
		p.Everything = true
	default:
		return false
	}
	c.open()
	if err := c.handler.Purge(p); err != nil {
		c.t.Errorf("Purge(%q): %v", text, err)
	}
	return true
}

// checkAsked looks at what the origin saw.
func (c *caseRun) checkAsked(text string) {
	c.t.Helper()
	if len(c.asked) == 0 {
		c.t.Errorf("the origin was not asked, want it to see %q", text)
		return
	}
	seen := c.asked[len(c.asked)-1]
	if first, rest, _ := strings.Cut(text, " "); first == "times" {
		if fmt.Sprint(len(c.asked)) != rest {
			c.t.Errorf("the origin was asked %d times, want %s", len(c.asked), rest)
		}
		return
	}
	c.checkField("the origin saw", seen.Header, text)
}

// check looks at what came.
func (c *caseRun) check(text string) {
	c.t.Helper()
	first, rest, _ := strings.Cut(text, " ")
	want := map[string]bool{"cache": false, "origin": true, "broken": true}
	asked, known := want[first]
	if !known {
		c.checkField("the answer has", c.got.Header, text)
		return
	}
	if got := len(c.asked) > 0; got != asked {
		c.t.Errorf("the origin was asked: %v, want %v; Cache-Status %q", got, asked, c.got.Header["Cache-Status"])
	}
	if c.broken != (first == "broken") {
		c.t.Errorf("the answer was broken off: %v, want %q", c.broken, text)
	}
	status, body, _ := strings.Cut(rest, " ")
	if first != "broken" && fmt.Sprint(c.got.StatusCode) != status {
		c.t.Errorf("status is %d, want %s", c.got.StatusCode, status)
	}
	if body != "*" && c.body != body && c.got.StatusCode < 500 && c.got.StatusCode != 416 {
		c.t.Errorf("body is %q, want %q", c.body, body)
	}
}

func (c *caseRun) checkField(who string, h http.Header, text string) {
	t := c.t
	t.Helper()
	if name, ok := strings.CutPrefix(text, "!"); ok {
		if lines, found := h[http.CanonicalHeaderKey(name)]; found {
			t.Errorf("%s %s: %q, want none", who, name, lines)
		}
		return
	}
	name, value, _ := strings.Cut(text, ": ")
	value = c.date(value)
	if got := strings.Join(h.Values(name), ", "); got != value {
		t.Errorf("%s %s: %q, want %q", who, name, got, value)
	}
}

package purgeapi_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larderdev/larder/purge"
	"github.com/larderdev/larder/purge/purgeapi"
)

// roundTrip answers requests without a network.
type roundTrip func(r *http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// answers returns a client that gets one answer.
func answers(status int, header http.Header, body string) *purgeapi.Client {
	return &purgeapi.Client{Target: "cdn", HTTP: &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
	})}}
}

var post = purgeapi.Request{Method: "POST", URL: "https://user:hidden@api.example.com/purge?key=hidden"}

func TestCall_Statuses(t *testing.T) {
	for status, want := range map[int]string{
		200: "<nil>", 201: "<nil>", 204: "<nil>",
		301: "final", 304: "final", 400: "final", 401: "final", 403: "final", 404: "final", 408: "again", 413: "final", 425: "again",
		429: "again", 500: "again", 501: "final", 502: "again", 503: "again", 504: "again", 599: "again",
	} {
		a, err := answers(status, http.Header{}, "no such zone\nmore").Call(t.Context(), post)
		got := "<nil>"
		if e := (*purge.Error)(nil); errors.As(err, &e) {
			got = map[bool]string{true: "final", false: "again"}[e.Final]
			if e.Target != "cdn" || e.Status != status || e.Reason != "no such zone" {
				t.Errorf("status %d: %+v, want the target, the status and the first line", status, e)
			}
		}
		if got != want || a.Status != status || string(a.Body) != "no such zone\nmore" {
			t.Errorf("status %d: %s, answer %d %q, want %s", status, got, a.Status, a.Body, want)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	date := now.Add(time.Minute).Format(http.TimeFormat)
	for _, tt := range []struct {
		field, date string
		want        time.Duration
	}{
		{"", "", 0},
		{"0", "", 0},
		{"7", "", 7 * time.Second},
		{" 7 ", "", 7 * time.Second},
		{"007", "", 7 * time.Second},
		{"86401", "", 24 * time.Hour},
		{"99999999999999999999999999", "", 24 * time.Hour},
		{"-1", "", 0},
		{"1.5", "", 0},
		{"+5", "", 0},
		{"soon", "", 0},
		{date, "", time.Minute},
		{date, now.Add(-time.Minute).Format(http.TimeFormat), 2 * time.Minute}, // a clock that goes wrong
		{date, now.Add(time.Hour).Format(http.TimeFormat), 0},
		{"Wednesday, 25-Nov-26 12:01:00 GMT", "", time.Minute},
		{"Wed Nov 25 12:01:00 2026", "", time.Minute},
		{"Tue, 01 Jan 2999 00:00:00 GMT", "", 24 * time.Hour},
	} {
		h := http.Header{}
		if tt.field != "" {
			h.Set("Retry-After", tt.field)
		}
		if tt.date != "" {
			h.Set("Date", tt.date)
		}
		if got := purgeapi.RetryAfter(h, now); got != tt.want {
			t.Errorf("RetryAfter(%q, Date %q) = %v, want %v", tt.field, tt.date, got, tt.want)
		}
	}
}

// What an answer says is cut, made one line, and without secrets, also where
// the cut goes through one.
func TestCall_ReasonIsClean(t *testing.T) {
	secret := `s3cr3t/+"x`
	for _, tt := range []struct{ kind, body, want string }{
		{"text/plain", "the token " + secret + " is wrong", "the token [secret] is wrong"},
		{"text/plain", "?token=s3cr3t%2F%2B%22x", "?token=[secret]"},
		{"text/plain", strings.Repeat("a", 295) + secret, strings.Repeat("a", 295) + "[secr…"},
		{"text/plain", "a\tb\x00c\x1b[31m", "a b c [31m"},
		{"text/html", "<html>" + secret, ""},
		{"", strings.Repeat("ü", 400), strings.Repeat("ü", 150) + "…"},
	} {
		c := answers(500, http.Header{"Content-Type": {tt.kind}}, tt.body)
		c.Secrets = []purgeapi.Secret{{}, purgeapi.NewSecret(secret)}
		_, err := c.Call(t.Context(), post)
		var e *purge.Error
		if !errors.As(err, &e) || e.Reason != tt.want {
			t.Errorf("body %.40q: %v, want the reason %q", tt.body, err, tt.want)
		}
	}
}

func TestCall_Explain(t *testing.T) {
	c := answers(429, http.Header{"Retry-After": {"5"}}, "s3cr3t")
	c.Secrets = []purgeapi.Secret{purgeapi.NewSecret("s3cr3t")}
	c.Explain = func(a purgeapi.Answer) (string, time.Duration) { return "it said " + string(a.Body), 48 * time.Hour }
	_, err := c.Call(t.Context(), post)
	var e *purge.Error
	if !errors.As(err, &e) || e.Reason != "it said [secret]" || e.After != 24*time.Hour {
		t.Errorf("Call = %+v, want the explanation without the secret, and a day", e)
	}
}

// text is an error that %#v shows whole wherever it is held.
type text string

func (t text) Error() string { return string(t) }

// Errors of the network are what they are, without the URL and its secrets.
func TestCall_NetworkErrors(t *testing.T) {
	inner := errors.New("dial tcp: lookup api.example.com: no such host")
	leaks := fmt.Errorf("proxy says: bad header s3cr3t: %w", io.ErrUnexpectedEOF)
	for _, tt := range []struct {
		err  error
		is   error
		want string
	}{
		{inner, inner, "purge: cdn: dial tcp: lookup api.example.com: no such host"},
		{text("s3cr3t"), text("s3cr3t"), "purge: cdn: [secret]"},
		{leaks, io.ErrUnexpectedEOF, "purge: cdn: proxy says: bad header [secret]: unexpected EOF"},
	} {
		c := &purgeapi.Client{
			Target: "cdn", Secrets: []purgeapi.Secret{purgeapi.NewSecret("s3cr3t")},
			HTTP: &http.Client{Transport: roundTrip(func(*http.Request) (*http.Response, error) { return nil, tt.err })},
		}
		_, err := c.Call(t.Context(), post)
		if err == nil || err.Error() != tt.want || !errors.Is(err, tt.is) {
			t.Errorf("Call = %v, want %q that is %v", err, tt.want, tt.is)
		}
		if text := fmt.Sprintf("%v %+v %#v", err, err, errors.Unwrap(err)); strings.Contains(text, "s3cr3t") || strings.Contains(text, "hidden") {
			t.Errorf("the error holds a secret: %s", text)
		}
	}
}

func TestCall_BadRequests(t *testing.T) {
	c := answers(200, http.Header{}, "")
	for _, r := range []purgeapi.Request{
		{Method: "PO ST", URL: "https://api.example.com"},
		{Method: "POST", URL: "https://user:hidden@api.example.com/%zz"},
		{Method: "POST", URL: "https://api.example.com", Sign: func(*http.Request, []byte) error { return errors.New("no key") }},
	} {
		_, err := c.Call(t.Context(), r)
		var e *purge.Error
		if !errors.As(err, &e) || !e.Final || strings.Contains(err.Error(), "hidden") {
			t.Errorf("Call(%s) = %v, want a final error without the URL", r.Method, err)
		}
	}
}

// A call that hangs ends after Timeout, one whose context ends with that.
func TestCall_Ends(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &purgeapi.Client{Target: "cdn", HTTP: &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		})}}
		began := time.Now()
		if _, err := c.Call(t.Context(), post); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != 10*time.Second {
			t.Errorf("Call = %v after %v, want DeadlineExceeded after 10s", err, time.Since(began))
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		began = time.Now()
		if _, err := c.Call(ctx, post); !errors.Is(err, context.Canceled) || time.Since(began) != time.Second {
			t.Errorf("Call = %v after %v, want Canceled after 1s", err, time.Since(began))
		}
	})
}

func TestCall_LongAnswers(t *testing.T) {
	for _, size := range []int{purgeapi.MaxAnswer, purgeapi.MaxAnswer + 1} {
		a, err := answers(200, http.Header{}, strings.Repeat("x", size)).Call(t.Context(), post)
		if (err != nil) != (size > purgeapi.MaxAnswer) || len(a.Body) != purgeapi.MaxAnswer {
			t.Errorf("an answer of %d bytes: %d bytes, %v", size, len(a.Body), err)
		}
	}
	for _, limit := range []int{10, 2 * purgeapi.MaxAnswer} {
		for _, size := range []int{limit, limit + 1} {
			c := answers(200, http.Header{}, strings.Repeat("x", size))
			c.Limit = limit
			a, err := c.Call(t.Context(), post)
			if (err != nil) != (size > limit) || len(a.Body) != limit {
				t.Errorf("an answer of %d bytes with Limit %d: %d bytes, %v", size, limit, len(a.Body), err)
			}
		}
	}
}

func TestBase(t *testing.T) {
	for _, tt := range []struct {
		address string
		secret  bool
		want    string
	}{
		{"https://api.example.com/v1", true, ""},
		{"http://127.0.0.1:80", true, ""},
		{"http://[::1]:80", true, ""},
		{"http://localhost/", true, ""},
		{"http://cdn.internal", false, ""},
		{"http://cdn.internal", true, "https://"},
		{"http://127.0.0.1.example.com", true, "https://"},
		{"https://u:hidden@api.example.com", true, "user information"},
		{"https://api.example.com?x=hidden", true, "query"},
		{"https://api.example.com#hidden", true, "fragment"},
		{"ftp://api.example.com", true, "http"},
		{"https:///path", true, "no host"},
		{"https://%zz", true, "parsed"},
		{"", false, "http"},
	} {
		_, err := purgeapi.Base(tt.address, tt.secret)
		switch {
		case (err == nil) != (tt.want == ""), err != nil && !strings.Contains(err.Error(), tt.want):
			t.Errorf("Base(%q, %v) = %v, want %q in it", tt.address, tt.secret, err, tt.want)
		case err != nil && strings.Contains(err.Error(), "hidden"):
			t.Errorf("Base(%q) repeats the address: %v", tt.address, err)
		}
	}
}

func TestPrintableTag(t *testing.T) {
	check := purgeapi.PrintableTag(5, ",*")
	for tag, want := range map[string]string{
		"a": "", "a-b:c": "", "~!": "", "": "empty", "abcdef": "at most 5", "a b": "byte 2", "a,b": "byte 2", "*": "byte 1", "ü": "has 'ü' at byte 1", "aü": "has 'ü' at byte 2", "a\n": "byte 2", "a\x7f": "byte 2",
	} {
		err := check(tag)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("tag %q: %v, want %q in it", tag, err, want)
		}
	}
}

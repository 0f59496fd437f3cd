// Package purgetest checks that a [purge.Purger] keeps the promises of that
// interface, and that its requests have the shape that the vendor documents.
//
// A purger's test is a [Kit] and one call of [Test]. The purger talks to a
// server in the same process, through connections in memory and in fake time
// (testing/synctest): an API that hangs for a minute costs nothing, and no port
// is used. The purger must therefore make its requests with the client that it
// is given, and must not wait for anything outside of it.
package purgetest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/larderdev/larder/purge"
)

// Kit says how an API is spoken to, and how it answers.
type Kit struct {
	// New returns a purger for the API at base, an http URL on loopback
	// without a path, that makes all its requests with client and sends
	// Secrets.
	New func(t *testing.T, base string, client *http.Client) purge.Purger
	// Secrets are what the purger was given to authenticate itself with. They
	// must not be in any error, nor in what the purger itself prints.
	Secrets []string
	// Accept answers a request as the API does when all is well.
	//
	// Default: 200 and no body.
	Accept http.HandlerFunc
	// Fine are the statuses beyond 2xx that mean "accepted": 404 where what is
	// not in the cache need not be purged.
	Fine []int
	// Calls are purges and the requests that they are. At least one, and one
	// of tags if the cache has tags.
	Calls []Call
	// Failures are answers by which this API says that it failed, beyond the
	// statuses that mean the same everywhere, which are tried in any case.
	Failures []Failure
	// GoodTags and BadTags are tags that Limits().Tag must allow and must not
	// allow. An empty tag and one with a line break are never allowed.
	GoodTags, BadTags []string
}

// Call is a purge and its requests.
type Call struct {
	// Name is that of the test.
	Name  string
	Purge purge.Purge
	// Want are the requests in their order.
	Want []Request
}

// Request is the shape of a request.
type Request struct {
	Method string
	// Path has the query too, as it is sent.
	Path string
	// Header are fields and their values; "*" is any value but none, "" none.
	// Fields that are not named may have any value.
	Header map[string]string
	// Body is compared as JSON if it is JSON, else byte by byte.
	Body string
	// Check looks at what is not constant: a signature, a time.
	//
	// Default: nil.
	Check func(r *http.Request, body []byte) error
}

// Failure is an answer that is no success, and the error it must become.
type Failure struct {
	// Name is that of the test.
	Name   string
	Answer http.HandlerFunc
	// Purge is what is purged.
	//
	// Default: that of the first call.
	Purge *purge.Purge
	// Want is compared in Final, After, Items, and Status if it is not 0. Its
	// Reason must be a part of the error's text. Target and Err are not
	// compared.
	Want purge.Error
}

// Test runs all checks of the kit.
func Test(t *testing.T, k Kit) {
	t.Helper()
	if len(k.Calls) == 0 || k.New == nil {
		t.Fatal("purgetest: a Kit needs New and Calls")
	}
	if k.Accept == nil {
		k.Accept = func(http.ResponseWriter, *http.Request) {}
	}
	for _, c := range k.Calls {
		k.run(t, "call/"+c.Name, func(t *testing.T, s *server) { k.checkCall(t, s, c) })
	}
	for _, f := range slices.Concat(k.statuses(), k.Failures) {
		k.run(t, "failure/"+f.Name, func(t *testing.T, s *server) { k.checkFailure(t, s, f) })
	}
	for _, c := range []struct {
		promise string
		check   func(t *testing.T, s *server)
	}{
		{"name and limits are there and do not change", k.checkLimits},
		{"tags that the cache cannot have are told", k.checkTags},
		{"what is beyond the limits is refused without a request", k.checkBeyond},
		{"what the limits allow goes in one call", k.checkFull},
		{"redirects are not followed", k.checkRedirect},
		{"a connection that is cut is not final", k.checkCut},
		{"an answer that ends early is no success", k.checkTorn},
		{"a call ends when its context does", k.checkCancelled},
		{"a call ends by itself when the API hangs", k.checkHangs},
		{"a huge answer is not read to its end", k.checkHuge},
		{"no error and no print holds a secret", k.checkSecrets},
		{"calls may be made concurrently", k.checkConcurrent},
	} {
		k.run(t, c.promise, c.check)
	}
}

// checkCall judges the requests of one purge.
func (k *Kit) checkCall(t *testing.T, s *server, c Call) {
	s.answer(k.Accept)
	if err := s.purger.Purge(t.Context(), c.Purge); err != nil {
		t.Errorf("Purge(%+v) = %v, want nil", c.Purge, err)
	}
	got := s.taken()
	if len(got) != len(c.Want) {
		t.Fatalf("Purge(%+v) made %d requests, want %d:\n%s", c.Purge, len(got), len(c.Want), list(got))
	}
	for i := range got {
		for _, finding := range c.Want[i].compare(got[i]) {
			t.Errorf("request %d of Purge(%+v): %s", i+1, c.Purge, finding)
		}
	}
}

// compare returns what is different.
func (want *Request) compare(got *request) []string {
	var found []string
	if got.Method != want.Method {
		found = append(found, fmt.Sprintf("method %q, want %q", got.Method, want.Method))
	}
	if path := got.RequestURI; path != want.Path {
		found = append(found, fmt.Sprintf("path %q, want %q", path, want.Path))
	}
	for _, name := range slices.Sorted(maps.Keys(want.Header)) {
		if f := compareField(got.Header.Values(name), want.Header[name]); f != "" {
			found = append(found, name+": "+f)
		}
	}
	if f := compareBody(got.body, want.Body); f != "" {
		found = append(found, f)
	}
	if want.Check != nil {
		if err := want.Check(got.Request, got.body); err != nil {
			found = append(found, err.Error())
		}
	}
	return found
}

func compareField(got []string, want string) string {
	switch {
	case want == "" && len(got) > 0:
		return fmt.Sprintf("%q, want none", got)
	case want == "*" && len(got) == 1 && got[0] != "", want == "" && len(got) == 0:
		return ""
	case want == "*":
		return fmt.Sprintf("%q, want one value", got)
	case len(got) != 1 || got[0] != want:
		return fmt.Sprintf("%q, want %q", got, want)
	}
	return ""
}

func compareBody(got []byte, want string) string {
	var g, w any
	if json.Unmarshal([]byte(want), &w) == nil && json.Unmarshal(got, &g) == nil {
		if !reflect.DeepEqual(g, w) {
			return fmt.Sprintf("body %s, want %s", got, want)
		}
	} else if !bytes.Equal(got, []byte(want)) {
		return fmt.Sprintf("body %q, want %q", got, want)
	}
	return ""
}

func list(requests []*request) string {
	var b strings.Builder
	for _, r := range requests {
		fmt.Fprintf(&b, "%s %s %s\n", r.Method, r.RequestURI, r.body)
	}
	return b.String()
}

// checkFailure judges what becomes of an answer that is a failure.
func (k *Kit) checkFailure(t *testing.T, s *server, f Failure) {
	p := k.Calls[0].Purge
	if f.Purge != nil {
		p = *f.Purge
	}
	s.answer(f.Answer)
	e := k.mustFail(t, s, t.Context(), p)
	if f.Want.Status != 0 && e.Status != f.Want.Status {
		t.Errorf("Status = %d, want %d, in %v", e.Status, f.Want.Status, e)
	}
	if e.Final != f.Want.Final {
		t.Errorf("Final = %v, want %v, in %v", e.Final, f.Want.Final, e)
	}
	if e.After != f.Want.After {
		t.Errorf("After = %v, want %v, in %v", e.After, f.Want.After, e)
	}
	if !slices.Equal(e.Items, f.Want.Items) {
		t.Errorf("Items = %q, want %q, in %v", e.Items, f.Want.Items, e)
	}
	if !strings.Contains(e.Error(), f.Want.Reason) {
		t.Errorf("Error() = %q, want %q in it", e, f.Want.Reason)
	}
	if n := len(s.taken()); n > k.most(p) {
		t.Errorf("%d requests, want %d at most: a purger does not try again", n, k.most(p))
	}
}

// most is how many requests a purge may make: as many as the longest call.
func (k *Kit) most(purge.Purge) int {
	most := 0
	for _, c := range k.Calls {
		most = max(most, len(c.Want))
	}
	return most
}

// mustFail purges, and judges what holds for all errors.
func (k *Kit) mustFail(t *testing.T, s *server, ctx context.Context, p purge.Purge) *purge.Error {
	t.Helper()
	err := s.purger.Purge(ctx, p)
	e, ok := err.(*purge.Error)
	if !ok {
		t.Fatalf("Purge(%s) = %T %v, want a *purge.Error", sketch(p), err, err)
	}
	if e == nil {
		t.Fatalf("Purge(%s) = a nil *purge.Error in an error: return nil", sketch(p))
	}
	if e.Target != s.purger.Name() {
		t.Errorf("Target = %q, want the name %q, in %v", e.Target, s.purger.Name(), e)
	}
	if text := e.Error(); len(text) > 1024 || strings.ContainsAny(text, "\r\n") {
		t.Errorf("the text of the error has %d bytes, want one line of 1,024 at most: %.300q", len(text), text)
	}
	for _, item := range e.Items {
		if !slices.Contains(p.Tags, item) && !slices.Contains(p.URLs, item) {
			t.Errorf("Items has %q, which was not purged", item)
		}
	}
	k.noSecret(t, "the error", e)
	return e
}

// sketch is a purge in short.
func sketch(p purge.Purge) string {
	return fmt.Sprintf("%d tags, %d URLs, soft %v", len(p.Tags), len(p.URLs), p.Soft)
}

// noSecret looks for the secrets in all that v prints.
func (k *Kit) noSecret(t *testing.T, what string, v any) {
	t.Helper()
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		text := fmt.Sprintf(verb, v)
		for _, secret := range k.Secrets {
			if strings.Contains(text, secret) {
				t.Errorf("%s, printed with %s, holds a secret", what, verb)
			}
		}
	}
	if err, ok := v.(interface{ Unwrap() error }); ok {
		if below := err.Unwrap(); below != nil {
			k.noSecret(t, "an error below "+what, below)
		}
	}
}

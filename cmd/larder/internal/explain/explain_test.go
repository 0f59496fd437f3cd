package explain_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/larderdev/larder"
	"github.com/larderdev/larder/cmd/larder/internal/explain"
	"github.com/larderdev/larder/cmd/larder/internal/keystate"
	"github.com/larderdev/larder/policy"
)

func TestAbout(t *testing.T) {
	x := &explain.Explainer{}
	for question, want := range map[string]string{
		"product":                 explain.AboutClass,
		"product:42":              explain.AboutKey,
		"larder:d:{product:42}":   explain.AboutKey,
		"product#0a":              explain.AboutKey,
		"/api/products":           explain.AboutURL,
		"POST /api":               explain.AboutURL,
		"https://shop.example/a":  explain.AboutURL,
		"product:/path and words": explain.AboutKey,
	} {
		if got := x.About(question); got != want {
			t.Errorf("About(%q) = %s, want %s", question, got, want)
		}
	}
}

// TestKey_Names: the server's name of either slot will do, and so will that of a
// long key, whose text is a digest.
func TestKey_Names(t *testing.T) {
	x := &explain.Explainer{Policy: classes()}
	long := strings.Repeat("x", 300)
	for _, tt := range []struct{ asked, name string }{
		{"plain:42", "plain:42"},
		{"larder:d:{plain:42}", "plain:42"},
		{"shop:l:{plain:a}b}", "plain:a}b"},
		{"plain:a:b", "plain:a:b"},
		{"plain#0123", "plain#0123"},
	} {
		k, err := x.Key(t.Context(), tt.asked)
		if err != nil || k.Name != tt.name || k.State != keystate.Unknown || k.Next.Action != keystate.NotKnown {
			t.Errorf("Key(%q) = %+v, %v; want %s, unknown", tt.asked, k, err, tt.name)
		}
	}
	if k, err := x.Key(t.Context(), "plain:"+long); err != nil || !strings.HasPrefix(k.Name, "plain#") {
		t.Errorf("Key of a long key = %+v, %v; want a digest", k, err)
	}
	if _, err := x.Key(t.Context(), "nothing:42"); !errors.Is(err, explain.ErrUnknown) {
		t.Errorf("Key of no class: %v, want ErrUnknown", err)
	}
}

func TestKey_OfAClassThatIsNeverCached(t *testing.T) {
	w := newWorld(t)
	w.policy.Classes["cart"] = policy.Class{Pattern: policy.Never}
	x := &explain.Explainer{Policy: w.policy, Tier: w.store}
	k, err := x.Key(t.Context(), "cart:1")
	if err != nil || k.State != keystate.Never || k.Next.Action != keystate.NoCache || k.Reachable {
		t.Errorf("Key = %+v, %v; want never-cached, and nobody asked", k, err)
	}
}

// TestKey_WithoutARelay: with an outbox no process trusts a server of which no
// relay has confirmed what it remembers.
func TestKey_WithoutARelay(t *testing.T) {
	w := newWorld(t)
	x := w.explainer("plain")
	w.get(w.start(), "plain:42")
	w.outbox, x.Policy.Fleet.Outbox = true, true

	k, err := x.Key(t.Context(), "plain:42")
	w.must(err)
	if k.State != keystate.Fresh || k.Next.Action != keystate.LoadAlone {
		t.Errorf("Key = %s, %+v; want a fresh value that nobody trusts", k.State, k.Next)
	}
	reader := w.start()
	var report larder.Report
	_, err = reader.caches["plain"].Get(t.Context(), "42", larder.Into(&report))
	w.agree("plain:42", k, &report, err)

	relay := w.start()
	// Again and again, as a relay does: the first moment that it confirms may be before
	// the reader heard of the server, who then waits for a later one.
	confirm := func() {
		at, err := relay.Checkpoint(t.Context())
		w.must(err)
		w.must(relay.Confirm(t.Context(), at))
	}
	confirm()
	if k, err = x.Key(t.Context(), "plain:42"); err != nil || k.Next.Action != keystate.Serve {
		t.Errorf("after a relay has confirmed: %+v, %v; want it served", k.Next, err)
	}
	for began := time.Now(); report.Shared == 0 && time.Since(began) < patience; {
		confirm()
		_, err = reader.caches["plain"].Get(t.Context(), "42", larder.Into(&report))
		w.must(err)
	}
	w.agree("plain:42", k, &report, err)
}

// TestKey_Unreachable: what the policy says is said beside the error.
func TestKey_Unreachable(t *testing.T) {
	w := newWorld(t)
	x := &explain.Explainer{Policy: w.policy, Tier: w.store}
	w.server.Kill()
	k, err := x.Key(t.Context(), "plain:42")
	if err == nil || k == nil || k.DataKey != "larder:d:{plain:42}" || k.State != keystate.Unknown {
		t.Errorf("Key of a dead server = %+v, %v; want the names and an error", k, err)
	}
}

// TestKey_Tells what is there to be told of a value.
func TestKey_Tells(t *testing.T) {
	w := newWorld(t)
	x := w.explainer("secret")
	w.get(w.start(), "secret:42")
	k, err := x.Key(t.Context(), "secret:42")
	w.must(err)
	if k.Bytes == 0 || k.Age == nil || k.Cost == nil || k.Stored == nil || k.Fresh.Sub(*k.Stored) > time.Hour ||
		k.IfError.Sub(*k.Fresh) != time.Minute || k.Revalid != nil || k.Gone == nil || strings.Join(k.Sealed, " ") != "encrypted" {
		t.Errorf("Key = %+v", k)
	}
	if len(k.Tags) != 1 || k.Tags[0].Name != "s-42" || k.Tags[0].State != explain.TagCurrent {
		t.Errorf("tags = %+v, want s-42, current", k.Tags)
	}
	x.Secrets = nil
	if k, err = x.Key(t.Context(), "secret:42"); err != nil || !strings.Contains(strings.Join(k.Notes, "\n"), "--keys-env") {
		t.Errorf("without keys: notes %q, %v; want one that names --keys-env", k.Notes, err)
	}
	if !strings.Contains(k.Next.Why, "unless one of its tags was invalidated") {
		t.Errorf("without keys: %q, want the condition", k.Next.Why)
	}
}

func routes() *policy.Policy {
	p := classes()
	p.Classes["cart"] = policy.Class{Pattern: policy.Never}
	p.Routes = map[string]policy.Route{
		"GET /things/{id}": {Edge: time.Hour, Browser: time.Minute, Tags: []string{"t-{id}"}, Query: []string{"page"}},
		"GET /me":          {Private: true},
		"POST /cart":       {Class: "cart"},
	}
	p.CDNs = []policy.CDN{{Kind: "cloudflare", Zone: "ZONE", Token: "TOKEN"}}
	return p
}

func TestURL(t *testing.T) {
	x := &explain.Explainer{Policy: routes()}
	for _, tt := range []struct{ asked, route, header, says string }{
		{"/things/42?page=1&utm=x", "GET /things/{id}", "Cache-Tag: t-42", "leaves utm out"},
		{"https://shop.example/things/42", "GET /things/{id}", "Cdn-Cache-Control: max-age=3600", "edge keeps it for 1h"},
		{"/me", "GET /me", "Cache-Control: private", "no shared cache does"},
		{"POST /cart", "POST /cart", "Cache-Control: private, no-store", "Nobody keeps"},
		{"/nowhere", "", "no-store", "No route matches"},
	} {
		u, err := x.URL(tt.asked)
		if err != nil {
			t.Errorf("URL(%q): %v", tt.asked, err)
			continue
		}
		var headers strings.Builder
		for _, h := range u.Headers {
			headers.WriteString(h.Name + ": " + h.Value + "\n")
		}
		if u.Route != tt.route || !strings.Contains(headers.String(), tt.header) || !strings.Contains(strings.Join(u.Says, "\n"), tt.says) {
			t.Errorf("URL(%q) = %+v, want route %q, %q and %q", tt.asked, u, tt.route, tt.header, tt.says)
		}
	}
	// Who leaves a parameter out of the key, and who has it there.
	for kinds, want := range map[string]string{
		"cloudflare":     "cloudflare (Enterprise alone) leaves utm out",
		"varnish":        "varnish leaves utm out",
		"larder":         "larder edge -policy with this file, leaves utm out",
		"":               "larder edge -policy with this file, leaves utm out",
		"nginx larder":   "larder edge -policy with this file, leaves utm out",
		"larder varnish": "varnish leaves utm out",
		"akamai":         "key of akamai has utm in it",
		"akamai nginx":   "key of akamai has utm in it",
	} {
		x.Policy.CDNs = nil
		for _, kind := range strings.Fields(kinds) {
			x.Policy.CDNs = append(x.Policy.CDNs, policy.CDN{Kind: kind, Zone: "ZONE"})
		}
		u, err := x.URL("/things/42?page=1&utm=x")
		if err != nil || !strings.Contains(strings.Join(u.Says, "\n"), want) || (len(u.Dropped) > 0) != (kinds != "akamai") {
			t.Errorf("URL behind %q: %+v, %v; want %q", kinds, u, err, want)
		}
	}
	x.Policy.Routes["GET /things/{other}"] = policy.Route{NoStore: true}
	if _, err := x.URL("/things/42"); err == nil || !strings.Contains(err.Error(), "GET /things/{") {
		t.Errorf("URL with routes that net/http refuses: %v, want an error that names them", err)
	}
	if _, err := x.URL("GET /%zz"); err == nil {
		t.Error("URL of no URL: no error")
	}
}

func TestClass_Line(t *testing.T) {
	x := &explain.Explainer{Policy: routes()}
	for class, want := range map[string][]string{
		"plain":   {"fresh 1h", "| gone at 1h"},
		"windows": {"fresh 1h", "stale while one load replaces it, or it fails, 5m", "stale only if the load fails 5m", "| gone at 1h10m"},
		"tagged":  {"stale while one load replaces it 5m", "gone at 1h5m"},
	} {
		c, err := x.Class(class)
		if err != nil {
			t.Errorf("Class(%q): %v", class, err)
			continue
		}
		for _, part := range want {
			if !strings.Contains(c.Line, part) {
				t.Errorf("Class(%q).Line = %q, want %q in it", class, c.Line, part)
			}
		}
	}
	if c, err := x.Class("cart"); err != nil || len(c.Tiers) != 0 || len(c.Routes) != 1 {
		t.Errorf("Class(cart) = %+v, %v; want no tiers, and its route", c, err)
	}
	if _, err := x.Class("nothing"); !errors.Is(err, explain.ErrUnknown) {
		t.Errorf("Class of nothing: %v, want ErrUnknown", err)
	}
}

package varnish_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/larderdev/larder/internal/proxyproc"
	"github.com/larderdev/larder/purge"
	"github.com/larderdev/larder/purge/varnish"
)

// patience is how long something that must happen may take.
const patience = 30 * time.Second

// origin is the server behind Varnish. Each of its responses has another body:
// the path and how often it was asked for.
type origin struct {
	*httptest.Server
	mu      sync.Mutex
	asked   map[string]int
	fetched atomic.Int64
	// /slow says on slow that it was asked for, and answers when goOn is closed.
	slow, goOn chan struct{}
}

func startOrigin(t *testing.T) *origin {
	o := &origin{asked: map[string]int{}, slow: make(chan struct{}), goOn: make(chan struct{})}
	o.Server = httptest.NewServer(o)
	t.Cleanup(o.Close)
	return o
}

// ServeHTTP answers "/a/b" with the tags a and b, for an hour and a day of grace.
func (o *origin) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/slow" {
		o.slow <- struct{}{}
		<-o.goOn
	}
	o.mu.Lock()
	o.asked[r.URL.Path]++
	n := o.asked[r.URL.Path]
	o.mu.Unlock()
	defer o.fetched.Add(1)
	w.Header().Set("Cache-Control", "max-age=3600, stale-while-revalidate=86400")
	if name := r.URL.Query().Get("field"); name == "" {
		for _, tag := range strings.Split(r.URL.Path[1:], "/") {
			w.Header().Add("Cache-Tag", tag+", all")
		}
	} else {
		w.Header().Set(name, strings.ReplaceAll(r.URL.Path[1:], "/", " "))
	}
	if r.URL.Query().Has("vary") {
		w.Header().Set("Vary", "Accept-Language")
	}
	if r.URL.Query().Has("etag") {
		w.Header().Set("ETag", `"1"`)
		if r.Header.Get("If-None-Match") != "" {
			w.WriteHeader(http.StatusNotModified)
			return
		}
	}
	fmt.Fprintf(w, "%s%s %d", r.URL.Path, r.Header.Get("Accept-Language"), n)
}

// cache is a Varnish with one of the files, and its purger.
type cache struct {
	t      *testing.T
	addr   string
	purger *varnish.Purger
}

// start runs a Varnish for t. The lines before stand before the file.
func start(t *testing.T, o *origin, file, before string) *cache {
	t.Helper()
	host, port, err := net.SplitHostPort(o.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	vcl := fmt.Sprintf("vcl 4.1;\nbackend default { .host = %q; .port = %q; }\n%s\n", host, port, before)
	if file != "" {
		shipped, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		vcl += string(shipped)
	}
	s, err := proxyproc.Varnish(t.Context(), vcl)
	if err != nil {
		t.Fatalf("%v\nTo install what the tests need: scripts/install-test-services", err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Errorf("stop Varnish: %v", err)
		}
	})
	p, err := varnish.New(varnish.Options{Server: "http://" + s.Addr(), Ban: file == "larder-ban.vcl"})
	if err != nil {
		t.Fatal(err)
	}
	return &cache{t, s.Addr(), p}
}

// get asks the cache as a visitor of www.example.com does.
func (c *cache) get(path string, fields ...string) (string, http.Header) {
	c.t.Helper()
	r, err := http.NewRequestWithContext(c.t.Context(), http.MethodGet, "http://"+c.addr+path, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	r.Host = "www.example.com"
	for i := 0; i < len(fields); i += 2 {
		r.Header.Set(fields[i], fields[i+1])
	}
	a, err := http.DefaultClient.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	defer a.Body.Close()
	body, err := io.ReadAll(a.Body)
	if err != nil || a.StatusCode != http.StatusOK {
		c.t.Fatalf("GET %s: %s, %v", path, a.Status, err)
	}
	return string(body), a.Header
}

// want asks and compares the body.
func (c *cache) want(path, body string, fields ...string) {
	c.t.Helper()
	if got, _ := c.get(path, fields...); got != body {
		c.t.Errorf("GET %s %q = %q, want %q", path, fields, got, body)
	}
}

// becomes waits until the body is the one that must come.
func (c *cache) becomes(path, body string) {
	c.t.Helper()
	c.eventually(path+" becomes "+body, func() bool {
		got, _ := c.get(path)
		return got == body
	})
}

// eventually asks until the answer is yes.
func (c *cache) eventually(what string, ask func() bool) {
	c.t.Helper()
	late := time.After(patience)
	for !ask() {
		select {
		case <-time.After(5 * time.Millisecond):
		case <-late:
			c.t.Fatalf("waited %v for this: %s", patience, what)
		}
	}
}

// bans tells whether the server has loaded larder-ban.vcl.
func (c *cache) bans() bool { return c.purger.Limits().Bytes < 7_000 }

func (c *cache) purge(p purge.Purge) {
	c.t.Helper()
	if err := c.purger.Purge(c.t.Context(), p); err != nil {
		c.t.Fatalf("Purge(%+v) = %v", p, err)
	}
}

// seen tells of an object what visitors are not told.
const seen = `sub vcl_deliver {
	set resp.http.Seen-Tags = resp.http.xkey + resp.http.Larder-Tags;
	set resp.http.Seen-TTL = obj.ttl;
}`

// TestServer tries both files on a Varnish each. The parts use paths of their
// own; only one of them purges what has the tag "all".
func TestServer(t *testing.T) {
	for _, file := range []string{"larder.vcl", "larder-ban.vcl"} {
		t.Run(file, func(t *testing.T) {
			o := startOrigin(t)
			c := start(t, o, file, seen)
			for name, part := range map[string]func(*cache, *origin){
				"tags":                          tags,
				"strange tags":                  strangeTags,
				"tags in other fields":          otherFields,
				"as many tags as Limits allows": manyTags,
				"soft tags":                     softTags,
				"URLs":                          urls,
				"tags after a 304":              tagsAfterNotModified,
				"visitors see no tags":          visitorsSeeNoTags,
				"a purge during a fetch":        purgeDuringAFetch,
				"strangers are refused":         strangers,
			} {
				t.Run(name, func(t *testing.T) { part(&cache{t, c.addr, c.purger}, o) })
			}
		})
	}
}

func tags(c *cache, _ *origin) {
	for range 2 { // the second time from the cache
		c.want("/p-1/cat-7", "/p-1/cat-7 1")
		c.want("/p-12", "/p-12 1")
		c.want("/p.1", "/p.1 1")
		c.want("/P-1", "/P-1 1")
	}
	c.purge(purge.Purge{Tags: []string{"nobody", "p-1"}})
	c.want("/p-1/cat-7", "/p-1/cat-7 2")
	c.purge(purge.Purge{Tags: []string{"cat-7"}})
	c.want("/p-1/cat-7", "/p-1/cat-7 3")
	c.purge(purge.Purge{Tags: []string{"p.1"}}) // a point is no wildcard
	c.want("/p-1/cat-7", "/p-1/cat-7 3")
	c.want("/p.1", "/p.1 2")
	c.want("/p-12", "/p-12 1")
	c.want("/P-1", "/P-1 1")
	c.purge(purge.Purge{Tags: []string{"all"}}) // from the second line of Cache-Tag, too
	c.want("/p-12", "/p-12 2")
	c.want("/P-1", "/P-1 2")
}

// Every tag that Limits allows must mean itself in all places that it goes
// through.
func strangeTags(c *cache, _ *origin) {
	quote := strings.NewReplacer(`"`, "%22", `\`, "%5C", "|", "%7C", "[", "%5B", "]", "%5D", "{", "%7B", "}", "%7D", "^", "%5E", "<", "%3C", ">", "%3E", "`", "%60")
	for _, tag := range []string{`a"b`, `"a"`, `'a'`, `a\b`, `a|b`, `(a`, `[a]`, `{a}`, `$a^`, `a*`, `+a`, `&&`, `a;b`, `<a>`, `a~b`, `a=b`, "`a`", "a:b"} {
		path := "/" + quote.Replace(tag)
		c.want(path, "/"+tag+" 1")
		c.want(path, "/"+tag+" 1")
		c.purge(purge.Purge{Tags: []string{tag}})
		c.want(path, "/"+tag+" 2")
	}
}

func otherFields(c *cache, _ *origin) {
	for _, field := range []string{"Cache-Tag", "Surrogate-Key", "xkey"} {
		path := "/" + strings.ToLower(field) + "/x"
		c.want(path+"?field="+field, path+" 1")
		c.purge(purge.Purge{Tags: []string{"x"}})
		c.want(path+"?field="+field, path+" 2")
	}
}

// What Limits calls one call must fit into a request.
func manyTags(c *cache, _ *origin) {
	l := c.purger.Limits()
	tags := make([]string, l.Tags)
	for i := range tags {
		tags[i] = strings.Repeat(".", l.Bytes/l.Tags) // the worst to quote
	}
	tags[len(tags)-1] = "last"
	c.want("/last", "/last 1")
	c.purge(purge.Purge{Tags: tags})
	c.want("/last", "/last 2")
}

// A ban cannot be soft: what cannot be had softly is had hard.
func softTags(c *cache, _ *origin) {
	c.want("/soft-tag", "/soft-tag 1")
	c.purge(purge.Purge{Tags: []string{"soft-tag"}, Soft: true})
	if c.bans() {
		c.want("/soft-tag", "/soft-tag 2")
	} else {
		c.want("/soft-tag", "/soft-tag 1") // stale, and has it fetched
		c.becomes("/soft-tag", "/soft-tag 2")
	}
	c.purge(purge.Purge{Tags: []string{"soft-tag"}})
	c.want("/soft-tag", "/soft-tag 3")
}

func urls(c *cache, _ *origin) {
	c.want("/a%20b?x=1", "/a b 1")
	c.want("/a%20b?x=2", "/a b 2")
	c.want("/v?vary", "/vde 1", "Accept-Language", "de")
	c.want("/v?vary", "/ven 2", "Accept-Language", "en")
	c.purge(purge.Purge{URLs: []string{"https://WWW.Example.com:443/a%20b?x=1"}})
	c.want("/a%20b?x=1", "/a b 3")
	c.want("/a%20b?x=2", "/a b 2")
	c.purge(purge.Purge{URLs: []string{"https://www.example.com/v?vary"}})
	c.want("/v?vary", "/vde 3", "Accept-Language", "de")
	c.want("/v?vary", "/ven 4", "Accept-Language", "en")
	c.purge(purge.Purge{URLs: []string{"https://www.example.com/never-asked-for"}})
	c.want("/soft", "/soft 1")
	c.purge(purge.Purge{URLs: []string{"https://www.example.com/soft"}, Soft: true})
	c.want("/soft", "/soft 1") // stale, and has it fetched
	c.becomes("/soft", "/soft 2")
	c.purge(purge.Purge{URLs: []string{"https://shop.example.com/soft"}}) // another's
	c.want("/soft", "/soft 2")
}

// After a 304 the object's tags are as before, and no more of them.
func tagsAfterNotModified(c *cache, _ *origin) {
	want := "nm all"
	if c.bans() {
		want = ",nm,all,"
	}
	c.want("/nm?etag", "/nm 1")
	for range 3 {
		c.purge(purge.Purge{URLs: []string{"http://www.example.com/nm?etag"}, Soft: true})
		c.want("/nm?etag", "/nm 1")
		c.eventually("it is fresh again", func() bool {
			_, h := c.get("/nm?etag")
			ttl, err := strconv.ParseFloat(h.Get("Seen-TTL"), 64)
			return err == nil && ttl > 60
		})
	}
	if _, h := c.get("/nm?etag"); h.Get("Seen-Tags") != want {
		c.t.Errorf("after three times 304 the tags are %q, want %q", h.Get("Seen-Tags"), want)
	}
	c.purge(purge.Purge{Tags: []string{"nm"}})
	c.want("/nm?etag", "/nm 5")
}

func visitorsSeeNoTags(c *cache, _ *origin) {
	for _, field := range []string{"Cache-Tag", "Surrogate-Key", "xkey"} {
		_, h := c.get("/seen?field=" + field)
		for _, name := range []string{"Cache-Tag", "Surrogate-Key", "xkey", "Larder-Tags"} {
			if h.Get(name) != "" {
				c.t.Errorf("tags in %s: a visitor gets %s: %q", field, name, h.Get(name))
			}
		}
	}
}

// A fetch under way neither delays a purge nor makes it fail.
func purgeDuringAFetch(c *cache, o *origin) {
	var visitor sync.WaitGroup
	visitor.Go(func() {
		if a, err := http.Get("http://" + c.addr + "/slow"); err == nil {
			a.Body.Close()
		}
	})
	defer visitor.Wait()
	<-o.slow
	defer close(o.goOn)
	c.purge(purge.Purge{URLs: []string{"http://" + c.addr + "/slow"}})
	c.purge(purge.Purge{Tags: []string{"slow"}})
}

// forwarded adds what a proxy adds.
type forwarded struct{}

func (forwarded) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("X-Forwarded-For", "127.0.0.1")
	return http.DefaultTransport.RoundTrip(r)
}

// from makes requests from another address of this machine.
func from(t *testing.T, ip net.IP) http.RoundTripper {
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: ip}}
	transport := &http.Transport{DialContext: dialer.DialContext}
	t.Cleanup(transport.CloseIdleConnections)
	return transport
}

func strangers(c *cache, o *origin) {
	c.want("/mine", "/mine 1")
	before := o.fetched.Load()
	for who, way := range map[string]http.RoundTripper{"a proxy": forwarded{}, "127.0.0.2": from(c.t, net.IPv4(127, 0, 0, 2))} {
		stranger, err := varnish.New(varnish.Options{Server: "http://" + c.addr, Ban: c.bans(), HTTP: &http.Client{Transport: way}})
		if err != nil {
			c.t.Fatal(err)
		}
		for _, p := range []purge.Purge{
			{Tags: []string{"mine"}},
			{Tags: []string{"mine"}, Soft: true},
			{URLs: []string{"http://www.example.com/mine"}},
		} {
			e := (*purge.Error)(nil)
			if err := stranger.Purge(c.t.Context(), p); !errors.As(err, &e) || e.Status != 403 || !e.Final || !strings.Contains(e.Error(), "larder_purgers") {
				c.t.Errorf("Purge(%+v) by %s = %v, want a final 403 that names larder_purgers", p, who, err)
			}
		}
	}
	c.want("/mine", "/mine 1")
	if n := o.fetched.Load(); n != before {
		c.t.Errorf("the origin was asked %d times", n-before)
	}
}

// Without the file the origin answers, and says 200 to everything.
func TestServer_FileNotLoaded(t *testing.T) {
	c := start(t, startOrigin(t), "", "")
	for _, p := range []purge.Purge{{Tags: []string{"x"}}, {URLs: []string{"http://www.example.com/x"}}} {
		e := (*purge.Error)(nil)
		if err := c.purger.Purge(t.Context(), p); !errors.As(err, &e) || !e.Final || !strings.Contains(e.Error(), "larder.vcl") {
			t.Errorf("Purge(%+v) = %v, want a final error that names larder.vcl", p, err)
		}
	}
}

// A response that was under way at the first purge is stored after it, and is
// old. The second purge of the queue finds it.
func TestServer_ResponseUnderWay(t *testing.T) {
	var version atomic.Int64
	version.Store(1)
	asked, goOn := make(chan struct{}, 10), make(chan struct{})
	o := &origin{Server: httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		v := version.Load()
		asked <- struct{}{}
		<-goOn
		w.Header().Set("Cache-Tag", "product-42")
		w.Header().Set("Cache-Control", "max-age=3600")
		fmt.Fprint(w, v)
	}))}
	t.Cleanup(o.Close)
	c := start(t, o, "larder.vcl", "")
	q, err := purge.Open(t.Context(), purge.Options{Targets: []purge.Purger{c.purger}, Window: time.Millisecond, Settle: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close(t.Context())

	var visitor sync.WaitGroup
	visitor.Go(func() {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+c.addr+"/", nil)
		if err != nil {
			t.Error(err)
			return
		}
		r.Host = "www.example.com"
		if a, err := http.DefaultClient.Do(r); err != nil {
			t.Error(err)
		} else {
			a.Body.Close()
		}
	})
	<-asked
	version.Store(2)
	ticket, err := q.Purge(t.Context(), purge.Purge{Tags: []string{"product-42"}})
	if err != nil {
		t.Fatal(err)
	}
	<-ticket.Accepted()
	close(goOn)
	visitor.Wait()
	<-ticket.Settled()
	if err := ticket.Err(); err != nil {
		t.Fatal(err)
	}
	c.want("/", "2")
}

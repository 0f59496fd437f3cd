package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"
	"time"
)

// What the shop's seed holds.
const (
	products = 10_000
	users    = 1_000
	password = "larder-shop"
)

// kinds are the requests of the mix and their shares, in one of a thousand.
var kinds = []struct {
	name  string
	share int
	make  func(*customer) (method, path, body string)
	// private says that it is for somebody who is logged in.
	private bool
}{
	{"product", 360, (*customer).product, false},
	{"50 products", 130, (*customer).list, false},
	{"category page", 110, (*customer).page, false},
	{"search", 130, (*customer).search, false},
	{"user", 100, (*customer).user, false},
	{"inventory", 90, (*customer).stock, false},
	{"session", 30, (*customer).session, true},
	{"user update", 9, (*customer).update, false},
	{"product update", 10, (*customer).updateProduct, false},
	{"category move", 1, (*customer).moveProduct, false},
	{"stock update", 15, (*customer).updateStock, false},
	{"into the cart", 10, (*customer).addToCart, true},
	{"checkout", 4, (*customer).checkout, true},
	{"login", 1, nil, false}, // anew: see driver.login
}

// driver is the traffic of one run.
type driver struct {
	base   string
	seed   uint64
	client *http.Client
	logins sync.Mutex // held by the customer who logs in

	mu      sync.Mutex
	results map[string]*result // by kind
	reasons map[string]int     // of failures
	took    time.Duration
}

// result is what came of the requests of one kind.
type result struct {
	times  []time.Duration
	failed int
}

func newDriver(base string, workers int, seed uint64) *driver {
	return &driver{
		base: base, seed: seed,
		client: &http.Client{
			Timeout:   10 * time.Second,
			Transport: &http.Transport{MaxIdleConnsPerHost: workers},
		},
		results: map[string]*result{}, reasons: map[string]int{},
	}
}

// drive lets that many customers shop until ctx ends, and waits for them.
func (d *driver) drive(ctx context.Context, workers int) {
	began := time.Now()
	var wg sync.WaitGroup
	for n := range workers {
		c := newCustomer(d.seed, uint64(n))
		wg.Go(func() {
			for ctx.Err() == nil {
				d.one(ctx, c)
			}
		})
	}
	wg.Wait()
	d.took = time.Since(began)
	d.client.CloseIdleConnections()
}

// one sends one request and notes what came of it.
func (d *driver) one(ctx context.Context, c *customer) {
	kind := 0
	for n := c.random.IntN(1000); n >= kinds[kind].share; kind++ {
		n -= kinds[kind].share
	}
	k := kinds[kind]
	if k.make == nil || k.private && c.token == "" {
		d.login(ctx, c)
		return
	}
	method, path, body := k.make(c)
	token := ""
	if k.private {
		token = c.token
	}
	began := time.Now()
	_, err := d.send(ctx, method, path, body, token)
	d.note(ctx, k.name, time.Since(began), err)
}

// note keeps what came of a request.
func (d *driver) note(ctx context.Context, kind string, took time.Duration, err error) {
	if err != nil && ctx.Err() != nil {
		return // the end of the run has cut it off
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	r := d.results[kind]
	if r == nil {
		r = &result{}
		d.results[kind] = r
	}
	r.times = append(r.times, took)
	if err != nil {
		r.failed++
		d.reasons[kind+": "+err.Error()]++
	}
}

// login logs a customer in as some user, and out first if he is in. The shop
// lets few do so at a time, and here it is one.
func (d *driver) login(ctx context.Context, c *customer) {
	d.logins.Lock()
	defer d.logins.Unlock()
	if token := c.token; token != "" {
		c.token = ""
		began := time.Now()
		_, err := d.send(ctx, "POST", "/api/logout", "", token)
		d.note(ctx, "logout", time.Since(began), err)
	}
	var user struct{ Email string }
	text, err := d.send(ctx, "GET", fmt.Sprintf("/api/users/%d", 1+c.random.IntN(users)), "", "")
	if err == nil {
		err = json.Unmarshal(text, &user)
	}
	var session struct{ Token string }
	began := time.Now()
	if err == nil && user.Email != "" { // else there is no such user
		text, err = d.send(ctx, "POST", "/api/login", fmt.Sprintf(`{"email":%q,"password":%q}`, user.Email, password), "")
		if err == nil {
			err = json.Unmarshal(text, &session)
		}
	}
	c.token = session.Token
	d.note(ctx, "login", time.Since(began), err)
}

// send asks the shop. An answer other than 200, 404 for what does not exist, or
// 409 for what does not go with the state of the shop, such as an empty cart, is
// an error.
func (d *driver) send(ctx context.Context, method, path, body, token string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, d.base+path, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := d.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	switch {
	case err != nil:
		return nil, err
	case res.StatusCode == http.StatusNotFound, res.StatusCode == http.StatusConflict:
		return []byte("{}"), nil
	case res.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("status %d", res.StatusCode)
	case len(text) == 0:
		return nil, fmt.Errorf("an empty answer")
	}
	return text, nil
}

func (d *driver) failures() (n int) {
	for _, r := range d.results {
		n += r.failed
	}
	return n
}

// print shows the latencies of each kind and the reasons of failures.
func (d *driver) print(out io.Writer) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "request\tcount\tper second\tfailed\tp50\tp90\tp99\tp99.9\tmax\t")
	var all result
	var names []string
	for _, k := range kinds {
		names = append(names, k.name)
	}
	for _, name := range append(names, "logout") {
		if r := d.results[name]; r != nil {
			d.row(w, name, r)
			all.times, all.failed = append(all.times, r.times...), all.failed+r.failed
		}
	}
	if len(all.times) > 0 {
		d.row(w, "all", &all)
	}
	w.Flush()
	for reason, n := range d.reasons {
		fmt.Fprintf(out, "%d × %s\n", n, reason)
	}
}

func (d *driver) row(w io.Writer, name string, r *result) {
	slices.Sort(r.times)
	fmt.Fprintf(w, "%s\t%d\t%.0f\t%d\t", name, len(r.times), float64(len(r.times))/d.took.Seconds(), r.failed)
	for _, p := range []float64{0.5, 0.9, 0.99, 0.999, 1} {
		fmt.Fprintf(w, "%v\t", percentile(r.times, p).Round(10*time.Microsecond))
	}
	fmt.Fprintln(w)
}

// percentile returns the smallest of the sorted times that at least the share p
// of them does not exceed.
func percentile(sorted []time.Duration, p float64) time.Duration {
	n := int(p*float64(len(sorted))+0.999999) - 1
	return sorted[min(max(n, 0), len(sorted)-1)]
}

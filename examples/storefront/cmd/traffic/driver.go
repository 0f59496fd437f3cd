package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
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
)

// kinds are the requests of the mix and their shares, in percent.
var kinds = []struct {
	name  string
	share int
	make  func(*customer) (method, path, body string)
}{
	{"product", 40, (*customer).product},
	{"50 products", 15, (*customer).list},
	{"category page", 12, (*customer).page},
	{"search", 15, (*customer).search},
	{"user", 12, (*customer).user},
	{"inventory", 5, (*customer).stock},
	{"user update", 1, (*customer).update},
}

// driver is the traffic of one run.
type driver struct {
	base   string
	seed   uint64
	client *http.Client

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
	for n := c.random.IntN(100); n >= kinds[kind].share; kind++ {
		n -= kinds[kind].share
	}
	method, path, body := kinds[kind].make(c)
	began := time.Now()
	err := d.send(ctx, method, path, body)
	took := time.Since(began)
	if err != nil && ctx.Err() != nil {
		return // the end of the run has cut it off
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	r := d.results[kinds[kind].name]
	if r == nil {
		r = &result{}
		d.results[kinds[kind].name] = r
	}
	r.times = append(r.times, took)
	if err != nil {
		r.failed++
		d.reasons[kinds[kind].name+": "+err.Error()]++
	}
}

// send asks the shop. An answer other than 200, or 404 for a page that does not
// exist, is an error.
func (d *driver) send(ctx context.Context, method, path, body string) error {
	req, err := http.NewRequestWithContext(ctx, method, d.base+path, strings.NewReader(body))
	if err != nil {
		return err
	}
	res, err := d.client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	n, err := io.Copy(io.Discard, res.Body)
	switch {
	case err != nil:
		return err
	case res.StatusCode == http.StatusNotFound:
		return nil
	case res.StatusCode != http.StatusOK:
		return fmt.Errorf("status %d", res.StatusCode)
	case n == 0:
		return fmt.Errorf("an empty answer")
	}
	return nil
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
	for _, k := range kinds {
		if r := d.results[k.name]; r != nil {
			d.row(w, k.name, r)
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

// customer chooses what to ask for. Its choices depend on the seed alone.
type customer struct {
	random                  *rand.Rand
	productZipf, userZipf   *rand.Zipf
	categoryZipf, queryZipf *rand.Zipf
}

func newCustomer(seed, n uint64) *customer {
	r := rand.New(rand.NewPCG(seed, n))
	zipf := func(n uint64) *rand.Zipf { return rand.NewZipf(r, 1.1, 4, n-1) }
	return &customer{r, zipf(products), zipf(users), zipf(uint64(len(categories))), zipf(uint64(len(colours) * len(things)))}
}

// id spreads the favourites over all ids: rank 0, 1, 2 are not neighbours.
func id(zipf *rand.Zipf, n uint64) uint64 { return zipf.Uint64()*7919%n + 1 } // 7919 is prime to both n

func (c *customer) product() (string, string, string) {
	return "GET", fmt.Sprintf("/api/products/%d", id(c.productZipf, products)), ""
}

func (c *customer) list() (string, string, string) {
	ids := make([]string, 50)
	for i := range ids {
		ids[i] = fmt.Sprint(id(c.productZipf, products))
	}
	return "GET", "/api/products?ids=" + strings.Join(ids, ","), ""
}

func (c *customer) page() (string, string, string) {
	return "GET", fmt.Sprintf("/api/products?category=%s&page=%d", categories[c.categoryZipf.Uint64()], 1+min(c.random.IntN(10), c.random.IntN(10))), ""
}

// search spells the same query in different ways.
func (c *customer) search() (string, string, string) {
	n := c.queryZipf.Uint64()
	colour, thing := colours[n%uint64(len(colours))], things[n/uint64(len(colours))]
	return "GET", fmt.Sprintf([]string{
		"/api/search?q=%s+%s&max=90000",
		"/api/search?max=90000&q=%[2]s++%[1]s",
	}[c.random.IntN(2)], colour, thing), ""
}

func (c *customer) user() (string, string, string) {
	return "GET", fmt.Sprintf("/api/users/%d", id(c.userZipf, users)), ""
}

func (c *customer) stock() (string, string, string) {
	return "GET", fmt.Sprintf("/api/inventory/%d", id(c.productZipf, products)), ""
}

func (c *customer) update() (string, string, string) {
	return "PUT", fmt.Sprintf("/api/users/%d", id(c.userZipf, users)), fmt.Sprintf(`{"name":"Customer %d"}`, c.random.IntN(1000))
}

var (
	categories = []string{"kitchen", "garden", "books", "office", "lighting", "wall+art", "toys", "pets"}
	colours    = []string{"red", "blue", "green", "black", "white", "grey", "yellow", "orange", "violet", "brown"}
	things     = []string{"chair", "lamp", "shirt", "box", "table", "bag", "cup", "shelf", "clock", "blanket", "vase", "mirror"}
)

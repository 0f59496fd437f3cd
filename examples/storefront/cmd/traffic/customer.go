package main

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// customer chooses what to ask for. Its choices depend on the seed alone.
type customer struct {
	token                   string // of the login, "" without one
	random                  *rand.Rand
	productZipf, userZipf   *rand.Zipf
	categoryZipf, queryZipf *rand.Zipf
}

func newCustomer(seed, n uint64) *customer {
	r := rand.New(rand.NewPCG(seed, n))
	zipf := func(n uint64) *rand.Zipf { return rand.NewZipf(r, 1.1, 4, n-1) }
	return &customer{
		random: r, productZipf: zipf(products), userZipf: zipf(users),
		categoryZipf: zipf(uint64(len(categories))), queryZipf: zipf(uint64(len(colours) * len(things))),
	}
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

func (c *customer) session() (string, string, string) { return "GET", "/api/session", "" }

func (c *customer) updateProduct() (string, string, string) {
	return "PUT", fmt.Sprintf("/api/products/%d", id(c.productZipf, products)), fmt.Sprintf(`{"price_cents":%d}`, 199+c.random.IntN(99_800))
}

func (c *customer) moveProduct() (string, string, string) {
	category := strings.ReplaceAll(categories[c.categoryZipf.Uint64()], "+", " ")
	return "PUT", fmt.Sprintf("/api/products/%d", id(c.productZipf, products)), fmt.Sprintf(`{"category":%q}`, category)
}

func (c *customer) updateStock() (string, string, string) {
	return "PUT", fmt.Sprintf("/api/inventory/%d", id(c.productZipf, products)), fmt.Sprintf(`{"stock":%d}`, c.random.IntN(500))
}

func (c *customer) addToCart() (string, string, string) {
	return "POST", "/api/cart", fmt.Sprintf(`{"product_id":%d}`, id(c.productZipf, products))
}

func (c *customer) checkout() (string, string, string) { return "POST", "/api/checkout", "" }

var (
	categories = []string{"kitchen", "garden", "books", "office", "lighting", "wall+art", "toys", "pets"}
	colours    = []string{"red", "blue", "green", "black", "white", "grey", "yellow", "orange", "violet", "brown"}
	things     = []string{"chair", "lamp", "shirt", "box", "table", "bag", "cup", "shelf", "clock", "blanket", "vase", "mirror"}
)

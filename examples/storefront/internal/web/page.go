package web

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/larderdev/larder"
	"github.com/larderdev/larder/examples/storefront/internal/catalog"
	"github.com/larderdev/larder/examples/storefront/internal/shop"
)

//go:embed page
var pageFiles embed.FS

// pages are the shop as people see it: lists of products and single ones, made
// here, so that they can be cached like everything else.
type pages struct {
	*api
	list, product, absent *template.Template
}

func newPages(a *api, files *assets) *pages {
	functions := template.FuncMap{"asset": files.url, "price": price, "categoryURL": categoryURL}
	parse := func(name string) *template.Template {
		return template.Must(template.New("").Funcs(functions).ParseFS(pageFiles, "page/layout.html", "page/"+name))
	}
	return &pages{api: a, list: parse("list.html"), product: parse("product.html"), absent: parse("absent.html")}
}

// price is an amount of cents as people read it.
func price(cents int64) string { return fmt.Sprintf("%d.%02d €", cents/100, cents%100) }

// categoryURL is where a page of a category is.
func categoryURL(category string, number int64) string {
	values := url.Values{"category": {category}}
	if number > 1 {
		values.Set("page", strconv.FormatInt(number, 10))
	}
	return "/?" + values.Encode()
}

// frame is what all pages show.
type frame struct {
	Title      string
	Categories []string
	Category   string // the one that is shown
}

type listPage struct {
	frame
	Products       []catalog.Product
	Number         int64
	Previous, Next int64
	More           bool // there may be another page
}

type productPage struct {
	frame
	Product catalog.Product
}

type absentPage struct {
	frame
	Text string
}

// showList shows a page of a category, without parameters the first page of the
// first one.
func (p *pages) showList(w http.ResponseWriter, r *http.Request) {
	if moved(w, r, "category", "page") {
		return
	}
	f, ok := p.begin(w, r)
	if !ok {
		return
	}
	page, err := p.parsePage(r, &f)
	if err != nil {
		p.misunderstood(w, r, f, err)
		return
	}
	f.Category, f.Title = page.Category, page.Category
	list, report, err := p.shop.Page(r.Context(), page)
	if !p.found(w, r, f, err, "There is no such page of this category.") {
		return
	}
	describe(r, &report, shown(&list), shop.PageTags(page)...)
	setStatus(w, answered(&report))
	n := page.Page
	p.show(w, r, http.StatusOK, p.list, listPage{
		frame: f, Products: list.Products, Number: n, Previous: n - 1, Next: n + 1,
		More: len(list.Products)+len(list.Missing) == shop.PageSize,
	})
}

func (p *pages) parsePage(r *http.Request, f *frame) (shop.Page, error) {
	values, err := parseQuery(r)
	if err != nil {
		return shop.Page{}, err
	}
	if len(values) == 0 && len(f.Categories) > 0 {
		return shop.Page{Category: f.Categories[0], Page: 1}, nil
	}
	return shop.ParsePage(values)
}

// showProduct shows one product.
func (p *pages) showProduct(w http.ResponseWriter, r *http.Request) {
	if moved(w, r) {
		return
	}
	f, ok := p.begin(w, r)
	if !ok {
		return
	}
	id, err := pathID(r)
	if err != nil {
		p.misunderstood(w, r, f, err)
		return
	}
	product, report, err := p.shop.Product(r.Context(), id)
	if !p.found(w, r, f, err, "There is no such product.") {
		return
	}
	describe(r, &report, []int64{id})
	setStatus(w, answered(&report))
	f.Title, f.Category = product.Name, product.Category
	p.show(w, r, http.StatusOK, p.product, productPage{f, product})
}

// moved sends whoever gives a page parameters that it does not know to the URL
// without them, and reports whether it did. Links come with marks of campaigns
// and of those who follow them (utm_source, fbclid), which are not the visitor's
// mistake. The shop's own edge leaves them out before it asks (query in larder.yaml);
// this is for a cache that does not, where to show the page would make each such URL
// another entry, made and purged for itself. The redirect asks no tier, and is kept
// by nobody. What cannot be parsed is not known either: marks come in cut off. Nor is
// a name in capital letters, which is another name for the edge.
//
// Programs, which the API is for, are told instead: a misspelt parameter that is
// left out is an answer to another question.
func moved(w http.ResponseWriter, r *http.Request, known ...string) bool {
	values, err := url.ParseQuery(r.URL.RawQuery)
	given := len(values)
	maps.DeleteFunc(values, func(name string, _ []string) bool {
		return !slices.Contains(known, name)
	})
	if err == nil && len(values) == given {
		return false
	}
	to := url.URL{Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: values.Encode()}
	http.Redirect(w, r, to.String(), http.StatusMovedPermanently)
	return true
}

// misunderstood says what is wrong with a request.
func (p *pages) misunderstood(w http.ResponseWriter, r *http.Request, f frame, err error) {
	f.Title = "Not understood"
	p.show(w, r, http.StatusBadRequest, p.absent, absentPage{f, err.Error()})
}

// begin returns the frame of a page, or answers the request if there is none.
func (p *pages) begin(w http.ResponseWriter, r *http.Request) (f frame, ok bool) {
	names, err := p.shop.Categories(r.Context())
	if err != nil {
		return f, p.found(w, r, f, err, "")
	}
	return frame{Title: "Not found", Categories: names}, true
}

// found reports whether a read has an answer. If it has none, found says so to
// whoever asked.
func (p *pages) found(w http.ResponseWriter, r *http.Request, f frame, err error, absent string) bool {
	switch {
	case err == nil:
		return true
	case errors.Is(err, larder.ErrNotFound):
		p.show(w, r, http.StatusNotFound, p.absent, absentPage{f, absent})
	default:
		setStatus(w, failed)
		p.log.Error("no page", "path", r.URL.Path, "err", err)
		w.Header().Set("Retry-After", "1")
		f.Title = "Not available"
		p.show(w, r, http.StatusServiceUnavailable, p.absent, absentPage{f, "The shop cannot answer at the moment: " + reason(err) + "."})
	}
	return false
}

// show writes a page, whole or not at all.
func (p *pages) show(w http.ResponseWriter, r *http.Request, status int, page *template.Template, data any) {
	var b bytes.Buffer
	if err := page.ExecuteTemplate(&b, "layout", data); err != nil {
		panic(err) // a mistake in this package; guard says so
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes())
}

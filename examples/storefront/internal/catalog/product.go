package catalog

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
)

// Product is a row of products, as the API shows it.
type Product struct {
	ID         int64  `json:"id"`
	Name       string `json:"name"`
	Category   string `json:"category"`
	PriceCents int64  `json:"price_cents"`
	Version    uint64 `json:"version"`
}

// ProductChange is what an update changes; nil fields stay as they are.
type ProductChange struct {
	Name *string
	// Category is in lower case.
	Category *string
	// PriceCents is not negative.
	PriceCents *int64
	// IfVersion is the version that the row must have before; 0 for any.
	IfVersion uint64
}

// Filter says which products to find. Zero fields do not filter.
type Filter struct {
	// Words must all be in the name. They are in lower case.
	Words []string
	// Category is in lower case.
	Category string
	// MinCents and MaxCents bound the price, both included; MaxCents counts
	// only with HasMax.
	MinCents, MaxCents int64
	HasMax             bool
}

// Products returns the products under ids that exist.
func (db *DB) Products(ctx context.Context, ids []int64) (map[int64]Product, error) {
	found := make(map[int64]Product, len(ids))
	err := db.read(ctx, func(scan func(...any) error) error {
		var p Product
		err := scan(&p.ID, &p.Name, &p.Category, &p.PriceCents, &p.Version)
		found[p.ID] = p
		return err
	}, "SELECT id, name, category, price_cents, version FROM "+db.table("products")+" WHERE id "+db.dialect.anyOf, db.dialect.list(ids))
	return found, err
}

// UpdateProduct changes a product and returns the row as it is stored.
// beforeCommit gets the row as it was. Otherwise it and the errors are as in
// [DB.UpdateInventory].
func (db *DB) UpdateProduct(ctx context.Context, id int64, change ProductChange, beforeCommit func(ctx context.Context, before Product) error) (Product, error) {
	var p, before Product
	hook := func(ctx context.Context) error {
		if beforeCommit == nil {
			return nil
		}
		return beforeCommit(ctx, before)
	}
	err := db.write(ctx, hook, func(tx *sql.Tx) error {
		err := db.lockRow(ctx, tx, "products", "id", id, "id, name, category, price_cents, version",
			&p.ID, &p.Name, &p.Category, &p.PriceCents, &p.Version)
		if err != nil {
			return err
		}
		before = p
		if change.IfVersion != 0 && change.IfVersion != p.Version {
			return conflict("product %d has version %d by now, not %d", id, p.Version, change.IfVersion)
		}
		version, err := db.nextVersion(ctx, tx, p.Version)
		if err != nil {
			return err
		}
		return tx.QueryRowContext(ctx, "UPDATE "+db.table("products")+` SET name = COALESCE($1, name), category = COALESCE($2, category),
			price_cents = COALESCE($3, price_cents), version = $4 WHERE id = $5 RETURNING id, name, category, price_cents, version`,
			change.Name, change.Category, change.PriceCents, version, id).
			Scan(&p.ID, &p.Name, &p.Category, &p.PriceCents, &p.Version)
	})
	if err != nil {
		return Product{}, err
	}
	return p, nil
}

// Page returns the ids of n products of a category, after those before offset.
func (db *DB) Page(ctx context.Context, category string, offset, n int64) ([]int64, error) {
	return db.ids(ctx, "SELECT id FROM "+db.table("products")+" WHERE category = $1 ORDER BY id LIMIT $2 OFFSET $3",
		category, n, offset)
}

// Categories returns the names of all categories that have products, sorted.
func (db *DB) Categories(ctx context.Context) ([]string, error) {
	names := []string{}
	err := db.read(ctx, func(scan func(...any) error) error {
		var name string
		err := scan(&name)
		names = append(names, name)
		return err
	}, "SELECT DISTINCT category FROM "+db.table("products")+" ORDER BY category")
	return names, err
}

// Search returns the ids of the first 50 products that f describes.
func (db *DB) Search(ctx context.Context, f Filter) ([]int64, error) {
	where, args := f.where()
	args = append(args, searchSize)
	return db.ids(ctx, fmt.Sprintf("SELECT id FROM %s%s ORDER BY id LIMIT $%d", db.table("products"), where, len(args)), args...)
}

func (f *Filter) where() (clause string, args []any) {
	var all []string
	add := func(condition string, arg any) {
		args = append(args, arg)
		all = append(all, fmt.Sprintf(condition, len(args)))
	}
	if f.Category != "" {
		add("category = $%d", f.Category)
	}
	if f.MinCents > 0 {
		add("price_cents >= $%d", f.MinCents)
	}
	if f.HasMax {
		add("price_cents <= $%d", f.MaxCents)
	}
	for _, word := range f.Words {
		add(`lower(name) LIKE $%d ESCAPE '\'`, "%"+wildcards.Replace(word)+"%")
	}
	if len(all) == 0 {
		return "", nil
	}
	return " WHERE " + strings.Join(all, " AND "), args
}

// wildcards makes LIKE take a word as it is.
var wildcards = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)

func (db *DB) ids(ctx context.Context, query string, args ...any) ([]int64, error) {
	ids := []int64{}
	err := db.read(ctx, func(scan func(...any) error) error {
		var id int64
		err := scan(&id)
		ids = append(ids, id)
		return err
	}, query, args...)
	return ids, err
}

package catalog

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// What the seed makes. It is the same in every database.
const (
	SeedProducts = 10_000
	SeedUsers    = 1_000
	// SeedPassword is the password of every user.
	SeedPassword = "larder-shop"
	// SeedBalance is what every user has to spend, in cents.
	SeedBalance = 1_000_000
)

// seedHash is of SeedPassword. It is the same for all users and made before:
// a hash takes some 60 ms, and a thousand of them a minute at the first start.
// That users share a salt tells what the README says anyway.
const seedHash = "$2a$10$Hlswgyf1ikgo8Fk21uD9fezdmLPNv6vBdXuqHv0CasCRxr516wtga"

func (db *DB) seed(ctx context.Context, tx *sql.Tx) error {
	version := int64(0)
	next := func() int64 { version++; return version }
	random := rand.New(rand.NewPCG(2026, 7))
	pick := func(words []string) string { return words[random.IntN(len(words))] }

	products := insert{into: db.table("products") + " (id, name, category, price_cents, version)"}
	stocks := insert{into: db.table("inventory") + " (product_id, stock, version)"}
	for id := int64(1); id <= SeedProducts; id++ {
		name := fmt.Sprintf("%s %s %s %d", pick(colours), pick(materials), pick(things), id)
		products.add(id, name, pick(categories), 199+random.Int64N(99_800), next())
		stocks.add(id, random.Int64N(500), next())
	}
	users := insert{into: db.table("users") + " (id, name, email, version)"}
	for id := int64(1); id <= SeedUsers; id++ {
		first, last := pick(firstNames), pick(lastNames)
		email := strings.ToLower(fmt.Sprintf("%s.%s.%d@example.com", first, last, id))
		users.add(id, first+" "+last, email, next())
	}
	for _, in := range []*insert{&products, &stocks, &users} {
		if err := in.run(ctx, tx); err != nil {
			return err
		}
	}
	_, err := tx.ExecContext(ctx, "INSERT INTO "+db.table("versions")+" (last) VALUES ($1)", version)
	return err
}

// seedAccounts gives every user the seed's password and money.
func (db *DB) seedAccounts(ctx context.Context, tx *sql.Tx) error {
	if _, err := tx.ExecContext(ctx, "UPDATE "+db.table("users")+" SET password_hash = $1 WHERE password_hash = ''", seedHash); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, "INSERT INTO "+db.table("accounts")+" (user_id, balance_cents) SELECT id, $1 FROM "+db.table("users"), SeedBalance)
	return err
}

// insert gathers rows, to send ten with each statement. Many more make it
// slower: the SQLite driver looks for each parameter among all of them.
type insert struct {
	into string
	rows [][]any
}

const rowsAtOnce = 10

func (in *insert) add(values ...any) { in.rows = append(in.rows, values) }

// run sends the rows. Their number must be a multiple of ten.
func (in *insert) run(ctx context.Context, tx *sql.Tx) error {
	statement, err := tx.PrepareContext(ctx, in.text(len(in.rows[0])))
	if err != nil {
		return err
	}
	defer statement.Close()
	for rows := range slices.Chunk(in.rows, rowsAtOnce) {
		if _, err := statement.ExecContext(ctx, slices.Concat(rows...)...); err != nil {
			return err
		}
	}
	return nil
}

// text is the statement: … VALUES ($1,$2,$3),($4,$5,$6),…
func (in *insert) text(columns int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "INSERT INTO %s VALUES ", in.into)
	for n := range rowsAtOnce * columns {
		switch {
		case n == 0:
			b.WriteString("(")
		case n%columns == 0:
			b.WriteString("),(")
		default:
			b.WriteString(",")
		}
		fmt.Fprintf(&b, "$%d", n+1)
	}
	return b.String() + ")"
}

var (
	categories = []string{
		"bath", "bedroom", "books", "camping", "garden", "games", "kids", "kitchen", "lighting", "music",
		"office", "outdoor", "pets", "shoes", "sports", "storage", "tools", "toys", "travel", "wall art",
	}
	colours    = []string{"Red", "Blue", "Green", "Black", "White", "Grey", "Yellow", "Orange", "Violet", "Brown"}
	materials  = []string{"Oak", "Steel", "Linen", "Cotton", "Glass", "Leather", "Wool", "Bamboo", "Marble", "Paper"}
	things     = []string{"Chair", "Lamp", "Shirt", "Box", "Table", "Bag", "Cup", "Shelf", "Clock", "Blanket", "Vase", "Mirror"}
	firstNames = []string{"Ada", "Ben", "Cleo", "Dora", "Emil", "Finn", "Greta", "Hugo", "Ines", "Jonas", "Karla", "Leo"}
	lastNames  = []string{"Adler", "Bauer", "Costa", "Dubois", "Eriksen", "Fischer", "Garcia", "Hansen", "Ivanova", "Jansen"}
)

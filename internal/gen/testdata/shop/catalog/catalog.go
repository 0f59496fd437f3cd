// Package catalog has the types of values that the cases of the generator cache.
package catalog

import "time"

// User is a customer.
type User struct {
	ID      int64
	Name    string
	Version uint64
}

// Product is something that is sold.
type Product struct {
	ID      int64
	Name    string
	Cents   int64
	Version uint64
}

// Stock is how many of a product are there.
type Stock struct {
	Count   int64
	Version uint64
}

// Hit is a product that a search has found.
type Hit struct{ ID int64 }

// Session is who a token belongs to, and until when.
type Session struct {
	User int64
	End  time.Time
}

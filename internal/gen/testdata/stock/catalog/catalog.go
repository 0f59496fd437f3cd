// Package catalog has the same name as another one, whose types are cached too.
package catalog

// Article is something on a shelf.
type Article struct{ Shelf string }

// ID is the key of an article.
type ID string

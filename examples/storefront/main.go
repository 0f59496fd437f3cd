// Storefront is a small shop that caches with Larder: products, stock, users,
// searches and pages, in memory and in Redis, before SQLite or PostgreSQL.
// README.md shows what to do with it.
package main

import (
	"context"
	"os"
)

//go:generate go run github.com/larderdev/larder/cmd/larder gen

func main() {
	os.Exit(run(context.Background(), os.Args[1:], os.Getenv, os.Stdout, os.Stderr))
}

// Traffic drives a running shop with a Zipf mix, and prints where the requests
// were answered and how long they took.
package main

import (
	"context"
	"os"
)

func main() {
	os.Exit(run(context.Background(), os.Args[1:], os.Stdout, os.Stderr))
}

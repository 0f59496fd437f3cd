// Larder is the command line tool: larder help lists what it can do.
package main

import (
	"context"
	"os"

	"github.com/larderdev/larder/cmd/larder/internal/cli"
)

func main() {
	os.Exit(cli.Run(context.Background(), os.Args[1:], os.Getenv, os.Stdout, os.Stderr))
}

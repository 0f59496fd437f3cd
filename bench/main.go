// Command bench compares Larder with the parts it stands on, both in one run,
// and prints a table of ratios: on a shared machine only a ratio means
// something.
//
//	make bench
//
// The private Redis or Valkey server that it starts ends with it.
package main

import (
	"context"
	"fmt"
	"os"
)

func main() { os.Exit(run(context.Background())) }

func run(ctx context.Context) int {
	if addr := os.Getenv(herdEnv); addr != "" {
		if err := herdMember(ctx, addr, os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			return 3
		}
		return 0
	}
	rows := []func(context.Context) (row, error){
		memoryHit, memoryHitExpiring, sharedHit, sharedHitTuned, batchHit, batchMiss,
		coldKey, loaderKilled, stopped, killed, unknownIDs,
	}
	fmt.Printf("%-34s %14s %14s %8s %8s\n", "what", "larder", "bare", "figure", "bar")
	code := 0
	for _, measure := range rows {
		r, err := measure(ctx)
		if err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			return 3
		}
		fmt.Println(r)
		if r.failed() {
			code = 1
		}
	}
	return code
}

// row is one line of the table.
type row struct {
	what         string
	larder, bare string
	ratio        float64
	bar          string
	kept         bool
}

// noBar is for a row that only informs.
const noBar = "-"

func (r row) failed() bool { return !r.kept && r.bar != noBar }

func (r row) String() string {
	verdict := ""
	if r.failed() {
		verdict = "  NOT KEPT"
	}
	return fmt.Sprintf("%-34s %14s %14s %8.2f %8s%s", r.what, r.larder, r.bare, r.ratio, r.bar, verdict)
}

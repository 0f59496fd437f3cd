// Command bench compares Larder with the parts it stands on, both in one run,
// and prints a table of ratios: on a shared machine only a ratio means
// something.
//
//	make bench
//	make bench ARGS='-run update'   only the parts whose names match
//
// The private Redis or Valkey server that it starts ends with it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"regexp"
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
	if origin := os.Getenv(edgeEnv); origin != "" {
		if err := edgeMember(origin, os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			return 3
		}
		return 0
	}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	pattern := flags.String("run", "", "measure only what has a name that matches this regular expression")
	if err := flags.Parse(os.Args[1:]); errors.Is(err, flag.ErrHelp) {
		return 0
	} else if err != nil {
		return 2
	}
	wanted, err := regexp.Compile(*pattern)
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench: -run:", err)
		return 2
	}
	fmt.Printf(format, "what", "larder", "bare", "figure", "bar", "")
	code := 0
	for _, p := range parts() {
		if !wanted.MatchString(p.name) {
			continue
		}
		all, err := p.measure(ctx)
		if err != nil {
			fmt.Fprintf(os.Stderr, "bench: %s: %v\n", p.name, err)
			return 3
		}
		for _, r := range all {
			fmt.Print(r)
			if r.failed() {
				code = 1
			}
		}
	}
	return code
}

// part is one measurement, of one row or of several.
type part struct {
	name    string
	measure func(context.Context) ([]row, error)
}

func parts() []part {
	return []part{
		{"memory-hit", one(memoryHit)},
		{"memory-hit-expiring", one(memoryHitExpiring)},
		{"shared-hit", one(sharedHit)},
		{"shared-hit-tuned", one(sharedHitTuned)},
		{"batch-hit", one(batchHit)},
		{"batch-miss", one(batchMiss)},
		{"cold-key", one(coldKey)},
		{"loader-killed", one(loaderKilled)},
		{"server-stopped", one(stopped)},
		{"server-killed", one(killed)},
		{"unknown-ids", one(unknownIDs)},
		{"update", updates},
		{"outbox", updateElsewhere},
		{"tag-moved", tagOfMillion},
		{"tagged-memory-hit", one(taggedMemoryHit)},
		{"tagged-shared-hit", one(taggedSharedHit)},
		{"edge-hit", edgeHit},
	}
}

// one makes several rows of a single one.
func one(measure func(context.Context) (row, error)) func(context.Context) ([]row, error) {
	return func(ctx context.Context) ([]row, error) {
		r, err := measure(ctx)
		return []row{r}, err
	}
}

// row is one line of the table.
type row struct {
	what         string
	larder, bare string
	ratio        float64
	bar          string
	kept         bool
}

// format is that of a line, the heading included.
const format = "%-36s %18s %14s %8s %8s%s\n"

// noBar is for a row that only informs.
const noBar = "-"

func (r row) failed() bool { return !r.kept && r.bar != noBar }

func (r row) String() string {
	verdict := ""
	if r.failed() {
		verdict = "  NOT KEPT"
	}
	return fmt.Sprintf(format, r.what, r.larder, r.bare, fmt.Sprintf("%.2f", r.ratio), r.bar, verdict)
}

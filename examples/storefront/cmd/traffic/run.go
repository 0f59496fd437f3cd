package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os/signal"
	"syscall"
	"time"
)

// The program's exit codes.
const (
	exitOK          = 0
	exitFindings    = 1 // the shop gave wrong answers or none
	exitUsage       = 2
	exitEnvironment = 3
)

// run drives the shop until the time is over, ctx ends, or a signal comes.
func run(ctx context.Context, args []string, out, errs io.Writer) int {
	set := flag.NewFlagSet("traffic", flag.ContinueOnError)
	set.SetOutput(errs)
	addr := set.String("addr", "127.0.0.1:8080", "the shop's `address`")
	admin := set.String("admin", "127.0.0.1:8090", "the shop's admin `address`")
	length := set.Duration("for", time.Minute, "how `long`")
	workers := set.Int("workers", 16, "how many customers at a time")
	seed := set.Uint64("seed", 1, "of the random choices")
	switch err := set.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return exitOK
	case err != nil:
		return exitUsage
	case set.NArg() > 0 || *length <= 0 || *workers < 1:
		fmt.Fprintln(errs, "want no arguments, a time above 0 and at least one worker")
		set.Usage()
		return exitUsage
	}
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, *length)
	defer cancel()

	d := newDriver("http://"+*addr, *workers, *seed)
	before, err := readStats("http://" + *admin)
	if err != nil {
		err = fmt.Errorf("no shop at http://%s: start it with make run, or name its addresses with -addr and -admin (%w)", *admin, err)
	} else {
		d.drive(ctx, *workers)
		var after stats
		if after, err = readStats("http://" + *admin); err == nil {
			d.print(out)
			printTiers(out, before, after)
		}
	}
	switch {
	case err != nil:
		fmt.Fprintln(errs, err)
		return exitEnvironment
	case d.failures() > 0:
		return exitFindings
	}
	return exitOK
}

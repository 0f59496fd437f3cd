// Package cli is the larder command: a tree of subcommands, each of which reads
// its flags, does its work until its context ends and returns an error that
// carries an exit code.
//
// # Model
//
//	args ──cobra──▶ command ──▶ packages of the root module ──▶ result
//	                   │                                          │
//	                   └─ failure{code, what, what next} ◀────────┤
//	standard error ◀── messages             data, text or JSON ──▶ standard output
//
// # Invariants
//
//   - Standard output has data alone, so that it may be piped; messages go to
//     standard error. With --json it is one object whose "schema" is
//     [schemaVersion]; a failure is one too.
//   - The exit code is 0 if all is well, 1 if there is something to mend in what
//     was looked at, 2 for a wrong command line, 3 if the environment is at fault.
//   - A failure says what to do next.
//   - What comes from somewhere else is printed so that no terminal and no runner of
//     workflows obeys it, see package plaintext.
//   - No secret is printed: they come from the environment, and errors about them
//     name the variable.
//
// The flags of larder edge are those of package flag, which takes one dash or two
// before a long name; all others are those of cobra, with two.
package cli

import (
	"context"
	"io"
	"os"
	"slices"
)

// The exit codes.
const (
	exitOK          = 0
	exitFindings    = 1 // something is to be mended: a finding, a drift
	exitUsage       = 2 // the command line is wrong
	exitEnvironment = 3 // a port is taken, a file cannot be read
)

// env is what a subcommand gets.
//
// There is nothing else that a subcommand may take from its surroundings, so that a
// test is a whole run of the program.
type env struct {
	getenv   func(string) string
	out, err io.Writer
}

// Run runs the subcommand that args name and returns its exit code: 0 fine, 1
// findings, 2 wrong usage, 3 the environment does not allow it. What a subcommand
// asks is answered on standard input.
func Run(ctx context.Context, args []string, getenv func(string) string, out, errs io.Writer) int {
	printed := &sink{Writer: out}
	errs = messages{errs}
	a := &app{env: env{getenv, printed, errs}, in: os.Stdin}
	defer a.close()
	root := a.newRoot()
	root.SetArgs(args)
	root.SetOut(printed)
	root.SetErr(errs)
	cmd, err := root.ExecuteContextC(ctx)
	a.json = a.json || slices.Contains(args, "--json") // where a flag before it is wrong
	// A full disk, or a pipe that nobody reads any more. Whoever sees exit code 0 would
	// take half an answer for the whole.
	if lost := printed.err.Load(); lost != nil && err == nil {
		err = environment("print to where there is room", *lost)
	}
	return a.finish(cmd, err)
}

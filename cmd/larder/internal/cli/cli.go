// Package cli is the larder command: a list of subcommands, each of which reads
// its flags, does its work until its context ends and returns an exit code.
//
// The flags are those of package flag. One subcommand with a dozen flags needs
// no library for command lines, and whoever installs the tool links none.
package cli

import (
	"context"
	"fmt"
	"io"
	"runtime/debug"
	"slices"
	"strings"
)

// The exit codes.
const (
	exitOK          = 0
	exitUsage       = 2 // the command line is wrong
	exitEnvironment = 3 // a port is taken, a file cannot be read
)

// env is what a subcommand gets.
type env struct {
	getenv   func(string) string
	out, err io.Writer
}

// command is a subcommand.
type command struct {
	name, summary string
	run           func(ctx context.Context, args []string, e env) int
}

func commands() []command {
	return []command{
		{"edge", "a shared HTTP cache before an origin", runEdge},
	}
}

// Run runs the subcommand that args name and returns its exit code: 0 fine, 2
// wrong usage, 3 the environment does not allow it.
func Run(ctx context.Context, args []string, getenv func(string) string, out, errs io.Writer) int {
	if len(args) == 0 {
		usage(errs)
		return exitUsage
	}
	switch {
	case args[0] == "help" && len(args) == 2:
		args = []string{args[1], "-h"}
	case slices.Contains([]string{"help", "-h", "-help", "--help"}, args[0]):
		usage(out)
		return exitOK
	case args[0] == "version":
		fmt.Fprintln(out, version())
		return exitOK
	}
	for _, c := range commands() {
		if c.name == args[0] {
			return c.run(ctx, args[1:], env{getenv, out, errs})
		}
	}
	fmt.Fprintf(errs, "larder: there is no command %q\n", args[0])
	usage(errs)
	return exitUsage
}

// version is what the go command has noted in the program: the module's version,
// and of a clone the revision.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "larder, built without module information"
	}
	text := "larder " + info.Main.Version
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && !strings.Contains(text, s.Value) {
			text += " " + s.Value
		}
	}
	return text + " " + info.GoVersion
}

func usage(w io.Writer) {
	fmt.Fprint(w, "usage: larder COMMAND [flags]\n\n")
	for _, c := range commands() {
		fmt.Fprintf(w, "  %-8s %s\n", c.name, c.summary)
	}
	fmt.Fprintf(w, "  %-8s %s\n", "version", "what was built")
	fmt.Fprint(w, "\nlarder COMMAND -h lists its flags.\n")
}

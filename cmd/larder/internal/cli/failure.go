package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/spf13/cobra"

	"github.com/larderdev/larder/internal/nearest"
	"github.com/larderdev/larder/internal/plaintext"
)

// failure is why a command has not ended with exit code 0.
//
// Every error that comes out of a command is one, or is taken for the environment's:
// what nobody has thought of is no mistake of the command line.
type failure struct {
	code int
	err  error  // nil: the command has said all that there is to say
	next string // what to do about it
}

// Error is what the message says. A failure without one must not be printed; its text
// is for whoever logs it by mistake.
func (f *failure) Error() string {
	if f.err == nil {
		return fmt.Sprintf("exit code %d", f.code)
	}
	return f.err.Error()
}

// Unwrap returns the error below.
func (f *failure) Unwrap() error { return f.err }

// usagef is a wrong command line.
func usagef(next, format string, args ...any) error {
	return &failure{code: exitUsage, err: fmt.Errorf(format, args...), next: next}
}

// environment is a file, a server or a program that does not do what is needed.
func environment(next string, err error) error {
	return &failure{code: exitEnvironment, err: err, next: next}
}

// findings says that what there is to mend has been printed.
func findings() error { return &failure{code: exitFindings} }

// finish says why cmd has failed, if it has, and returns the exit code.
// The message is on standard error even with --json: a person at a terminal reads that,
// and a program the object on standard output.
func (a *app) finish(cmd *cobra.Command, err error) int {
	if err == nil {
		return exitOK
	}
	f := &failure{code: exitEnvironment, err: err}
	errors.As(err, &f)
	if f.err == nil {
		return f.code
	}
	// The end of a context says nothing of why it ended.
	if errors.Is(f.err, context.DeadlineExceeded) && a.timeout > 0 {
		f.next = fmt.Sprintf("it took longer than --timeout %v: give it more, or look at what does not answer", a.timeout)
	}
	path := "larder"
	if cmd != nil {
		path = cmd.CommandPath()
	}
	fmt.Fprintf(a.err, "%s: %s\n", path, oneLinePaths(f.err))
	if f.next != "" {
		fmt.Fprintf(a.err, "  next: %s\n", f.next)
	}
	if a.json {
		_ = a.printJSON(struct {
			head
			Error string `json:"error"`
			Next  string `json:"next,omitempty"`
			Exit  int    `json:"exit"`
		}{a.head(path), f.err.Error(), f.next, f.code})
	}
	return f.code
}

// oneLinePaths returns the text of an error in which a path with a line feed in it
// takes one line: package os has it as it is.
// A name of a file may have been chosen by somebody else, who could write a line of the
// message with it.
func oneLinePaths(err error) string {
	text := err.Error()
	var of *fs.PathError
	if errors.As(err, &of) {
		text = strings.ReplaceAll(text, of.Path, plaintext.Line(of.Path))
	}
	return text
}

// didYouMean puts the name that was perhaps meant before what to do next; prefix is what
// stands before names of its kind, such as "--".
func didYouMean(prefix, written string, names []string, next string) string {
	if near := nearest.Name(written, names); near != "" {
		return "did you mean " + prefix + near + "? " + next
	}
	return next
}

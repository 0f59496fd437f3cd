package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/spf13/cobra"

	"github.com/larderdev/larder/internal/plaintext"
)

// failure is why a command has not ended with exit code 0.
type failure struct {
	code int
	err  error  // nil: the command has said all that there is to say
	next string // what to do about it
}

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
func (a *app) finish(cmd *cobra.Command, err error) int {
	if err == nil {
		return exitOK
	}
	f := &failure{code: exitEnvironment, err: err}
	errors.As(err, &f)
	if f.err == nil {
		return f.code
	}
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
func oneLinePaths(err error) string {
	text := err.Error()
	var of *fs.PathError
	if errors.As(err, &of) {
		text = strings.ReplaceAll(text, of.Path, plaintext.Line(of.Path))
	}
	return text
}

// nearest returns the name that differs least from what was written, if it does
// not differ by more than a third of it, and two letters at least. Capitals are no
// difference: they are the commonest of mistakes.
func nearest(written string, names []string) (name string, ok bool) {
	least := max(2, len(written)/3) + 1
	for _, n := range names {
		if d := distance(strings.ToLower(written), strings.ToLower(n)); d < least {
			least, name, ok = d, n, true
		}
	}
	return name, ok
}

// distance is that of Levenshtein: how many letters must be put in, taken out or
// changed.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}

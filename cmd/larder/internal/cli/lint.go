package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/larderdev/larder/policy/file"
	"github.com/larderdev/larder/policy/lint"
)

// unreadable is the rule of what keeps a file from being read. It is no rule of
// package lint, which begins where there is a policy.
const unreadable = "file"

// lintCommand is larder lint. It has a --format of its own beside --json, for the
// programs that show findings at their lines.
func (a *app) lintCommand() *cobra.Command {
	format, strict := string(lint.Text), false
	cmd := a.command("lint", "check the policy: what contradicts itself, or means what nobody wants", noArgs,
		func(context.Context, []string) error { return a.lint(lint.Format(format), strict) })
	cmd.Long = "Checks the policy as a whole. A rule that does not apply is excused in the file, with why: # larder:ignore RULE why.\n" +
		"docs/lint.md has all rules. Exit code 1: there are errors; with --strict also\n" +
		"if there are warnings."
	cmd.Flags().BoolVar(&strict, "strict", false, "fail if there are warnings, too")
	checkedVar(cmd, &format, "format", "text, json, github (annotations of a pull request) or sarif (code scanning)", oneOf(formatNames()))
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(formatNames(), cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// formatNames are the formats, for the command line and for completion.
func formatNames() []string {
	var names []string
	for _, f := range lint.Formats() {
		names = append(names, string(f))
	}
	return names
}

// lint checks the policy. How many findings there are goes to standard error: the
// output is in a format that other programs read.
func (a *app) lint(format lint.Format, strict bool) error {
	if a.json {
		format = lint.JSON
	}
	p, err := a.loadPolicy()
	var unread *file.Errors
	switch {
	case errors.As(err, &unread):
		return a.lintErrors(format, unread)
	case err != nil:
		return err
	}
	found := lint.Check(p.Policy)
	if err := lint.Write(a.out, format, found, p.source()); err != nil {
		return environment("", err)
	}
	if len(found) == 0 {
		fmt.Fprintf(a.err, "larder lint: %s: nothing to mend\n", shown(p.path))
		return nil
	}
	wrong := 0
	for _, f := range found {
		if f.Severity == lint.Error {
			wrong++
		}
	}
	fmt.Fprintf(a.err, "larder lint: %s: %s, %s\n", shown(p.path), count(wrong, "error"), count(len(found)-wrong, "warning"))
	if wrong > 0 || strict {
		return findings()
	}
	return nil
}

// lintErrors writes what keeps the file from being read, in the format that was
// asked for, as findings.
// A program that annotates lines must hear of them in the same way as of any finding.
func (a *app) lintErrors(format lint.Format, wrong *file.Errors) error {
	found := make([]lint.Finding, len(wrong.List))
	places := map[string]lint.Place{}
	for i, e := range wrong.List {
		// With the place in it, since one field may have several mistakes, and places
		// are looked up by the path.
		path := fmt.Sprintf("%s@%d:%d", e.Field, e.Line, e.Column)
		found[i] = lint.Finding{Rule: unreadable, Severity: lint.Error, Path: path, Message: e.Message, Mend: e.Mend}
		places[path] = place(e)
	}
	if err := lint.Write(a.out, format, found, func(path string) lint.Place { return places[path] }); err != nil {
		return environment("", err)
	}
	if wrong.More > 0 {
		fmt.Fprintf(a.err, "larder lint: and %d more\n", wrong.More)
	}
	return findings()
}

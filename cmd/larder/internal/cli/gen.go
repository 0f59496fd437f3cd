package cli

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/larderdev/larder/internal/gen"
)

// genCommand is larder gen, which go generate runs, and with --check CI.
func (a *app) genCommand() *cobra.Command {
	var check, diff bool
	cmd := a.command("gen", "generate typed caches, keys, the table of routes and the triggers of the outbox", noArgs,
		func(context.Context, []string) error { return a.gen(check, diff) })
	cmd.Long = "Writes the folder that go.out names. Files that have not changed stay as they are, and generated ones that are left from\n" +
		"an earlier policy go. A file without the header of generated ones is never touched. A type that is not where the policy says,\n" +
		"in the policy's own module, is a mistake; those of other modules are for the compiler."
	cmd.Example = "  larder gen --check     # in CI: exit code 1 if a file is missing, has changed, or is left over\n  larder gen --diff      # what gen would change"
	cmd.Flags().BoolVar(&check, "check", false, "change nothing; exit code 1 if something would change")
	cmd.Flags().BoolVar(&diff, "diff", false, "change nothing; print what would change, exit code 1 if something would")
	return cmd
}

// drifted is a file that is not as it would be generated.
// Of its own type, because the JSON is a promise of the command.
type drifted struct {
	File string `json:"file"`
	Kind string `json:"kind"`
}

// gen writes the code, or says what it would write. Types are only looked for before
// something is written: --check compares text, and its answer must not depend on code
// that is edited meanwhile.
func (a *app) gen(check, diff bool) error {
	p, err := a.loadPolicy()
	if err != nil {
		return err
	}
	out, err := gen.Generate(p.Policy, filepath.Dir(p.path))
	if err != nil {
		return &failure{code: exitFindings, err: fmt.Errorf("%s: %w", shown(p.path), err), next: "mend the policy; larder lint names the lines"}
	}
	if check || diff {
		return a.genDrift(out, diff)
	}
	if err := p.checkTypes(); err != nil {
		return &failure{code: exitFindings, err: fmt.Errorf("the code would not compile:\n%w", err), next: "mend the types, or the policy"}
	}
	changed, err := out.Write()
	if err != nil {
		return environment("look at the folder "+shown(out.Dir), err)
	}
	if a.json {
		return a.printDrift(changed, "")
	}
	for _, d := range changed {
		done := "wrote"
		if d.Kind == gen.Stale {
			done = "removed"
		}
		fmt.Fprintf(a.out, "%s %s\n", done, shown(d.File))
	}
	fmt.Fprintf(a.err, "larder gen: %s, %s in %s\n", count(len(out.Files), "file"), count(len(changed), "change"), shown(out.Dir))
	return nil
}

// genDrift says what gen would change.
// Drift is a finding: the policy and the code that is committed say two things.
func (a *app) genDrift(out *gen.Output, diff bool) error {
	changed, err := out.Check()
	if err != nil {
		return environment("look at the folder "+shown(out.Dir), err)
	}
	text := ""
	if diff {
		if text, err = out.Diff(); err != nil {
			return environment("look at the folder "+shown(out.Dir), err)
		}
	}
	switch {
	case a.json:
		if err := a.printDrift(changed, text); err != nil {
			return err
		}
	case diff:
		a.printDiff(text)
	default:
		for _, d := range changed {
			fmt.Fprintln(a.out, shown(d.String()))
		}
	}
	if len(changed) > 0 {
		fmt.Fprintln(a.err, "larder gen: the generated code is not that of the policy\n  next: larder gen, and commit what it writes")
		return findings()
	}
	return nil
}

// printDrift prints the files as JSON: those that have changed, or would.
func (a *app) printDrift(changed []gen.Drift, diff string) error {
	all := make([]drifted, len(changed))
	for i, d := range changed {
		all[i] = drifted{d.File, string(d.Kind)}
	}
	return a.printJSON(struct {
		head
		Drift []drifted `json:"drift"`
		Diff  string    `json:"diff,omitempty"`
	}{a.head("gen"), all, diff})
}

package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/larderdev/larder/internal/plaintext"
	"github.com/larderdev/larder/policy"
	"github.com/larderdev/larder/policy/diff"
	"github.com/larderdev/larder/policy/file"
)

// diffCommand is larder diff, mostly run by CI on a pull request: HEAD~1 or the target
// branch against what is to be merged.
func (a *app) diffCommand() *cobra.Command {
	var against string
	cmd := a.command("diff", "say what a change of the policy does: safe, behavioural or breaking", noArgs,
		func(ctx context.Context, _ []string) error { return a.diff(ctx, against) })
	cmd.Long = "Compares the policy with what it was: at a revision of git, or in another file. Exit code 1: a change is breaking,\n" +
		"which is a cold start, code that does not compile, or data that others may see."
	cmd.Example = "  larder diff --against origin/main\n  larder diff --against old.yaml"
	cmd.Flags().StringVar(&against, "against", "HEAD", "`revision` of git, or a file")
	return cmd
}

// changed is one change.
// It has its own type, because the JSON is a promise and package diff may change its
// fields.
type changed struct {
	Kind   string `json:"kind"`
	Path   string `json:"path"`
	Old    string `json:"old,omitempty"`
	New    string `json:"new,omitempty"`
	Effect string `json:"effect"`
}

// diff compares and fails if a change is breaking. Behavioural ones are for the
// reviewer: they are what most changes of a policy are for.
func (a *app) diff(ctx context.Context, against string) error {
	p, err := a.loadPolicy()
	if err != nil {
		return err
	}
	before, err := a.earlier(ctx, p.path, against)
	if err != nil {
		return err
	}
	changes := diff.Compare(before, p.Policy)
	worst := diff.Worst(changes)
	if err := a.writeChanges(changes, worst); err != nil {
		return err
	}
	if worst == diff.Breaking {
		return findings()
	}
	return nil
}

// writeChanges prints the changes. That there is none goes to standard error, since no
// change is no data.
func (a *app) writeChanges(changes []diff.Change, worst diff.Kind) error {
	if a.json {
		all := make([]changed, len(changes))
		for i, c := range changes {
			all[i] = changed{string(c.Kind), c.Path, c.Old, c.New, c.Effect}
		}
		return a.printJSON(struct {
			head
			Worst   string    `json:"worst"`
			Changes []changed `json:"changes"`
		}{a.head("diff"), string(worst), all})
	}
	colours := map[diff.Kind]paint{diff.Safe: green, diff.Behavioural: yellow, diff.Breaking: red}
	for _, c := range changes {
		fmt.Fprintf(a.out, "%s %s\n", a.painted(colours[c.Kind], string(c.Kind)), shown(c.Path))
		if c.Old != "" || c.New != "" {
			fmt.Fprintf(a.out, "    %s → %s\n", orDash(legible(c.Old)), orDash(legible(c.New)))
		}
		fmt.Fprintf(a.out, "    %s\n", legible(c.Effect))
	}
	if len(changes) == 0 {
		fmt.Fprintln(a.err, "larder diff: no change")
	}
	return nil
}

// orDash shows a value that is not there, on either side of the arrow.
func orDash(text string) string {
	if text == "" {
		return "–"
	}
	return text
}

// earlier reads what the policy was: from a file if there is one of that name, else
// from git.
func (a *app) earlier(ctx context.Context, path, against string) (*policy.Policy, error) {
	// A folder is no policy, but its name may be that of a branch: docs, edge.
	if info, err := os.Stat(a.at(against)); err == nil && !info.IsDir() {
		p, _, err := readPolicy(a.at(against))
		return p, err
	}
	data, err := gitShow(ctx, path, against)
	if err != nil {
		return nil, environment("give a revision that git knows and that has the file, or the path of a file", err)
	}
	p, _, err := file.Parse(against+":"+filepath.ToSlash(path), data)
	if err != nil {
		return nil, &failure{code: exitFindings, err: fmt.Errorf("%s:%s cannot be compared with:\n%w", shown(against), shown(path), err), next: "compare with a revision whose file can be read"}
	}
	return p, nil
}

// gitShow returns what a file was at a revision.
// It runs git in the folder of the file, so that the file is found whatever the folder
// of the repository is, or of the command.
func gitShow(ctx context.Context, path, revision string) ([]byte, error) {
	// git would take it for an option of its own, and some of those write files.
	if strings.HasPrefix(revision, "-") {
		return nil, fmt.Errorf("%q is no revision", revision)
	}
	cmd := exec.CommandContext(ctx, "git", "show", revision+":./"+filepath.Base(path))
	cmd.Dir = filepath.Dir(path)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	data, err := cmd.Output()
	if err == nil {
		return data, nil
	}
	if text := strings.TrimSpace(errs.String()); text != "" {
		err = errors.New(plaintext.Line(text))
	}
	return nil, fmt.Errorf("git show %s:%s: %w", shown(revision), shown(path), err)
}

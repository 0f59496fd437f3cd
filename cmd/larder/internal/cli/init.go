package cli

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/larderdev/larder/policy"
	"github.com/larderdev/larder/policy/file"
	"github.com/larderdev/larder/policy/strategy"
)

// starter is the file that larder init writes.
//
//go:embed starter.yaml
var starter []byte

// schemaName is the name of the schema that the first line of the file names.
const schemaName = "larder.schema.json"

// directive is the line by which go generate runs larder gen.
const directive = "//go:generate go tool larder gen"

// initCommand is larder init, the first command that anybody runs: it changes nothing
// that is there, and says what comes next.
func (a *app) initCommand() *cobra.Command {
	var from string
	cmd := a.command("init", "write a policy to begin with, its schema for editors, and say how to generate", noArgs,
		func(context.Context, []string) error { return a.initialise(from) })
	cmd.Long = "Writes larder.yaml and " + schemaName + " into the folder, and never over a file that is there.\n" +
		"With --from the policy is read from a caching strategy in Markdown. Each statement of the page becomes policy, or is\n" +
		"listed by its line as not understood, which is exit code 1; what had to be decided is listed, too."
	cmd.Example = "  larder init\n  larder init --from STRATEGY.md"
	cmd.Flags().StringVar(&from, "from", "", "`page` in Markdown to read the policy from")
	return cmd
}

// created is what larder init has done.
// It is the answer for people and programs alike, so that both hear of the same things.
type created struct {
	head
	Files         []string           `json:"files"`
	Statements    int                `json:"statements,omitempty"`
	Understood    int                `json:"understood,omitempty"`
	Notes         []strategy.Note    `json:"notes,omitempty"`
	NotUnderstood []strategy.Unknown `json:"not_understood,omitempty"`
	Wants         []strategy.Want    `json:"wants,omitempty"`
	Next          []string           `json:"next"`
}

// initialise writes the files and reports. A page that is understood in part makes a
// policy all the same: it is the beginning of one, and the exit code says that it is
// not whole.
func (a *app) initialise(from string) error {
	data := starter
	out := created{head: a.head("init")}
	var report *strategy.Report
	if from != "" {
		p, r, err := a.readStrategy(from)
		if err != nil {
			return err
		}
		if r.Statements == 0 {
			return &failure{code: exitFindings, err: fmt.Errorf("%s says nothing of how anything is cached", shown(from)), next: "write it down, such as \"- Product catalog: cache-aside, 1h TTL\"; larder init without --from writes an example"}
		}
		data, report = file.Format(p), r
		out.Statements, out.Understood = r.Statements, r.Understood
		out.Notes, out.NotUnderstood, out.Wants = r.Notes, r.NotUnderstood, r.Wants
	}
	target := a.at(policyName)
	if a.policy != "" {
		target = a.at(a.policy)
	}
	// The policy last: if it is there, an editor can already check it.
	files := []newFile{{filepath.Join(filepath.Dir(target), schemaName), file.Schema()}, {target, data}}
	written, err := writeAllNew(files)
	if err != nil {
		return err
	}
	for _, path := range written {
		out.Files = append(out.Files, filepath.ToSlash(path))
	}
	out.Next = nextSteps(target, report)
	if hidden := a.hides(target); hidden != "" {
		out.Next = append([]string{shown(hidden) + " is the policy of this module already: in this folder commands read the new one instead; delete it if that is not meant"}, out.Next...)
	}
	return a.reportInit(&out, report)
}

// hides returns the policy that commands in the folder of target have read so far,
// which the new one hides from them; "" if there is none.
// Within a module there can be several, one for each folder that has a service; that a
// new one takes the place of another by mistake shows much later.
func (a *app) hides(target string) string {
	above := app{env: a.env, dir: filepath.Join(filepath.Dir(target), "..")}
	if exists(filepath.Join(filepath.Dir(target), "go.mod")) || filepath.Base(target) != policyName {
		return ""
	}
	path, err := above.findPolicy()
	if err != nil {
		return "" // there is none
	}
	return path
}

// readStrategy reads a page. A page that contradicts itself makes no policy.
func (a *app) readStrategy(from string) (*policy.Policy, *strategy.Report, error) {
	page, err := os.ReadFile(a.at(from))
	if err != nil {
		return nil, nil, environment("give the path of a page in Markdown with --from", err)
	}
	p, report, err := strategy.Read(shown(from), page)
	var wrong *strategy.Contradictions
	switch {
	case errors.As(err, &wrong):
		return nil, nil, &failure{code: exitFindings, err: err, next: "decide which of the two holds, and take the other out"}
	case err != nil:
		return nil, nil, &failure{code: exitFindings, err: err, next: "give a shorter page"}
	}
	return p, report, nil
}

// newFile is a file that is to be made.
type newFile struct {
	path string
	data []byte
}

// writeAllNew writes files that are not there, or none of them, and returns the paths of
// what it has written. The last is the one that is wanted new; one before it that is
// there with the same content stays.
func writeAllNew(files []newFile) (written []string, err error) {
	// What was written before the failure goes again: half of it would be in the way of
	// the next try.
	defer func() {
		for _, path := range written {
			if err != nil {
				err = errors.Join(err, os.Remove(path))
			}
		}
		if err != nil {
			written = nil
		}
	}()
	for i, f := range files {
		made, err := writeNew(f.path, f.data)
		if err == nil && !made && i == len(files)-1 {
			err = inTheWay(f.path)
		}
		if err != nil {
			return written, err
		}
		if made {
			written = append(written, f.path)
		}
	}
	return written, nil
}

// writeNew writes a file that is not there. One that is there with the same
// content stays; with another it is an error.
func writeNew(path string, data []byte) (written bool, err error) {
	// By O_EXCL and not by a look before: another run may be faster.
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		if old, readErr := os.ReadFile(path); readErr == nil && string(old) == string(data) {
			return false, nil
		}
		return false, inTheWay(path)
	}
	if err != nil {
		return false, environment("give a folder that can be written to with -C", err)
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Close()); err != nil {
		return false, environment("look at the disk", errors.Join(err, os.Remove(path)))
	}
	return true, nil
}

// inTheWay is the error for a file that init would have to write over.
func inTheWay(path string) error {
	return environment("move it away first, or write elsewhere with -C or --policy",
		fmt.Errorf("%s is there already, and init writes over nothing", shown(path)))
}

// nextSteps says what a person does now.
// In the order in which they are done.
func nextSteps(path string, report *strategy.Report) []string {
	steps := []string{
		"larder lint says what is still to be mended in " + shown(path),
		"put this line into a Go file beside it, and the tool into go.mod by go get -tool: " + directive,
		"go generate ./... writes the typed caches",
	}
	if report != nil && len(report.Wants) > 0 {
		steps = append([]string{"fill in what the page does not say, see above"}, steps...)
	}
	return steps
}

// reportInit says what was written, and what became of the page.
func (a *app) reportInit(out *created, report *strategy.Report) error {
	if a.json {
		if err := a.printJSON(out); err != nil {
			return err
		}
	} else {
		for _, f := range out.Files {
			fmt.Fprintf(a.out, "wrote %s\n", shown(f))
		}
		if report != nil {
			fmt.Fprintln(a.out, legible(strings.TrimRight(report.String(), "\n")))
		}
		for _, step := range out.Next {
			fmt.Fprintf(a.err, "  next: %s\n", step)
		}
	}
	if len(out.NotUnderstood) > 0 {
		return findings()
	}
	return nil
}

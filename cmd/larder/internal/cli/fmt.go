package cli

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/larderdev/larder/policy/file"
)

func (a *app) fmtCommand() *cobra.Command {
	var check, write bool
	cmd := a.command("fmt", "print the policy in its canonical form, without comments", noArgs,
		func(context.Context, []string) error { return a.format(check, write) })
	cmd.Long = "Prints the policy with names sorted and values as short as they can be said. The canonical form has no comments but the\n" +
		"reasons of exceptions: --write refuses a file that has others."
	cmd.Flags().BoolVar(&check, "check", false, "print nothing; exit code 1 if the file has another form")
	cmd.Flags().BoolVar(&write, "write", false, "write the file, unless comments would be lost")
	return cmd
}

func (a *app) format(check, write bool) error {
	p, err := a.loadPolicy()
	if err != nil {
		return err
	}
	old, err := os.ReadFile(p.path)
	if err != nil {
		return environment("make the file readable", err)
	}
	now := file.Format(p.Policy)
	switch {
	case check && !bytes.Equal(old, now):
		fmt.Fprintf(a.err, "larder fmt: %s has another form\n  next: larder fmt shows the canonical one\n", shown(p.path))
		return findings()
	case check || write && bytes.Equal(old, now):
		return nil
	case !write && a.json:
		return a.printJSON(struct {
			head
			Policy string `json:"policy"`
		}{a.head("fmt"), string(now)})
	case !write:
		return a.write("fmt", "", now)
	}
	if gone := lost(old, now); len(gone) > 0 {
		return &failure{code: exitFindings, err: fmt.Errorf("%s has %s that would be lost", shown(p.path), count(len(gone), "comment")), next: "larder fmt prints the canonical form: take from it what you like"}
	}
	if err := os.WriteFile(p.path, now, 0o644); err != nil {
		return environment("make the file writable", err)
	}
	fmt.Fprintf(a.err, "larder fmt: wrote %s\n", shown(p.path))
	return nil
}

// lost returns the comments of a file that are not in another, each as often as it
// is missing there. What looks like one within quotes counts too, which makes
// --write refuse more than it must.
func lost(old, now []byte) (all []string) {
	kept := map[string]int{}
	for _, text := range comments(now) {
		kept[text]++
	}
	for _, text := range comments(old) {
		if kept[text]--; kept[text] < 0 {
			all = append(all, text)
		}
	}
	return all
}

// comments returns what stands behind a # at the start of a line, or after white
// space, with single spaces between its words.
func comments(data []byte) (all []string) {
	for line := range strings.Lines(string(data)) {
		for at := range len(line) {
			if line[at] == '#' && (at == 0 || line[at-1] == ' ' || line[at-1] == '\t') {
				all = append(all, strings.Join(strings.Fields(line[at+1:]), " "))
				break
			}
		}
	}
	return all
}

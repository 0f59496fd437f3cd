package cli

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/larderdev/larder/internal/atomicfile"
	"github.com/larderdev/larder/policy/file"
)

// fmtCommand is larder fmt. Like gofmt it prints unless told otherwise, so that trying
// it costs nothing.
func (a *app) fmtCommand() *cobra.Command {
	var check, write bool
	cmd := a.command("fmt", "print the policy in its canonical form, with its comments", noArgs,
		func(context.Context, []string) error { return a.format(check, write) })
	cmd.Long = "Prints the policy with names sorted and values as short as they can be said. Comments go with what they are about. One about\n" +
		"what is not written in the canonical form, such as strict: false, has no place there: its line is named, and nothing is done."
	cmd.Flags().BoolVar(&check, "check", false, "print nothing; exit code 1 if the file has another form")
	cmd.Flags().BoolVar(&write, "write", false, "write the file, in one step")
	return cmd
}

// format prints, checks or writes the canonical form. With --check and --write both it
// checks: of two wishes the one that changes nothing is safe.
func (a *app) format(check, write bool) error {
	p, err := a.loadPolicy()
	if err != nil {
		return err
	}
	if (check || write) && filepath.Ext(p.path) == ".json" {
		return usagef("larder fmt > larder.yaml writes it beside; then delete the other, or go on without fmt", "%s: the canonical form is YAML, and not JSON", shown(p.path))
	}
	// The policy itself no longer knows its comments.
	now, err := file.Reformat(filepath.ToSlash(p.path), p.data)
	if err != nil {
		return &failure{code: exitFindings, err: fmt.Errorf("%s cannot be formatted without a loss:\n%w", shown(p.path), err), next: "mend that, and format again"}
	}
	same := bytes.Equal(bytes.ReplaceAll(p.data, []byte("\r\n"), []byte("\n")), now) // a checkout on Windows has other ends of lines
	switch {
	case check && !same:
		fmt.Fprintf(a.err, "larder fmt: %s has another form\n  next: larder fmt --write makes it canonical\n", shown(p.path))
		return findings()
	// A file that is canonical is not touched, so that no build sees it as new.
	case check || write && same:
		return nil
	case !write && a.json:
		return a.printJSON(struct {
			head
			Policy string `json:"policy"`
		}{a.head("fmt"), string(now)})
	case !write:
		return a.write("fmt", "", now)
	}
	if err := replaceFile(p.path, now); err != nil {
		return environment("make the file and its folder writable", err)
	}
	fmt.Fprintf(a.err, "larder fmt: wrote %s\n", shown(p.path))
	return nil
}

// replaceFile puts data in the place of what is in a file, in one step: nobody sees half
// of it, and what is there stays if the disk is full. The mode is kept, and a link stays
// one.
func replaceFile(path string, data []byte) error {
	target, err := filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	info, err := os.Stat(target)
	if err != nil {
		return err
	}
	// A file that must not be written to is not replaced either.
	f, err := os.OpenFile(target, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return atomicfile.Write(target, "."+filepath.Base(target)+"-*", data, info.Mode().Perm())
}

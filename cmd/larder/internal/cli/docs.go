package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/larderdev/larder/policy/file"
	"github.com/larderdev/larder/policy/strategy"
)

// docsCommand is larder docs, the way back of larder init --from: the page that people
// talk about, made of the policy that is in force.
func (a *app) docsCommand() *cobra.Command {
	var output string
	cmd := a.command("docs", "write the strategy page of the policy, in Markdown", noArgs,
		func(context.Context, []string) error { return a.docs(output) })
	cmd.Long = "Prints the page, or writes it to a file. larder init --from reads it back to the same policy."
	cmd.Flags().StringVarP(&output, "output", "o", "", "`file` to write, over what is there (default: standard output)")
	return cmd
}

// docs writes the page. What is written to a file is not printed, too: as JSON the
// answer is then the file's name.
func (a *app) docs(output string) error {
	p, err := a.loadPolicy()
	if err != nil {
		return err
	}
	page := strategy.Write(p.Policy)
	if a.json && output == "" {
		return a.printJSON(struct {
			head
			Page string `json:"page"`
		}{a.head("docs"), string(page)})
	}
	return a.write("docs", output, page)
}

// schemaCommand is larder schema. The schema is that of this version of the command, so
// that an editor knows exactly the keys that larder lint knows.
func (a *app) schemaCommand() *cobra.Command {
	var output string
	cmd := a.command("schema", "print the JSON Schema of larder.yaml, for editors", noArgs,
		func(context.Context, []string) error { return a.write("schema", output, file.Schema()) })
	cmd.Long = "Prints the schema (JSON Schema draft-07). Editors with the YAML language server find it by the first line of the file:\n" +
		"# yaml-language-server: $schema=" + schemaName
	cmd.Flags().StringVarP(&output, "output", "o", "", "`file` to write, over what is there (default: standard output)")
	return cmd
}

// write writes data to a file, or to standard output if there is none.
// Over what is there, since what these commands write can be made again at any time.
func (a *app) write(command, output string, data []byte) error {
	if output == "" {
		// As it is: a policy or a schema that is made legible would be another one.
		_, err := a.out.Write(data)
		return err
	}
	if err := os.WriteFile(a.at(output), data, 0o644); err != nil {
		return environment("give a file that can be written with -o", err)
	}
	if a.json {
		return a.printJSON(struct {
			head
			Files []string `json:"files"`
		}{a.head(command), []string{filepath.ToSlash(a.at(output))}})
	}
	fmt.Fprintf(a.err, "larder %s: wrote %s\n", command, shown(a.at(output)))
	return nil
}

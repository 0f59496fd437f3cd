package cli

import (
	"context"
	"fmt"
	"io"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/larderdev/larder/internal/plaintext"
)

// app is one run of the program: its surroundings, and what the flags that all
// commands have say.
type app struct {
	env
	in io.Reader

	json    bool
	policy  string
	dir     string
	timeout time.Duration

	done []func() // releases contexts, last first
}

// close ends what the run has begun.
// The last context was made of the one before it.
func (a *app) close() {
	for i := len(a.done) - 1; i >= 0; i-- {
		a.done[i]()
	}
}

// helpTemplate is the page of a command: what it does, how it is called, examples
// and flags.
const helpTemplate = `{{with or .Long .Short}}{{. | trimTrailingWhitespaces}}

{{end}}{{.UsageString}}`

// usageTemplate is the rest of the page, from how the command is called on.
const usageTemplate = `usage: {{if .HasAvailableSubCommands}}{{.CommandPath}} COMMAND [flags]{{else}}{{.UseLine}}{{end}}
{{- if .HasExample}}

{{.Example}}{{end}}
{{- if .HasAvailableSubCommands}}

commands:
{{- range .Commands}}{{if .IsAvailableCommand}}
  {{rpad .Name .NamePadding}} {{.Short}}{{end}}{{end}}{{end}}
{{- if .HasAvailableLocalFlags}}

flags:
{{.LocalFlags.FlagUsages | trimTrailingWhitespaces}}{{end}}
{{- if .HasAvailableInheritedFlags}}

flags of all commands:
{{.InheritedFlags.FlagUsages | trimTrailingWhitespaces}}{{end}}
{{- if .HasAvailableSubCommands}}

{{.CommandPath}} COMMAND --help says more. Exit codes: 0 fine, 1 findings, 2 wrong usage, 3 environment.{{end}}
`

// newRoot builds the tree of commands.
func (a *app) newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:           "larder",
		Short:         "One policy file for memory, Redis and the CDN: check it, generate from it, explain and purge what it caches.",
		SilenceErrors: true,
		SilenceUsage:  true,
		Version:       versionText(readBuild()),
		Args:          cobra.ArbitraryArgs, // the error for an unknown command is our own
		RunE:          a.group,
	}
	root.SetVersionTemplate("{{.Version}}\n")
	root.SetHelpTemplate(helpTemplate)
	root.SetUsageTemplate(usageTemplate)
	root.SetFlagErrorFunc(flagError)
	root.SuggestionsMinimumDistance = 2
	flags := root.PersistentFlags()
	flags.SortFlags = false
	flags.BoolVar(&a.json, "json", false, "print one JSON object instead of text")
	flags.StringVar(&a.policy, "policy", "", "policy `file` (default: the next larder.yaml, from the folder up to the module's root)")
	flags.StringVarP(&a.dir, "dir", "C", ".", "`folder` to start from: paths are relative to it")
	flags.DurationVar(&a.timeout, "timeout", 0, "give up after this `time` (default: as long as the command needs)")
	root.AddCommand(a.commands()...)
	root.SetHelpCommand(a.helpCommand(root))
	a.tameCompletion(root)
	return root
}

// commands returns the subcommands, in any order: cobra sorts them.
func (a *app) commands() []*cobra.Command {
	return []*cobra.Command{
		a.initCommand(), a.docsCommand(), a.schemaCommand(), a.fmtCommand(),
		a.lintCommand(), a.diffCommand(), a.genCommand(), a.cdnCommand(),
		a.explainCommand(), a.purgeCommand(), a.doctorCommand(), a.edgeCommand(), a.versionCommand(),
	}
}

// command returns a subcommand. Its context ends with --timeout and with SIGINT
// and SIGTERM; a second signal ends the program at once.
func (a *app) command(use, short string, args cobra.PositionalArgs, run func(ctx context.Context, args []string) error) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Args: args,
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGINT, syscall.SIGTERM)
			// The first signal ends the context and gives signals back to the runtime:
			// a command that does not heed its context can still be ended.
			context.AfterFunc(ctx, stop)
			a.done = append(a.done, stop)
			if a.timeout < 0 {
				return usagef("give --timeout a positive time, such as 30s", "--timeout is %v", a.timeout)
			}
			if a.timeout > 0 {
				limited, cancel := context.WithTimeout(ctx, a.timeout)
				a.done = append(a.done, cancel)
				ctx = limited
			}
			return run(ctx, args)
		},
	}
}

// noArgs is for commands that take flags alone.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	next := cmd.CommandPath() + " --help lists what it takes"
	switch ext := filepath.Ext(args[0]); {
	case cmd.Flags().Lookup("against") != nil: // larder diff, whose argument people take from git's
		next = "name what to compare with by --against " + plaintext.Line(args[0])
	case ext == ".yaml" || ext == ".yml" || ext == ".json":
		next = "name a policy by --policy " + plaintext.Line(args[0])
	case ext == ".md" && cmd.Flags().Lookup("from") != nil:
		next = "name a page by --from " + plaintext.Line(args[0])
	}
	return usagef(next, "unexpected argument %q", args[0])
}

// oneArg is for commands that take one thing, which what names.
func oneArg(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != 1 {
			return usagef(cmd.CommandPath()+" --help has examples", "%d arguments, want one: %s", len(args), what)
		}
		return nil
	}
}

// edgeCommand hands everything behind its name to the flags of package flag.
// It was a program before it was a subcommand: scripts that start it have one dash.
func (a *app) edgeCommand() *cobra.Command {
	run := func(cmd *cobra.Command, args []string) error {
		if code := runEdge(cmd.Context(), args, a.env); code != exitOK {
			return &failure{code: code} // it has said why
		}
		return nil
	}
	cmd := &cobra.Command{
		Use: "edge", Short: "run a shared HTTP cache before an origin",
		DisableFlagParsing: true,
		RunE:               run,
	}
	completeEdge(cmd)
	cmd.SetHelpFunc(func(cmd *cobra.Command, _ []string) { _ = run(cmd, []string{"-h"}) })
	return cmd
}

// helpCommand is larder help COMMAND.
// cobra's own has exit code 0 for a command that there is not.
func (a *app) helpCommand(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use: "help [COMMAND]", Short: "print the page of a command",
		RunE: func(help *cobra.Command, args []string) error {
			if err := a.noJSON(help); err != nil {
				return err
			}
			cmd, rest, err := root.Find(args)
			if err != nil || len(rest) > 0 {
				return unknownCommand(cmd, strings.Join(rest, " "))
			}
			cmd.InitDefaultHelpFlag()
			return cmd.Help()
		},
	}
}

// tameCompletion makes cobra's own command like the others: a shell that it does not
// know is a wrong command line, and so is none.
func (a *app) tameCompletion(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	cmd, _, err := root.Find([]string{"completion"})
	if err != nil || cmd == root {
		return
	}
	cmd.Short = "print the script by which a shell completes commands, flags and classes"
	cmd.Long = "Prints the script for one shell. larder completion SHELL --help says where to put it."
	cmd.Args, cmd.SuggestionsMinimumDistance, cmd.RunE = cobra.ArbitraryArgs, 2, a.group
	for _, shell := range cmd.Commands() {
		shell.Short = "print the script for " + shell.Name()
		shell.PreRunE = func(cmd *cobra.Command, _ []string) error { return a.noJSON(cmd) }
	}
}

// noJSON is for commands whose text is no answer: a page, or a script.
func (a *app) noJSON(cmd *cobra.Command) error {
	if a.json {
		return usagef("leave --json out", "--json: %s prints text for people and shells alone", cmd.CommandPath())
	}
	return nil
}

// group is what a command does that only has commands below it.
func (a *app) group(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return unknownCommand(cmd, args[0])
	}
	if a.json {
		return usagef(cmd.CommandPath()+" --help lists the commands", "%s does nothing without a command", cmd.CommandPath())
	}
	fmt.Fprint(a.err, cmd.UsageString())
	return &failure{code: exitUsage}
}

// unknownCommand names the nearest commands.
func unknownCommand(cmd *cobra.Command, name string) error {
	next := cmd.CommandPath() + " --help lists the commands"
	if near := cmd.SuggestionsFor(name); len(near) > 0 {
		next = "did you mean " + strings.Join(near, " or ") + "? " + next
	}
	return usagef(next, "there is no command %q", name)
}

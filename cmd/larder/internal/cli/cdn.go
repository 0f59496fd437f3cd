package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/larderdev/larder/internal/cdnrules"
	"github.com/larderdev/larder/policy"
)

// cdnFlags are those of the commands below larder cdn.
type cdnFlags struct {
	options  cdnrules.Options
	zone     string
	detailed bool
	yes      bool
	output   string
}

// cdnCommand is larder cdn, which does nothing by itself.
func (a *app) cdnCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "cdn", Short: "keep the rules of a CDN as the policy says, or export them",
		Args: cobra.ArbitraryArgs, SuggestionsMinimumDistance: 2, RunE: a.group,
	}
	cmd.AddCommand(a.cdnPlanCommand(), a.cdnApplyCommand(), a.cdnExportCommand())
	return cmd
}

// addZone adds the flags of the commands that speak to a zone.
func (f *cdnFlags) addZone(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.zone, "zone", "", "`variable` with the zone's id, where the policy has several zones of Cloudflare")
	planVar(cmd, &f.options.Plan)
	ownerVar(cmd, &f.options.Owner)
	apiVar(cmd, &f.options.BaseURL)
}

// cdnPlanCommand is larder cdn plan. It is for people before an apply, and with
// --detailed-exitcode for a job that looks for drift.
func (a *app) cdnPlanCommand() *cobra.Command {
	var f cdnFlags
	cmd := a.command("plan", "show what apply would change in the zone", noArgs,
		func(ctx context.Context, _ []string) error { return f.asTerraform(a.cdnPlan(ctx, &f)) })
	cmd.Long = "Reads the cache rules of the zone, and shows what apply would change. It writes nothing. The zone's id and the token are in\n" +
		"the environment variables that the policy names."
	f.addZone(cmd)
	cmd.Flags().BoolVar(&f.detailed, "detailed-exitcode", false, "exit code 2 if something would change, 1 if that cannot be said")
	return cmd
}

// cdnApplyCommand is larder cdn apply. What it applies is the plan that it has shown
// and no other: a zone that changes while a person reads is refused, not planned anew.
func (a *app) cdnApplyCommand() *cobra.Command {
	var f cdnFlags
	cmd := a.command("apply", "change the rules of the zone to what the policy says", noArgs,
		func(ctx context.Context, _ []string) error { return a.cdnApply(ctx, &f) })
	cmd.Long = "Shows the plan, asks, and applies it: rules of others stay as they are. Without a terminal to ask at it wants --yes.\n" +
		"Exit code 1: somebody else has changed the rules meanwhile; plan again."
	f.addZone(cmd)
	cmd.Flags().BoolVar(&f.yes, "yes", false, "do not ask")
	return cmd
}

// cdnExportCommand is larder cdn export, for caches that Larder does not write to
// itself.
func (a *app) cdnExportCommand() *cobra.Command {
	var f cdnFlags
	cmd := a.command("export FORMAT", "write the rules for terraform, varnish, nginx or fastly", oneArg("the format: terraform, varnish, nginx or fastly"),
		func(_ context.Context, args []string) error { return a.cdnExport(&f, args[0]) })
	cmd.Example = "  larder cdn export terraform > larder.tf\n  larder cdn export nginx -o /etc/nginx/larder     # two files"
	cmd.ValidArgs = exportNames()
	f.addZone(cmd)
	cmd.Flags().StringVarP(&f.output, "output", "o", "", "`folder` for the files, over what is there (default: standard output)")
	return cmd
}

// exportNames are the formats, for the command line and for completion.
func exportNames() []string {
	var names []string
	for _, f := range cdnrules.Formats() {
		names = append(names, string(f))
	}
	return names
}

// zoneOf returns the zone of Cloudflare that the flags mean.
// Of several none is taken unasked: rules in the wrong zone change what other people
// are served.
func zoneOf(p *loaded, f *cdnFlags) (policy.CDN, error) {
	var zones []policy.CDN
	var names []string
	for _, c := range p.CDNs {
		if c.Kind == "cloudflare" && (f.zone == "" || c.Zone == f.zone) {
			zones, names = append(zones, c), append(names, c.Zone)
		}
	}
	switch len(zones) {
	case 1:
		return zones[0], nil
	case 0:
		return policy.CDN{}, usagef("put one under cdn, with kind: cloudflare; other kinds have larder cdn export", "%s names no such zone of Cloudflare", shown(p.path))
	}
	return policy.CDN{}, usagef("choose one by --zone: "+strings.Join(names, ", "), "%s names %d zones of Cloudflare", shown(p.path), len(zones))
}

// openZone returns the zone of the policy.
// It speaks to nobody yet: what is wrong with the variables is said before any request.
func (a *app) openZone(f *cdnFlags) (*cdnrules.Cloudflare, error) {
	p, err := a.loadPolicy()
	if err != nil {
		return nil, err
	}
	zone, err := zoneOf(p, f)
	if err != nil {
		return nil, err
	}
	c, err := cdnrules.NewCloudflare(p.Policy, zone, f.options)
	if err != nil {
		return nil, environment("set the variables that the policy names, and look at what else is said", err)
	}
	return c, nil
}

// cdnPlan prints what apply would do. A zone that differs is no failure unless
// --detailed-exitcode makes it one: the command has done what it was asked for.
func (a *app) cdnPlan(ctx context.Context, f *cdnFlags) error {
	c, err := a.openZone(f)
	if err != nil {
		return err
	}
	plan, err := c.Plan(ctx)
	if err != nil {
		return environment("larder doctor looks at the token", err)
	}
	if err := a.printPlan("cdn plan", plan, false); err != nil {
		return err
	}
	if f.detailed && !plan.Empty() {
		return errWouldChange
	}
	return nil
}

// errWouldChange is exit code 2 of --detailed-exitcode.
// It is a value, so that asTerraform knows it again among other failures with code 2.
var errWouldChange = &failure{code: 2}

// asTerraform returns an error with the exit code that terraform plan has for it:
// with --detailed-exitcode 2 says that something would change, and nothing else.
func (f *cdnFlags) asTerraform(err error) error {
	if !f.detailed || err == nil || errors.Is(err, errWouldChange) {
		return err
	}
	failed := failure{err: err}
	if known := (*failure)(nil); errors.As(err, &known) {
		failed = *known
	}
	failed.code = exitFindings
	return &failed
}

// printPlan prints a plan. Descriptions and expressions in it are those of the zone,
// whoever wrote them there.
func (a *app) printPlan(command string, plan *cdnrules.Plan, applied bool) error {
	if !a.json {
		_, err := fmt.Fprintln(a.out, legible(strings.TrimRight(plan.String(), "\n")))
		return err
	}
	return a.printJSON(struct {
		head
		*cdnrules.Plan
		Applied bool `json:"applied"`
	}{a.head(command), plan, applied})
}

// cdnApply shows the plan, asks and applies it. As JSON the plan is printed once, at
// the end, since two objects on standard output would be none.
func (a *app) cdnApply(ctx context.Context, f *cdnFlags) error {
	c, err := a.openZone(f)
	if err != nil {
		return err
	}
	plan, err := c.Plan(ctx)
	if err != nil {
		return environment("larder doctor looks at the token", err)
	}
	if !a.json {
		if err := a.printPlan("cdn apply", plan, false); err != nil {
			return err
		}
	}
	if !plan.Empty() {
		if err := a.confirm(ctx, f.yes, fmt.Sprintf("Make %s?", count(len(plan.Changes), "change"))); err != nil {
			return err
		}
		err := c.Apply(ctx, plan)
		switch {
		case errors.Is(err, cdnrules.ErrChanged):
			return &failure{code: exitFindings, err: err, next: "larder cdn plan shows what is there now"}
		case err != nil:
			return environment("larder cdn plan shows what is left to be done", err)
		}
	}
	if a.json {
		return a.printPlan("cdn apply", plan, true)
	}
	fmt.Fprintf(a.err, "larder cdn apply: %s made\n", count(len(plan.Changes), "change"))
	return nil
}

// cdnExport writes or prints the files. The format is looked at before the policy is: a
// mistake on the command line is said even where no policy can be read.
func (a *app) cdnExport(f *cdnFlags, format string) error {
	if !slices.Contains(exportNames(), format) {
		return usagef("want "+strings.Join(exportNames(), ", "), "there is no format %q", format)
	}
	p, err := a.loadPolicy()
	if err != nil {
		return err
	}
	hosts, err := hostsOf(p, f, format)
	if err != nil {
		return err
	}
	out, err := cdnrules.Export(p.Policy, hosts, cdnrules.Format(format), f.options)
	if err != nil {
		return &failure{code: exitFindings, err: fmt.Errorf("%s: %w", shown(p.path), err), next: "mend the routes"}
	}
	// On standard error: the files may be on their way into a pipe.
	for _, note := range out.Notes {
		fmt.Fprintf(a.err, "larder cdn export: %s\n", note)
	}
	switch {
	case f.output != "":
		return a.writeFiles(f.output, out.Files)
	case a.json:
		return a.printJSON(struct {
			head
			*cdnrules.Exported
		}{a.head("cdn export"), out})
	}
	a.printFiles(out.Files)
	return nil
}

// printFiles prints files one after the other. Several have their names before them, as
// comments of all formats, for whoever parts them; a single one is as it would be written,
// so that it can be redirected.
func (a *app) printFiles(files []cdnrules.File) {
	for _, file := range files {
		if len(files) > 1 {
			fmt.Fprintf(a.out, "# %s\n", file.Name)
		}
		fmt.Fprint(a.out, file.Content)
	}
}

// hostsOf returns the hosts of the cache that an export is for; of one that the policy
// does not name, all.
// Terraform writes the rules of a zone of Cloudflare; the other formats are called like
// the kind of cache that they are for.
func hostsOf(p *loaded, f *cdnFlags, format string) ([]string, error) {
	kind := format
	if format == string(cdnrules.Terraform) {
		kind = "cloudflare"
	}
	for _, c := range p.CDNs {
		if c.Kind == kind && (f.zone == "" || c.Zone == f.zone) {
			return c.Hosts, nil
		}
	}
	if f.zone != "" {
		return nil, usagef("put one under cdn, or leave --zone out", "--zone: %s names no such zone of %s", shown(p.path), kind)
	}
	return nil, nil
}

// writeFiles writes files into a folder, over what is there: an export is made anew
// from the policy whenever that changes, and its first line says where to change it
// instead.
func (a *app) writeFiles(folder string, files []cdnrules.File) error {
	dir := a.at(folder)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return environment("give a folder that can be made with -o", err)
	}
	var names []string
	for _, f := range files {
		path := filepath.Join(dir, f.Name)
		if err := os.WriteFile(path, []byte(f.Content), 0o644); err != nil {
			return environment("give a folder that can be written to with -o", err)
		}
		names = append(names, filepath.ToSlash(path))
	}
	if a.json {
		return a.printJSON(struct {
			head
			Files []string `json:"files"`
		}{a.head("cdn export"), names})
	}
	for _, name := range names {
		fmt.Fprintf(a.err, "larder cdn export: wrote %s\n", shown(name))
	}
	return nil
}

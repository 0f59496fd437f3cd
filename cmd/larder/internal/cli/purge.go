package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/larderdev/larder/internal/plaintext"
	"github.com/larderdev/larder/purge"
)

// purgeFlags are those of larder purge.
type purgeFlags struct {
	tier    tierFlags
	purgers purgerFlags

	tags, keys, classes, urls []string

	soft, dryRun, yes bool
	noShared, noCDN   bool
	settle            time.Duration
}

const purgeExamples = `  larder purge --tag products                     # all that carries the tag, in every tier
  larder purge --key product:42 --key product:43
  larder purge --class product                    # by a tag that all values of the class carry
  larder purge --url https://shop.example/about   # at the CDN alone
  larder purge --tag products --soft --dry-run`

// purgeCommand is larder purge, for people at the time of an incident: what it needs is
// in the policy and the environment, and what it has done is in the receipts.
func (a *app) purgeCommand() *cobra.Command {
	var f purgeFlags
	cmd := a.command("purge", "make all tiers forget tags, keys, classes or URLs, with a receipt of each", noArgs,
		func(ctx context.Context, _ []string) error { return a.purge(ctx, &f) })
	cmd.Long = "Invalidates in the shared tier, from where each process hears of it; then at the CDNs of the policy, whose zones and tokens\n" +
		"are in the environment variables that it names; and there once more after --settle, for responses that were on their way.\n" +
		"If the shared tier does not accept it, the CDNs are not asked: they would fill again with what is wrong.\n" +
		"Exit code 3: some target has not accepted all."
	cmd.Example = purgeExamples
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringArrayVar(&f.tags, "tag", nil, "`tag` to purge; may be there several times, like the next three")
	flags.StringArrayVar(&f.keys, "key", nil, "`key` with its class: product:42")
	flags.StringArrayVar(&f.classes, "class", nil, "`class` all of whose values are to go; asks, or wants --yes")
	flags.StringArrayVar(&f.urls, "url", nil, "absolute `URL`, which only CDNs know")
	flags.BoolVar(&f.soft, "soft", false, "let readers have the older value while one load replaces it")
	flags.BoolVar(&f.dryRun, "dry-run", false, "say what would be purged, and purge nothing")
	flags.BoolVar(&f.yes, "yes", false, "do not ask before a class is purged")
	flags.DurationVar(&f.settle, "settle", 5*time.Second, "`time` after which CDNs are purged again; negative: they are not")
	flags.BoolVar(&f.noShared, "no-shared", false, "leave the shared tier out")
	flags.BoolVar(&f.noCDN, "no-cdn", false, "leave the CDNs out")
	planVar(cmd, &f.purgers.plan)
	apiVar(cmd, &f.purgers.baseURL)
	f.tier.add(cmd)
	_ = cmd.RegisterFlagCompletionFunc("class", a.completeClasses)
	return cmd
}

// receipt is what has come of a purge at one target.
type receipt struct {
	Target string `json:"target"`
	Items  int    `json:"items"`
	// Accepted and Settled are in milliseconds since the target was asked first;
	// Settled is that of the second purge, 0 where there is none.
	Accepted int64         `json:"accepted_ms"`
	Settled  int64         `json:"settled_ms,omitempty"`
	Failed   []failedPurge `json:"failed,omitempty"`
	// Skipped says why the target was not asked.
	Skipped string `json:"skipped,omitempty"`
}

// failedPurge is an item that a target has not accepted, and why.
type failedPurge struct {
	Item   string `json:"item"`
	Reason string `json:"reason"`
}

// purged is what --json prints.
type purged struct {
	head
	purgePlan
	DryRun   bool      `json:"dry_run"`
	Receipts []receipt `json:"receipts,omitempty"`
	// Error, Next and Exit are those of any failure.
	Error string `json:"error,omitempty"`
	Next  string `json:"next,omitempty"`
	Exit  int    `json:"exit,omitempty"`
}

// purge makes the plan, asks and purges. What can be wrong without a request is looked
// at before the first one: a missing token must not be found when half is purged.
func (a *app) purge(ctx context.Context, f *purgeFlags) error {
	p, err := a.loadPolicy()
	if err != nil {
		return err
	}
	plan, err := planPurge(p.Policy, f)
	if err != nil {
		return err
	}
	out := purged{head: a.head("purge"), purgePlan: *plan, DryRun: f.dryRun}
	if f.dryRun {
		return a.reportPurge(&out, nil)
	}
	var targets []purge.Purger
	if !f.noCDN && len(plan.CDNTags)+len(plan.URLs) > 0 {
		if targets, err = a.purgers(p.CDNs, &f.purgers); err != nil {
			return environment("set the variables that the policy names, or leave the CDNs out by --no-cdn; nothing was purged", err)
		}
	}
	// A class may be all that a service has cached, which its origin then has to answer
	// at once.
	if len(f.classes) > 0 {
		if err := a.confirm(ctx, f.yes, fmt.Sprintf("Make all tiers forget %s?", strings.Join(f.classes, ", "))); err != nil {
			return err
		}
	}
	err = a.purgeAll(ctx, f, plan, targets, &out)
	if len(out.Receipts) == 0 {
		return err // nothing was purged
	}
	return a.reportPurge(&out, err)
}

// purgeAll purges the shared tier, and then the CDNs.
// In this order, because a CDN that fills again asks the service: it has to find the
// shared tier purged by then.
func (a *app) purgeAll(ctx context.Context, f *purgeFlags, plan *purgePlan, targets []purge.Purger, out *purged) error {
	reached := true
	if !f.noShared && plan.inShared() > 0 {
		s, err := f.tier.open(ctx, a)
		if err != nil {
			return err
		}
		r := plan.purgeShared(ctx, s)
		reached = len(r.Failed) == 0
		out.Receipts = append(out.Receipts, r)
		if err := s.Close(); err != nil {
			return environment("", err)
		}
	}
	if len(targets) == 0 {
		return nil
	}
	if !reached {
		for _, t := range targets {
			out.Receipts = append(out.Receipts, receipt{Target: t.Name(), Skipped: "the shared tier has not accepted all: the CDN would fill again with what is wrong"})
		}
		return nil
	}
	receipts, err := a.purgeCDNs(ctx, f, plan, targets)
	out.Receipts = append(out.Receipts, receipts...)
	return err
}

// purgeCDNs purges all CDNs, twice, and waits for what comes of it. It is the queue
// that a service has: what it knows of limits, of tries and of the second purge is not
// written again here.
func (a *app) purgeCDNs(ctx context.Context, f *purgeFlags, plan *purgePlan, targets []purge.Purger) ([]receipt, error) {
	// 0 means the default to purge.Options, and to whoever writes --settle 0 that there
	// is no time between.
	settle := f.settle
	if settle == 0 {
		settle = -1
	}
	q, err := purge.Open(ctx, purge.Options{
		Targets: targets, Settle: settle, Window: -1, MaxTries: 5, MinBackoff: 200 * time.Millisecond, MaxBackoff: 5 * time.Second,
		Logger: slog.New(slog.DiscardHandler), // the receipts say it
	})
	if err != nil {
		return nil, usagef("give a --settle of an hour at most", "%w", err)
	}
	ticket, err := q.Purge(ctx, purge.Purge{Tags: plan.CDNTags, URLs: plan.URLs, Soft: plan.Soft})
	if ticket != nil {
		err = nil // the ticket knows
		a.await(ctx, ticket, settle)
	}
	err = errors.Join(err, q.Close(ctx))
	var receipts []receipt
	if ticket != nil {
		receipts = cdnReceipts(ticket.Receipt(), plan)
	}
	if err != nil {
		err = environment("purge again: it may be repeated", err)
	}
	return receipts, err
}

// await waits until a purge has come to its end, or ctx has.
func (a *app) await(ctx context.Context, ticket *purge.Ticket, settle time.Duration) {
	select {
	case <-ticket.Accepted():
	case <-ctx.Done():
	}
	// Said before the second wait: a person who sees nothing for seconds ends the command.
	if settle > 0 && ctx.Err() == nil && ticket.Err() == nil {
		fmt.Fprintf(a.err, "larder purge: accepted; once more in %v, for responses that were on their way\n", settle)
	}
	select {
	case <-ticket.Settled():
	case <-ctx.Done():
	}
}

// cdnReceipts turns the queue's receipt into those of the command. What was still open
// when the context ended has failed: nobody knows of it.
func cdnReceipts(r purge.Receipt, plan *purgePlan) []receipt {
	all := make([]receipt, len(r.Targets))
	for i, t := range r.Targets {
		all[i] = receipt{
			Target: t.Target, Items: len(plan.CDNTags) + len(plan.URLs),
			Accepted: t.Accepted.Milliseconds(), Settled: t.Settled.Milliseconds(),
		}
		if open := t.Waiting + t.Settling; open > 0 {
			all[i].Failed = append(all[i].Failed, failedPurge{Item: count(open, "item"), Reason: "it was not waited for to the end"})
		}
		for _, e := range t.Failed {
			all[i].Failed = append(all[i].Failed, failedPurge{Item: strings.Join(e.Items, ", "), Reason: e.Error()})
		}
	}
	return all
}

// reportPurge prints the receipts, and fails with err, or if some target has not
// accepted all. As JSON that is one object, which the receipts are in.
func (a *app) reportPurge(out *purged, err error) error {
	for _, r := range out.Receipts {
		if err == nil && (len(r.Failed) > 0 || r.Skipped != "") {
			err = environment("mend what the receipts name and purge again: it may be repeated", errors.New("not every target has accepted all"))
		}
	}
	if !a.json {
		a.writePurge(out)
		return err
	}
	var why *failure
	if errors.As(err, &why) {
		out.Error, out.Next, out.Exit = why.Error(), why.next, why.code
		fmt.Fprintf(a.err, "larder purge: %v\n", why.err)
		err = &failure{code: why.code} // and that is all there is to say
	}
	return errors.Join(a.printJSON(out), err)
}

// writePurge prints the plan of a dry run, or the receipts. Notes are about the plan
// and go to standard error.
func (a *app) writePurge(out *purged) {
	verb := "purge"
	if out.Soft {
		verb = "purge softly"
	}
	if out.DryRun {
		fmt.Fprintf(a.out, "would %s:\n", verb)
		for _, line := range out.lines() {
			fmt.Fprintf(a.out, "  %s\n", plaintext.Line(line))
		}
	}
	for _, note := range out.Notes {
		fmt.Fprintf(a.err, "larder purge: %s\n", plaintext.Line(note))
	}
	for _, r := range out.Receipts {
		switch {
		case r.Skipped != "":
			fmt.Fprintf(a.out, "%s: %s: %s\n", r.Target, a.painted(yellow, "not asked"), r.Skipped)
			continue
		case len(r.Failed) > 0:
			fmt.Fprintf(a.out, "%s: %s, %s\n", r.Target, count(r.Items, "item"), a.painted(red, fmt.Sprintf("%d failed", len(r.Failed))))
		default:
			text := fmt.Sprintf("%s accepted in %d ms", count(r.Items, "item"), r.Accepted)
			if r.Settled > 0 {
				text += fmt.Sprintf(", and again after %d ms", r.Settled)
			}
			fmt.Fprintf(a.out, "%s: %s\n", r.Target, a.painted(green, text))
		}
		for _, f := range r.Failed {
			fmt.Fprintf(a.out, "  %s: %s\n", plaintext.Line(f.Item), plaintext.Line(f.Reason))
		}
	}
}

package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/larderdev/larder/cmd/larder/internal/doctor"
	"github.com/larderdev/larder/policy"
)

// doctorFlags are those of larder doctor.
type doctorFlags struct {
	tier    tierFlags
	purgers purgerFlags
	probe   bool
	noCDN   bool
}

// doctorCommand is larder doctor, for the first day with a server or a CDN, and for the
// day on which something is wrong.
func (a *app) doctorCommand() *cobra.Command {
	var f doctorFlags
	cmd := a.command("doctor", "look at the servers of the shared tier and at the tokens of the CDNs", noArgs,
		func(ctx context.Context, _ []string) error { return a.doctor(ctx, &f) })
	cmd.Long = "Looks at each primary of the shared tier: version, RESP3, role, memory, announcements, clock, latency, and what the login\n" +
		"may do, by trying it on a key that no class can have; and at the CDNs of the policy. Each check is ok, warn or fail, with\n" +
		"what to do about it. Exit code 1: one has failed."
	cmd.Example = "  larder doctor --redis redis://127.0.0.1:6379\n  larder doctor --redis host1:6379,host2:6379 --redis-cluster\n" +
		"  larder doctor --redis sentinel1:26379 --redis-sentinel shop"
	f.tier.add(cmd)
	cmd.Flags().BoolVar(&f.probe, "probe-purge", false, "purge a tag that nothing carries at each CDN, to see whether the token may")
	cmd.Flags().BoolVar(&f.noCDN, "no-cdn", false, "leave the CDNs out")
	apiVar(cmd, &f.purgers.baseURL)
	planVar(cmd, &f.purgers.plan)
	return cmd
}

// doctor looks at everything before it says anything: a Redis that is down is no reason
// not to hear of a token that has expired. Warnings are no failure, as a server in
// development has several.
func (a *app) doctor(ctx context.Context, f *doctorFlags) error {
	p, err := a.loadPolicy()
	if err != nil {
		return err
	}
	checks, err := a.lookAtTier(ctx, f, p.Policy)
	if err != nil {
		return err
	}
	if !f.noCDN {
		for i, c := range p.CDNs {
			checks = append(checks, a.lookAtCDN(ctx, f, i, c)...)
		}
	}
	worst := doctor.Worst(checks)
	if a.json {
		err := a.printJSON(struct {
			head
			Worst  doctor.Status  `json:"worst"`
			Checks []doctor.Check `json:"checks"`
		}{a.head("doctor"), worst, checks})
		if err != nil {
			return err
		}
	} else {
		a.writeChecks(checks)
	}
	if worst == doctor.Fail {
		return findings()
	}
	return nil
}

// lookAtTier looks at the servers, if it is said where they are.
// Without an address that is a check that was skipped and no mistake, since the CDNs
// can be looked at alone.
func (a *app) lookAtTier(ctx context.Context, f *doctorFlags, p *policy.Policy) ([]doctor.Check, error) {
	if f.tier.where(a) == "" {
		return []doctor.Check{{
			Of: "redis", Name: "address", Status: doctor.Skip, Says: "it is not said where the shared tier is",
			Mend: "give --redis redis://host:6379, or set " + redisURLVar,
		}}, nil
	}
	o, err := f.tier.options(a)
	if err != nil {
		return nil, err
	}
	o.DialTimeout = dialTime
	return doctor.Redis{Options: o, SharedTimeout: p.Fleet.SharedTimeout, Outbox: p.Fleet.Outbox}.Look(ctx), nil
}

// lookAtCDN looks at one CDN of the policy.
func (a *app) lookAtCDN(ctx context.Context, f *doctorFlags, i int, c policy.CDN) []doctor.Check {
	name := fmt.Sprintf("cdn[%d], %s", i, c.Kind)
	// The purger is made even if nothing is purged: it knows best what is wrong with an
	// address or a token.
	p, err := a.purger(c, name, &f.purgers)
	if err != nil {
		return []doctor.Check{{Of: name, Name: "settings", Status: doctor.Fail, Says: err.Error(), Mend: "set the variables that the policy names"}}
	}
	checks := []doctor.Check{{Of: name, Name: "settings", Status: doctor.OK, Says: "the variables that the policy names are set"}}
	zone, token, err := a.zoneAndToken(c)
	switch {
	case err != nil: // the purger would have said it
	case c.Kind == "cloudflare":
		checks = append(checks, doctor.Cloudflare{BaseURL: f.purgers.baseURL, Zone: zone, Token: token}.Look(ctx, name)...)
	case c.Kind == "fastly":
		checks = append(checks, doctor.Fastly{Service: zone, Token: token}.Look(ctx, name)...)
	default:
		checks = append(checks, doctor.Check{Of: name, Name: "token", Status: doctor.Skip, Says: notAsked[c.Kind]})
	}
	if f.probe {
		return append(checks, doctor.Probe(ctx, p))
	}
	return append(checks, doctor.Check{Of: name, Name: "purge", Status: doctor.Skip, Says: "whether it accepts purges was not tried: --probe-purge does"})
}

// notAsked says of the kinds of CDNs why nothing was asked about what their tokens may
// do. Nothing is asked that has an effect, or that needs a right which purges do not.
var notAsked = map[string]string{
	"cloudfront": "not asked: IAM has no question about one's own rights that needs no right of its own",
	"akamai":     "not asked: the purge API has no question about the client's rights",
	"bunny":      "not asked: an API key has all rights of the account, and no question about itself",
	"google":     "not asked: its rights are asked of another API, Cloud Resource Manager",
	"varnish":    "not asked: it has none, and takes purges from the addresses that its VCL names",
	"nginx":      "not asked: it has none, and takes purges from the addresses that its configuration names",
	"larder":     "not asked: the purge API has no other question than a purge",
}

// writeChecks prints a line for each check, and what to do below it.
func (a *app) writeChecks(checks []doctor.Check) {
	colours := map[doctor.Status]paint{doctor.OK: green, doctor.Warn: yellow, doctor.Fail: red, doctor.Skip: faint}
	for _, c := range checks {
		fmt.Fprintf(a.out, "%s  %s, %s: %s\n", a.painted(colours[c.Status], fmt.Sprintf("%-4s", c.Status)), c.Of, c.Name, strings.ReplaceAll(legible(c.Says), "\n", "\n      "))
		if c.Mend != "" {
			fmt.Fprintf(a.out, "      → %s\n", legible(c.Mend))
		}
	}
}

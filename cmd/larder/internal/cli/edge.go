package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/larderdev/larder/edge"
)

// edgeConfig is what the flags of larder edge say.
type edgeConfig struct {
	options          edge.Options
	listen, admin    string
	tlsCert, tlsKey  string
	tokenFile, token string
	accessLog        string
	policy           string
	drain            time.Duration
}

// runEdge serves until ctx ends or SIGINT or SIGTERM comes. SIGHUP has it read its
// files anew.
func runEdge(ctx context.Context, args []string, e env) int {
	cfg, err := parseEdge(args, e)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return exitOK
	case err != nil:
		return exitUsage // parseEdge has said it
	}
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	// A second signal ends the program at once.
	context.AfterFunc(ctx, stop)
	// Room for one: a second signal meanwhile asks for what is being done.
	reload := make(chan os.Signal, 1)
	signal.Notify(reload, syscall.SIGHUP)
	defer signal.Stop(reload)
	// On the standard error: whoever waits for the addresses reads the output.
	log := slog.New(slog.NewTextHandler(e.err, nil))
	err = serveEdge(ctx, cfg, log, e.out, reload)
	if wrong := (*usageError)(nil); errors.As(err, &wrong) {
		fmt.Fprintf(e.err, "larder edge: %v\n", wrong)
		return exitUsage
	}
	if wrong := (*failure)(nil); errors.As(err, &wrong) {
		fmt.Fprintf(e.err, "larder edge: %s\n  next: %s\n", legible(wrong.Error()), legible(wrong.next))
		return wrong.code
	}
	if err != nil {
		log.Error("larder edge", "err", err)
		fmt.Fprintf(e.err, "  next: %s\n", nextOfEdge(err))
		return exitEnvironment
	}
	return exitOK
}

// nextOfEdge says what to do about an environment in which an edge cannot run.
// The errors are those of the operating system, and look the same on each: their text
// would not say what to do.
func nextOfEdge(err error) string {
	var at *net.OpError
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return "end what has the port, or give another; with port 0 one that is free is taken, and printed"
	case errors.Is(err, fs.ErrPermission):
		return "run it as somebody who may; ports below 1024 are mostly for root"
	case errors.As(err, &at):
		return "give an address of this machine, such as 127.0.0.1:8080"
	}
	return "make readable, and the disk writable, what the flags name; larder edge -h lists them"
}

// usageError is about what was said on the command line: another machine would not
// make it right.
type usageError struct{ error }

// edgeFlags are the flags for fields of edge.Options.
// A field that is missing here is said by its own name, which is still true.
func edgeFlags() map[string]string {
	return map[string]string{
		"Origin": "-origin", "Profile": "-profile", "Name": "-name", "MaxBytes": "-max-bytes",
		"MaxObjectBytes": "-max-object-bytes", "Disk": "-disk", "DiskBytes": "-disk-bytes",
		"TargetFields": "-target-fields", "OriginTimeout": "-origin-timeout", "Queries": "-policy",
	}
}

// inFlags says in the names of flags what edge.New says of options. Other errors are
// not about the command line, and stay.
func inFlags(err error) error {
	var all []error
	var walk func(error)
	// By hand, and not by errors.As, which would find one of the joined errors alone.
	walk = func(err error) {
		switch e := err.(type) {
		case *edge.OptionError:
			name, ok := edgeFlags()[e.Field]
			if !ok {
				name = e.Field
			}
			all = append(all, fmt.Errorf("%s %s", name, e.Reason))
		case interface{ Unwrap() []error }:
			for _, one := range e.Unwrap() {
				walk(one)
			}
		case interface{ Unwrap() error }:
			walk(e.Unwrap())
		}
	}
	walk(err)
	if len(all) == 0 {
		return err
	}
	return &usageError{errors.Join(all...)}
}

// parseEdge reads the command line and says itself what is wrong with it, all at once.
// Its error says only that something is. Help that was asked for is an answer and goes
// to standard output.
func parseEdge(args []string, e env) (edgeConfig, error) {
	var cfg edgeConfig
	var texts edgeTexts
	set := edgeSet(&cfg, &texts)
	if err := set.Parse(args); errors.Is(err, flag.ErrHelp) {
		set.SetOutput(e.out)
		fmt.Fprint(e.out, "usage: larder edge -origin URL [flags]\n\nflags:\n")
		set.PrintDefaults()
		return cfg, err
	} else if err != nil {
		fmt.Fprintf(e.err, "larder edge: %v\n  next: %s\n", err, nextFlag(set, err))
		return cfg, err
	}
	// Not a flag: every process on the machine can read a command line.
	cfg.token = e.getenv("LARDER_EDGE_TOKEN")
	err := cfg.finish(&texts)
	// A flag behind an argument would be taken for another one, and be without effect.
	if set.NArg() > 0 {
		err = errors.Join(err, fmt.Errorf("unexpected argument %q", set.Arg(0)))
	}
	if err != nil {
		fmt.Fprintf(e.err, "larder edge: %v\n", err)
	}
	return cfg, err
}

// edgeTexts are flags that need more than package flag.
// They are read by finish, behind all flags, so that their mistakes are reported
// together.
type edgeTexts struct{ origin, profile, targets, cookies string }

// edgeSet returns the flags, which fill cfg and texts, and say nothing by
// themselves: a mistake would be lost above the list of all flags.
func edgeSet(cfg *edgeConfig, texts *edgeTexts) *flag.FlagSet {
	set := flag.NewFlagSet("larder edge", flag.ContinueOnError)
	set.SetOutput(io.Discard)
	set.StringVar(&texts.origin, "origin", "", "`URL` of the origin (required)")
	set.StringVar(&cfg.listen, "listen", "127.0.0.1:8080", "`address` for clients")
	set.StringVar(&cfg.admin, "admin", "", "`address` for operators: /healthz, /readyz, /metrics and purges; empty: none")
	set.StringVar(&cfg.tokenFile, "token-file", "", "`file` with the token for purges; else it is LARDER_EDGE_TOKEN. Needed unless -admin is on loopback")
	set.StringVar(&cfg.tlsCert, "tls-cert", "", "`file` with the certificate chain (PEM); with it the edge speaks TLS and HTTP/2")
	set.StringVar(&cfg.tlsKey, "tls-key", "", "`file` with the key of the certificate (PEM)")
	set.StringVar(&cfg.accessLog, "access-log", "", "`file` for a line of JSON per request; -: standard output; empty: none")
	set.StringVar(&cfg.policy, "policy", "", "`file` with the policy, larder.yaml: where a route has query, other parameters make no keys and do not reach the origin; empty: none")
	set.StringVar(&cfg.options.Disk, "disk", "", "`folder` for what is stored beside the memory, which outlives a restart and is confirmed by the origin then; empty: none")
	set.Var((*size)(&cfg.options.DiskBytes), "disk-bytes", "`size` of -disk, in bytes or as 64MiB; 0: 4GiB")
	set.StringVar(&texts.profile, "profile", edge.SafeDefault.String(), "whom to believe: safe-default or strict-rfc")
	cfg.options.MaxBytes = 256 << 20
	set.Var((*size)(&cfg.options.MaxBytes), "max-bytes", "`size` of the memory for responses, in bytes or as 64MiB")
	set.Var((*size)(&cfg.options.MaxObjectBytes), "max-object-bytes", "`size` of the largest body that is stored, in bytes or as 64MiB; 0: 8MiB, or a quarter of -max-bytes if that is less")
	set.StringVar(&texts.targets, "target-fields", "CDN-Cache-Control", "`fields` that target this cache, parted by commas, the first before the others")
	set.StringVar(&texts.cookies, "plain-cookies", "", "`names` of cookies that do not say who the client is, parted by commas")
	set.BoolVar(&cfg.options.ExposeTags, "expose-tags", false, "leave Cache-Tag, Surrogate-Key, Cache-Groups and their like in answers")
	set.BoolVar(&cfg.options.PreserveHost, "preserve-host", false, "send the client's Host to the origin")
	set.StringVar(&cfg.options.Name, "name", "larder", "`name` in Cache-Status and Via")
	set.DurationVar(&cfg.options.OriginTimeout, "origin-timeout", time.Minute, "how long the origin may be silent")
	set.DurationVar(&cfg.options.StaleIfUnreachable, "stale-if-unreachable", 24*time.Hour, "for how long stale responses are served while the origin does not answer; negative: never")
	set.DurationVar(&cfg.drain, "drain", 10*time.Second, "how long requests may take to end on shutdown")
	return set
}

// nextFlag names the nearest flag.
func nextFlag(set *flag.FlagSet, err error) string {
	next := "larder edge -h lists the flags"
	if name, ok := strings.CutPrefix(err.Error(), "flag provided but not defined: -"); ok {
		var all []string
		set.VisitAll(func(f *flag.Flag) { all = append(all, f.Name) })
		next = didYouMean("-", name, all, next)
	}
	return next
}

// completeEdge has shells offer the flags of the edge, and not those of all other
// commands, which it does not take. cobra parses neither here.
// Its flags have one dash in its guide, and two where a shell completes them: package
// flag takes both.
func completeEdge(cmd *cobra.Command) {
	edgeSet(&edgeConfig{}, &edgeTexts{}).VisitAll(func(f *flag.Flag) { cmd.Flags().AddGoFlag(f) })
	for _, name := range []string{"json", "dir", "timeout"} {
		cmd.Flags().Bool(name, false, "a flag of all other commands")
		_ = cmd.Flags().MarkHidden(name) // it is there
	}
}

// finish takes what needs more than package flag. It reports all mistakes.
// What edge.New checks itself is left to it, see inFlags: one place decides.
func (cfg *edgeConfig) finish(texts *edgeTexts) error {
	var errs []error
	u, err := url.Parse(texts.origin)
	switch {
	case texts.origin == "":
		errs = append(errs, errors.New("-origin is missing, want the URL of the origin"))
	case err != nil:
		errs = append(errs, errors.New("-origin is no URL, want one such as http://127.0.0.1:3000")) // the error would show a password in it
	}
	cfg.options.Origin = u
	if cfg.options.Profile, err = profileOf(texts.profile); err != nil {
		errs = append(errs, err)
	}
	if (cfg.tlsCert == "") != (cfg.tlsKey == "") {
		errs = append(errs, errors.New("-tls-cert and -tls-key belong together"))
	}
	errs = append(errs, checkAddress("-listen", cfg.listen))
	if cfg.admin != "" {
		errs = append(errs, checkAddress("-admin", cfg.admin))
	}
	if cfg.drain < 0 {
		errs = append(errs, fmt.Errorf("-drain is %v, want 0 or more", cfg.drain))
	}
	cfg.options.TargetFields = list(texts.targets)
	cfg.options.PlainCookies = list(texts.cookies)
	// A name that no cookie can have would match nothing, and the edge would go on to
	// pass requests that it was meant to answer.
	for _, name := range cfg.options.PlainCookies {
		if (&http.Cookie{Name: name}).Valid() != nil {
			errs = append(errs, fmt.Errorf("-plain-cookies: %q is no name of a cookie", name))
		}
	}
	return errors.Join(errs...)
}

// profileOf returns the profile of that name.
func profileOf(name string) (edge.Profile, error) {
	for _, p := range []edge.Profile{edge.SafeDefault, edge.StrictRFC} {
		if name == p.String() {
			return p, nil
		}
	}
	return 0, fmt.Errorf("-profile is %q, want safe-default or strict-rfc", name)
}

// checkAddress refuses what is not the form of an address. A name that does not resolve
// here is the environment's fault, and is seen when the port is taken.
func checkAddress(flag, address string) error {
	_, port, err := net.SplitHostPort(address)
	if err == nil {
		_, err = net.LookupPort("tcp", port)
	}
	if err != nil {
		return fmt.Errorf("%s is %q, want a host and a port such as 127.0.0.1:8080, or :8080", flag, address)
	}
	return nil
}

// list parts a flag's value at commas.
func list(text string) []string {
	all := []string{}
	for item := range strings.SplitSeq(text, ",") {
		if item = strings.TrimSpace(item); item != "" {
			all = append(all, item)
		}
	}
	return all
}

package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/larderdev/larder"
	"github.com/larderdev/larder/cmd/larder/internal/explain"
	"github.com/larderdev/larder/cmd/larder/internal/goschema"
	"github.com/larderdev/larder/cmd/larder/internal/keystate"
	"github.com/larderdev/larder/internal/envelope"
	"github.com/larderdev/larder/internal/plaintext"
	"github.com/larderdev/larder/policy"
)

// explainFlags are those of larder explain.
type explainFlags struct {
	tier    tierFlags
	schema  string
	keysEnv string
}

const explainExamples = `  larder explain product:42                     # what is cached under a key, and what the next Get does
  larder explain 'larder:d:{product:42}'        # the same, by the server's name for it
  larder explain product                        # the policy of a class, and the life of a value as a line
  larder explain /api/products/42               # the route that matches, and the headers that it sends
  larder explain 'POST /api/checkout'`

func (a *app) explainCommand() *cobra.Command {
	var f explainFlags
	cmd := a.command("explain KEY|CLASS|URL", "say what is cached of a key, a class or a URL, and why", oneArg("a key, a class or a URL"),
		func(ctx context.Context, args []string) error { return a.explain(ctx, &f, args[0]) })
	cmd.Long = "Says what is cached and what the next reader gets. It changes nothing: it takes no lease and makes no tag.\n" +
		"The answer about a key is for a process that does not hold it in memory; what others hold there cannot be seen from here."
	cmd.Example = explainExamples
	f.tier.add(cmd)
	cmd.Flags().StringVar(&f.schema, "schema", "", "`id` of the program's schema, in hexadecimal, or source to find it from the class's Go type (by the go command, for JSON): "+
		"a value of another one counts as missing")
	cmd.Flags().StringVar(&f.keysEnv, "keys-env", "", "`variable` with the keys of encrypted classes, as for larder.KeysFromEnv: to see tags")
	cmd.ValidArgsFunction = a.completeClasses
	return cmd
}

// completeClasses offers the names of the classes.
func (a *app) completeClasses(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	p, err := a.loadPolicy()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	return sortedNames(p.Classes), cobra.ShellCompDirectiveNoFileComp
}

func (a *app) explain(ctx context.Context, f *explainFlags, question string) error {
	p, err := a.loadPolicy()
	if err != nil {
		return err
	}
	x := &explain.Explainer{Policy: p.Policy}
	about := x.About(question)
	if err := f.complete(x); err != nil {
		return err
	}
	if about == explain.AboutKey && f.schema == fromSource {
		if x.Schema, err = schemaOf(ctx, p, explain.ClassOf(question)); err != nil {
			return err
		}
	}
	var answer any
	var text func(io.Writer)
	switch about {
	case explain.AboutURL:
		var u *explain.URL
		u, err = x.URL(question)
		answer, text = u, func(w io.Writer) { a.writeURL(w, u) }
	case explain.AboutClass:
		var c *explain.Class
		c, err = x.Class(question)
		answer, text = c, func(w io.Writer) { a.writeClass(w, c) }
	default:
		var k *explain.Key
		if k, err = a.explainKey(ctx, f, x, question); k != nil {
			answer, text = k, func(w io.Writer) { a.writeKey(w, k) }
		}
	}
	if err != nil {
		return a.cannotExplain(p, about, question, err)
	}
	if a.json {
		return a.printJSON(struct {
			head
			About  string `json:"about"`
			Answer any    `json:"answer"`
		}{a.head("explain"), about, answer})
	}
	text(a.out)
	return nil
}

// complete reads the schema and the keys.
func (f *explainFlags) complete(x *explain.Explainer) error {
	if f.schema != "" && f.schema != fromSource {
		id, err := strconv.ParseUint(f.schema, 16, 64)
		if err != nil {
			return usagef("give the 16 digits that larder explain shows, or source", "--schema is %q, which is no hexadecimal number", f.schema)
		}
		x.Schema = &id
	}
	if f.keysEnv == "" {
		return nil
	}
	keys, err := larder.KeysFromEnv(f.keysEnv)
	if err == nil {
		x.Secrets, err = envelope.NewSecrets(keys)
	}
	if err != nil {
		return environment("set the variable as the service has it", err)
	}
	return nil
}

// fromSource has the schema found from the source of the class's type.
const fromSource = "source"

// schemaOf finds the schema of a class's type from its source, in the module of the
// policy. A class that is not there has none: who asks about it is told elsewhere.
func schemaOf(ctx context.Context, p *loaded, class string) (*uint64, error) {
	c, ok := p.Classes[class]
	if !ok || c.Pattern == policy.Never {
		return nil, nil
	}
	if c.Type == "" {
		return nil, usagef("set type in the class, or give the id", "--schema source: class %s does not say the type of its values", class)
	}
	id, err := goschema.Of(ctx, filepath.Dir(p.path), c.Type, len(c.Tags) > 0 || c.ValueTags)
	if err != nil {
		return nil, environment("run it where the service's module is, and builds, or give the id", fmt.Errorf("--schema source: %w", err))
	}
	return &id, nil
}

// explainKey opens the shared tier for a question about a key. Without an address
// it answers what the policy alone can say.
func (a *app) explainKey(ctx context.Context, f *explainFlags, x *explain.Explainer, name string) (*explain.Key, error) {
	if f.tier.where(a) == "" {
		k, err := x.Key(ctx, name)
		if err == nil {
			fmt.Fprintf(a.err, "larder explain: the shared tier was not asked: --redis or %s says where it is\n", redisURLVar)
		}
		return k, err
	}
	s, err := f.tier.open(ctx, a)
	if err != nil {
		return nil, err
	}
	defer func() { _ = s.Close() }()
	x.Tier = s
	return x.Key(ctx, name)
}

// cannotExplain says what to do about an error.
func (a *app) cannotExplain(p *loaded, about, question string, err error) error {
	var known *failure
	switch {
	case errors.As(err, &known):
		return err
	case errors.Is(err, explain.ErrUnknown):
		name, _, _ := strings.Cut(question, ":")
		next := "its classes are " + strings.Join(sortedNames(p.Classes), ", ")
		if near, ok := nearest(name, sortedNames(p.Classes)); ok {
			next = "did you mean " + near + "? " + next
		} else if strings.Contains(question, "/") {
			next = "a URL begins with https:// or /, as in /" + plaintext.Line(question) + "; " + next
		}
		return usagef(next, "%s: %w", shown(p.path), err)
	case about == explain.AboutURL:
		return &failure{code: exitFindings, err: err, next: "larder lint says which routes are wrong"}
	case about == explain.AboutClass:
		return &failure{code: exitFindings, err: err, next: "larder lint says what is wrong with the class"}
	}
	return environment("look at the server, and at larder doctor", err)
}

// label writes lines with a name before each.
type label struct {
	w io.Writer
}

func (l label) line(name, format string, args ...any) {
	for i, arg := range args {
		if said, ok := arg.(string); ok {
			args[i] = legible(said)
		}
	}
	text := fmt.Sprintf(format, args...)
	if text == "" {
		return
	}
	fmt.Fprintf(l.w, "  %-12s %s\n", legible(name), text)
}

// lines writes texts, the first with a name before it.
func (l label) lines(name string, texts []string) {
	for _, text := range texts {
		l.line(name, "%s", text)
		name = ""
	}
}

// writeKey writes what is known of a key.
func (a *app) writeKey(w io.Writer, k *explain.Key) {
	fmt.Fprintln(w, a.painted(bold, k.Name))
	l := label{w}
	l.line("class", "%s: %s", k.Class, k.Pattern)
	held := make([]string, len(k.Held))
	for i, h := range k.Held {
		held[i] = h.Tier + " " + h.Holds
	}
	l.line("held by", "%s", strings.Join(held, ", "))
	if k.DataKey != "" {
		l.line("stored as", "%s at %s, its lease as %s", k.DataKey, k.Node, k.LeaseKey)
	}
	l.line("state", "%s", a.painted(stateColour(k.State), string(k.State)))
	if k.Schema != "" {
		l.line("version", "%d", k.Version)
		l.line("payload", "%s", strings.Join(append([]string{fmt.Sprintf("%d bytes, schema %s", k.Bytes, k.Schema)}, k.Sealed...), ", "))
	}
	if k.Floor > 0 {
		l.line("floor", "%d: no lower version may be cached", k.Floor)
	}
	if k.Age != nil {
		l.line("age", "%v, stored %s", k.Age, k.Stored.Format(time.DateTime+" UTC"))
	}
	if k.Cost != nil {
		l.line("load cost", "%v", k.Cost)
	}
	writeTimes(l, k)
	for i, tag := range k.Tags {
		name, moved := "tags", ""
		if i > 0 {
			name = ""
		}
		if tag.Moved != nil {
			moved = fmt.Sprintf(", last invalidated or made %v ago", tag.Moved)
		}
		l.line(name, "%s: %s%s", tag.Name, tag.State, moved)
	}
	if k.Reachable {
		lease := k.Lease.State
		if k.Lease.Left > 0 {
			lease += fmt.Sprintf(" for %v more", k.Lease.Left)
		}
		l.line("lease", "%s", lease)
	}
	l.line("next Get", "%s: %s", a.painted(bold, nextText(k.Next)), k.Next.Why)
	for _, note := range k.Notes {
		l.line("note", "%s", note)
	}
}

// writeTimes writes the moments at which the state of a value changes.
func writeTimes(l label, k *explain.Key) {
	for _, at := range []struct {
		name, word string
		t          *time.Time
	}{
		{"fresh", "until", k.Fresh},
		{"revalidate", "until", k.Revalid},
		{"if error", "until", k.IfError},
		{"gone", "at", k.Gone},
	} {
		if at.t != nil {
			l.line(at.name, "%s %s", at.word, at.t.Format(time.DateTime+" UTC"))
		}
	}
}

func nextText(n explain.Next) string {
	text := string(n.Action)
	if n.Tier != "none" {
		text += " from " + n.Tier
	}
	if n.Refresh {
		text += ", and refresh"
	}
	return text
}

func stateColour(s keystate.State) paint {
	switch s {
	case keystate.Fresh, keystate.Negative:
		return green
	case keystate.Damaged, keystate.Foreign, keystate.OtherSchema:
		return red
	}
	return yellow
}

// writeClass writes the policy of a class.
func (a *app) writeClass(w io.Writer, c *explain.Class) {
	fmt.Fprintln(w, a.painted(bold, c.Class))
	l := label{w}
	l.line("", "%s", c.Description)
	l.line("pattern", "%s", c.Pattern)
	l.line("kept in", "%s", strings.Join(c.Tiers, ", "))
	l.line("key", "%s", c.KeyForm)
	l.line("type", "%s", c.Type)
	l.line("life", "%s", c.Line)
	for _, life := range c.Lives {
		l.line("", "%s %v", life.Of, life.Fresh)
	}
	l.line("tags", "%s", strings.Join(c.Tags, ", "))
	l.line("version", "%s", c.RowVersion)
	l.line("privacy", "%s", c.Privacy)
	if c.Target > 0 {
		l.line("target", "%.3g %% misses", 100*c.Target)
	}
	l.line("source", "%s", c.Source)
	l.line("routes", "%s", strings.Join(c.Routes, ", "))
	l.lines("means", c.Says)
}

// writeURL writes what a request matches.
func (a *app) writeURL(w io.Writer, u *explain.URL) {
	fmt.Fprintln(w, a.painted(bold, u.Method+" "+u.URL))
	l := label{w}
	route := u.Route
	if route == "" {
		route = "none"
	}
	l.line("route", "%s", route)
	l.line("class", "%s", u.Class)
	for _, name := range sortedNames(u.Wildcards) {
		l.line("{"+name+"}", "%s", u.Wildcards[name])
	}
	for i, h := range u.Headers {
		name := "headers"
		if i > 0 {
			name = ""
		}
		l.line(name, "%s: %s", h.Name, h.Value)
	}
	l.lines("means", u.Says)
}

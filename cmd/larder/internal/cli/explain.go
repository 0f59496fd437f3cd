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

// explainCommand is larder explain. One argument says what it is about by its form, so
// that what stands in a log or in redis-cli can be pasted.
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
	// Nothing is printed about a policy that cannot be read: a shell would show it in
	// the middle of the line that somebody types.
	return sortedNames(p.Classes), cobra.ShellCompDirectiveNoFileComp
}

// explain answers one question. The schema is only looked for where it matters, since
// finding it runs the go command.
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
	answer, write, err := a.answer(ctx, f, x, about, question)
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
	write(a.out)
	return nil
}

// answer returns what there is to say, as JSON has it and as people read it.
func (a *app) answer(ctx context.Context, f *explainFlags, x *explain.Explainer, about, question string) (answer any, write func(io.Writer), err error) {
	switch about {
	case explain.AboutURL:
		u, err := x.URL(question)
		return u, func(w io.Writer) { a.writeURL(w, u) }, err
	case explain.AboutClass:
		c, err := x.Class(question)
		return c, func(w io.Writer) { a.writeClass(w, c) }, err
	}
	k, err := a.explainKey(ctx, f, x, question)
	return k, func(w io.Writer) { a.writeKey(w, k) }, err
}

// complete reads the schema and the keys.
// It looks at the flags even where the question needs none of them: what is wrong is
// said at once, and not on the day when it matters.
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
// Of a question without a policy's class the command line is wrong; of a class or a URL
// that cannot be resolved the file is; and of a key the server is what is left.
func (a *app) cannotExplain(p *loaded, about, question string, err error) error {
	var known *failure
	switch {
	case errors.As(err, &known):
		return err
	case errors.Is(err, explain.ErrUnknown):
		name, _, _ := strings.Cut(question, ":")
		classes := sortedNames(p.Classes)
		next := "its classes are " + strings.Join(classes, ", ")
		if strings.Contains(question, "/") {
			next = "a URL begins with https:// or /, as in /" + plaintext.Line(question) + "; " + next
		}
		return usagef(didYouMean("", name, classes, next), "%s: %w", shown(p.path), err)
	case about == explain.AboutURL:
		return &failure{code: exitFindings, err: err, next: "larder lint says which routes are wrong"}
	case about == explain.AboutClass:
		return &failure{code: exitFindings, err: err, next: "larder lint says what is wrong with the class"}
	}
	return environment("look at the server, and at larder doctor", err)
}

// label writes lines with a name before each.
// Names are in a column, so that two answers can be compared line by line.
type label struct {
	w io.Writer
}

// line writes one line, and none for an empty text: what a class does not say takes no
// room. Arguments are made legible, but for those that are painted already: legible
// would take the colours out.
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
// The order is that in which somebody asks: what is there, since when, until when, and
// what happens next.
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
	writeRecord(l, k)
	writeTags(l, k)
	// That nobody holds a lease would be a guess if nobody was asked.
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

// writeRecord writes what stands in the record that is stored, if there is one. A mark
// of an invalidation has a floor and no value.
func writeRecord(l label, k *explain.Key) {
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

// writeTags writes the tags, a line each.
func writeTags(l label, k *explain.Key) {
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
}

// nextText is what the next Get does, in a few words; Why has the sentence.
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

// stateColour is green for what is served without a question, red for what should not
// be there, and yellow for what ends in a load or may.
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

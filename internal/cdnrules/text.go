package cdnrules

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode"
)

// String is the plan for people: what is done to each rule, with what it was and
// what it will be.
func (p *Plan) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", p.summary())
	for i := range p.Changes {
		b.WriteByte('\n')
		p.Changes[i].write(&b)
	}
	if len(p.Notes) > 0 {
		b.WriteByte('\n')
	}
	for _, note := range p.Notes {
		fmt.Fprintf(&b, "note: %s\n", note)
	}
	return b.String()
}

// summary is the plan in one line.
func (p *Plan) summary() string {
	where := "version " + p.Version
	if p.fresh {
		where = "no rules yet"
	}
	if p.Empty() {
		return fmt.Sprintf("cloudflare (%s): nothing to change; %d rules of others", where, p.Foreign)
	}
	count := map[Kind]int{}
	for _, change := range p.Changes {
		if !change.Widened { // the rule has another change
			count[change.Kind]++
		}
	}
	return fmt.Sprintf("cloudflare (%s): %d to create, %d to update, %d to delete, %d to move; %d rules of others stay as they are",
		where, count[Create], count[Update], count[Delete], count[Reorder], p.Foreign)
}

// write writes a change, with both values where they differ: that is what a person
// agrees to.
func (c *Change) write(b *strings.Builder) {
	sign := map[Kind]string{Create: "+", Update: "~", Delete: "-", Reorder: ">"}[c.Kind]
	fmt.Fprintf(b, "%s %s", sign, c.Ref)
	if c.Edited {
		b.WriteString("  (edited since it was written)")
	}
	if c.Last {
		b.WriteString("  (moves behind all others)")
	}
	if c.Widened {
		b.WriteString("  (bypasses the old and the new until all is written)")
	}
	b.WriteByte('\n')
	if c.Kind == Reorder {
		fmt.Fprintf(b, "    description  %s\n", printable(c.Before.Description))
		return
	}
	before, after := lines(c.Before), lines(c.After)
	for i, name := range []string{"description", "enabled", "expression", "parameters"} {
		switch {
		case c.Before == nil:
			fmt.Fprintf(b, "    %-11s  %s\n", name, after[i])
		case c.After == nil || before[i] == after[i]:
			fmt.Fprintf(b, "    %-11s  %s\n", name, before[i])
		default:
			fmt.Fprintf(b, "    %-11s  - %s\n    %-11s  + %s\n", name, before[i], "", after[i])
		}
	}
}

// lines are the values of a setting, one line each.
func lines(s *Setting) [4]string {
	if s == nil {
		return [4]string{}
	}
	return [4]string{printable(s.Description), fmt.Sprint(s.Enabled), printable(s.Expression), printable(compact(s.Parameters))}
}

// compact is JSON on one line, as people write it.
// Without escapes for HTML, which nobody would recognize in an expression.
func compact(value any) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err != nil {
		return err.Error()
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// printable keeps a text to one line that shows what it is: control characters, those
// that hide in which order a reader sees the rest (CVE-2021-42574) and what is not UTF-8
// are replaced. Escapes, as package plaintext writes them, would be longer: descriptions
// have little room, and a backslash means something else in each format.
func printable(text string) string {
	return strings.Map(func(c rune) rune {
		if unicode.IsControl(c) || unicode.Is(unicode.Bidi_Control, c) || c == '\u2028' || c == '\u2029' {
			return '?'
		}
		return c
	}, text)
}

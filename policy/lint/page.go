package lint

import (
	"fmt"
	"strings"
)

// Page returns the page of the documentation about the rules, in Markdown. It is made of
// them, with the examples that the tests check, so that it cannot say what is no more;
// a test compares it with docs/lint.md.
func Page() string {
	all := Rules()
	var b strings.Builder
	b.WriteString(`# Rules of larder lint

**TL;DR** ` + "`larder lint`" + ` reads larder.yaml as a whole and says what contradicts itself, leaks, or means what nobody wants. Each rule has an
id that does not change, and two examples that the tests check.

This page is made of the rules. To write it anew: ` + "`go test ./policy/lint -run Page -update`" + `.

## Exceptions

A rule that does not apply to a class or a route is ignored there, with the reason, in a comment on the line before its name, or within it:

` + "```yaml" + `
classes:
  # larder:ignore class-without-source the partner does not tell where it has them from
  exchange-rates:
    ttl: 1m
` + "```" + `

An exception that names no rule, or excuses nothing, is itself a finding; one without a reason is refused when the file is read. What
` + "`larder gen`" + ` or the service would refuse has no exceptions: whatever passes without an error makes code.
Whether the Go types that it names are there, ` + "`larder gen`" + ` looks.

## All rules

| rule | severity | what is wrong |
|---|---|---|
`)
	for _, r := range all {
		fmt.Fprintf(&b, "| [%s](#%s) | %s | %s |\n", r.ID, r.ID, r.Severity, r.Summary)
	}
	for _, r := range all {
		note := ""
		if r.Refused {
			note = " A file like this is refused when it is read."
		}
		fmt.Fprintf(&b, "\n## %s\n\n%s: %s%s\n\n%s\n\nWrong:\n\n```yaml\n%s```\n\nRight:\n\n```yaml\n%s```\n",
			r.ID, strings.ToUpper(string(r.Severity[:1]))+string(r.Severity[1:]), r.Summary, note, r.Why, r.Bad, r.Good)
	}
	return b.String()
}

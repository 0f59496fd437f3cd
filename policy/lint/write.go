package lint

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/larderdev/larder/internal/plaintext"
	"github.com/larderdev/larder/policy/internal/secret"
)

// Format is a way to write findings.
type Format string

// The formats.
const (
	// Text is for people: a line as compilers write it, the line of the file, and
	// the mend.
	Text Format = "text"
	// JSON is one object for programs. Its member "schema" is 1 and changes when a
	// member changes its meaning or goes; others may be added.
	JSON Format = "json"
	// GitHub is workflow commands, which become annotations of a pull request.
	GitHub Format = "github"
	// SARIF is version 2.1.0 of that format (OASIS), which code scanning reads.
	SARIF Format = "sarif"
)

// Formats returns all formats.
func Formats() []Format { return []Format{Text, JSON, GitHub, SARIF} }

// Place is where in a file something is.
type Place struct {
	// File is its name, with slashes, relative to the root of the repository if it
	// is in one. Empty: not known.
	File string
	// Line and Column are from 1; columns count characters. 0: not known.
	Line, Column int
	// Shown is the line as it may be shown, or empty.
	Shown string
	// Caret is the character of Shown, from 0, that the place is.
	Caret int
}

// Source tells where the path of a finding is. It returns the nearest enclosing
// place for a path that is not in the file. Nil: nothing is known.
type Source func(path string) Place

// Write writes findings in a format, in the order of their places. They may be of
// rules that are not in this package, too. It returns the error of w, or one for a
// format that is not known.
func Write(w io.Writer, format Format, found []Finding, source Source) error {
	all := locate(found, source)
	switch format {
	case Text:
		return writeText(w, all)
	case JSON:
		return writeJSON(w, all)
	case GitHub:
		return writeGitHub(w, all)
	case SARIF:
		return writeSARIF(w, all)
	}
	return fmt.Errorf("lint: format %q is not known: want text, json, github or sarif", format)
}

// located is a finding with its place.
type located struct {
	Finding
	Place
}

// locate finds the places, and takes back the lines that hold a secret. A line is taken
// back for all findings, also for those about something else in it: rules that output
// lines are the last to stand between a secret and the log of a build.
func locate(found []Finding, source Source) []located {
	all := make([]located, len(found))
	guarded := map[int]bool{}
	for i, f := range found {
		all[i].Finding = f
		if source != nil {
			all[i].Place = source(f.Path)
		}
		if f.Rule == secretRule {
			guarded[all[i].Line] = true
		}
	}
	for i := range all {
		if guarded[all[i].Line] || secret.In(all[i].Shown) != "" {
			all[i].Shown = ""
		}
	}
	slices.SortStableFunc(all, func(a, b located) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return all
}

// where writes a place as compilers do, which editors and terminals make a link of, or
// the path if there is none.
func (l *located) where() string {
	switch {
	case l.File == "":
		return l.Path
	case l.Line == 0:
		return plaintext.Line(l.File)
	}
	return fmt.Sprintf("%s:%d:%d", plaintext.Line(l.File), l.Line, l.Column)
}

// writeText writes all at once, so that lines of other programs do not come between.
func writeText(w io.Writer, all []located) error {
	var b strings.Builder
	for _, l := range all {
		fmt.Fprintf(&b, "%s: %s: %s: %s\n", l.where(), l.Severity, l.Rule, plaintext.Line(l.Message))
		if l.Shown != "" {
			fmt.Fprintf(&b, "\t%s\n\t%s^\n", l.Shown, indent(l.Shown, l.Caret))
		}
		fmt.Fprintf(&b, "\t%s\n", plaintext.Line(l.Mend))
	}
	_, err := io.WriteString(w, plaintext.Text(b.String()))
	return err
}

// indent is as wide as what is before the caret: a tab is as wide as that above.
func indent(shown string, caret int) string {
	var b strings.Builder
	for i, c := range []rune(shown) {
		if i >= caret {
			break
		}
		if c != '\t' {
			c = ' '
		}
		b.WriteRune(c)
	}
	return b.String()
}

// writeJSON has an empty list, and not null, for no findings.
func writeJSON(w io.Writer, all []located) error {
	type finding struct {
		Rule     string   `json:"rule"`
		Severity Severity `json:"severity"`
		Path     string   `json:"path"`
		Message  string   `json:"message"`
		Mend     string   `json:"mend"`
		File     string   `json:"file,omitempty"`
		Line     int      `json:"line,omitempty"`
		Column   int      `json:"column,omitempty"`
	}
	report := struct {
		Schema   int       `json:"schema"`
		Command  string    `json:"command"`
		Errors   int       `json:"errors"`
		Warnings int       `json:"warnings"`
		Findings []finding `json:"findings"`
	}{Schema: 1, Command: "lint", Findings: []finding{}}
	for _, l := range all {
		if l.Severity == Error {
			report.Errors++
		} else {
			report.Warnings++
		}
		report.Findings = append(report.Findings, finding{l.Rule, l.Severity, l.Path, l.Message, l.Mend, l.File, l.Line, l.Column})
	}
	return encode(w, report)
}

// encode leaves < and > as they are: nobody puts this into a page.
func encode(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// What ends a part of a workflow command is written in percent, as the runner of GitHub
// Actions reads it: a name in a policy must not begin another command. In a value of a
// property colons and commas end it, too.
var (
	commandText  = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	commandValue = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)

// writeGitHub writes the path into the text, since annotations do not show it otherwise.
func writeGitHub(w io.Writer, all []located) error {
	var b strings.Builder
	for _, l := range all {
		var values []string
		if l.File != "" {
			values = append(values, "file="+commandValue.Replace(plaintext.Line(l.File)))
		}
		if l.Line > 0 {
			values = append(values, fmt.Sprintf("line=%d,col=%d", l.Line, l.Column))
		}
		values = append(values, "title="+commandValue.Replace(l.Rule))
		text := plaintext.Line(l.Path+": "+l.Message) + "\n" + plaintext.Line(l.Mend)
		fmt.Fprintf(&b, "::%s %s::%s\n", l.Severity, strings.Join(values, ","), commandText.Replace(text))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

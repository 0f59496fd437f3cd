package strategy

import (
	"fmt"
	"strings"
)

// MaxSize bounds a page, in bytes.
const MaxSize = 512 << 10

// Report says what became of a page. Lines count from 1.
type Report struct {
	// Name is that of the page.
	Name string
	// Statements is how many the page makes: Understood, and those that are not.
	Statements int
	// Understood is how many are in the policy, or ask for what is there anyway.
	Understood int
	// Notes say what had to be decided, in the order of lines.
	Notes []Note
	// NotUnderstood are the statements that are not in the policy, in the order of
	// lines.
	NotUnderstood []Unknown
	// Wants is what a class needs before code can be made of it, and a page does not
	// say; by class.
	Wants []Want

	// pieces are the texts that blocks were taken apart into: all of the page but
	// marks and punctuation.
	pieces []string
}

// Note is a decision: what a statement was taken for.
type Note struct {
	Line int    `json:"line"`
	Text string `json:"text"`
}

// Unknown is a statement that is not understood.
type Unknown struct {
	Line int `json:"line"`
	// Text is the statement as it was written.
	Text string `json:"text"`
	// Reason says why it is not understood.
	Reason string `json:"reason"`
	// Suggestion says what to write instead.
	Suggestion string `json:"suggestion"`
}

// Want is something that a class needs and the page does not say.
type Want struct {
	// Class is the name of the class.
	Class string `json:"class"`
	// Field is the field of the class in larder.yaml: "type", "source" or "ttl".
	Field string `json:"field"`
	// Why says what it is needed for.
	Why string `json:"why"`
}

// String writes the report for people: one line each, with name and line in front
// where there is one.
func (r *Report) String() string {
	var out strings.Builder
	fmt.Fprintf(&out, "%s: %d of %d statements understood\n", r.Name, r.Understood, r.Statements)
	for _, n := range r.Notes {
		fmt.Fprintf(&out, "%s:%d: note: %s\n", r.Name, n.Line, n.Text)
	}
	for _, u := range r.NotUnderstood {
		fmt.Fprintf(&out, "%s:%d: not understood: %q: %s; %s\n", r.Name, u.Line, u.Text, u.Reason, u.Suggestion)
	}
	for _, w := range r.wants() {
		fmt.Fprintf(&out, "%s: %s wants %s: %s\n", r.Name, w.Class, w.Field, w.Why)
	}
	return out.String()
}

// wants returns what classes want, once for all that want the same: most pages say of
// no class what its Go type is.
func (r *Report) wants() []Want {
	var all []Want
	classes := map[Want][]string{}
	for _, w := range r.Wants {
		same := Want{Field: w.Field, Why: w.Why}
		if classes[same] == nil {
			all = append(all, same)
		}
		classes[same] = append(classes[same], w.Class)
	}
	for i, w := range all {
		all[i].Class = "class " + classes[w][0]
		if len(classes[w]) > 1 {
			all[i].Class = "each of the classes " + strings.Join(classes[w], ", ")
		}
	}
	return all
}

// Contradiction is two statements of a page that cannot both hold.
type Contradiction struct {
	// Line is that of the later statement, Other that of the one it contradicts.
	Line, Other int
	// Text says what the two are about and say.
	Text string
}

// Contradictions is the error of a page that says two things: all of them, in the
// order of lines.
type Contradictions struct {
	// Name is that of the page.
	Name string
	// All are at least one.
	All []Contradiction
}

// Error names each contradiction on its own line, with both lines of the page.
func (e *Contradictions) Error() string {
	lines := make([]string, len(e.All))
	for i, c := range e.All {
		lines[i] = fmt.Sprintf("%s:%d: %s (line %d); keep one of the two", e.Name, c.Line, c.Text, c.Other)
	}
	return strings.Join(lines, "\n")
}

package file

import (
	"cmp"
	"reflect"
	"slices"
	"strings"

	"github.com/larderdev/larder/policy/internal/field"
)

// Reformat returns a file in the form of [Format], with its comments. Each stands
// where what it is about stands now: a comment of its own line before the next key,
// or at the end of what it ends; one behind a value behind it, or, where several come
// together on a line, before it. Reasons of exceptions stand before the name of their
// class or route. Reformat of its own result changes nothing.
//
// The errors are those of [Parse]; and an [Errors] with the line of each comment that
// has no place in the canonical form, since what it is about says nothing.
func Reformat(name string, data []byte) ([]byte, error) {
	p, index, err := Parse(name, data)
	if err != nil {
		return nil, err
	}
	now := Format(p)
	_, canonical, err := Parse(name, now)
	if err != nil {
		return nil, err
	}
	r := newReformer(index, canonical)
	var wanted []string
	for _, c := range index.comments() {
		if directiveForm.MatchString(c.text) {
			continue // Format has it
		}
		wanted = append(wanted, commentText(c))
		if !r.place(c) {
			r.lost = append(r.lost, index.at(c.at, "this comment has no place in the canonical form: what it is about says nothing there", "write it before the class or route, or delete what it is about"))
		}
	}
	if len(r.lost) > 0 {
		return nil, index.sorted(r.lost, 0)
	}
	// Comments are placed by rules, and files are of any form: the result is read again,
	// since to refuse is better than to lose a comment or change a policy.
	out := []byte(r.write())
	again, read, err := Parse(name, out)
	if err != nil || !reflect.DeepEqual(p, again) || !keeps(read, wanted) {
		return nil, index.only(index.at(Position{1, 1}, "its comments cannot be kept", "take from larder fmt what you like"))
	}
	return out, nil
}

// commentText is a comment as it is written again: without white space at its end,
// which nobody sees.
func commentText(c comment) string { return "#" + strings.TrimRight(c.text, " \t\r") }

// keeps tells whether all comments are in a file, each as often as it is wanted.
func keeps(x *Index, wanted []string) bool {
	have := map[string]int{}
	for _, c := range x.comments() {
		have[commentText(c)]++
	}
	for _, text := range wanted {
		if have[text]--; have[text] < 0 {
			return false
		}
	}
	return true
}

// fieldPlace is a field with where it begins.
type fieldPlace struct {
	Position
	path string
}

// fields returns the fields in the order of the file, the outer one first where two
// begin at one place.
func (x *Index) fields() []fieldPlace {
	var all []fieldPlace
	for path, at := range x.places {
		all = append(all, fieldPlace{at, path})
	}
	slices.SortFunc(all, func(a, b fieldPlace) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(len(a.path), len(b.path)), cmp.Compare(a.path, b.path))
	})
	return all
}

// ends returns the last line of each section of the file, and of each thing in one.
func (x *Index) ends() map[string]int {
	ends := map[string]int{}
	for path, at := range x.places {
		for ; path != ""; path = field.Parent(path) {
			ends[path] = max(ends[path], at.Line)
		}
	}
	return ends
}

// reformer puts the comments of one form of a file into another. Lines are those of
// the other.
type reformer struct {
	from   *Index
	fields []fieldPlace
	to     *Index
	ends   map[string]int
	// before, behind and after are the comments by line; those after one have their
	// indentation already.
	before, behind, after map[int][]string
	lost                  []*Error
}

func newReformer(from, to *Index) *reformer {
	return &reformer{
		from: from, fields: from.fields(), to: to, ends: to.ends(),
		before: map[int][]string{}, behind: map[int][]string{}, after: map[int][]string{},
	}
}

// place finds where a comment goes. It returns false if there is no such place.
func (r *reformer) place(c comment) bool {
	text := commentText(c)
	if !c.alone {
		line, ok := r.line(r.beside(c))
		r.behind[line] = append(r.behind[line], text)
		return ok
	}
	next := r.firstFrom(c.next)
	// Further in than what comes, it ends what is before it.
	if next == len(r.fields) || next > 0 && c.at.Column > 1+indentOf(r.from.lines[c.next-1]) {
		return r.foot(c, next, text)
	}
	path := r.fields[next].path
	apart := c.at.Line < len(r.from.lines) && strings.TrimSpace(r.from.lines[c.next-2]) == ""
	if next == 0 && (apart || strings.HasPrefix(text, modelineStart)) {
		path = "version" // the file's own, which begins with it now
	}
	line, ok := r.line(path)
	r.before[line] = append(r.before[line], text)
	return ok
}

// indentOf is the number of spaces that a line begins with.
func indentOf(line string) int { return len(line) - len(strings.TrimLeft(line, " ")) }

// firstFrom returns the number of the first field that begins in a line or below it,
// that of all fields if none does. There may be as many comments as fields.
func (r *reformer) firstFrom(line int) int {
	i, _ := slices.BinarySearchFunc(r.fields, line, func(f fieldPlace, line int) int { return cmp.Compare(f.Line, line) })
	return i
}

// beside returns the field that a comment behind something is about: the first that
// begins on its line. A line that only closes brackets belongs to what is before it, a
// key whose value is below it to what comes.
func (r *reformer) beside(c comment) string {
	next := r.firstFrom(c.at.Line)
	if next < len(r.fields) && r.fields[next].Line == c.at.Line {
		return r.fields[next].path
	}
	code := strings.TrimSpace(string([]rune(r.from.lines[c.at.Line-1])[:c.at.Column-1]))
	if next == 0 || next < len(r.fields) && strings.HasSuffix(code, ":") {
		return r.fields[next].path
	}
	return r.fields[next-1].path
}

// line returns the line of a field. What is written in its parent's line now has that.
// Only parents within a class, a profile or a route count: in the line of the whole
// class the comment would be about another thing.
func (r *reformer) line(path string) (line int, ok bool) {
	for ; path != ""; path = field.Parent(path) {
		if at, there := r.to.places[path]; there {
			return at.Line, true
		}
		if depthOf(path) <= 3 {
			return 0, false // a class without the field says nothing about it
		}
	}
	return 0, false
}

// foot places a comment at the end of what it is within: the file, a section, or a
// thing in one. next is the field that follows it, the number of all for none. By its
// column it is within the innermost thing before it that is less indented than itself.
func (r *reformer) foot(c comment, next int, text string) bool {
	if next == 0 {
		return false
	}
	within, depth := r.around(c, r.fields[next-1].path)
	line, ok := r.ends[within]
	if depth == 0 {
		line, ok = len(r.to.lines)-1, true
	}
	if ok {
		r.after[line] = append(r.after[line], strings.Repeat("  ", depth)+text)
	}
	return ok
}

// around returns the section, or the thing in one, that a comment is within, and how
// deep that is: 0 is the file. path is the field before the comment.
func (r *reformer) around(c comment, path string) (within string, depth int) {
	for ; path != ""; path = field.Parent(path) {
		depth = depthOf(path)
		if at := r.from.places[path]; depth <= 2 && c.at.Column > 1+indentOf(r.from.lines[at.Line-1]) {
			return path, depth
		}
	}
	return "", 0
}

// depthOf is 1 for a section, 2 for a thing in one, 3 for a field of such a thing.
func depthOf(path string) int {
	depth := 0
	for ; path != ""; path = field.Parent(path) {
		depth++
	}
	return depth
}

// modelineStart is how the comment begins that names the schema. A file that has one
// keeps its own.
const modelineStart = "# yaml-language-server:"

// write returns the lines with the comments.
func (r *reformer) write() string {
	lines := strings.Split(strings.TrimSuffix(strings.Join(r.to.lines, "\n"), "\n"), "\n")
	if slices.ContainsFunc(slices.Concat(r.before[2], r.before[1]), func(text string) bool { return strings.HasPrefix(text, modelineStart) }) {
		lines[0] = ""
	}
	var b strings.Builder
	for i, line := range lines {
		if i == 0 && line == "" {
			continue
		}
		indent := line[:indentOf(line)]
		before, behind := r.before[i+1], r.behind[i+1]
		if len(behind) > 1 {
			before, behind = append(before, behind...), nil
		}
		for _, text := range before {
			b.WriteString(indent + text + "\n")
		}
		b.WriteString(line)
		for _, text := range behind {
			b.WriteString(" " + text)
		}
		b.WriteString("\n")
		for _, text := range slices.Backward(sortedByDepth(r.after[i+1])) {
			b.WriteString(text + "\n")
		}
	}
	return b.String()
}

// sortedByDepth orders comments that end several things at one line: the file first,
// and those of one thing from the last to the first.
func sortedByDepth(texts []string) []string {
	texts = slices.Clone(texts)
	slices.Reverse(texts)
	slices.SortStableFunc(texts, func(a, b string) int { return cmp.Compare(indentOf(a), indentOf(b)) })
	return texts
}

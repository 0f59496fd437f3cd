package gen

import (
	"fmt"
	"slices"
	"sort"
	"strings"
)

// contextLines is how many lines that are the same stand around a change.
const contextLines = 3

// pair is a line that is the same in both texts: line i of the one, j of the
// other.
type pair struct{ i, j int }

// unified returns the difference of two texts as a unified diff, "" if there is
// none.
// A library for it would be a dependency of the root module for one command; what is
// compared is code that mostly has not changed, for which this is enough.
func unified(from, to, a, b string) string {
	if a == b {
		return ""
	}
	before, after := lines(a), lines(b)
	var same []pair
	match(before, after, 0, 0, &same)
	same = append(same, pair{len(before), len(after)}) // behind the ends

	var out strings.Builder
	fmt.Fprintf(&out, "--- %s\n+++ %s\n", from, to)
	for _, h := range hunks(same, len(before), len(after)) {
		h.write(&out, before, after, same)
	}
	return out.String()
}

// lines splits a text behind the ends of its lines.
func lines(text string) []string { return slices.Collect(strings.Lines(text)) }

// match appends to same the lines that a and b have in common, in order; they begin
// at lines i and j of their texts. It strips what is the same at both ends, and
// splits the rest at the lines that each side has exactly once: those are the ones
// that people take for the same.
//
// This is known as patience diff. Without an anchor the rest is taken for changed as a
// whole: that is never wrong, and only longer than it might be.
func match(a, b []string, i, j int, same *[]pair) {
	for len(a) > 0 && len(b) > 0 && a[0] == b[0] {
		*same = append(*same, pair{i, j})
		a, b, i, j = a[1:], b[1:], i+1, j+1
	}
	tail := 0
	for len(a) > tail && len(b) > tail && a[len(a)-1-tail] == b[len(b)-1-tail] {
		tail++
	}
	a, b = a[:len(a)-tail], b[:len(b)-tail]
	if at := anchors(a, b); len(at) > 0 {
		last := pair{0, 0}
		for _, p := range append(at, pair{len(a), len(b)}) {
			match(a[last.i:p.i], b[last.j:p.j], i+last.i, j+last.j, same)
			last = p
		}
	}
	for n := range tail {
		*same = append(*same, pair{i + len(a) + n, j + len(b) + n})
	}
}

// anchors returns the lines that a and b have exactly once each, as many of them
// as are in the same order: the longest increasing run.
func anchors(a, b []string) []pair {
	type count struct{ inA, inB, j int }
	counts := map[string]*count{}
	for _, line := range a {
		if counts[line] == nil {
			counts[line] = &count{}
		}
		counts[line].inA++
	}
	for j, line := range b {
		if c := counts[line]; c != nil {
			c.inB++
			c.j = j
		}
	}
	var unique []pair
	for i, line := range a {
		if c := counts[line]; c.inA == 1 && c.inB == 1 {
			unique = append(unique, pair{i, c.j})
		}
	}
	return longestRun(unique)
}

// longestRun returns the longest run of pairs, which are in the order of i, whose j
// rise too. ends[n] is the pair with the least j that a run of n+1 pairs can end in.
// Patience sorting: n log n, so that a file of any length is compared at once.
func longestRun(pairs []pair) []pair {
	var ends []int
	before := make([]int, len(pairs)) // the pair in front of each, -1: none
	for at, p := range pairs {
		n := sort.Search(len(ends), func(n int) bool { return pairs[ends[n]].j >= p.j })
		before[at] = -1
		if n > 0 {
			before[at] = ends[n-1]
		}
		if n == len(ends) {
			ends = append(ends, at)
		} else {
			ends[n] = at
		}
	}
	run := make([]pair, len(ends))
	if len(ends) > 0 {
		for n, at := len(ends)-1, ends[len(ends)-1]; n >= 0; n, at = n-1, before[at] {
			run[n] = pairs[at]
		}
	}
	return run
}

// hunk is a part of both texts: lines [from.i, to.i) of the one become lines
// [from.j, to.j) of the other.
type hunk struct{ from, to pair }

// hunks returns the changes with the lines around them. Those that would touch are
// one.
// same ends with the pair behind both texts, which closes the last change.
func hunks(same []pair, before, after int) []hunk {
	var all []hunk
	next := pair{0, 0} // the first lines that are not in a pair yet
	for _, p := range same {
		if p != next { // lines before it have changed
			h := hunk{widen(next, -contextLines, before, after), widen(p, contextLines, before, after)}
			if n := len(all); n > 0 && h.from.i <= all[n-1].to.i {
				all[n-1].to = h.to
			} else {
				all = append(all, h)
			}
		}
		next = pair{p.i + 1, p.j + 1}
	}
	return all
}

// widen moves a place by n lines in both texts, as far as both have them.
// By the same number in both, since the lines around a change are the same ones.
func widen(p pair, n, before, after int) pair {
	if n < 0 {
		n = -min(-n, p.i, p.j)
	} else {
		n = min(n, before-p.i, after-p.j)
	}
	return pair{p.i + n, p.j + n}
}

// write writes the hunk: its place, and its lines with what became of them.
func (h hunk) write(out *strings.Builder, before, after []string, same []pair) {
	fmt.Fprintf(out, "@@ -%s +%s @@\n", span(h.from.i, h.to.i), span(h.from.j, h.to.j))
	i, j := h.from.i, h.from.j
	for k := sort.Search(len(same), func(k int) bool { return same[k].i >= i && same[k].j >= j }); i < h.to.i || j < h.to.j; k++ {
		p := same[k]
		for ; i < min(p.i, h.to.i); i++ {
			line(out, "-", before[i])
		}
		for ; j < min(p.j, h.to.j); j++ {
			line(out, "+", after[j])
		}
		if i < h.to.i && j < h.to.j {
			line(out, " ", before[i])
			i, j = i+1, j+1
		}
	}
}

// span is the place of lines [from, to) as patch reads it: the first and how many.
// Of none it is the line before.
func span(from, to int) string {
	switch to - from {
	case 0:
		return fmt.Sprintf("%d,0", from)
	case 1:
		return fmt.Sprint(from + 1)
	}
	return fmt.Sprintf("%d,%d", from+1, to-from)
}

// line writes a line of a hunk. The last of a text may have no end.
func line(out *strings.Builder, mark, text string) {
	out.WriteString(mark + text)
	if !strings.HasSuffix(text, "\n") {
		out.WriteString("\n\\ No newline at end of file\n")
	}
}

package cli

import (
	"io"
	"strings"
)

// paint is a colour of text, by its code of ECMA-48.
type paint string

const (
	red    paint = "31"
	green  paint = "32"
	yellow paint = "33"
	faint  paint = "2"
	bold   paint = "1"
)

// coloured is text in which what acts on a terminal comes from this program.
//
// Its type tells label.line not to make it legible again.
type coloured string

// painted returns text, made legible, in a colour, if standard output is a terminal
// and nobody has set NO_COLOR (no-color.org).
func (a *app) painted(p paint, text string) coloured {
	text = legible(text)
	if !a.isTerminal(a.out) || a.getenv("NO_COLOR") != "" || a.getenv("TERM") == "dumb" {
		return coloured(text)
	}
	return coloured("\x1b[" + string(p) + "m" + text + "\x1b[0m")
}

// printDiff prints a unified diff, in colours at a terminal.
// Line by line, so that a colour never runs over the end of one: a pager shows them
// singly.
func (a *app) printDiff(text string) {
	for line := range strings.Lines(text) {
		body := strings.TrimSuffix(line, "\n")
		switch {
		case strings.HasPrefix(line, "+"):
			body = string(a.painted(green, body))
		case strings.HasPrefix(line, "-"):
			body = string(a.painted(red, body))
		case strings.HasPrefix(line, "@@"):
			body = string(a.painted(faint, body))
		}
		_, _ = io.WriteString(a.out, body+"\n")
	}
}

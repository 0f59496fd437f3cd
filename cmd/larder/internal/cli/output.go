package cli

import (
	"encoding/json"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/larderdev/larder/internal/plaintext"
)

// schemaVersion is that of the JSON that --json prints. Within a version fields
// are added, and never renamed, removed or given another meaning.
const schemaVersion = 1

// head begins every object that --json prints.
type head struct {
	Schema  int    `json:"schema"`
	Command string `json:"command"`
}

func (a *app) head(command string) head {
	return head{Schema: schemaVersion, Command: strings.TrimPrefix(command, "larder ")}
}

// printJSON prints v, which begins with a head.
func (a *app) printJSON(v any) error {
	enc := json.NewEncoder(a.out)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// sink is standard output. It remembers that something could not be written: an
// answer without its end is none.
type sink struct {
	io.Writer
	err atomic.Pointer[error]
}

func (s *sink) Write(p []byte) (int, error) {
	n, err := s.Writer.Write(p)
	if err != nil {
		s.err.CompareAndSwap(nil, &err)
	}
	return n, err
}

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

// legible is a text of somebody else as it may be printed. A policy, a key and a tag
// of the shared tier, and the name of a file, are mostly by somebody else than the one
// who reads about them.
func legible(text string) string { return plaintext.Text(text) }

// messages is standard error, on which nothing but text is printed.
type messages struct{ io.Writer }

// Write takes whole texts, as package fmt writes them.
func (m messages) Write(p []byte) (int, error) {
	if _, err := io.WriteString(m.Writer, legible(string(p))); err != nil {
		return 0, err
	}
	return len(p), nil
}

// isTerminal tells whether stream is a character device, and not the null device,
// at which nobody sits.
func (a *app) isTerminal(stream any) bool {
	if s, ok := stream.(*sink); ok {
		stream = s.Writer
	}
	f, ok := stream.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return false
	}
	null, err := os.Stat(os.DevNull)
	return err != nil || !os.SameFile(info, null)
}

// sortedNames returns the names in a map, in order.
func sortedNames[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// printDiff prints a unified diff, in colours at a terminal.
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

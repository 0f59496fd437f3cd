package gen

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/larderdev/larder"
	"github.com/larderdev/larder/internal/timespan"
	"github.com/larderdev/larder/policy"
)

// describe says of a class what it is and how long its values live, in words:
// the text of what is generated for it.
func describe(c policy.Class, p larder.Policy) string {
	var said []string
	say := func(format string, args ...any) { said = append(said, fmt.Sprintf(format, args...)) }
	if text := strings.Join(strings.Fields(c.Description), " "); text != "" {
		say("%s", strings.TrimRight(text, ".")+".")
	}
	if c.FromValue {
		say("A value lives until the end that it has itself, %s at most, and is never served after that.", words(p.TTL))
	} else {
		say("A value is fresh for %s%s.", words(p.TTL), inMemory(p))
		say("%s", after(p))
	}
	say("That there is none is remembered for %s.", words(p.NegativeTTL))
	say("Values are kept in %s.", places(c, p))
	return strings.Join(said, " ")
}

func inMemory(p larder.Policy) string {
	if p.MemoryTTL == 0 {
		return ""
	}
	return ", in memory for " + words(p.MemoryTTL)
}

// after says what happens when a value is not fresh any more.
func after(p larder.Policy) string {
	var windows []string
	if p.StaleWhileRevalidate > 0 {
		windows = append(windows, "for up to "+words(p.StaleWhileRevalidate)+" while one load replaces it")
	}
	if p.StaleIfError > 0 {
		windows = append(windows, "for up to "+words(p.StaleIfError)+" when it cannot be loaded")
	}
	if len(windows) == 0 {
		return "After that readers wait for a load."
	}
	return "After that it is still served " + strings.Join(windows, ", and ") + "."
}

func places(c policy.Class, p larder.Policy) string {
	var all []string
	if p.Tiers&larder.Memory != 0 {
		all = append(all, "the memory of each process")
	}
	if p.Tiers&larder.Shared != 0 {
		where := "the shared tier"
		if p.Encrypt {
			where += ", encrypted"
		}
		all = append(all, where)
	}
	if slices.Contains(c.Tiers, policy.Edge) {
		all = append(all, "the edge, as the routes say")
	}
	if len(all) == 3 {
		return all[0] + ", " + all[1] + ", and " + all[2]
	}
	return strings.Join(all, " and ")
}

// words writes a duration as people do: "7d", "1h30m", "500ms".
func words(d time.Duration) string {
	if days := d / timespan.Day; days > 0 && d%timespan.Day > 0 {
		return fmt.Sprintf("%dd", days) + timespan.Text(d%timespan.Day)
	}
	return timespan.Text(d)
}

// versions says where a version comes from, for the method that reads it.
var versions = map[string]string{
	"column":       "a number from a column of its row that each write raises, and that does not start again when the row is deleted and inserted",
	"sequence":     "a number from a sequence of the database that each write of its row takes",
	"xid-snapshot": "the writer's pg_current_xact_id, read together with pg_current_snapshot in the statement that reads the row, on the primary",
	"replay-lsn":   "pg_last_wal_replay_lsn, read in a statement before the one that reads the row, on a standby",
}

// printable returns text with a space in place of each character that Go does not
// take in a comment, such as NUL and a byte order mark, that a terminal would obey,
// or that hides in which order a reader sees the rest (CVE-2021-42574).
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\uFEFF' || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, text)
}

// comment writes text as the lines of a Go comment, broken before column 80.
func comment(indent, text string) string {
	var b strings.Builder
	line := ""
	flush := func() {
		b.WriteString(strings.TrimRight(indent+"// "+line, " ") + "\n")
		line = ""
	}
	for _, word := range strings.Fields(printable(text)) {
		if line != "" && len(indent)+len(line)+len(word) > 75 {
			flush()
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	flush()
	return strings.TrimSuffix(b.String(), "\n")
}

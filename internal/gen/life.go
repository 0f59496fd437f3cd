package gen

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/larderdev/larder"
	"github.com/larderdev/larder/internal/timespan"
	"github.com/larderdev/larder/policy"
)

// describe says of a class what it is and how long its values live, in words:
// the text of what is generated for it.
// The times are those of the code below it, also where they are defaults of a profile:
// who reads the code does not have the policy at hand.
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

// inMemory says how long memory has it, if that is another time.
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

// places lists the tiers, the nearest first, as a sentence does.
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
// The units are those of larder.yaml, which has days, and not those of package time.
func words(d time.Duration) string {
	if days := d / timespan.Day; days > 0 && d%timespan.Day > 0 {
		return fmt.Sprintf("%dd", days) + timespan.Text(d%timespan.Day)
	}
	return timespan.Text(d)
}

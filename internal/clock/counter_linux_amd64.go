package clock

import (
	"os"
	"strings"
)

// counter reads the time stamp counter, in ticks of a constant length.
func counter() int64

// counterTrusted reports whether the kernel keeps its time by the counter: it
// has then found it constant, never stopping and alike on all cores.
var counterTrusted = func() bool {
	source, err := os.ReadFile("/sys/devices/system/clocksource/clocksource0/current_clocksource")
	return err == nil && strings.TrimSpace(string(source)) == "tsc"
}()

package cli

import (
	"errors"
	"math"
	"strconv"
	"strings"
)

// sizeUnits are those of larder.yaml.
var sizeUnits = map[string]int64{
	"": 1, "B": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30,
}

// size is a flag for a number of bytes: plain, or with a unit as in larder.yaml.
type size int64

// String returns the number of bytes, with a unit if there are so many whole ones.
// Only the binary units, as the defaults are powers of two.
func (s *size) String() string {
	for _, unit := range []string{"GiB", "MiB", "KiB"} {
		if n := sizeUnits[unit]; *s != 0 && int64(*s)%n == 0 {
			return strconv.FormatInt(int64(*s)/n, 10) + unit
		}
	}
	return strconv.FormatInt(int64(*s), 10)
}

// Set reads a number, which may be below zero: edge.New says what it wants.
func (s *size) Set(text string) error {
	// All letters that a unit can have: what is left is a number, or is refused as one.
	digits := strings.TrimRight(text, "BKMGik")
	n, err := strconv.ParseInt(digits, 10, 64)
	unit, ok := sizeUnits[text[len(digits):]]
	if err != nil || !ok || n > math.MaxInt64/unit || n < math.MinInt64/unit {
		return errors.New("want a size such as 64MiB, or a number of bytes")
	}
	*s = size(n * unit)
	return nil
}

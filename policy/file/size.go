package file

import (
	"math"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/larderdev/larder/policy/internal/secret"
)

// parseSize reads a number of bytes that is more than nothing. KB is none: to some it is
// 1,000 bytes, to others 1,024.
func parseSize(n *yaml.Node) (int64, error) {
	v := n.Value
	if decimal.MatchString(v) && v != "0" {
		return 0, wrong("write "+v+"B if bytes are meant", "the size %s has no unit", secret.Quote(v))
	}
	for _, unit := range sizeUnits {
		number, ok := strings.CutSuffix(v, unit.name)
		if !ok {
			continue
		}
		if !wholeNumber.MatchString(number) {
			break // 1.5GiB is not always a whole number of bytes
		}
		size, err := strconv.ParseInt(number, 10, 64)
		switch {
		case err != nil || size > math.MaxInt64/unit.bytes:
			return 0, wrong("write a smaller one", "the size %s is too large", secret.Quote(v))
		case size < 0:
			return 0, wrong("write it without the sign", "the size %s is negative", secret.Quote(v))
		case size == 0:
			return 0, wrong("leave it out", "the size %s is nothing", secret.Quote(v))
		}
		return size * unit.bytes, nil
	}
	return 0, wrong(sizeMend(v), "want a size, got %s", secret.Quote(v))
}

// sizeUnits are the units of sizes, the longest first: "B" ends all of them. Those of
// 1,024 (IEC 80000-13) come first, as Format writes the first that divides a size.
var sizeUnits = []struct {
	name  string
	bytes int64
}{
	{"GiB", 1 << 30},
	{"MiB", 1 << 20},
	{"KiB", 1 << 10},
	{"GB", 1e9},
	{"MB", 1e6},
	{"kB", 1e3},
	{"B", 1},
}

// sizeMend finds the way in which people write a size: "64 mb", "64M". A letter alone
// is taken for the unit of 1,024, as in the options of most servers.
func sizeMend(v string) string {
	spaceless := strings.ReplaceAll(v, " ", "")
	number := strings.TrimRight(spaceless, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
	if wholeNumber.MatchString(number) && number != "0" {
		letters := strings.ToLower(spaceless[len(number):])
		for _, unit := range sizeUnits {
			if name := strings.ToLower(unit.name); letters == name || len(letters) == 1 && name == letters+"ib" {
				return "write " + number + unit.name
			}
		}
	}
	return "write a whole number and one of B, KiB, MiB, GiB, kB, MB, GB: 64MiB"
}

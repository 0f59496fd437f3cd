// Package percent reads and writes shares in percent, without a loss: 0.07 is "7%",
// and 7% is 0.07.
//
// A float64 that is multiplied or divided by 100 is not always the one nearest to the
// decimal number that people wrote, so that a file that is read and written would
// change. Here only the point moves, in the text.
package percent

import (
	"strconv"
	"strings"
)

// Parse reads a number of percent without its sign: "12.5" is 0.125. The error is
// that of strconv.ParseFloat.
func Parse(digits string) (float64, error) { return strconv.ParseFloat(digits+"e-2", 64) }

// Text writes a share from 0 in the fewest digits by which [Parse] finds it again.
func Text(share float64) string {
	whole, fraction, _ := strings.Cut(strconv.FormatFloat(share, 'f', -1, 64), ".")
	fraction += strings.Repeat("0", max(0, 2-len(fraction)))
	text := strings.TrimLeft(whole+fraction[:2], "0")
	if text == "" {
		text = "0"
	}
	if rest := strings.TrimRight(fraction[2:], "0"); rest != "" {
		text += "." + rest
	}
	return text + "%"
}

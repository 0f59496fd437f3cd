package file

import (
	"errors"
	"strings"
	"testing"
)

// TestParse_SecretsAreNotShown writes a token where its name should be, in files that
// are wrong by that or by something else: no error has it, in words or in a line.
func TestParse_SecretsAreNotShown(t *testing.T) {
	for _, value := range []string{
		"h7nter2", "'h7nter2", "\"h7nter2", "h7nter2: x", "h7nter2\x01", "[h7nter2]", "{h7nter2: x}", "\n      h7nter2: x", "\n      - h7nter2",
		"*h7nter2", "&h7nter2 x", "!h7nter2 x", "|\n      h7nter2", "\n      h7nter2\n      h7nter2", "\"h7nter2\n      h7nter2",
		"\"\\h7nter2\"", "[h7nter2\n      h7nter2", "h7nter2\n---\nx: y",
	} {
		for _, key := range []string{"token", "\"token\"", "zone", "token "} {
			text := "version: 1\ncdn:\n  - kind: fastly\n    " + key + ": " + value + "\n"
			_, _, err := Parse("larder.yaml", []byte(text))
			var all *Errors
			if !errors.As(err, &all) {
				t.Errorf("%q is read: %v", text, err)
				continue
			}
			if strings.Contains(err.Error(), "h7nter2") {
				t.Errorf("%q is shown:\n%v", text, err)
			}
		}
	}
	for _, number := range []string{"20261126", "0x20261126", "2026_1126", "20261126:30"} {
		_, _, err := Parse("larder.yaml", []byte("version: 1\ncdn:\n  - {kind: bunny, zone: "+number+"}\n"))
		if err == nil || strings.Contains(err.Error(), "1126") {
			t.Errorf("a zone of %s is read, or shown: %v", number, err)
		}
	}
}

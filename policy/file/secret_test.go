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
	// A key that only the parser reads as one.
	for _, value := range []string{"h7nter2", "[h7nter2]", "\n      h7nter2: x", "\n      - x\n      - h7nter2: x"} {
		_, _, err := Parse("larder.yaml", []byte("version: 1\ncdn:\n  - kind: fastly\n    \"\\x74oken\": "+value+"\n"))
		if err == nil || strings.Contains(err.Error(), "h7nter2") {
			t.Errorf("%q is read, or shown: %v", value, err)
		}
	}
	// In the wrong place, and beside another mistake.
	for _, text := range []string{
		"version: 1\nclasses:\n  token: h7nter2\n",
		"version: 1\ncdn:\n  - {token: \"a\n    h7nter2\", kid: fastly}\n",
		"version: 1\ncdn:\n  - {token: [a,\n    h7nter2], kid: fastly}\n",
	} {
		if _, _, err := Parse("larder.yaml", []byte(text)); err == nil || strings.Contains(err.Error(), "h7nter2") {
			t.Errorf("%q is read, or shown: %v", text, err)
		}
	}
	for _, number := range []string{"20261126", "0x20261126", "2026_1126", "20261126:30"} {
		_, _, err := Parse("larder.yaml", []byte("version: 1\ncdn:\n  - {kind: bunny, zone: "+number+"}\n"))
		if err == nil || strings.Contains(err.Error(), "1126") {
			t.Errorf("a zone of %s is read, or shown: %v", number, err)
		}
	}
}

// TestParse_ClassCalledToken: a class may be called so, and its lines are shown.
func TestParse_ClassCalledToken(t *testing.T) {
	_, _, err := Parse("larder.yaml", []byte("version: 1\nclasses:\n  token:\n    tll: 5m\n"))
	if err == nil || !strings.Contains(err.Error(), "\n\t    tll: 5m\n") {
		t.Errorf("got %v, want the line", err)
	}
}

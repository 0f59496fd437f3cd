package file

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestFormat_RoundTrip: what is written reads as what was written, and writing is a
// function of it.
func TestFormat_RoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawPolicy(t)
		if err := p.Validate(); err != nil {
			t.Fatalf("drew a policy that is not valid: %v", err)
		}
		data := Format(p)
		got, _, err := Parse("larder.yaml", data)
		if err != nil {
			t.Fatalf("%v\nof\n%s", err, data)
		}
		if !reflect.DeepEqual(got, p) {
			t.Fatalf("got  %+v\nwant %+v\nfrom\n%s", got, p, data)
		}
		if again := Format(got); !bytes.Equal(again, data) {
			t.Fatalf("written again it is\n%s\nfirst it was\n%s", again, data)
		}
	})
}

// FuzzParse: nothing panics, each mistake has a place within the file, and what can
// be read can be written and read again.
func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/*/*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range append(files, "../../larder.example.yaml") {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte("    : \n    0"))         // the parser places this mistake below the last line
	f.Add([]byte("version: 00000\n\n 00")) // a plain value of two lines
	f.Fuzz(func(t *testing.T, data []byte) {
		p, index, err := Parse("larder.yaml", data)
		if err != nil {
			checkErrors(t, data, err)
			return
		}
		for path := range index.places {
			if at := index.Position(path); at.Line < 1 || at.Line > len(index.lines) || at.Column < 1 {
				t.Errorf("%s is at %v of %d lines", path, at, len(index.lines))
			}
		}
		written := Format(p)
		again, _, err := Parse("larder.yaml", written)
		if err != nil {
			t.Fatalf("%v\nof\n%s\nwritten from\n%s", err, written, data)
		}
		if !reflect.DeepEqual(p, again) {
			t.Fatalf("read  %+v\nagain %+v\nfrom\n%s", p, again, written)
		}
	})
}

// checkErrors holds what Parse says of a wrong file to its promises.
func checkErrors(t *testing.T, data []byte, err error) {
	t.Helper()
	var all *Errors
	if !errors.As(err, &all) || len(all.List) == 0 || len(all.List) > maxErrors {
		t.Fatalf("%T with another number of mistakes than 1 to %d", err, maxErrors)
	}
	lines := len(splitLines(string(data)))
	for i, e := range all.List {
		if e.Line > lines || e.Line < 0 || (e.Line > 0) != (e.Column > 0) || e.Message == "" || strings.ContainsAny(e.Message, "\n\r") {
			t.Errorf("%d:%d of %d lines: %q", e.Line, e.Column, lines, e.Message)
		}
		if i > 0 && e.Line < all.List[i-1].Line {
			t.Errorf("line %d comes after line %d", e.Line, all.List[i-1].Line)
		}
	}
	if all.Error() == "" {
		t.Error("no message")
	}
}

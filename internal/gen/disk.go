package gen

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/larderdev/larder/internal/atomicfile"
)

// Kind is how a file on disk differs from what would be generated.
type Kind string

// The kinds of drift.
const (
	Missing Kind = "missing" // it is not there
	Changed Kind = "changed" // it holds something else
	Stale   Kind = "stale"   // it was generated once, and would not be any more
	Foreign Kind = "foreign" // it has the name of a generated file, and is none
)

// Drift is one file that is not as it would be generated.
//
// It keeps what was compared, so that a diff shows the very difference that was found,
// even if the file changes meanwhile.
type Drift struct {
	// File is its path from the folder of the policy, with slashes.
	File string
	Kind Kind

	name       string // in the folder
	have, want []byte // nil: there is no file
}

// String returns the file and how it differs: "internal/caches/keys_gen.go: stale".
func (d Drift) String() string { return d.File + ": " + string(d.Kind) }

// Check compares the files with those on disk, and returns what differs, in the
// order of names: files that are missing or have changed, and generated ones that
// are left from an earlier policy. It changes nothing. Ends of lines do not count,
// since version control may have changed them.
func (o *Output) Check() ([]Drift, error) {
	var found []Drift
	note := func(name string, kind Kind, have, want []byte) {
		found = append(found, Drift{path.Join(o.out, name), kind, name, have, want})
	}
	for _, f := range o.Files {
		have, err := os.ReadFile(filepath.Join(o.Dir, f.Name))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			note(f.Name, Missing, nil, f.Data)
		case err != nil:
			return nil, fmt.Errorf("gen: %w", err)
		case !generated(bytes.NewReader(have)):
			note(f.Name, Foreign, have, f.Data)
		case !bytes.Equal(unixLines(have), f.Data):
			note(f.Name, Changed, unixLines(have), f.Data)
		}
	}
	stale, err := o.stale()
	if err != nil {
		return nil, fmt.Errorf("gen: %w", err)
	}
	for _, name := range stale {
		have, err := os.ReadFile(filepath.Join(o.Dir, name))
		if err != nil {
			return nil, fmt.Errorf("gen: %w", err)
		}
		note(name, Stale, unixLines(have), nil)
	}
	slices.SortFunc(found, func(a, b Drift) int { return strings.Compare(a.name, b.name) })
	return found, nil
}

// stale returns the names of generated files in the folder that are not among
// those of o.
// By the header and the end of the name: a file that somebody has made by hand is never
// ours, whatever it is called.
func (o *Output) stale() ([]string, error) {
	entries, err := os.ReadDir(o.Dir)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		return nil, err
	}
	var names []string
	for _, e := range entries {
		name := e.Name()
		known := slices.ContainsFunc(o.Files, func(f File) bool { return f.Name == name })
		if known || !e.Type().IsRegular() || !strings.HasSuffix(name, "_gen.go") && !strings.HasSuffix(name, "_gen.sql") {
			continue
		}
		ours, err := generatedFile(filepath.Join(o.Dir, name))
		if err != nil {
			return nil, err
		}
		if ours {
			names = append(names, name)
		}
	}
	return names, nil
}

// Diff returns what [Output.Write] would change, as a unified diff from what is on
// disk to what would be generated; "" if there is nothing.
func (o *Output) Diff() (string, error) {
	drifts, err := o.Check()
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, d := range drifts {
		from, to := d.File, d.File
		if d.have == nil {
			from = "/dev/null"
		}
		if d.want == nil {
			to = "/dev/null"
		}
		b.WriteString(unified(from, to, string(d.have), string(d.want)))
	}
	return b.String(), nil
}

// Write makes the folder what [Output.Check] wants it to be, and returns what that
// was: it writes files that are missing or have changed, each in one step, and
// removes stale ones, and what runs have left that were killed more than a minute ago.
// All others stay as they are. If a file that has the name of a
// generated one is none, nothing is changed, and the error names it.
func (o *Output) Write() ([]Drift, error) {
	drifts, err := o.Check()
	if err != nil {
		return nil, err
	}
	var errs []error
	for _, d := range drifts {
		if d.Kind == Foreign {
			errs = append(errs, fmt.Errorf("gen: %s was not generated, or has lost its first line: give it another name, or delete it", d.File))
		}
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	if len(drifts) > 0 {
		if err := os.MkdirAll(o.Dir, 0o755); err != nil {
			return nil, fmt.Errorf("gen: %w", err)
		}
	}
	if err := o.clear(time.Now()); err != nil {
		return nil, fmt.Errorf("gen: %w", err)
	}
	for i, d := range drifts {
		if err := d.mend(o.Dir); err != nil {
			return drifts[:i], fmt.Errorf("gen: %w", err)
		}
	}
	return drifts, nil
}

// mend writes the file that d is about, or removes it.
// A file that is gone already is as it should be.
func (d *Drift) mend(dir string) error {
	file := filepath.Join(dir, d.name)
	if d.Kind != Stale {
		return atomicfile.Write(file, tempName+"*", d.want, 0o644)
	}
	if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) { // another run was faster
		return err
	}
	return nil
}

const (
	// tempName begins the names of files that are being written, and tempDigits is
	// what os.CreateTemp puts behind it.
	tempName   = ".larder-gen-"
	tempDigits = "0123456789"
	// abandoned is the age of one that nobody is writing any more: that takes
	// milliseconds.
	abandoned = time.Minute
)

// clear removes what runs have left that were killed while they wrote, and nothing that
// one which runs may be writing.
// The name alone would not tell: it must be what os.CreateTemp makes of ours, a plain
// file, and old.
func (o *Output) clear(now time.Time) error {
	entries, err := os.ReadDir(o.Dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, e := range entries {
		digits, ours := strings.CutPrefix(e.Name(), tempName)
		if !ours || digits == "" || strings.Trim(digits, tempDigits) != "" || !e.Type().IsRegular() {
			continue
		}
		info, err := e.Info()
		if err == nil && now.Sub(info.ModTime()) > abandoned {
			err = os.Remove(filepath.Join(o.Dir, e.Name()))
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// generatedFile tells whether a file carries the header.
func generatedFile(name string) (bool, error) {
	f, err := os.Open(name)
	if err != nil {
		return false, err
	}
	defer f.Close()
	return generated(f), nil
}

// generated tells whether the first line is the header, as a comment of Go or SQL.
// Only the beginning is read: the folder may hold files of any size.
func generated(r io.Reader) bool {
	line, _ := bufio.NewReader(io.LimitReader(r, 200)).ReadString('\n')
	text := strings.TrimRight(line, "\r\n")
	return text == "// "+header || text == "-- "+header
}

// unixLines returns data with line feeds alone at the ends of lines.
// git writes the other kind on Windows unless told not to.
func unixLines(data []byte) []byte { return bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n")) }

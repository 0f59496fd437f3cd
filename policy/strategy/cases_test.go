package strategy_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/larderdev/larder/policy"
	"github.com/larderdev/larder/policy/strategy"
)

var update = flag.Bool("update", false, "write what comes out of the cases into them, to be looked through")

// mark is the line between a page and what must come of it.
const mark = "\n---- what comes of it ----\n"

// TestRead_Cases reads each page of testdata/cases, and compares all that comes of
// it with what stands beneath the page: fields of the policy, notes, what is not
// understood, errors.
func TestRead_Cases(t *testing.T) {
	files, err := filepath.Glob("testdata/cases/*.txt")
	if err != nil || len(files) < 40 {
		t.Fatalf("%d cases, %v; want 40 at least", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			page, want, _ := strings.Cut(string(data), mark)
			got := outcome(t, page)
			if *update {
				if err := os.WriteFile(file, []byte(strings.TrimRight(page, "\n")+"\n"+mark+got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if crlf := outcome(t, strings.ReplaceAll(page, "\n", "\r\n")); crlf != got {
				t.Errorf("with lines that end in CR LF came\n%s\nwant\n%s", crlf, got)
			}
			if got != want {
				t.Errorf("of the page\n%s\ncame\n%s\nwant\n%s", page, got, want)
			}
		})
	}
}

// outcome is all that comes of a page, in lines.
func outcome(t *testing.T, page string) string {
	t.Helper()
	p, report, err := strategy.Read("page", []byte(page))
	var out strings.Builder
	if p != nil {
		for _, line := range fields("", reflect.ValueOf(*p)) {
			fmt.Fprintln(&out, line)
		}
	}
	for _, n := range report.Notes {
		fmt.Fprintf(&out, "note %d: %s\n", n.Line, n.Text)
	}
	for _, u := range report.NotUnderstood {
		fmt.Fprintf(&out, "not understood %d: %s | %s | %s\n", u.Line, u.Text, u.Reason, u.Suggestion)
	}
	if err != nil {
		fmt.Fprintf(&out, "error: %v\n", err)
	}
	fmt.Fprintf(&out, "%d of %d understood\n", report.Understood, report.Statements)
	var wrong *strategy.Contradictions
	if err != nil && (!errors.As(err, &wrong) || p != nil) {
		t.Errorf("Read: policy %v, error %v; want none and *Contradictions", p, err)
	}
	return out.String()
}

// fields are the parts of a value that are not zero, one a line, in order.
func fields(path string, v reflect.Value) []string {
	switch {
	case v.IsZero():
		return nil
	case v.Kind() == reflect.Struct:
		var all []string
		for i := range v.NumField() {
			all = append(all, fields(path+"."+v.Type().Field(i).Name, v.Field(i))...)
		}
		return all
	case v.Kind() == reflect.Map:
		var all []string
		for _, k := range v.MapKeys() {
			value := fields(fmt.Sprintf("%s[%v]", path, k), v.MapIndex(k))
			if value == nil {
				value = []string{fmt.Sprintf("%s[%v]", path, k)}
			}
			all = append(all, value...)
		}
		slices.Sort(all)
		return all
	case path == ".Version" && v.Int() == policy.FileVersion:
		return nil
	}
	return []string{fmt.Sprintf("%s = %+v", strings.TrimPrefix(path, "."), v)}
}

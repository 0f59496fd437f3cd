package lint

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestCheck_Cases looks at files of testdata: a policy, and each finding as its
// path and rule.
func TestCheck_Cases(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases (%v)", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			text, wanted, ok := strings.Cut(string(data), "-- want --\n")
			if !ok {
				t.Fatal("it does not say what it wants")
			}
			want := strings.Split(strings.TrimSpace(wanted), "\n")
			if wanted == "" {
				want = nil
			}
			found := Check(parse(t, text))
			var got []string
			for _, f := range found {
				got = append(got, f.Path+": "+f.Rule)
			}
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("found\n\t%s\nwant\n\t%s\nin words\n%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"), lines(found))
			}
		})
	}
}

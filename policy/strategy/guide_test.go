package strategy_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/larderdev/larder/policy/file"
	"github.com/larderdev/larder/policy/strategy"
)

// guide is the page for people whose tables this test holds against the reader.
const guide = "../../docs/strategy.md"

var (
	guideTable = regexp.MustCompile(`^\| a page says of a (class|route) \| (larder\.yaml has|why it is no policy) \|$`)
	codeSpan   = regexp.MustCompile("`` (.+?) ``|``(.+?)``|`([^`]+)`")
)

// TestGuide_Forms reads each form of the guide's tables by itself. What comes of it
// is in the column beside it, the same for all forms of a row.
func TestGuide_Forms(t *testing.T) {
	data, err := os.ReadFile(guide)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(data), "\n")
	forms, label, refused := 0, "", false
	for i, line := range lines {
		if m := guideTable.FindStringSubmatch(line); m != nil {
			label, refused = map[string]string{"class": "Thing", "route": "GET /thing"}[m[1]], m[2] != "larder.yaml has"
			continue
		}
		if !strings.HasPrefix(line, "| ") {
			if line == "" {
				label = ""
			}
			continue
		}
		if label == "" {
			continue
		}
		left, want, _ := strings.Cut(strings.Trim(line, "| "), " |")
		all := codeSpan.FindAllStringSubmatch(left, -1)
		for _, m := range all {
			got := says(t, "- "+label+": "+strings.TrimSpace(m[1]+m[2]+m[3]), refused)
			if *update && m[0] == all[0][0] {
				want = got
				lines[i] = "| " + left + " | " + got + " |"
			}
			if want = strings.TrimSpace(want); got != want {
				t.Errorf("%s:%d: of %s comes %s, want %s", guide, i+1, m[0], got, want)
			}
			forms++
		}
	}
	if forms < 120 {
		t.Errorf("%d forms, want 120 at least", forms)
	}
	if *update {
		if err := os.WriteFile(guide, []byte(strings.Join(lines, "\n")), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// says is what the guide has in its right column: what stands in larder.yaml of the
// one thing that the page is about, or why its one statement is not understood.
func says(t *testing.T, page string, refused bool) string {
	t.Helper()
	p, report, err := strategy.Read("page", []byte(page))
	if err != nil {
		return err.Error()
	}
	if refused {
		if len(report.NotUnderstood) != 1 || report.Statements != 1 {
			return "of the statements not one is not understood"
		}
		return report.NotUnderstood[0].Reason
	}
	if len(report.NotUnderstood) > 0 {
		return "not understood"
	}
	said := string(file.Format(p))
	if err := readable(p, report); err != nil {
		return "what is no file: " + err.Error()
	}
	var fields []string
	for line := range strings.Lines(said) {
		if field, ok := strings.CutPrefix(line, "    "); ok {
			fields = append(fields, strings.TrimSpace(field))
		}
	}
	if fields == nil {
		return "nothing: it is so anyway, and a note says why"
	}
	return "`" + strings.ReplaceAll(strings.Join(fields, ", "), ":, - ", ": ") + "`"
}

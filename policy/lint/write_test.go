package lint

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/larderdev/larder/policy/file"
)

var update = flag.Bool("update", false, "write the files that are made of the rules")

// TestPage holds docs/lint.md to the rules.
func TestPage(t *testing.T) {
	const name = "../../docs/lint.md"
	if *update {
		if err := os.WriteFile(name, []byte(Page()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(name)
	if err != nil || string(got) != Page() {
		t.Errorf("docs/lint.md does not say what the rules say (%v); to write it anew: go test ./policy/lint -run Page -update", err)
	}
}

// sourceOf tells the places in a file.
func sourceOf(t *testing.T, name, text string) ([]Finding, Source) {
	t.Helper()
	p, index, err := file.Parse(name, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return Check(p), func(path string) Place {
		e := index.Error(path, "", "")
		return Place{File: name, Line: e.Line, Column: e.Column, Shown: e.Shown, Caret: e.Caret}
	}
}

func write(t *testing.T, format Format, found []Finding, source Source) string {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, format, found, source); err != nil {
		t.Fatalf("%s: %v", format, err)
	}
	return b.String()
}

const twoFindings = `version: 1
routes:
  GET /api/products:
    edge: 1m
    vary: [Cookie]
classes:
  product:
    ttl: {shared: 5m, memory: 1h}
    source: the database
`

func TestWrite_Text(t *testing.T) {
	found, source := sourceOf(t, "larder.yaml", twoFindings)
	got := write(t, Text, found, source)
	want := "larder.yaml:5:12: error: headers-refused: is Cookie: what depends on it is for one person; set private\n" +
		"\t    vary: [Cookie]\n" +
		"\t           ^\n" +
		"\tThe service would not start: change it.\n" +
		"larder.yaml:8:31: error: memory-ttl-above-shared: memory keeps a value for 1h, and it is fresh for 5m\n" +
		"\t    ttl: {shared: 5m, memory: 1h}\n" +
		"\t                              ^\n" +
		"\tLower it, or leave it out: it bounds the TTL, and does not raise it.\n"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := write(t, Text, found, nil); !strings.HasPrefix(got, "classes.product.ttl.memory: error: memory-ttl-above-shared: ") {
		t.Errorf("without places:\n%s", got)
	}
}

func TestWrite_JSON(t *testing.T) {
	found, source := sourceOf(t, "larder.yaml", twoFindings)
	var got map[string]any
	if err := json.Unmarshal([]byte(write(t, JSON, found, source)), &got); err != nil {
		t.Fatal(err)
	}
	list, _ := got["findings"].([]any)
	if got["schema"] != 1.0 || got["errors"] != 2.0 || got["warnings"] != 0.0 || len(list) != 2 {
		t.Fatalf("got %v", got)
	}
	want := map[string]any{
		"rule": "memory-ttl-above-shared", "severity": "error", "path": "classes.product.ttl.memory", "file": "larder.yaml", "line": 8.0, "column": 31.0,
		"message": "memory keeps a value for 1h, and it is fresh for 5m", "mend": "Lower it, or leave it out: it bounds the TTL, and does not raise it.",
	}
	if !reflect.DeepEqual(list[1], want) {
		t.Errorf("got %v\nwant %v", list[1], want)
	}
	if got := write(t, JSON, nil, nil); !strings.Contains(got, `"findings": []`) {
		t.Errorf("no finding is no list:\n%s", got)
	}
}

// TestWrite_GitHub: what a name holds ends neither a value nor a command.
func TestWrite_GitHub(t *testing.T) {
	found := []Finding{{Rule: "unknown-name", Severity: Error, Path: "classes.x", Message: "100% wrong\n::warning::injected", Mend: "Mend,it:now."}}
	got := write(t, GitHub, found, func(string) Place { return Place{File: "a,b:c%.yaml", Line: 3, Column: 7} })
	want := "::error file=a%2Cb%3Ac%25.yaml,line=3,col=7,title=unknown-name::classes.x: 100%25 wrong\\n::warning::injected%0AMend,it:now.\n"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestWrite_SARIF reads it back as the standard has it: what it requires, and that
// each result points to its rule.
func TestWrite_SARIF(t *testing.T) {
	found, source := sourceOf(t, "config/my larder.yaml", twoFindings)
	var log struct {
		Schema  string `json:"$schema"`
		Version string `json:"version"`
		Runs    []struct {
			Tool struct {
				Driver struct {
					Name  string `json:"name"`
					Rules []struct {
						ID    string `json:"id"`
						Short struct {
							Text string `json:"text"`
						} `json:"shortDescription"`
						Config struct {
							Level string `json:"level"`
						} `json:"defaultConfiguration"`
					} `json:"rules"`
				} `json:"driver"`
			} `json:"tool"`
			ColumnKind string `json:"columnKind"`
			Results    []struct {
				RuleID    string `json:"ruleId"`
				RuleIndex int    `json:"ruleIndex"`
				Level     string `json:"level"`
				Message   struct {
					Text string `json:"text"`
				} `json:"message"`
				Locations []struct {
					Physical struct {
						Artifact struct {
							URI string `json:"uri"`
						} `json:"artifactLocation"`
						Region struct{ StartLine, StartColumn int } `json:"region"`
					} `json:"physicalLocation"`
				} `json:"locations"`
			} `json:"results"`
		} `json:"runs"`
	}
	if err := json.Unmarshal([]byte(write(t, SARIF, found, source)), &log); err != nil {
		t.Fatal(err)
	}
	if log.Version != "2.1.0" || len(log.Runs) != 1 || !strings.Contains(log.Schema, "sarif-2.1.0") {
		t.Fatalf("version %q, %d runs, schema %q", log.Version, len(log.Runs), log.Schema)
	}
	run := log.Runs[0]
	if len(run.Tool.Driver.Rules) != len(rules) || run.Tool.Driver.Name == "" || run.ColumnKind != "unicodeCodePoints" || len(run.Results) != len(found) {
		t.Fatalf("got %+v", run)
	}
	for i, r := range run.Results {
		rule, at := run.Tool.Driver.Rules[r.RuleIndex], r.Locations[0].Physical
		if rule.ID != r.RuleID || rule.Config.Level != r.Level || rule.Short.Text == "" || r.Message.Text == "" {
			t.Errorf("result %d: %+v of rule %+v", i, r, rule)
		}
		if at.Artifact.URI != "config/my%20larder.yaml" || at.Region.StartLine != []int{5, 8}[i] || at.Region.StartColumn != []int{12, 31}[i] {
			t.Errorf("result %d is at %+v", i, at)
		}
	}
	other := []Finding{{Rule: "file", Severity: Error, Path: "p", Message: "m", Mend: "d"}}
	if got := write(t, SARIF, other, nil); !strings.Contains(got, `"ruleId": "file"`) || strings.Contains(got, "ruleIndex") {
		t.Error("a rule that is not of this package has the index of one that is")
	}
	if got := write(t, SARIF, nil, nil); !strings.Contains(got, `"results": []`) {
		t.Error("no finding is no list of results")
	}
}

func TestWrite_UnknownFormat(t *testing.T) {
	if err := Write(&bytes.Buffer{}, "xml", nil, nil); err == nil || !strings.Contains(err.Error(), "sarif") {
		t.Errorf("got %v, want an error with the formats", err)
	}
	for _, f := range Formats() {
		if err := Write(&bytes.Buffer{}, f, nil, nil); err != nil {
			t.Errorf("%s: %v", f, err)
		}
	}
}

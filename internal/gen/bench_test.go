package gen

import (
	"fmt"
	"testing"
	"time"

	"github.com/larderdev/larder/policy"
)

// classes returns a policy of n classes, each with all that makes code, and as many
// routes.
func classes(n int) *policy.Policy {
	p := &policy.Policy{
		Version: policy.FileVersion, Fleet: policy.Fleet{Outbox: true}, CDNs: []policy.CDN{{Kind: "fastly"}},
		Classes: map[string]policy.Class{}, Routes: map[string]policy.Route{},
	}
	for i := range n {
		name := fmt.Sprintf("class-%d", i)
		c := policy.Class{
			Description: "One of many.", Type: fmt.Sprintf("[]*example.com/shop/package%d.Value", i%50), RowVersion: "column", ValueTags: true,
			TTL: policy.TTL{Shared: time.Duration(i+1) * time.Minute}, StaleIfError: time.Hour, Tags: []string{name + "-{key}"}, Batch: i%2 == 0,
		}
		table := policy.Table{Name: fmt.Sprintf("table_%d", i), Tags: []string{name + "-{id}"}, Version: "version"}
		if i%2 == 0 {
			c.Key.Parts = []policy.KeyPart{{Name: "q", Type: "string"}, {Name: "sizes", Type: "[]string"}, {Name: "page", Type: "int64"}}
		} else {
			c.Key.Type, table.Key = "int64", "{id}"
		}
		c.Source.Tables = []policy.Table{table}
		p.Classes[name] = c
		p.Routes[fmt.Sprintf("GET /%d/{id}", i)] = policy.Route{Class: name, Edge: time.Hour, Tags: []string{name + "-{id}"}}
	}
	return p
}

// BenchmarkGenerate generates for 500 classes, and reports the size of what it
// makes.
func BenchmarkGenerate(b *testing.B) {
	p := classes(500)
	size := 0
	for b.Loop() {
		size = 0
		for _, f := range generate(b, p, "").Files {
			size += len(f.Data)
		}
	}
	b.ReportMetric(float64(size), "bytes")
}

// TestMany: a policy of 500 classes is written, and there is no drift then.
func TestMany(t *testing.T) {
	out := generate(t, classes(500), t.TempDir())
	if wrote, err := out.Write(); err != nil || len(wrote) != len(out.Files) {
		t.Fatalf("Write = %d files, %v, want %d", len(wrote), err, len(out.Files))
	}
	if diff, err := out.Diff(); err != nil || diff != "" {
		t.Errorf("Diff = %d bytes, %v, want none", len(diff), err)
	}
}

package lint_test

import (
	"fmt"
	"os"
	"time"

	"github.com/larderdev/larder/policy"
	"github.com/larderdev/larder/policy/file"
	"github.com/larderdev/larder/policy/lint"
)

func ExampleCheck() {
	p := &policy.Policy{Version: policy.FileVersion, Classes: map[string]policy.Class{
		"product": {
			TTL:    policy.TTL{Shared: 5 * time.Minute, Memory: time.Hour},
			Source: policy.Source{From: "the database"},
		},
	}}
	for _, f := range lint.Check(p) {
		fmt.Println(f)
	}
	// Output:
	// classes.product.ttl.memory: memory-ttl-above-shared: memory keeps a value for 1h, and it is fresh for 5m
}

func ExampleWrite() {
	p, index, err := file.Parse("larder.yaml", []byte(`version: 1
classes:
  product:
    ttl: 1h
    target: 10%
    source: the database
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	source := func(path string) lint.Place {
		e := index.Error(path, "", "")
		return lint.Place{File: e.File, Line: e.Line, Column: e.Column, Shown: e.Shown, Caret: e.Caret}
	}
	if err := lint.Write(os.Stdout, lint.GitHub, lint.Check(p), source); err != nil {
		fmt.Println(err)
	}
	// Output:
	// ::warning file=larder.yaml,line=5,col=13,title=target-without-window::classes.product.target: it has a target for misses, and no time over which they are counted: nobody can say when it is missed%0AWrite target: {miss_rate: 10%25, window: 5m}.
}

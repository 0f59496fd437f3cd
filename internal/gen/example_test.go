package gen_test

import (
	"fmt"
	"os"
	"time"

	"github.com/larderdev/larder/internal/gen"
	"github.com/larderdev/larder/policy"
)

func Example() {
	dir, err := os.MkdirTemp("", "gen")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	p := &policy.Policy{
		Version: policy.FileVersion,
		Classes: map[string]policy.Class{"greeting": {Type: "string", TTL: policy.TTL{Shared: time.Hour}}},
	}
	out, err := gen.Generate(p, dir)
	if err != nil {
		fmt.Println(err)
		return
	}
	drift, err := out.Check()
	fmt.Println(drift, err)
	wrote, err := out.Write()
	fmt.Println(len(wrote), err)
	drift, err = out.Check()
	fmt.Println(drift, err)
	// Output:
	// [internal/caches/caches_gen.go: missing internal/caches/doc_gen.go: missing internal/caches/loaders_gen.go: missing internal/caches/policies_gen.go: missing] <nil>
	// 4 <nil>
	// [] <nil>
}

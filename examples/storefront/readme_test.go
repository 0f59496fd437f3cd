package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/larderdev/larder"
	"github.com/larderdev/larder/internal/redistest"
	"github.com/larderdev/larder/redisstore"
)

type User struct{ Name string }

func loadUsers(_ context.Context, ids []int) (map[int]User, error) {
	found := map[int]User{}
	for _, id := range ids {
		found[id] = User{Name: fmt.Sprint("user ", id)}
	}
	return found, nil
}

// readmeProgram is the first code of the repository's README, between begin and end.
func readmeProgram(ctx context.Context) error {
	// begin
	shared, err := redisstore.Open(ctx, redisstore.Options{URL: os.Getenv("REDIS_URL")})
	if err != nil { // wrong options or a refused login; a server that is down is no error
		return err
	}
	defer shared.Close() // after the Larder
	lard, err := larder.Open(ctx, larder.Options{
		Policies: map[string]larder.Policy{"user": {TTL: time.Hour, Target: 0.10}},
		Shared:   shared, // without it each process caches for itself
	})
	if err != nil {
		return err
	}
	defer lard.Close()
	users, err := larder.NewCache(lard, "user", larder.Loader[int, User]{LoadMany: loadUsers})
	if err != nil {
		return err
	}

	u, err := users.Get(ctx, 42) // memory → shared → one load for the fleet
	if err != nil {
		return err
	}
	m, err := users.GetMany(ctx, []int{42, 43}) // one round trip, one LoadMany for all misses
	if err != nil {
		return err
	}
	fmt.Println(u.Name, len(m))
	if err := users.Invalidate(ctx, 42); err != nil { // after COMMIT
		return err
	}
	_, err = users.Get(ctx, 42, larder.Strict()) // in every process: not the old value
	return err
	// end
}

// TestREADME runs the program and compares it with the page.
func TestREADME(t *testing.T) {
	t.Setenv("REDIS_URL", "redis://"+redistest.Start(t).Addr())
	if err := readmeProgram(t.Context()); err != nil {
		t.Error(err)
	}
	source, err := os.ReadFile("readme_test.go")
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(source), "\t// begin\n")
	program, _, _ := strings.Cut(rest, "\t// end\n")
	program = strings.ReplaceAll("\n"+program, "\n\t", "\n")
	_, rest, _ = strings.Cut(string(page), "```go")
	if shown, _, _ := strings.Cut(rest, "```"); shown != program {
		t.Errorf("README.md shows\n%s\nand what was run is\n%s", shown, program)
	}
}

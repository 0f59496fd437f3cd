package gen

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"

	"github.com/larderdev/larder"
	"github.com/larderdev/larder/policy"
)

// Output is what is generated: the files of one folder, in memory.
type Output struct {
	// Dir is the folder, for the operating system.
	Dir string
	// Files are in the order of their names.
	Files []File

	out string // the folder as the policy names it, with slashes: for people
}

// File is a generated file.
type File struct {
	// Name is that in Output.Dir, without a folder.
	Name string
	Data []byte
}

// Generate writes the code of p, in memory. dir is the folder of the policy's
// file, to which go.out is relative. It reads and writes no file.
//
// The error is that of [policy.Policy.Validate] if there is one. Else it names
// everything that keeps code from being made of p: a class without a type or a ttl,
// names that are the same in Go, and what larder.Open, httpcache.New and the outbox
// would refuse when the service starts.
func Generate(p *policy.Policy, dir string) (*Output, error) {
	if p == nil {
		return nil, errors.New("gen: there is no policy")
	}
	if err := p.Validate(); err != nil {
		return nil, fmt.Errorf("gen: %w", err)
	}
	pl, err := makePlan(p)
	if err == nil {
		err = pl.verify()
	}
	if err != nil {
		return nil, fmt.Errorf("gen: %w", err)
	}
	files, err := pl.render()
	if err != nil {
		return nil, fmt.Errorf("gen: %w", err)
	}
	return &Output{Dir: filepath.Join(dir, filepath.FromSlash(pl.Out)), Files: files, out: pl.Out}, nil
}

// verify opens what will be generated as the program will, and closes it again. It
// reaches nothing: a Larder without a shared tier speaks to nobody.
func (pl *plan) verify() error {
	return errors.Join(pl.checkClasses(), pl.checkRoutes())
}

// checkClasses opens a Larder with the very policies that will stand in the code, so
// that what package larder refuses is said by its own check, and not by a second one
// here.
func (pl *plan) checkClasses() error {
	if len(pl.Classes) == 0 {
		return nil
	}
	options := larder.Options{
		Policies: map[string]larder.Policy{}, Logger: slog.New(slog.DiscardHandler),
		MaxStaleness: pl.Fleet.MaxStaleness, SharedTimeout: pl.Fleet.SharedTimeout,
		Lease: pl.Fleet.Lease, Hold: pl.Fleet.Hold, Outbox: pl.Fleet.Outbox,
		Keys: [][]byte{make([]byte, 32)}, // nothing is encrypted with it
	}
	for _, c := range pl.Classes {
		options.Policies[c.Name] = c.Policy
	}
	l, err := larder.Open(context.Background(), options)
	if err != nil {
		return err
	}
	return l.Close()
}

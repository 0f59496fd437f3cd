package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/larderdev/larder/edge"
)

// restore fills the cache from the state file, and removes the file: purges that
// come from now on are not in it. It is called when the ports are taken, since
// whoever has them may be about to write the file, and before the first request.
// A file that is damaged costs its contents, not the start; one that is something
// else stays as it is, and is an error, as is a folder in which none can be made.
func (s *edgeServer) restore() error {
	if s.cfg.state == "" {
		return nil
	}
	probe, err := os.CreateTemp(filepath.Dir(s.cfg.state), stateTemp)
	if err != nil {
		return fmt.Errorf("-state-file: %w", err)
	}
	if err := errors.Join(probe.Close(), os.Remove(probe.Name())); err != nil {
		return fmt.Errorf("-state-file: %w", err)
	}
	file, err := os.Open(s.cfg.state)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("-state-file: %w", err)
	}
	defer func() { _ = file.Close() }()
	n, err := s.handler.Restore(file)
	if errors.Is(err, edge.ErrNotSnapshot) {
		return fmt.Errorf("-state-file: %s is something else than the state of an edge, and stays as it is: name another file", s.cfg.state)
	}
	if err != nil {
		s.log.Error("state file", "err", err)
	}
	s.log.Info("state file read", "responses", n)
	if err := os.Remove(s.cfg.state); err != nil {
		return fmt.Errorf("-state-file: %w", err)
	}
	return nil
}

// stateTemp is the pattern of names while a state file is written.
const stateTemp = ".larder-edge-*"

// save writes the state file whole or not at all.
func (s *edgeServer) save() error {
	if s.cfg.state == "" {
		return nil
	}
	file, err := os.CreateTemp(filepath.Dir(s.cfg.state), stateTemp) // mode 0600
	if err != nil {
		return fmt.Errorf("-state-file: %w", err)
	}
	defer func() { _ = os.Remove(file.Name()) }() // does nothing once it has its name
	err = s.handler.Save(file)
	err = errors.Join(err, file.Sync(), file.Close())
	if err == nil {
		err = os.Rename(file.Name(), s.cfg.state)
	}
	if err != nil {
		return fmt.Errorf("-state-file: %w", err)
	}
	return nil
}

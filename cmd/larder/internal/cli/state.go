package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// restore fills the cache from the state file, and removes the file: purges that
// come from now on are not in it. A file that cannot be read costs its contents,
// not the start.
func (s *edgeServer) restore() {
	if s.cfg.state == "" {
		return
	}
	file, err := os.Open(s.cfg.state)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err == nil {
		defer func() { _ = file.Close() }()
		// It is removed first: should the process die, it is not read again.
		if err = os.Remove(s.cfg.state); err == nil {
			var n int
			n, err = s.handler.Restore(file)
			s.log.Info("state file read", "responses", n)
		}
	}
	if err != nil {
		s.log.Error("state file", "err", err)
	}
}

// save writes the state file whole or not at all.
func (s *edgeServer) save() error {
	if s.cfg.state == "" {
		return nil
	}
	file, err := os.CreateTemp(filepath.Dir(s.cfg.state), ".larder-edge-*") // mode 0600
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

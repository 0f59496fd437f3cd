//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package purge

import (
	"errors"
	"fmt"
	"os"
)

// fileLock is a file that is there while the lock is held.
type fileLock struct{ path string }

func lockFile(path string) (*fileLock, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return nil, fmt.Errorf("%w: if no process has it, remove %s", ErrLocked, path)
	}
	if err != nil {
		return nil, err
	}
	return &fileLock{path}, f.Close()
}

func (l *fileLock) unlock() error { return os.Remove(l.path) }

// syncDir does nothing: where folders cannot be synced a rename is up to the
// system.
func syncDir(string) error { return nil }

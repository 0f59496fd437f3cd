//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package purge

import (
	"errors"
	"os"
	"syscall"
)

// fileLock is a lock that ends with the process.
type fileLock struct{ file *os.File }

// lockFile locks a file beside the journal: a lock on the journal itself would stay
// with the old file when a new one takes its place.
func lockFile(path string) (*fileLock, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	if errors.Is(err, syscall.EWOULDBLOCK) {
		err = ErrLocked
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &fileLock{f}, nil
}

// unlock leaves the file: who removes a lock file takes it from one who waits
// for it.
func (l *fileLock) unlock() error { return l.file.Close() }

// syncDir makes a rename survive the loss of power.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

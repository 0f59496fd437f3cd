//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package edge

import (
	"errors"
	"os"
	"syscall"
)

// openNow has an open not wait for the other end of a pipe. On files it has no effect.
const openNow = syscall.O_NONBLOCK

// lockFile takes a file for this process alone, until the file is closed or the
// process ends, however it ends.
func lockFile(file *os.File) error {
	err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return errTaken
	}
	return err
}

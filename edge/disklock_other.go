//go:build !darwin && !dragonfly && !freebsd && !linux && !netbsd && !openbsd

package edge

import (
	"errors"
	"os"
)

// openNow is for systems on which an open can wait; here nothing is opened.
const openNow = 0

// lockFile refuses: without a lock two processes could share a folder, and neither
// would know what the other has forgotten.
func lockFile(*os.File) error {
	return errors.New("this system has no locks that end with their process")
}

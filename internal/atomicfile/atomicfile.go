// Package atomicfile puts data in the place of what is in a file, in one step.
//
// # Invariants
//
//   - Whoever reads the file meanwhile, as a compiler or a watcher does, finds what was
//     there or what is now, and never half of it.
//   - If it fails, what was there stays, and nothing is left beside it. A program that
//     is killed leaves a file that has the name of the pattern.
package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Write puts data into a file with this mode; the file need not be there. What is not
// done yet has a name by pattern, see [os.CreateTemp], in the same folder: a rename is
// one step only within a file system.
func Write(file, pattern string, data []byte, mode fs.FileMode) error {
	temp, err := os.CreateTemp(filepath.Dir(file), pattern)
	if err != nil {
		return err
	}
	_, err = temp.Write(data)
	// CreateTemp makes files that nobody else can read. Sync before the rename: else a
	// loss of power may leave the new name with no data.
	err = errors.Join(err, temp.Chmod(mode), temp.Sync(), temp.Close())
	if err == nil {
		err = os.Rename(temp.Name(), file)
	}
	if err != nil {
		return errors.Join(err, os.Remove(temp.Name()))
	}
	return nil
}

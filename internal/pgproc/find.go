package pgproc

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
)

// ErrNotInstalled reports that no PostgreSQL server was found on this machine.
var ErrNotInstalled = errors.New("no PostgreSQL server here: initdb and postgres are neither on the PATH nor in " + packaged)

// packaged is where Debian and Ubuntu put the server programs: off the PATH,
// a folder per version.
const packaged = "/usr/lib/postgresql/*/bin"

// binDir returns the folder of the server programs: the one on the PATH, else
// the newest one that matches pattern, which is [packaged].
func binDir(pattern string) (string, error) {
	if path, err := exec.LookPath("initdb"); err == nil {
		// initdb may be a link that somebody put on the PATH without the rest.
		if path, err = filepath.EvalSymlinks(path); err == nil && complete(filepath.Dir(path)) {
			return filepath.Dir(path), nil
		}
	}
	dirs, err := filepath.Glob(pattern)
	if err != nil {
		return "", err
	}
	dirs = slices.DeleteFunc(dirs, func(dir string) bool { return !complete(dir) })
	if len(dirs) == 0 {
		return "", ErrNotInstalled
	}
	return slices.MaxFunc(dirs, func(a, b string) int { return int(10*version(a)) - int(10*version(b)) }), nil
}

// complete tells whether dir has both programs that a cluster needs.
func complete(dir string) bool {
	for _, program := range []string{"initdb", "postgres"} {
		if info, err := os.Stat(filepath.Join(dir, program)); err != nil || info.IsDir() {
			return false
		}
	}
	return true
}

// version is the 15 of /usr/lib/postgresql/15/bin, the 9.6 of an old one, and
// 0 if it is no number.
func version(dir string) float64 {
	v, _ := strconv.ParseFloat(filepath.Base(filepath.Dir(dir)), 64)
	return v
}

//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package edge

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"testing/synctest"
)

// TestDisk_Pipe: a pipe under a name of ours holds up nothing: no read, no removal,
// no start, and not Close.
func TestDisk_Pipe(t *testing.T) {
	key := keyOf("http://www.example.com/a")
	name := fileName(key, 1, 5)
	for _, pipe := range []string{name, name + tempSuffix, filepath.Dir(name)} {
		t.Run(filepath.Ext(pipe), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dir := t.TempDir()
				path := filepath.Join(dir, filepath.FromSlash(pipe))
				if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := syscall.Mkfifo(path, 0o600); err != nil {
					t.Skip("no pipes here:", err)
				}
				var o versions
				h := newEdge(t, o.serve, onDisk(dir))
				synctest.Wait() // an open that hangs is for the test's time limit to see
				want(t, get(h, "/a"), 200, "0")
				carryOut(t, h, Purge{Everything: true})
				if err := h.Close(); err != nil {
					t.Error(err)
				}
				if info, err := os.Lstat(path); err != nil || info.Mode().Type() != os.ModeNamedPipe {
					t.Errorf("the pipe is %v, %v, want it untouched", info, err)
				}
			})
		})
	}
}

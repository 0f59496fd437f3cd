//go:build !linux

package childproc

import (
	"os"
	"os/exec"
)

// bind can do nothing here. The child stays in the process group of its
// parent, so that at least a Ctrl-C ends both.
func bind(*exec.Cmd) {}

// resume does nothing: a paused process is killed when its grace is over.
func resume(*os.Process) {}

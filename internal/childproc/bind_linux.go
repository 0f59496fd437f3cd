package childproc

import (
	"os"
	"os/exec"
	"syscall"
)

// bind makes the kernel kill the child when the thread that started it ends,
// and so when this process ends in whatever way. Nothing milder will do: a
// paused child would not see it.
//
// The child gets a process group of its own: a Ctrl-C meant for the parent
// would otherwise end the server before the parent has stopped using it.
func bind(cmd *exec.Cmd) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	cmd.SysProcAttr.Setpgid = true
}

// resume lets a paused process see the signals that wait for it.
func resume(p *os.Process) {
	_ = p.Signal(syscall.SIGCONT) // an error means that it has ended already
}

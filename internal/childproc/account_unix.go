//go:build unix

package childproc

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"syscall"
)

// Account is whom a child runs as. The zero value is this process's own.
type Account struct {
	other    bool
	uid, gid int
}

// Unprivileged returns this process's own account unless that is root, whom
// many servers refuse; then the first of names that there is, or nobody.
func Unprivileged(names ...string) (Account, error) {
	if os.Geteuid() != 0 {
		return Account{}, nil
	}
	var errs []error
	for _, name := range append(names, "nobody") {
		u, err := user.Lookup(name)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		uid, err := strconv.Atoi(u.Uid)
		if err != nil {
			return Account{}, fmt.Errorf("account %s: %w", u.Username, err)
		}
		gid, err := strconv.Atoi(u.Gid)
		if err != nil {
			return Account{}, fmt.Errorf("account %s: %w", u.Username, err)
		}
		return Account{other: true, uid: uid, gid: gid}, nil
	}
	return Account{}, fmt.Errorf("no account to run the server as, and root must not: %w", errors.Join(errs...))
}

// Own gives a file to the account.
func (a Account) Own(path string) error {
	if !a.other {
		return nil
	}
	return os.Chown(path, a.uid, a.gid)
}

// Become makes cmd run as the account.
func (a Account) Become(cmd *exec.Cmd) {
	if !a.other {
		return
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Credential: &syscall.Credential{Uid: uint32(a.uid), Gid: uint32(a.gid)},
	}
}

//go:build !unix

package childproc

import "os/exec"

// Account is whom a child runs as: here always as this process.
type Account struct{}

// Unprivileged returns this process's own account.
func Unprivileged(...string) (Account, error) { return Account{}, nil }

// Own does nothing.
func (Account) Own(string) error { return nil }

// Become does nothing.
func (Account) Become(*exec.Cmd) {}

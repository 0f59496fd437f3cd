//go:build !unix

package pgproc

import "os/exec"

// account is whom the cluster runs as: here always as this process.
type account struct{}

func serverAccount() (account, error) { return account{}, nil }

func (account) own(string) error { return nil }

func (account) become(*exec.Cmd) {}

//go:build unix

package ledgertest

import (
	"os"
	"syscall"
	"unsafe"
)

// Open maps the ledger in path, which is made if it is not there, with all in it
// zero. T is made of atomics alone: a pointer in it would be one process's. It
// stays mapped until the process ends.
func Open[T any](path string) (*T, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var ledger T
	size := int(unsafe.Sizeof(ledger))
	if err := f.Truncate(int64(size)); err != nil {
		return nil, err
	}
	b, err := syscall.Mmap(int(f.Fd()), 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		return nil, err
	}
	return (*T)(unsafe.Pointer(&b[0])), nil
}

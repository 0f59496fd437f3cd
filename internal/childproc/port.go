package childproc

import (
	"context"
	"errors"
	"net"
)

// portTries is how many ports a child is offered. Two losses in a row mean
// that ports are scarce, not that others are quick.
const portTries = 5

// StartOnFreePort starts the child that spec describes for a free TCP port of
// the loopback address, and returns the port too. The port is only known to
// have been free a moment before, so a child that finds it taken gets another.
func StartOnFreePort(ctx context.Context, spec func(port int) Spec) (*Child, int, error) {
	for try := 1; ; try++ {
		port, err := freePort()
		if err != nil {
			return nil, 0, err
		}
		c, err := Start(ctx, spec(port))
		if errors.Is(err, ErrPortTaken) && try < portTries {
			continue
		}
		return c, port, err
	}
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

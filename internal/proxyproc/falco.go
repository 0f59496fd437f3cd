package proxyproc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/larderdev/larder/internal/childproc"
)

// Falco has falco, an interpreter of Fastly's VCL, check a configuration, starts
// it as a proxy and returns when it accepts connections at its first address. It
// has no other, and falco opens that port on all interfaces. The error is
// [ErrNotInstalled] when there is none to run; it holds what falco finds in a
// configuration, recommendations too.
func Falco(ctx context.Context, vcl string) (*Server, error) {
	program, err := find("falco")
	if err != nil {
		return nil, err
	}
	if err := lintFalco(ctx, program, vcl); err != nil {
		return nil, err
	}
	s, err := run(ctx, "", func(s *Server) (string, childproc.Spec) {
		s.addrs = s.addrs[:1]
		port := s.addrs[0][strings.LastIndexByte(s.addrs[0], ':')+1:]
		cmd := exec.Command(program, "simulate", s.conf(), "--proxy", "-p", port)
		return vcl, childproc.Spec{Cmd: cmd, Ready: "Simulator server starts"}
	})
	if err != nil {
		return nil, err
	}
	return s, s.accepts(ctx)
}

// accepts waits for the port: falco says that it has it before it does.
func (s *Server) accepts(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		c, err := (&net.Dialer{}).DialContext(ctx, "tcp", s.Addr())
		if err == nil {
			return c.Close()
		}
		select {
		case <-ctx.Done():
			return errors.Join(err, s.Stop())
		case <-tick.C:
		}
	}
}

// lintFalco fails if there is anything to find.
func lintFalco(ctx context.Context, program, vcl string) error {
	file, err := os.CreateTemp("", "larder-proxy-*.vcl")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name())
	_, err = file.WriteString(vcl)
	if err := file.Close(); err != nil {
		return err
	}
	if err != nil {
		return err
	}
	// Its exit code tells of errors alone.
	said, err := exec.CommandContext(ctx, program, "lint", "-json", file.Name()).Output()
	var found struct {
		Errors, Warnings, Infos *int
		LintErrors, ParseErrors json.RawMessage
	}
	if err := json.Unmarshal(said, &found); err != nil || found.Errors == nil || found.Warnings == nil || found.Infos == nil {
		return fmt.Errorf("%s lint is not understood: %w\n%s", program, err, said)
	}
	if *found.Errors+*found.Warnings+*found.Infos > 0 || err != nil {
		return fmt.Errorf("%s lint: %d errors, %d warnings, %d recommendations: %s %s",
			program, *found.Errors, *found.Warnings, *found.Infos, found.LintErrors, found.ParseErrors)
	}
	return nil
}

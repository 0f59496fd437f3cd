package proxyproc

import (
	"context"
	"os/exec"
	"path/filepath"

	"github.com/larderdev/larder/internal/childproc"
)

// Varnish starts a Varnish with a configuration, in VCL, and returns when it
// accepts connections at its first address; it has no other. The error is
// [ErrNotInstalled] when there is none to run; it holds what the compiler says
// about a wrong configuration.
func Varnish(ctx context.Context, vcl string) (*Server, error) {
	program, err := find("varnishd")
	if err != nil {
		return nil, err
	}
	return run(ctx, "vcache", func(s *Server) (string, childproc.Spec) {
		s.addrs = s.addrs[:1]
		cmd := exec.Command(program,
			"-F", // stays in the foreground
			"-n", filepath.Join(s.dir, "work"),
			"-a", s.addrs[0],
			"-T", "none", // nobody manages it
			"-f", s.conf(),
			"-s", "malloc,32m",
			"-j", "none", // what is not root cannot become somebody else
		)
		return vcl, childproc.Spec{Cmd: cmd, Ready: "said Child starts"}
	})
}

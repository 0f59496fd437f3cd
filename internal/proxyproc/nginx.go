package proxyproc

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"

	"github.com/larderdev/larder/internal/childproc"
)

// module is the file of ngx_cache_purge.
const module = "ngx_http_cache_purge_module.so"

// modulesPath finds the folder of modules in what nginx -V prints.
var modulesPath = regexp.MustCompile(`--modules-path=(\S+)`)

// Nginx starts an nginx that has the module ngx_cache_purge and returns when it
// accepts connections. What http returns for the two addresses that the server
// shall listen on is the content of the block http; relative paths in it lead
// into the server's folder. The error is [ErrNotInstalled] when there is no
// nginx to run, or not the module.
func Nginx(ctx context.Context, http func(addr, second string) string) (*Server, error) {
	program, err := find("nginx")
	if err != nil {
		return nil, err
	}
	purge, err := findModule(ctx, program)
	if err != nil {
		return nil, err
	}
	return run(ctx, "www-data", func(s *Server) (string, childproc.Spec) {
		conf := fmt.Sprintf(`
load_module %s;
daemon off;
master_process off; # a worker would outlive a master that is killed
error_log stderr notice;
pid pid;
events { worker_connections 256; }
http {
	access_log off;
	client_body_temp_path tmp-body;
	proxy_temp_path tmp-proxy;
	fastcgi_temp_path tmp-fastcgi;
	uwsgi_temp_path tmp-uwsgi;
	scgi_temp_path tmp-scgi;
%s
}
`, purge, http(s.addrs[0], s.addrs[1]))
		cmd := exec.Command(program, "-p", s.dir, "-c", s.conf(), "-e", "stderr")
		// The line comes after the sockets are open.
		return conf, childproc.Spec{Cmd: cmd, Ready: "event method"}
	})
}

// findModule returns the path of the module that purges.
func findModule(ctx context.Context, program string) (string, error) {
	built, err := exec.CommandContext(ctx, program, "-V").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s -V: %w\n%s", program, err, built)
	}
	path := modulesPath.FindSubmatch(built)
	if path == nil {
		return "", fmt.Errorf("%s, an nginx without dynamic modules, and so %s: %w", program, module, ErrNotInstalled)
	}
	purge := filepath.Join(string(path[1]), module)
	if _, err := os.Stat(purge); err != nil {
		return "", fmt.Errorf("%w: %w", err, ErrNotInstalled)
	}
	return purge, nil
}

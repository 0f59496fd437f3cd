package cli

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"github.com/larderdev/larder/edge"
)

// edgeServer is a running larder edge: the listener for clients, and maybe one
// for operators.
type edgeServer struct {
	cfg     edgeConfig
	log     *slog.Logger
	handler *edge.Handler
	cert    *certificate // nil: no TLS
	access  *accessLog   // nil: none
	token   tokenSource
	api     atomic.Pointer[http.Handler]
	ready   atomic.Bool

	clients, admin *http.Server
	listeners      []net.Listener
}

// serveEdge serves until ctx ends, then lets requests under way come to their
// end. What reload sends makes it read its files anew: certificate, token, policy,
// access log.
func serveEdge(ctx context.Context, cfg edgeConfig, log *slog.Logger, out io.Writer, reload <-chan os.Signal) error {
	s := &edgeServer{cfg: cfg, log: log, token: tokenSource{cfg.tokenFile, cfg.token}}
	defer s.close()
	if err := s.open(); err != nil {
		return err
	}
	places, err := s.listen()
	if err != nil {
		return err
	}
	fmt.Fprint(out, places) // whoever waits for the line may ask now
	// Room for both: the one that fails second must not wait for anybody.
	failed := make(chan error, 2)
	go func() { failed <- s.serve(s.clients, s.listeners[0]) }()
	if s.admin != nil {
		go func() { failed <- s.admin.Serve(s.listeners[1]) }()
	}
	// Only now: a balancer that asks must not send requests before.
	s.ready.Store(true)
	for {
		select {
		case err := <-failed:
			return err
		case <-reload:
			s.reload()
		case <-ctx.Done():
			return s.drain(context.WithoutCancel(ctx))
		}
	}
}

// open makes what needs no port.
func (s *edgeServer) open() error {
	var err error
	s.cfg.options.Logger = s.log
	if s.cfg.policy != "" {
		if s.cfg.options.Queries, err = edgeQueries(s.cfg.policy); err != nil {
			return err
		}
	}
	if s.handler, err = edge.New(s.cfg.options); err != nil {
		return inFlags(err)
	}
	if err := s.readToken(); err != nil {
		return err
	}
	// The access log is around all: it sees what clients saw.
	var top http.Handler = s.handler
	if s.cfg.accessLog != "" {
		if s.access, err = openAccessLog(s.cfg.accessLog); err != nil {
			return err
		}
		top = s.access.wrap(top)
	}
	s.clients = newServer(top, s.log)
	if s.cfg.tlsCert != "" {
		if s.cert, err = loadCertificate(s.cfg.tlsCert, s.cfg.tlsKey); err != nil {
			return err
		}
		// Each handshake asks for the certificate, so that a new one needs no restart.
		s.clients.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: s.cert.get}
	}
	if s.cfg.admin != "" {
		s.admin = newServer(s.operators(), s.log)
	}
	return nil
}

// newServer returns a server with the limits that one needs in the open. A body
// may take as long as it takes.
// Headers may not: a client that sends them a byte at a time would hold a connection
// for ever (Slowloris).
func newServer(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
}

// listen takes the ports and returns where they are, a line each.
func (s *edgeServer) listen() (places string, err error) {
	scheme := "http"
	if s.cert != nil {
		scheme = "https"
	}
	// Both before anything is served: half an edge is none.
	for _, l := range []struct{ flag, address, scheme string }{
		{"-listen", s.cfg.listen, scheme}, {"-admin", s.cfg.admin, "http"},
	} {
		if l.address == "" {
			continue
		}
		listener, err := net.Listen("tcp", l.address)
		if err != nil {
			return "", fmt.Errorf("%s: %w", l.flag, err)
		}
		s.listeners = append(s.listeners, listener)
		if l.flag == "-admin" && s.token.empty() && !isLoopback(listener.Addr()) {
			return "", &usageError{errors.New("-admin is not on loopback, and there is no token: set LARDER_EDGE_TOKEN or -token-file")}
		}
		places += fmt.Sprintf("%s %s://%s\n", l.flag[1:], l.scheme, listener.Addr())
	}
	return places, nil
}

// isLoopback tells whether only this machine reaches an address. It is asked of the
// listener and not of the flag: a name says nothing of where it leads.
func isLoopback(a net.Addr) bool {
	tcp, ok := a.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}

// serve serves clients, by TLS if there is a certificate. The files are no arguments,
// since the configuration asks for the pair at each handshake.
func (s *edgeServer) serve(server *http.Server, l net.Listener) error {
	if s.cert != nil {
		return server.ServeTLS(l, "", "")
	}
	return server.Serve(l)
}

// reload reads the files anew. What cannot be read stays as it is.
// A file is often written while SIGHUP comes; an edge that stopped for that would turn
// a slip into an outage.
func (s *edgeServer) reload() {
	// One that fails does not keep the others from being read.
	note := func(what string, err error) {
		if err != nil {
			s.log.Error("reload: "+what+" stays as it is", "err", err)
		} else {
			s.log.Info("reload: " + what + " read")
		}
	}
	if s.cert != nil {
		note("certificate", s.cert.load())
	}
	if s.cfg.tokenFile != "" {
		note("token", s.readToken())
	}
	if s.cfg.policy != "" {
		note("policy", s.readQueries())
	}
	if s.access != nil {
		note("access log", s.access.reopen())
	}
}

// readToken puts the token into force.
func (s *edgeServer) readToken() error {
	token, err := s.token.read()
	if err != nil {
		return err
	}
	// Calls under way end under the old one.
	api := s.handler.API(token)
	s.api.Store(&api)
	return nil
}

// readQueries puts the queries of the policy into force.
// What is stored under the old keys is not found any more, and ends by itself.
func (s *edgeServer) readQueries() error {
	queries, err := edgeQueries(s.cfg.policy)
	if err != nil {
		return err
	}
	return s.handler.SetQueries(queries)
}

// drain says that no more requests are wanted, and waits for those under way. Then
// the handler writes to the disk what still waits for that.
func (s *edgeServer) drain(ctx context.Context) error {
	// First, so that a balancer stops sending while the rest is answered.
	s.ready.Store(false)
	ctx, cancel := context.WithTimeout(ctx, s.cfg.drain)
	defer cancel()
	if err := s.clients.Shutdown(ctx); err != nil {
		s.log.Warn("some requests did not end in time", "after", s.cfg.drain)
		_ = s.clients.Close()
	}
	if s.admin != nil {
		// What does not end in time loses its connection, and with it the answer.
		if err := s.admin.Shutdown(ctx); err != nil {
			_ = s.admin.Close()
		}
	}
	return s.handler.Close()
}

// close ends all that is left.
func (s *edgeServer) close() {
	// In the order of the requests' way: nobody asks a handler that has closed.
	for _, server := range []*http.Server{s.clients, s.admin} {
		if server != nil {
			_ = server.Close()
		}
	}
	for _, l := range s.listeners {
		_ = l.Close()
	}
	if s.handler != nil {
		_ = s.handler.Close()
	}
	if s.access != nil {
		s.access.close()
	}
}

package cli

import (
	"crypto/tls"
	"fmt"
	"sync/atomic"
)

// certificate is a pair of files, read anew when asked.
//
// A certificate is mostly renewed under the same names every few weeks. It is replaced
// whole, by one store, so that a handshake sees the old pair or the new one, and never
// the key of the one with the chain of the other.
type certificate struct {
	certFile, keyFile string
	now               atomic.Pointer[tls.Certificate]
}

// loadCertificate reads the pair for the first time: an edge with none does not start.
func loadCertificate(certFile, keyFile string) (*certificate, error) {
	c := &certificate{certFile: certFile, keyFile: keyFile}
	return c, c.load()
}

// load reads the files; connections from here on get what is in them.
// If they cannot be read, or do not belong together, as in the middle of a renewal, the
// pair from before stays in force.
func (c *certificate) load() error {
	pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		return fmt.Errorf("-tls-cert, -tls-key: %w", err)
	}
	c.now.Store(&pair)
	return nil
}

// get is for tls.Config.GetCertificate, which each handshake calls. There is one
// certificate whatever name the client asks for.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.now.Load(), nil }

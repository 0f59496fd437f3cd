package redisstore

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	defaultNamespace   = "larder"
	defaultPort        = "6379"
	defaultDialTimeout = 2 * time.Second
	defaultFlushDelay  = 20 * time.Microsecond
	maxFlushDelay      = 10 * time.Millisecond
)

// Options configures a [Store]. URL or Addrs is needed, the rest has defaults.
type Options struct {
	// URL is the address of one server:
	//
	//	redis://[[user]:password@]host[:port][/db]     also valkey://
	//	rediss://…                                     with TLS, also valkeys://
	//	unix://[[user]:password@]/path/to.sock[?db=n]
	//
	// Default: none, Addrs is used.
	URL string

	// Addrs are host:port addresses, or paths of Unix sockets: of one server;
	// of the Sentinels, if SentinelMaster is set; or of some servers of a
	// cluster, if Cluster is set.
	//
	// Default: none, URL is used.
	Addrs []string

	// Username and Password log in to the servers. A Password without a
	// Username is for the user "default".
	//
	// Default: those of URL, else no login.
	Username, Password string

	// DB is the database to use. A cluster has only database 0. Invalidations
	// by FLUSHALL or of equal keys in other databases are seen too, which
	// costs loads and harms nothing.
	//
	// Default: that of URL, else 0.
	DB int

	// TLS encrypts the connections. Without a ServerName the host of the
	// address is verified.
	//
	// Default: none; for a rediss URL TLS 1.2 or later.
	TLS *tls.Config

	// Namespace begins all keys. Fleets with different namespaces share a
	// server without seeing each other. It is made of letters, digits, '_',
	// '.' and '-'.
	//
	// Default: "larder".
	Namespace string

	// DialTimeout bounds the making of a connection, login included. A data
	// connection whose requests stay unanswered for that long, and a second
	// more, is given up.
	//
	// Default: 2 s.
	DialTimeout time.Duration

	// FlushDelay is how long a request waits for those of other callers, so
	// that they leave in one write; one that is alone never waits. A longer
	// delay saves processor time where hundreds of requests are under way, and
	// makes each of a few slower by as much.
	//
	// Default: 20 µs. At most 10 ms.
	FlushDelay time.Duration

	// Cluster says that the addresses are those of a Redis Cluster. Some will
	// do: the rest is found by asking these.
	//
	// Default: false. A server that is part of a cluster is then refused.
	Cluster bool

	// SentinelMaster is the name under which Sentinels watch the primary.
	// Addrs are then the Sentinels' addresses.
	//
	// Default: none, there are no Sentinels.
	SentinelMaster string

	// SentinelUsername and SentinelPassword log in to the Sentinels. The user
	// needs the commands HELLO, PING, CLIENT, SENTINEL and SUBSCRIBE, the last
	// for the channels +switch-master and +promoted-slave. Without that one a
	// failover is noticed up to a second later.
	//
	// Default: no login.
	SentinelUsername, SentinelPassword string
}

// config is Options made complete: defaults filled in, the URL taken apart.
type config struct {
	Options
	addrs []string
}

// Validate returns what is wrong with the options, all at once, as [Open] would, and
// reaches nobody. No error holds a password, nor the URL that it stands in.
func (o Options) Validate() error {
	_, err := o.resolve()
	return err
}

// resolve checks the options and reports all mistakes at once. No error
// holds a password, nor the URL that it stands in.
func (o Options) resolve() (config, error) {
	c := config{Options: o, addrs: o.Addrs}
	var errs []error
	switch {
	case o.URL == "" && len(o.Addrs) == 0:
		errs = append(errs, errors.New("URL or Addrs is needed"))
	case o.URL != "" && len(o.Addrs) > 0:
		errs = append(errs, errors.New("URL and Addrs are both set, want one"))
	case o.URL != "":
		errs = append(errs, c.readURL()...)
	}
	for _, addr := range o.Addrs {
		errs = append(errs, checkAddr(addr))
	}
	errs = append(errs, c.fill()...)
	if err := errors.Join(errs...); err != nil {
		return config{}, fmt.Errorf("redisstore: wrong options: %w", err)
	}
	return c, nil
}

// fill sets the defaults and checks what does not depend on the addresses.
func (c *config) fill() (errs []error) {
	if c.Namespace == "" {
		c.Namespace = defaultNamespace
	}
	if strings.Trim(c.Namespace, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-") != "" {
		errs = append(errs, fmt.Errorf("Namespace is %q, want letters, digits, '_', '.' and '-'", c.Namespace))
	}
	if c.DB < 0 {
		errs = append(errs, fmt.Errorf("DB is %d, want 0 or more", c.DB))
	}
	if c.Username != "" && c.Password == "" {
		errs = append(errs, errors.New("Username needs a Password"))
	}
	if c.DialTimeout < 0 {
		errs = append(errs, fmt.Errorf("DialTimeout is %v, want 0 or more", c.DialTimeout))
	}
	if c.DialTimeout == 0 {
		c.DialTimeout = defaultDialTimeout
	}
	if c.FlushDelay < 0 || c.FlushDelay > maxFlushDelay {
		errs = append(errs, fmt.Errorf("FlushDelay is %v, want 0 to %v", c.FlushDelay, maxFlushDelay))
	}
	if c.FlushDelay == 0 {
		c.FlushDelay = defaultFlushDelay
	}
	if c.SentinelMaster == "" && (c.SentinelUsername != "" || c.SentinelPassword != "") {
		errs = append(errs, errors.New("SentinelUsername and SentinelPassword need SentinelMaster"))
	}
	return append(errs, c.checkKind()...)
}

// checkKind checks what must fit to the kind of deployment.
func (c *config) checkKind() (errs []error) {
	sentinel := c.SentinelMaster != ""
	if sentinel && c.URL != "" {
		errs = append(errs, errors.New("SentinelMaster needs Addrs, not URL"))
	}
	if sentinel && c.Cluster {
		errs = append(errs, errors.New("SentinelMaster and Cluster are both set, want one"))
	}
	if !sentinel && !c.Cluster && len(c.addrs) > 1 {
		errs = append(errs, fmt.Errorf("Addrs has %d entries, want one unless Cluster or SentinelMaster is set", len(c.addrs)))
	}
	if c.Cluster && c.DB != 0 {
		errs = append(errs, fmt.Errorf("DB is %d, but a cluster has only database 0", c.DB))
	}
	return errs
}

// readURL takes c.URL apart. What the url package has to say about a URL that
// it cannot read is not passed on: it quotes it.
func (c *config) readURL() (errs []error) {
	u, err := url.Parse(c.URL)
	if err != nil {
		return []error{errors.New("URL cannot be parsed (a special character in the password must be percent-encoded)")}
	}
	switch u.Scheme {
	case "redis", "valkey", "rediss", "valkeys":
		errs = append(errs, c.readHost(u))
		if c.TLS == nil && strings.HasSuffix(u.Scheme, "s") && u.Scheme != "redis" {
			c.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
		}
	case "unix":
		errs = append(errs, c.readSocket(u))
	default:
		errs = append(errs, errors.New("URL must begin with redis://, rediss://, valkey://, valkeys:// or unix://"))
	}
	if u.User != nil {
		if c.Username != "" || c.Password != "" {
			errs = append(errs, errors.New("Username or Password is set, but URL has a login too"))
		}
		c.Username = u.User.Username()
		c.Password, _ = u.User.Password()
	}
	if u.Fragment != "" {
		errs = append(errs, errors.New("URL has a fragment (a '#' in the password must be written %23)"))
	}
	return errs
}

// readHost reads host, port and database of a URL that is no socket's.
func (c *config) readHost(u *url.URL) error {
	port := u.Port()
	if port == "" {
		port = defaultPort
	}
	if u.Hostname() == "" {
		return errors.New("URL has no host")
	}
	c.addrs = []string{net.JoinHostPort(u.Hostname(), port)}
	if u.RawQuery != "" {
		return errors.New("URL has parameters, which are not used: set the Options instead")
	}
	return c.readDB(strings.TrimPrefix(u.Path, "/"))
}

// readSocket reads path and database of a Unix socket's URL.
func (c *config) readSocket(u *url.URL) error {
	if u.Host != "" || u.Path == "" {
		return errors.New("URL of a socket must be unix:///path")
	}
	c.addrs = []string{u.Path}
	query := u.Query()
	db := query.Get("db")
	query.Del("db")
	if len(query) > 0 {
		return errors.New("URL of a socket may have db as its only parameter")
	}
	return c.readDB(db)
}

// readDB takes the URL's database, if it names one.
func (c *config) readDB(text string) error {
	if text == "" {
		return nil
	}
	db, err := strconv.Atoi(text)
	switch {
	case err != nil:
		return fmt.Errorf("URL names database %q, want a number", text)
	case c.DB != 0 && c.DB != db:
		return fmt.Errorf("DB is %d, but URL names database %d", c.DB, db)
	}
	c.DB = db
	return nil
}

// checkAddr checks one of Addrs. Somebody may have put a URL there, password
// and all, so it is not quoted.
func checkAddr(addr string) error {
	if isSocket(addr) {
		return nil
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil || host == "" || strings.ContainsAny(addr, "@/") {
		return errors.New("Addrs has an entry that is neither host:port nor the path of a socket")
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return fmt.Errorf("Addrs has port %q, want 1 to 65535", port)
	}
	return nil
}

// isSocket reports whether an address is the path of a Unix socket.
func isSocket(addr string) bool { return strings.HasPrefix(addr, "/") }

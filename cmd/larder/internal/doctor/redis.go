package doctor

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"github.com/larderdev/larder/redisstore"
)

// Redis says where the shared tier is.
type Redis struct {
	redisstore.Options
	// SharedTimeout is the longest wait for one answer that the policy allows.
	SharedTimeout time.Duration
	// Outbox says that a relay has to confirm what is delivered.
	Outbox bool
}

// patience bounds one look at one server.
const patience = 5 * time.Second

// Look looks at each primary of the shared tier.
// It connects by itself, and not by redisstore, which refuses a server at the first
// thing that is wrong: here each thing is a check. Only the operations at the end are
// redisstore's, as they are what a login has to be able to do.
func (r Redis) Look(ctx context.Context) []Check {
	seeds, login, err := r.seeds()
	if err != nil {
		return []Check{{Of: "redis", Name: "address", Status: Fail, Says: err.Error(), Mend: "give --redis redis://host:6379"}}
	}
	addrs, err := r.primaries(ctx, seeds, login)
	if err != nil {
		return []Check{{Of: seeds[0], Name: "connection", Status: Fail, Says: err.Error(), Mend: "look at the address, the login, and whether the server runs"}}
	}
	var all []Check
	for _, addr := range addrs {
		all = append(all, r.server(ctx, addr, login)...)
	}
	return append(all, r.rights(ctx)...)
}

// namespace is what keys begin with: that of redisstore if nothing is said.
func (r Redis) namespace() string {
	if r.Namespace == "" {
		return "larder"
	}
	return r.Namespace
}

// seeds returns the addresses that were given, and how to log in. A login in the URL
// goes before the one in the options; where both are there redisstore refuses them. The
// error of a URL that cannot be read is our own: the one of the parser may show the
// password.
func (r Redis) seeds() ([]string, rueidis.ClientOption, error) {
	login := rueidis.ClientOption{Username: r.Username, Password: r.Password, SelectDB: r.DB, TLSConfig: r.TLS}
	if r.URL == "" {
		if len(r.Addrs) == 0 {
			return nil, login, errors.New("it is not said where the shared tier is")
		}
		return r.Addrs, login, nil
	}
	url := r.URL
	// The schemes of Valkey mean the same, and rueidis does not know them.
	if rest, ok := strings.CutPrefix(url, "valkey"); ok {
		url = "redis" + rest
	}
	given, err := rueidis.ParseURL(url)
	if err != nil {
		return nil, login, errors.New("the URL cannot be read (a special character in the password must be percent-encoded)")
	}
	login.SelectDB, login.TLSConfig, login.DialCtxFn = given.SelectDB, given.TLSConfig, given.DialCtxFn
	if given.Username != "" || given.Password != "" {
		login.Username, login.Password = given.Username, given.Password
	}
	return given.InitAddress, login, nil
}

// connect opens one connection to one server.
// It is the server at this address and no other: a client that followed a cluster or
// tried again would hide what is to be found.
func connect(ctx context.Context, addr string, login rueidis.ClientOption) (rueidis.Client, error) {
	login.InitAddress = []string{addr}
	login.ForceSingleClient, login.DisableCache, login.DisableRetry = true, true, true
	// One connection, since what CLIENT TRACKING sets holds for the one that it was
	// sent on.
	login.PipelineMultiplex = -1
	login.ClientName = "larder-doctor"
	login.Dialer = net.Dialer{Timeout: patience}
	login.ConnWriteTimeout = patience
	if login.DialCtxFn == nil && strings.HasPrefix(addr, "/") {
		login.DialCtxFn = func(ctx context.Context, addr string, d *net.Dialer, _ *tls.Config) (net.Conn, error) {
			return d.DialContext(ctx, "unix", addr)
		}
	}
	// NewClient takes no context, and would wait for patience.
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return rueidis.NewClient(login)
}

// primaries finds the servers that hold data.
// One seed that answers is enough, as for a service; what the others say is of interest
// only if none does.
func (r Redis) primaries(ctx context.Context, seeds []string, login rueidis.ClientOption) ([]string, error) {
	var errs []error
	for _, seed := range seeds {
		addrs, err := r.primariesBy(ctx, seed, login)
		if err == nil {
			return addrs, nil
		}
		errs = append(errs, fmt.Errorf("%s: %w", seed, err))
	}
	return nil, errors.Join(errs...)
}

// primariesBy asks one server for them.
func (r Redis) primariesBy(ctx context.Context, seed string, login rueidis.ClientOption) ([]string, error) {
	// Sentinels have a login of their own, and no databases.
	if r.SentinelMaster != "" {
		login.Username, login.Password, login.SelectDB = r.SentinelUsername, r.SentinelPassword, 0
	}
	c, err := connect(ctx, seed, login)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	switch {
	case r.SentinelMaster != "":
		at, err := c.Do(ctx, c.B().Arbitrary("SENTINEL", "GET-MASTER-ADDR-BY-NAME", r.SentinelMaster).Build()).AsStrSlice()
		if err != nil || len(at) != 2 {
			return nil, fmt.Errorf("the Sentinel does not know the primary %q", r.SentinelMaster)
		}
		return []string{net.JoinHostPort(at[0], at[1])}, nil
	case r.Cluster:
		text, err := c.Do(ctx, c.B().Arbitrary("CLUSTER", "NODES").Build()).ToString()
		if err != nil {
			return nil, err
		}
		return clusterPrimaries(text, seed)
	}
	return []string{seed}, nil
}

// clusterPrimaries reads the answer to CLUSTER NODES: the primaries with slots.
// A line is id, address@bus, flags, primary, ping, pong, epoch, state and then slots
// (Redis, CLUSTER NODES): with fewer than nine fields it has none.
func clusterPrimaries(text, seed string) (addrs []string, err error) {
	host, _, _ := net.SplitHostPort(seed)
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) < 9 || !strings.Contains(fields[2], "master") || strings.Contains(fields[2], "fail") {
			continue
		}
		addr, _, _ := strings.Cut(fields[1], "@")
		if strings.HasPrefix(addr, ":") { // it does not know its own name yet
			addr = host + addr
		}
		addrs = append(addrs, addr)
	}
	if len(addrs) == 0 {
		return nil, errors.New("no primary of the cluster has slots")
	}
	slices.Sort(addrs)
	return addrs, nil
}

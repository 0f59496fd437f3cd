package cli

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/larderdev/larder/redisstore"
)

// The variables that say where the shared tier is, if no flag does.
const (
	redisURLVar      = "LARDER_REDIS_URL"
	redisUserVar     = "LARDER_REDIS_USERNAME"
	redisPasswordVar = "LARDER_REDIS_PASSWORD"
)

// tierFlags say where the shared tier is.
type tierFlags struct {
	redis     string
	cluster   bool
	sentinel  string
	namespace string
}

// add adds the flags to a command.
func (t *tierFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&t.redis, "redis", "", "shared tier: `URL` or host:port, several with commas between them (default: $"+redisURLVar+"). "+
		"Keep passwords out of flags: "+redisUserVar+" and "+redisPasswordVar+" log in")
	flags.BoolVar(&t.cluster, "redis-cluster", false, "the addresses are those of a Redis Cluster")
	flags.StringVar(&t.sentinel, "redis-sentinel", "", "the addresses are those of Sentinels, which call the primary by this `name`")
	checkedVar(cmd, &t.namespace, "namespace", "what all keys begin with, as in redisstore.Options (default \"larder\")", func(text string) error {
		return redisstore.Options{Addrs: []string{"localhost:6379"}, Namespace: text}.Validate()
	})
}

// where returns what --redis, or else the variable, says; empty: nothing does.
// Where it is empty some commands answer without the tier, and the others ask for it by
// options.
func (t *tierFlags) where(a *app) string {
	if t.redis != "" {
		return t.redis
	}
	return a.getenv(redisURLVar)
}

// options returns the options of the store.
// Nothing is asked of any server. No error repeats an address that may hold a password.
func (t *tierFlags) options(a *app) (redisstore.Options, error) {
	where := t.where(a)
	if where == "" {
		return redisstore.Options{}, usagef("give --redis redis://host:6379, or set "+redisURLVar, "it is not said where the shared tier is")
	}
	o := redisstore.Options{
		Username: a.getenv(redisUserVar), Password: a.getenv(redisPasswordVar),
		Cluster: t.cluster, SentinelMaster: t.sentinel, Namespace: t.namespace,
	}
	switch {
	case strings.Contains(where, "://"):
		o.URL = where
		if u, err := url.Parse(where); err == nil && u.User != nil {
			o.Username, o.Password = "", "" // the URL says it
		}
	case strings.Contains(where, "@"): // not repeated: a password may be in it
		return o, usagef("write redis://USER:PASSWORD@host:6379 into "+redisURLVar+", or log in by "+redisUserVar+" and "+redisPasswordVar,
			"the address of the shared tier has a login and no redis:// before it")
	default:
		for addr := range strings.SplitSeq(where, ",") {
			o.Addrs = append(o.Addrs, strings.TrimSpace(addr))
		}
	}
	if err := o.Validate(); err != nil {
		return o, usagef("larder help doctor has the forms of an address", "%w", err)
	}
	return o, nil
}

// dialTime is how long the first connection may take.
//
// It is longer than a service would wait: a person is patient, but not for the minute
// that an operating system tries.
const dialTime = 3 * time.Second

// open connects to the shared tier. Its caller closes the store.
func (t *tierFlags) open(ctx context.Context, a *app) (*redisstore.Store, error) {
	o, err := t.options(a)
	if err != nil {
		return nil, err
	}
	o.DialTimeout = dialTime
	s, err := redisstore.Open(ctx, o)
	switch {
	case errors.Is(err, redisstore.ErrUnsupported):
		return nil, environment("larder doctor says what the server lacks", err)
	case err != nil:
		return nil, environment("look at the address and the login, and at larder doctor", err)
	}
	return s, nil
}

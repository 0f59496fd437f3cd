package torture

import (
	"encoding/json"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/larderdev/larder/redisstore"
)

// roleEnv makes this test binary one process of a fleet: its value is a config.
const roleEnv = "LARDER_TORTURE_PROCESS"

// lengthEnv sets how long TestWrites runs, for runs by hand.
const lengthEnv = "LARDER_TORTURE_TIME"

// config is what a process is told.
type config struct {
	Role             string // a key of roles
	Number           int    // among the processes of its role
	Ledger           string // its path
	Primary, Replica string // where the databases are
	Redis            server
	Outbox           bool          // Options.Outbox, and rows in the outbox
	Deaths           float64       // the part of writes after whose COMMIT the process dies
	TTL              time.Duration // of all classes, if not 0
	Writers, Writes  int           // of a clerk: goroutines, and writes of each
}

// server is the part of redisstore.Options that the runs need.
type server struct {
	Addrs    []string
	Cluster  bool
	Sentinel string // the primary's name
}

func (s server) options() redisstore.Options {
	return redisstore.Options{Addrs: s.Addrs, Cluster: s.Cluster, SentinelMaster: s.Sentinel}
}

// roles are what a process of a fleet can be.
func roles() map[string]func(config) error {
	return map[string]func(config) error{
		"node":  runNode,
		"relay": runRelay,
		"clerk": runClerk,
		"guard": runGuard,
	}
}

func TestMain(m *testing.M) {
	text := os.Getenv(roleEnv)
	if text == "" {
		os.Exit(m.Run())
	}
	var c config
	err := json.Unmarshal([]byte(text), &c)
	if err == nil {
		err = roles()[c.Role](c)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s %d: %v\n", c.Role, c.Number, err)
		os.Exit(1)
	}
}

// length is how long a run is.
func length(t *testing.T, standard time.Duration) time.Duration {
	t.Helper()
	text := os.Getenv(lengthEnv)
	if text == "" {
		return standard
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatalf("%s: %v", lengthEnv, err)
	}
	return d
}

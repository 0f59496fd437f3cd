package redistest

import (
	"fmt"
	"net"
	"testing"

	"github.com/larderdev/larder/internal/redisproc"
)

// SentinelMaster is the name under which the Sentinels of [StartSentinels]
// watch their primary.
const SentinelMaster = "shop"

// StartSentinels runs Sentinels for t that watch the primary at an address,
// and returns their addresses. More than half of them must agree that it is
// down, which they find after two seconds.
func StartSentinels(t testing.TB, primary string, count int) (addrs []string) {
	t.Helper()
	for range count {
		s, err := redisproc.RunSentinel(t.Context(), SentinelMaster, primary, count/2+1)
		if err != nil {
			t.Fatalf("%v\nTo install what the tests need: make test, or scripts/install-test-services", err)
		}
		t.Cleanup(func() {
			if err := s.Stop(); err != nil {
				t.Errorf("stop the Sentinel: %v", err)
			}
		})
		addrs = append(addrs, s.Addr())
	}
	return addrs
}

// Watched is a primary with one replica and the Sentinels that watch them.
type Watched struct {
	Primary, Replica *Member // without an ID
	Sentinels        []string
}

// StartWatched runs a primary, a replica and Sentinels for t, and returns when
// the Sentinels know each other and the replica is in step.
func StartWatched(t testing.TB, sentinels int) *Watched {
	t.Helper()
	w := &Watched{}
	for _, m := range []**Member{&w.Primary, &w.Replica} {
		server := Start(t, "--repl-diskless-sync-delay", "0")
		*m = &Member{Server: server, Operator: NewOperator(t, server.Addr())}
	}
	host, port, _ := net.SplitHostPort(w.Primary.Addr())
	w.Replica.Run("REPLICAOF", host, port)
	eventually(t, "the replica is in step", func() bool {
		return w.Replica.Holds([]string{"INFO", "replication"}, "master_link_status:up")
	})
	w.Sentinels = StartSentinels(t, w.Primary.Addr(), sentinels)
	for _, addr := range w.Sentinels {
		o := NewOperator(t, addr)
		// Sentinels ask their servers each ten seconds. From 7.0 on they can be
		// told to be quicker; before that it just takes longer.
		_, _ = o.Try("SENTINEL", "DEBUG", "info-period", "100")
		eventually(t, "the Sentinel knows the others and the replica", func() bool {
			answer, err := o.Try("SENTINEL", "MASTER", SentinelMaster)
			state, _ := answer.AsStrMap()
			return err == nil && state["num-slaves"] == "1" && state["num-other-sentinels"] == fmt.Sprint(sentinels-1)
		})
	}
	return w
}

package redistest

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
)

// slots is how many slots a cluster has.
const slots = 16384

// Member is one server of a cluster.
type Member struct {
	*Server
	*Operator
	ID string
}

// Cluster is a Redis Cluster: primaries that share the slots evenly, and
// replicas, of which number i follows primary i when it is new.
type Cluster struct {
	Primaries, Replicas []*Member
}

// StartCluster runs a cluster for t, and returns when all its servers agree
// that it is whole. A primary that is silent for a second is replaced by its
// replica.
func StartCluster(t testing.TB, primaries, replicas int) *Cluster {
	t.Helper()
	c := &Cluster{}
	for i := range primaries + replicas {
		m := StartMember(t, i)
		if i > 0 {
			m.Meet(c.Primaries[0])
		}
		if i < primaries {
			c.Primaries = append(c.Primaries, m)
		} else {
			c.Replicas = append(c.Replicas, m)
		}
	}
	for i, m := range c.Primaries {
		command := []string{"CLUSTER", "ADDSLOTS"}
		for slot := i * slots / primaries; slot < (i+1)*slots/primaries; slot++ {
			command = append(command, fmt.Sprint(slot))
		}
		m.Run(command...)
	}
	for i, m := range c.Replicas {
		eventually(t, "the replica knows its primary", func() bool {
			_, err := m.Try("CLUSTER", "REPLICATE", c.Primaries[i].ID)
			return err == nil
		})
	}
	c.Settle(t)
	return c
}

// StartMember runs a server that is a cluster of its own at first. Servers that
// are to meet have different numbers, from 0.
func StartMember(t testing.TB, number int) *Member {
	t.Helper()
	server := Start(t,
		"--cluster-enabled", "yes", "--cluster-port", fmt.Sprint(freePort(t)), "--cluster-node-timeout", "1000",
		"--cluster-require-full-coverage", "no", "--repl-diskless-sync-delay", "0")
	m := &Member{Server: server, Operator: NewOperator(t, server.Addr())}
	m.ID = m.Text("CLUSTER", "MYID")
	m.Run("CLUSTER", "SET-CONFIG-EPOCH", fmt.Sprint(number+1))
	return m
}

// Meet lets a server join the cluster of another.
func (m *Member) Meet(other *Member) {
	m.Operator.t.Helper()
	bus := other.Run("CONFIG", "GET", "cluster-port")
	ports, _ := bus.AsStrMap()
	host, port, _ := net.SplitHostPort(other.Addr())
	m.Run("CLUSTER", "MEET", host, port, ports["cluster-port"])
}

// Settle waits until all servers agree that the cluster is whole, and the
// replicas are in step.
func (c *Cluster) Settle(t testing.TB) {
	t.Helper()
	known := fmt.Sprintf("cluster_known_nodes:%d", len(c.Primaries)+len(c.Replicas))
	for _, m := range slices.Concat(c.Primaries, c.Replicas) {
		eventually(t, "the cluster is whole", func() bool {
			return m.Holds([]string{"CLUSTER", "INFO"}, "cluster_state:ok", "cluster_slots_ok:16384", known)
		})
	}
	for _, m := range c.Replicas {
		eventually(t, "the replica is in step", func() bool {
			return m.Holds([]string{"INFO", "replication"}, "master_link_status:up")
		})
	}
}

// Addrs are the addresses of all servers, the primaries first.
func (c *Cluster) Addrs() (addrs []string) {
	for _, m := range slices.Concat(c.Primaries, c.Replicas) {
		addrs = append(addrs, m.Addr())
	}
	return addrs
}

// Offset is how far a server's replication has come.
func (o *Operator) Offset() (offset int64) {
	for line := range strings.Lines(o.Text("INFO", "replication")) {
		if text, ok := strings.CutPrefix(line, "master_repl_offset:"); ok {
			fmt.Sscan(text, &offset) // 0 if it is no number
		}
	}
	return offset
}

func freePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

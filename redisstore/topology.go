package redisstore

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/redis/rueidis"
)

// topology says which primary holds which slot. It is never changed, only
// replaced.
type topology struct {
	shards   map[string]*shard // by address; the owners, and guests
	guests   map[string]bool   // which of the shards hold no slot
	owners   [slotCount]*shard // nil for a slot that nobody holds
	replaced chan struct{}     // closed when there is a newer one
}

// shard is one primary of a cluster. A guest is one that holds no slot, but to
// which others send requests.
type shard struct {
	addr   string
	link   *link
	cancel context.CancelFunc // ends the link
}

// span is a range of slots, both ends in it, and the primary that holds it.
type span struct {
	first, last int64
	addr        string
}

// clusterState is what CLUSTER INFO says.
type clusterState struct {
	ok    bool
	epoch int64 // grows with every failover and every slot that has moved
}

var errClusterDown = errors.New("the node is cut off from its cluster")

// readClusterInfo reads the answer to CLUSTER INFO.
func readClusterInfo(r rueidis.RedisResult) (state clusterState, err error) {
	text, err := r.ToString()
	if err != nil {
		return state, err
	}
	text = strings.TrimPrefix(text, "txt:") // RESP3 says what kind of text it is
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		switch name {
		case "cluster_state":
			state.ok = value == "ok"
		case "cluster_current_epoch":
			if state.epoch, err = strconv.ParseInt(value, 10, 64); err != nil {
				return state, err
			}
		}
	}
	return state, nil
}

// readSlots reads the answer to CLUSTER SLOTS that came from addr.
func readSlots(r rueidis.RedisResult, addr string) ([]span, error) {
	ranges, err := r.ToArray()
	if err != nil {
		return nil, err
	}
	spans := make([]span, 0, len(ranges))
	for i := range ranges {
		s, err := readSpan(&ranges[i], addr)
		if err != nil {
			return nil, fmt.Errorf("CLUSTER SLOTS: %w", err)
		}
		spans = append(spans, s)
	}
	return spans, nil
}

// readSpan reads one range: first slot, last slot, primary, replicas.
func readSpan(m *rueidis.RedisMessage, addr string) (s span, err error) {
	parts, err := m.ToArray()
	if err != nil {
		return s, err
	}
	if len(parts) < 3 {
		return s, fmt.Errorf("a range has %d parts", len(parts))
	}
	if s.first, err = parts[0].AsInt64(); err != nil {
		return s, err
	}
	if s.last, err = parts[1].AsInt64(); err != nil {
		return s, err
	}
	if s.first < 0 || s.last >= slotCount || s.first > s.last {
		return s, fmt.Errorf("a range is from %d to %d", s.first, s.last)
	}
	primary, err := parts[2].ToArray()
	if err != nil {
		return s, err
	}
	if len(primary) < 2 {
		return s, fmt.Errorf("a node has %d parts", len(primary))
	}
	port, err := primary[1].AsInt64()
	host, _ := primary[0].ToString() // null or empty: the same as that of the node asked
	s.addr = beside(addr, net.JoinHostPort(host, strconv.FormatInt(port, 10)))
	return s, err
}

// beside completes an address without a host: it is on the host of another.
func beside(other, addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if err != nil || host != "" && host != "?" {
		return addr
	}
	host, _, _ = net.SplitHostPort(other)
	return net.JoinHostPort(host, port)
}

// claim is what one node says about its cluster.
type claim struct {
	state clusterState
	spans []span // never empty
}

// errNoSlots is the error of a node that is in no cluster yet, or not any more.
var errNoSlots = errors.New("the node knows of no slot that anybody holds")

// look asks one node about the cluster.
func look(ctx context.Context, sess *session, limit time.Duration) (c claim, err error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	answers := sess.doAll(ctx, []rueidis.Completed{sess.client.B().ClusterInfo().Build(), sess.client.B().ClusterSlots().Build()})
	if c.state, err = readClusterInfo(answers[0]); err != nil {
		return c, fmt.Errorf("%s: %w", sess.addr, err)
	}
	if c.spans, err = readSlots(answers[1], sess.addr); err != nil {
		return c, fmt.Errorf("%s: %w", sess.addr, err)
	}
	if len(c.spans) == 0 {
		return c, fmt.Errorf("%s: %w", sess.addr, errNoSlots)
	}
	return c, nil
}

// same reports whether two topologies say the same.
func (t *topology) same(other *topology) bool {
	return t.owners == other.owners && maps.Equal(t.shards, other.shards)
}

// holders returns the shards that hold slots.
func (t *topology) holders() []*shard {
	var all []*shard
	for addr, s := range t.shards {
		if !t.guests[addr] {
			all = append(all, s)
		}
	}
	return all
}

// moved returns the addresses of shards that have lost or won a slot.
func (t *topology) moved(since *topology) map[string]bool {
	addrs := make(map[string]bool)
	for i, owner := range t.owners {
		before := since.owners[i]
		if owner == before {
			continue
		}
		for _, s := range []*shard{owner, before} {
			if s != nil {
				addrs[s.addr] = true
			}
		}
	}
	return addrs
}

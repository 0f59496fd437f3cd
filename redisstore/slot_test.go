package redisstore

import (
	"fmt"
	"net"
	"testing"

	"github.com/redis/rueidis"

	"github.com/larderdev/larder/internal/redistest"
)

// TestSlot asks a real server: both keys of an entry lie in one slot, whatever
// bytes its key has, and it is the slot that this package computes.
func TestSlot(t *testing.T) {
	server := redistest.Start(t, "--cluster-enabled", "yes", "--cluster-port", fmt.Sprint(busPort(t)))
	client, err := rueidis.NewClient(rueidis.ClientOption{
		InitAddress: []string{server.Addr()}, ForceSingleClient: true, DisableCache: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	keys := []string{"product:42", "", " ", "a", "long " + string(make([]byte, 1000)), "@", "@summer", "@{a}", "@}"}
	for _, brace := range []string{"{", "}", "{}", "}{", "{{", "}}", "{a}", "}a{"} {
		keys = append(keys, brace, brace+"rest", "start"+brace, "start"+brace+"rest", "start"+brace+"rest"+brace)
	}
	for b := range 256 {
		keys = append(keys, string([]byte{byte(b)}), string([]byte{'k', byte(b), 'x'}))
	}
	k := newKeyspace("larder")
	for _, key := range keys {
		for _, name := range []string{k.dataKey(key), k.leaseKey(key)} {
			got, err := client.Do(t.Context(), client.B().ClusterKeyslot().Key(name).Build()).AsInt64()
			if err != nil {
				t.Fatal(err)
			}
			if int(got) != slot(key) {
				t.Errorf("the server has %.60q in slot %d, we in %d", name, got, slot(key))
			}
		}
	}
}

// busPort returns a free port for a cluster's bus. By default a server takes
// its own port plus 10,000, which may be more than there are.
func busPort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

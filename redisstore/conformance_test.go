package redisstore_test

import (
	"bytes"
	"net"
	"regexp"
	"testing"

	"github.com/larderdev/larder/internal/redistest"
	"github.com/larderdev/larder/lardertest"
	"github.com/larderdev/larder/redisstore"
	"github.com/larderdev/larder/store"
)

// flushable can be flushed, by an operator.
type flushable struct {
	*redisstore.Store
	operator operator
}

func (f flushable) Flush() { f.operator.run("FLUSHALL") }

func TestConformance(t *testing.T) {
	server := redistest.Start(t)
	lardertest.TestStore(t, func(t *testing.T) store.Store {
		return flushable{open(t, at(server.Addr())), newOperator(t, server.Addr())}
	})
}

// TestConformance_EarlierForm has the scripts in the form for servers before
// 7.0, over a link that makes any server such a one.
func TestConformance_EarlierForm(t *testing.T) {
	server := redistest.Start(t)
	addr := earlier(t, server.Addr())
	lardertest.TestStore(t, func(t *testing.T) store.Store {
		return flushable{open(t, at(addr)), newOperator(t, server.Addr())}
	})
}

// earlier is a link to a server on which that says that it is Redis 6.2.
func earlier(t *testing.T, target string) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	version := regexp.MustCompile(`version\r\n\$\d+\r\n([0-9.]+)\r\n`)
	w := newWireOf(t, &wire{listener: l, target: target, rewrite: func(piece []byte) []byte {
		if bytes.Contains(piece, []byte("#!lua")) {
			t.Errorf("a script has the first line that servers before 7.0 do not know")
		}
		return version.ReplaceAll(piece, []byte("version\r\n$$5\r\n6.2.0\r\n"))
	}})
	return w.addr()
}

package pgtest_test

import (
	"net"
	"net/url"
	"testing"

	"github.com/larderdev/larder/internal/pgtest"
)

func TestStart_EndsWithTheTest(t *testing.T) {
	var host string
	t.Run("a test with a database", func(t *testing.T) {
		u, err := url.Parse(pgtest.Start(t))
		if err != nil {
			t.Fatal(err)
		}
		host = u.Host
		conn, err := net.Dial("tcp", host)
		if err != nil {
			t.Fatal(err)
		}
		conn.Close()
	})
	if conn, err := net.Dial("tcp", host); err == nil {
		conn.Close()
		t.Errorf("the server on %s outlives its test", host)
	}
}

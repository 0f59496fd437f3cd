package mariadbtest_test

import (
	"net"
	"testing"

	"github.com/larderdev/larder/internal/mariadbtest"
)

func TestStart_EndsWithTheTest(t *testing.T) {
	var host string
	t.Run("a test with a database", func(t *testing.T) {
		host = mariadbtest.Start(t).Addr()
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

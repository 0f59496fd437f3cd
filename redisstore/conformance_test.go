package redisstore_test

import (
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

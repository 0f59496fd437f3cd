// Package lardertest is a kit for testing caches built with Larder, and shared
// tiers built for it.
//
// [TestStore] checks that a shared tier keeps the promises of package store.
// [Fault] stands before a shared tier and makes it fail on request.
package lardertest

import (
	"slices"
	"testing"

	"github.com/larderdev/larder/store"
)

// Flusher is a store that can drop all it holds, as an operator may with
// FLUSHALL. [TestStore] uses it where a store has it.
type Flusher interface {
	// Flush drops everything, leases too. It has been reported to every Watch,
	// as a Reset, before the first heartbeat sent after Flush has returned.
	Flush()
}

// TestStore checks that a store keeps every promise of package store. Call it
// from the test of each store you write:
//
//	func TestConformance(t *testing.T) {
//		lardertest.TestStore(t, func(t *testing.T) store.Store { return mystore.New() })
//	}
//
// open is called for each promise. The stores that it returns may share one
// server, whose other content is left alone except by a [Flusher]'s Flush.
// Nobody else may move tags among theirs meanwhile. TestStore closes them. The
// whole takes some seconds of real time: do not call it in a [testing/synctest]
// bubble.
func TestStore(t *testing.T, open func(t *testing.T) store.Store) {
	groups := []struct {
		name  string
		cases []storeCase
	}{
		{"Get", getCases()},
		{"Lease", leaseCases()},
		{"Fill", fillCases()},
		{"Renew", renewCases()},
		{"Release", releaseCases()},
		{"Invalidate", invalidateCases()},
		{"Invalidate softly", softCases()},
		{"WriteThrough", writeCases()},
		{"Intend", intendCases()},
		{"Raise", raiseCases()},
		{"Finish", finishCases()},
		{"Discard", discardCases()},
		{"ReadTags", readTagsCases()},
		{"MoveTags", moveTagsCases()},
		{"Keys of tags", reservedCases()},
		{"Do", batchCases()},
		{"Watch", slices.Concat(watchCases(), newsCases())},
		{"Close", closeCases()},
	}
	for _, group := range groups {
		t.Run(group.name, func(t *testing.T) {
			for _, c := range group.cases {
				t.Run(c.promise, func(t *testing.T) { c.check(newTrial(t, open(t))) })
			}
		})
	}
}

// storeCase is one promise and how to check it.
type storeCase struct {
	promise string
	check   func(*trial)
}

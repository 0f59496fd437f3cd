package redisstore

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestEpochs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var e epochs
		expect := func(what string, got, want bool) {
			t.Helper()
			if got != want {
				t.Errorf("%s: %v, want %v", what, got, want)
			}
		}
		expect("the first", e.accept(7), true)
		expect("a lower one", e.accept(6), false)
		expect("a lower one of all, at first", e.concede(6), false)
		<-time.After(concedeAfter - time.Millisecond)
		expect("a lower one of all, for a while", e.concede(6), false)
		expect("the same again", e.accept(7), true)
		<-time.After(time.Millisecond)
		expect("a lower one of all, for a while again", e.concede(6), false)
		<-time.After(concedeAfter)
		expect("a lower one of all, for long", e.concede(2), true)
		expect("an older cluster's", e.accept(1), false)
		expect("the new cluster's", e.accept(3), true)
	})
}

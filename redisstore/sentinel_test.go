package redisstore

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// TestSentinels_Believed: the latest failover counts, whoever knows of it, until
// nobody has said so for some time.
func TestSentinels_Believed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSentinels(config{addrs: []string{"one", "two"}})
		says := func(sentinel, primary string, epoch int64) {
			s.note(sentinel, func(w *word) { w.say(primary, epoch) })
		}
		expect := func(what, want string) {
			t.Helper()
			if got := s.believed(); got != want {
				t.Errorf("%s: %q, want %q", what, got, want)
			}
		}
		expect("nobody has spoken", "")
		says("one", "old", 7)
		expect("one has", "old")
		says("two", "promoted", 8)
		expect("the other knows more", "promoted")
		<-time.After(time.Second)
		says("one", "old", 7)
		expect("the one repeats it", "promoted")
		says("one", "promoted", 8)
		<-time.After(time.Millisecond)
		says("two", "again", 8)
		expect("of the same failover, the newest", "again")
		s.note("two", func(w *word) { w.err = errors.New("gone") })
		expect("the other is gone for a moment", "again")

		// The Sentinels are made anew, their epochs begin again.
		for range wordHolds / time.Second {
			<-time.After(time.Second)
			says("one", "anew", 0)
		}
		expect("the other may come back", "again")
		<-time.After(time.Millisecond)
		expect("the other has been gone for long", "anew")
		s.note("one", func(w *word) { w.err = errors.New("gone") })
		if s.silent() == nil {
			t.Errorf("nobody can be asked, and there is no error")
		}
		<-time.After(wordHolds + time.Millisecond)
		expect("both have been gone for long", "")
	})
}

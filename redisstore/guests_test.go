package redisstore

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

func TestGuests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g guests
		for i := range 2 * maxGuests {
			g.invite(fmt.Sprint(i))
		}
		if got := len(g.present()); got != maxGuests {
			t.Errorf("%d guests, want %d", got, maxGuests)
		}
		<-time.After(guestFor)
		g.invite("0") // stays
		g.invite("late")
		if got := len(g.present()); got != maxGuests {
			t.Errorf("%d guests while all may stay, want %d", got, maxGuests)
		}
		<-time.After(time.Second)
		if got := g.present(); len(got) != 1 || got[0] != "0" {
			t.Errorf("guests %q, want the one that was of use", got)
		}
		g.invite("late")
		if got := len(g.present()); got != 2 {
			t.Errorf("%d guests when there is room, want 2", got)
		}
	})
}

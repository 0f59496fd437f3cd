package web

import (
	"context"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
)

func TestGate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(2, 1)
		for range 2 {
			if !g.enter(t.Context()) {
				t.Fatal("there is room, and nobody gets in")
			}
		}
		impatient, cancel := context.WithCancel(t.Context())
		left := make(chan bool)
		go func() { left <- g.enter(impatient) }()
		synctest.Wait() // it waits
		if g.enter(t.Context()) {
			t.Error("more wait than may")
		}
		cancel()
		if <-left {
			t.Error("who gave up was let in")
		}
		entered := make(chan bool)
		go func() { entered <- g.enter(t.Context()) }()
		synctest.Wait()
		g.leave()
		if !<-entered {
			t.Error("who waited for its turn was refused")
		}
		g.leave()
		g.leave()
		if len(g.running) != 0 || len(g.present) != 0 {
			t.Errorf("%d run and %d are present after all have left", len(g.running), len(g.present))
		}
	})
}

// TestLogin_TooMany asks while all that may wait do so.
func TestLogin_TooMany(t *testing.T) {
	a := newAPI(nil, nil) // neither must be used
	a.logins = newGate(1, 0)
	if !a.logins.enter(t.Context()) {
		t.Fatal("nobody gets in")
	}
	w := httptest.NewRecorder()
	a.login(w, httptest.NewRequest("POST", "/api/login", strings.NewReader(`{"email":"a@b.c","password":"x"}`)))
	if w.Code != 503 || w.Header().Get("Retry-After") == "" || !strings.Contains(w.Body.String(), "too many logins") {
		t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
	}
}

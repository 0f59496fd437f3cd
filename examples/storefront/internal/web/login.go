package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"time"

	"github.com/larderdev/larder"
	"github.com/larderdev/larder/examples/storefront/internal/catalog"
)

// gate lets a bounded number run at a time and a bounded number wait for them.
type gate struct {
	running chan struct{}
	present chan struct{} // those that run and those that wait
}

func newGate(run, wait int) *gate {
	return &gate{running: make(chan struct{}, run), present: make(chan struct{}, run+wait)}
}

// enter reports whether the caller may run, and then call leave. If too many
// wait already it says no at once.
func (g *gate) enter(ctx context.Context) bool {
	select {
	case g.present <- struct{}{}:
	default:
		return false
	}
	select {
	case g.running <- struct{}{}:
		return true
	case <-ctx.Done():
		<-g.present
		return false
	}
}

func (g *gate) leave() {
	<-g.running
	<-g.present
}

// waitingLogins is how many wait at most: a second's worth, so that who waits
// is answered while he is there.
const waitingLogins = 16

// loginGate leaves half of the processors to those who are logged in: a login
// keeps one busy for some 60 ms, on purpose.
func loginGate() *gate { return newGate(max(1, runtime.GOMAXPROCS(0)/2), waitingLogins) }

// loggedIn is the answer to POST /api/login.
type loggedIn struct {
	Token     string    `json:"token"`
	ExpiresAt time.Time `json:"expires_at"`
}

func (a *api) login(w http.ResponseWriter, r *http.Request) {
	var email, password *string
	_, _, err := parameters(r)
	if err == nil {
		err = readObject(w, r, fields{"email": intoText(&email), "password": intoText(&password)})
	}
	if err == nil {
		err = checkLogin(email, password)
	}
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	if !a.logins.enter(r.Context()) {
		w.Header().Set("Retry-After", "1")
		refuse(w, http.StatusServiceUnavailable, "too many logins at the moment, try again")
		return
	}
	defer a.logins.leave()
	token, session, err := a.shop.Login(r.Context(), *email, *password)
	switch {
	case err == nil:
		reply(w, http.StatusOK, loggedIn{Token: token, ExpiresAt: session.ExpiresAt})
	case errors.Is(err, catalog.ErrBadLogin):
		challenge(w, "", "there is no user with this email and password")
	default:
		a.unavailable(w, r, err)
	}
}

// checkLogin refuses what nobody can log in with.
func checkLogin(email, password *string) error {
	switch {
	case email == nil || password == nil:
		return errors.New("give email and password")
	case len(*email) > maxField:
		return fmt.Errorf("email has %d bytes, want at most %d", len(*email), maxField)
	case len(*password) > catalog.MaxPassword:
		return fmt.Errorf("password has %d bytes, want at most %d", len(*password), catalog.MaxPassword)
	case strings.ContainsRune(*email+*password, 0): // PostgreSQL takes no such text
		return errors.New("email or password holds a zero byte")
	}
	return nil
}

// challenge writes a 401, which must say how to do better.
func challenge(w http.ResponseWriter, problem, reason string) {
	how := `Bearer realm="storefront"`
	if problem != "" {
		how += fmt.Sprintf(", error=%q", problem)
	}
	w.Header().Set("WWW-Authenticate", how)
	refuse(w, http.StatusUnauthorized, reason)
}

// loggedOut is the answer to POST /api/logout. While pending is not 0, other
// shops may let the token count.
type loggedOut struct {
	LoggedOut bool `json:"logged_out"`
	Pending   int  `json:"pending"`
}

// customer is a request of somebody who is logged in.
type customer struct {
	token   string
	session catalog.Session
	report  larder.Report // of where the session was found
}

// authenticated asks for the token of a login before it lets h answer.
func (a *api) authenticated(h func(http.ResponseWriter, *http.Request, customer)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		token := bearer(r)
		if token == "" {
			challenge(w, "", "log in, and send the token as Authorization: Bearer TOKEN")
			return
		}
		session, report, err := a.shop.Session(r.Context(), token)
		switch {
		case err == nil:
			h(w, r, customer{token, session, report})
		case errors.Is(err, larder.ErrNotFound):
			challenge(w, "invalid_token", "the token does not count, or no longer: log in again")
		default:
			a.unavailable(w, r, err)
		}
	}
}

// bearer is the token that a request carries, "" if it is not exactly one.
func bearer(r *http.Request) string {
	given := r.Header.Values("Authorization")
	if len(given) != 1 {
		return ""
	}
	scheme, token, _ := strings.Cut(strings.TrimSpace(given[0]), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

func (a *api) session(w http.ResponseWriter, r *http.Request, c customer) {
	if _, _, err := parameters(r); err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	setStatus(w, answered(&c.report))
	reply(w, http.StatusOK, c.session)
}

func (a *api) logout(w http.ResponseWriter, r *http.Request, c customer) {
	_, _, err := parameters(r)
	if err == nil {
		err = readOptional(w, r, fields{})
	}
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	ended, err := a.shop.Logout(r.Context(), c.token)
	if errors.Is(err, larder.ErrNotFound) {
		err = nil // another request was faster
	}
	a.written(w, r, err, ended, "", func(pending int) any { return loggedOut{true, pending} })
}

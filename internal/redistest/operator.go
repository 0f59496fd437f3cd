package redistest

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/redis/rueidis"
)

// patience is how long something that must happen may take.
const patience = 30 * time.Second

// Operator sends commands to one server, as a person with redis-cli would. Its
// methods must be called from the goroutine that runs the test.
type Operator struct {
	t testing.TB
	c rueidis.Client
}

// NewOperator connects to the server at an address, until t ends.
func NewOperator(t testing.TB, addr string) *Operator {
	t.Helper()
	c, err := rueidis.NewClient(rueidis.ClientOption{
		InitAddress: []string{addr}, ForceSingleClient: true, DisableCache: true, DisableRetry: true,
	})
	if err != nil {
		t.Fatalf("connect to %s: %v", addr, err)
	}
	t.Cleanup(c.Close)
	return &Operator{t, c}
}

// Try sends one command and returns its error, or why there was no answer. An
// absent answer is none. A command whose connection is lost, as by a restart of
// the server, is sent again on the next, once.
func (o *Operator) Try(args ...string) (rueidis.RedisMessage, error) {
	ctx, cancel := context.WithTimeout(o.t.Context(), patience)
	defer cancel()
	m, err := o.send(ctx, args)
	if _, answered := rueidis.IsRedisErr(err); err != nil && !answered {
		m, err = o.send(ctx, args)
	}
	return m, err
}

func (o *Operator) send(ctx context.Context, args []string) (rueidis.RedisMessage, error) {
	m, err := o.c.Do(ctx, o.c.B().Arbitrary(args...).Build()).ToMessage()
	if rueidis.IsRedisNil(err) {
		err = nil
	}
	return m, err
}

// Run sends one command; an error fails the test.
func (o *Operator) Run(args ...string) rueidis.RedisMessage {
	o.t.Helper()
	m, err := o.Try(args...)
	if err != nil {
		o.t.Fatalf("%q: %v", args, err)
	}
	return m
}

// Text sends one command and returns the answer as text, which is empty while
// the server does not answer.
func (o *Operator) Text(args ...string) string {
	m, err := o.Try(args...)
	if err != nil {
		return ""
	}
	text, _ := m.ToString() // "" for what is no text
	return text
}

// Holds reports whether the answer to a command has all of parts in it.
func (o *Operator) Holds(command []string, parts ...string) bool {
	text := o.Text(command...)
	for _, part := range parts {
		if !strings.Contains(text, part) {
			return false
		}
	}
	return true
}

// CutReplicas makes a primary refuse its replicas, so that they miss every
// write from now on, while all else goes on as before: they still hear from it
// on the cluster's bus, or from their Sentinels.
func (o *Operator) CutReplicas() {
	o.t.Helper()
	o.Run("ACL", "SETUSER", "default", "-psync", "-sync")
	o.Run("CLIENT", "KILL", "TYPE", "replica")
}

// eventually asks until the answer is yes.
func eventually(t testing.TB, what string, ask func() bool) {
	t.Helper()
	late := time.After(patience)
	for !ask() {
		select {
		case <-time.After(5 * time.Millisecond):
		case <-late:
			t.Fatalf("waited %v for this: %s", patience, what)
		}
	}
}

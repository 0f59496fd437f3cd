package redisstore

import (
	"errors"
	"fmt"
	"strings"

	"github.com/redis/rueidis"

	"github.com/larderdev/larder/store"
)

var (
	// ErrUnavailable is in the error of every call that no server could
	// answer: none is connected, or the connection broke. The cause is in the
	// error too.
	ErrUnavailable = errors.New("redisstore: not connected")

	// ErrUnsupported is in the error of [Open], and of later calls, when the
	// server at the address cannot be a shared tier.
	ErrUnsupported = errors.New("redisstore: unsupported server")
)

// unavailable is the error of a call that failed for want of a connection.
func unavailable(cause error) error { return fmt.Errorf("%w: %w", ErrUnavailable, cause) }

// refused makes an error say nothing about a node's health.
func refused(cause error) error {
	if errors.Is(cause, store.ErrRefused) {
		return cause
	}
	return fmt.Errorf("%w: %w", store.ErrRefused, cause)
}

// notNow are the codes of answers of a server that is well, but would not do
// what it was asked: memory is short, it cannot keep what it would write, or a
// slot is half moved.
var notNow = []string{"OOM", "MISCONF", "NOREPLICAS", "TRYAGAIN"}

// code returns the word that says what kind of error a server's answer is.
// Redis 6.2 wraps those of the commands in a script:
//
//	ERR Error running script (call to f_…): @user_script:7: @user_script: 7: -OOM command not …
func code(answer string) string {
	if strings.Contains(answer, "Error running script") {
		if at := strings.LastIndex(answer, ": -"); at >= 0 {
			answer = answer[at+len(": -"):]
		}
	}
	word, _, _ := strings.Cut(answer, " ")
	return word
}

// refusals begin the answers of a server to which one may connect again in
// vain: something must be changed first, here or there.
var refusals = []string{"WRONGPASS", "NOAUTH", "NOPERM", "DB index", "invalid DB index", "SELECT is not allowed"}

// permanent reports whether connecting again would be in vain.
func permanent(err error) bool {
	if errors.Is(err, ErrUnsupported) {
		return true
	}
	var answer *rueidis.RedisError
	if !errors.As(err, &answer) {
		return false
	}
	for _, refusal := range refusals {
		if strings.HasPrefix(answer.Error(), refusal) {
			return true
		}
	}
	return false
}

package redisstore

import (
	"errors"
	"fmt"
	"strings"

	"github.com/redis/rueidis"
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

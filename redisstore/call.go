package redisstore

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"github.com/larderdev/larder/store"
)

// call is a script with its keys and arguments.
type call struct {
	script script
	keys   []string
	args   []string
}

// The errors of operations that cannot be run.
var (
	errUnknown  = errors.New("redisstore: the operation is unknown")
	errUnnamed  = errors.New("redisstore: a tag has no name")
	errNonce    = errors.New("redisstore: the nonce is empty")
	errReserved = fmt.Errorf("redisstore: keys that begin with %q are those of tags", store.Sequence)
)

// call says how to run an operation.
func (s *dataSession) call(op store.Op) (call, error) {
	switch op := op.(type) {
	case store.ReadTags:
		return s.tagsCall(s.scripts.readTags, op.Tags, op.Nonce, millis(op.Life))
	case store.MoveTags:
		return s.tagsCall(s.scripts.moveTags, op.Tags, op.Nonce, millis(op.Life), flag(op.Soft))
	}
	if strings.HasPrefix(op.Target(), store.Sequence) {
		return call{}, errReserved
	}
	c := call{keys: []string{s.keys.dataKey(op.Target()), s.keys.leaseKey(op.Target())}}
	switch op := op.(type) {
	case store.Lease:
		c.script, c.args = s.scripts.lease, []string{op.ID, millis(op.For), padded(op.MinVersion), flag(op.Force)}
	case store.Fill:
		c.script, c.args = s.scripts.fill, []string{
			op.ID, string(rune(op.Kind)), padded(op.Version), millis(op.Fresh), millis(op.Life), rueidis.BinaryString(op.Body),
		}
	case store.Renew:
		c.script, c.args = s.scripts.renew, []string{op.ID, millis(op.For)}
	case store.Release:
		mark := "0"
		if op.Mark > 0 {
			mark = millis(op.Mark)
		}
		c.script, c.args = s.scripts.release, []string{op.ID, mark}
	case store.Invalidate:
		c.script, c.args = s.scripts.invalidate, []string{padded(op.Floor), millis(op.Hold), flag(op.Soft)}
	case store.Discard:
		c.script, c.args = s.scripts.discard, []string{rueidis.BinaryString(op.Body)}
	case store.WriteThrough:
		c.script, c.args = s.scripts.commit, []string{
			padded(op.Version), millis(op.Fresh), millis(op.Life), millis(op.Hold), "0", "", rueidis.BinaryString(op.Body),
		}
	case store.Intend:
		c.script, c.args = s.scripts.intend, []string{op.ID, millis(op.For), millis(op.Hold)}
	case store.Raise:
		c.script, c.args = s.scripts.raise, []string{padded(op.Floor)}
	case store.Finish:
		c.script, c.args = s.scripts.commit, []string{
			padded(op.Version), millis(op.Fresh), millis(op.Life), millis(op.Hold), "1", op.ID,
		}
		if op.Body != nil {
			c.args = append(c.args, rueidis.BinaryString(op.Body))
		}
	default:
		return call{}, errUnknown
	}
	return c, nil
}

// tagsCall is a script that runs on the sequence and on tags. What it stores of
// a nonce stands between spaces.
func (s *dataSession) tagsCall(script script, tags []string, nonce string, args ...string) (call, error) {
	if nonce == "" {
		return call{}, errNonce
	}
	c := call{script: script, keys: make([]string, 0, 1+len(tags)), args: append([]string{url.QueryEscape(nonce)}, args...)}
	c.keys = append(c.keys, s.keys.dataKey(store.Sequence))
	for _, tag := range tags {
		if tag == "" {
			return call{}, errUnnamed
		}
		c.keys = append(c.keys, s.keys.dataKey(store.TagKey(tag)))
	}
	return c, nil
}

// command is the request that runs a call: by the script's name or in full.
func (s *dataSession) command(c call, full bool) rueidis.Completed {
	if full {
		return s.client.B().Eval().Script(c.script.source).Numkeys(int64(len(c.keys))).Key(c.keys...).Arg(c.args...).Build()
	}
	return s.client.B().Evalsha().Sha1(c.script.sha).Numkeys(int64(len(c.keys))).Key(c.keys...).Arg(c.args...).Build()
}

// flag is yes or no as the scripts take it.
func flag(yes bool) string {
	if yes {
		return "1"
	}
	return "0"
}

// millis is d as the server counts it: whole milliseconds, rounded up, one at
// least.
func millis(d time.Duration) string {
	ms := d.Milliseconds()
	if d%time.Millisecond > 0 {
		ms++
	}
	return strconv.FormatInt(max(ms, 1), 10)
}

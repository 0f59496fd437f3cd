package redisstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/redis/rueidis"

	"github.com/larderdev/larder/store"
)

// maxKeys bounds the keys of one MGET, so that a huge batch does not make
// everybody else's requests wait.
const maxKeys = 512

// dataSession is a connection for requests: a session that knows the scripts.
type dataSession struct {
	*session
	keys    keyspace
	scripts *scripts
	member  bool // the server is part of a cluster
}

// newDataSession makes a session ready for requests.
func newDataSession(ctx context.Context, sess *session, keys keyspace, member bool, limit time.Duration) *dataSession {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	s := &dataSession{session: sess, keys: keys, scripts: newScripts(sess.hello.atLeast(7, 0)), member: member}
	s.load(ctx)
	return s
}

// load gives the scripts to the server. That they are refused is no matter
// yet: they are sent in full when the server does not know them.
func (s *dataSession) load(ctx context.Context) {
	var cmds []rueidis.Completed
	for _, script := range s.scripts.all() {
		cmds = append(cmds, s.client.B().ScriptLoad().Script(script.source).Build())
	}
	s.doAll(ctx, cmds)
}

// stillPrimary returns an error if the server has been made a replica. It waits
// for the answer for as long as the connection lives: it may come late, and is
// worth no less for that. That there is none is for others to find out about.
func (s *dataSession) stillPrimary(ctx context.Context) error {
	h, err := readHello(s.do(ctx, s.client.B().Hello().Build()))
	if err != nil {
		return nil
	}
	return h.primary(s.member)
}

// get reads data slots into replies, in one round trip.
func (s *dataSession) get(ctx context.Context, keys []string, replies []store.Reply) {
	if len(keys) == 1 {
		replies[0] = s.read(s.do(ctx, s.client.B().Get().Key(s.keys.dataKey(keys[0])).Build()))
		return
	}
	names := make([]string, len(keys))
	for i, key := range keys {
		names[i] = s.keys.dataKey(key)
	}
	var cmds []rueidis.Completed
	for start := 0; start < len(names); start += maxKeys {
		cmds = append(cmds, s.client.B().Mget().Key(names[start:min(start+maxKeys, len(names))]...).Build())
	}
	for i, r := range s.doAll(ctx, cmds) {
		start := i * maxKeys
		s.readAll(r, replies[start:min(start+maxKeys, len(replies))])
	}
}

// getEach reads data slots with a GET for each, as they lie in different slots
// of a cluster. asking is for keys that are just moving to this node.
func (s *dataSession) getEach(ctx context.Context, keys []string, asking bool) []store.Reply {
	cmds := make([]rueidis.Completed, len(keys))
	for i, key := range keys {
		cmds[i] = s.client.B().Get().Key(s.keys.dataKey(key)).Build()
	}
	replies := make([]store.Reply, len(keys))
	for i, r := range s.ask(ctx, cmds, asking) {
		replies[i] = s.read(r)
	}
	return replies
}

// ask sends requests, each with an ASKING before it if asking.
func (s *dataSession) ask(ctx context.Context, cmds []rueidis.Completed, asking bool) []rueidis.RedisResult {
	if !asking {
		return s.doAll(ctx, cmds)
	}
	twice := make([]rueidis.Completed, 0, 2*len(cmds))
	for _, cmd := range cmds {
		twice = append(twice, s.client.B().Asking().Build(), cmd)
	}
	results := s.doAll(ctx, twice)
	for i := range cmds {
		results[i] = results[2*i+1]
	}
	return results[:len(cmds)]
}

// read makes a reply from that to a GET.
func (s *dataSession) read(r rueidis.RedisResult) store.Reply {
	stored, err := r.AsBytes()
	if err == rueidis.Nil {
		return store.Reply{Status: store.Absent}
	}
	if err != nil {
		return s.failure(err)
	}
	return found(stored)
}

// readAll makes replies from that to an MGET. To that a key of another type is
// absent; a GET calls it garbled.
func (s *dataSession) readAll(r rueidis.RedisResult, replies []store.Reply) {
	values, err := r.ToArray()
	if err == nil && len(values) != len(replies) {
		err = fmt.Errorf("MGET of %d keys has %d answers", len(replies), len(values))
	}
	for i := range replies {
		switch {
		case err != nil:
			replies[i] = s.failure(err)
		case values[i].IsNil():
			replies[i] = store.Reply{Status: store.Absent}
		default:
			stored, err := values[i].AsBytes()
			if err != nil {
				replies[i] = s.failure(err)
				continue
			}
			replies[i] = found(stored)
		}
	}
}

// found makes a reply from the bytes of a data slot.
func found(stored []byte) store.Reply {
	record, ok := decode(stored)
	if !ok {
		return store.Reply{Status: store.Garbled}
	}
	return store.Reply{Status: store.Found, Record: record}
}

// failure makes a reply from an error.
func (s *dataSession) failure(err error) store.Reply {
	answer, ok := rueidis.IsRedisErr(err)
	switch {
	case !ok && (errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)):
		return store.Reply{Err: err}
	case !ok:
		return store.Reply{Err: unavailable(fmt.Errorf("%s: %w", s.addr, err))}
	}
	if s.member {
		if r := readRedirection(answer, s.addr); r != nil {
			return store.Reply{Err: r}
		}
	}
	err = fmt.Errorf("redisstore: %s: %w", s.addr, err)
	switch code := code(answer.Error()); {
	case code == "WRONGTYPE":
		return store.Reply{Status: store.Garbled}
	case code == "READONLY":
		s.cut() // it is no primary any more: find the one that is
	case slices.Contains(notNow, code):
		err = refused(err)
	}
	return store.Reply{Err: err}
}

// run runs operations in one round trip and puts their outcomes into replies.
// asking is for keys that are just moving to this node of a cluster.
func (s *dataSession) run(ctx context.Context, ops []store.Op, replies []store.Reply, asking bool) {
	cmds := make([]rueidis.Completed, 0, len(ops))
	sent := make([]int, 0, len(ops)) // cmds[i] is for ops[sent[i]]
	for i, op := range ops {
		c, ok := s.call(op)
		if !ok {
			replies[i] = store.Reply{Err: fmt.Errorf("redisstore: unknown operation %T", op)}
			continue
		}
		cmds = append(cmds, s.command(c, false))
		sent = append(sent, i)
	}
	if len(cmds) == 0 {
		return
	}
	var unknown []int
	for i, r := range s.ask(ctx, cmds, asking) {
		if answer, ok := rueidis.IsRedisErr(r.Error()); ok && answer.IsNoScript() {
			unknown = append(unknown, sent[i])
			continue
		}
		replies[sent[i]] = s.outcome(r)
	}
	if len(unknown) > 0 {
		s.runInFull(ctx, ops, unknown, replies, asking)
	}
}

// errOvertaken is the error of an operation that the server did not run, where
// it has run a later one on the same key: because scripts were flushed or a
// slot has moved in the midst of a batch.
var errOvertaken = refused(errors.New("redisstore: not run, and a later operation of the batch on the same key was"))

// runInFull runs those operations again, scripts included, that the server
// knew no script for. Another process may have brought a script back in the
// midst of the batch: an operation must not run after those that follow it.
func (s *dataSession) runInFull(ctx context.Context, ops []store.Op, unknown []int, replies []store.Reply, asking bool) {
	late := make(map[string]int) // the last operation on a key that has run
	again := make(map[int]bool, len(unknown))
	for _, i := range unknown {
		again[i] = true
	}
	for i, op := range ops {
		if !again[i] {
			late[op.Target()] = i
		}
	}
	var cmds []rueidis.Completed
	var sent []int
	for _, i := range unknown {
		if late[ops[i].Target()] > i {
			replies[i] = store.Reply{Err: errOvertaken}
			continue
		}
		c, _ := s.call(ops[i])
		cmds = append(cmds, s.command(c, true))
		sent = append(sent, i)
	}
	if len(cmds) == 0 {
		return
	}
	for i, r := range s.ask(ctx, cmds, asking) {
		replies[sent[i]] = s.outcome(r)
	}
}

// call is a script with its arguments.
type call struct {
	script script
	key    string
	args   []string
}

// call says how to run an operation. It reports false for one that is not
// known.
func (s *dataSession) call(op store.Op) (call, bool) {
	switch op := op.(type) {
	case store.Lease:
		force := "0"
		if op.Force {
			force = "1"
		}
		return call{s.scripts.lease, op.Key, []string{op.ID, millis(op.For), padded(op.MinVersion), force}}, true
	case store.Fill:
		return call{s.scripts.fill, op.Key, []string{
			op.ID, string(rune(op.Kind)), padded(op.Version), millis(op.Fresh), millis(op.Life), rueidis.BinaryString(op.Body),
		}}, true
	case store.Renew:
		return call{s.scripts.renew, op.Key, []string{op.ID, millis(op.For)}}, true
	case store.Release:
		mark := "0"
		if op.Mark > 0 {
			mark = millis(op.Mark)
		}
		return call{s.scripts.release, op.Key, []string{op.ID, mark}}, true
	case store.Invalidate:
		return call{s.scripts.invalidate, op.Key, []string{padded(op.Floor), millis(op.Hold)}}, true
	case store.Discard:
		return call{s.scripts.discard, op.Key, []string{rueidis.BinaryString(op.Body)}}, true
	}
	return call{}, false
}

// command is the request that runs a call: by the script's name or in full.
func (s *dataSession) command(c call, full bool) rueidis.Completed {
	data, lease := s.keys.dataKey(c.key), s.keys.leaseKey(c.key)
	if full {
		return s.client.B().Eval().Script(c.script.source).Numkeys(2).Key(data, lease).Arg(c.args...).Build()
	}
	return s.client.B().Evalsha().Sha1(c.script.sha).Numkeys(2).Key(data, lease).Arg(c.args...).Build()
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

// What the scripts answer, see prelude.lua.
const (
	answerDone = iota + 1
	answerFound
	answerGranted
	answerBusy
	answerFailed
	answerKept
	answerLost
	answerBelow
)

// outcome makes a reply from a script's answer: a code and, with some, one
// thing more.
func (s *dataSession) outcome(r rueidis.RedisResult) store.Reply {
	values, err := r.ToArray()
	if err != nil {
		return s.failure(err)
	}
	if len(values) == 0 {
		return s.nonsense()
	}
	code, err := values[0].AsInt64()
	if err != nil {
		return s.nonsense()
	}
	var more *rueidis.RedisMessage
	if len(values) > 1 {
		more = &values[1]
	}
	switch {
	case code == answerDone:
		return store.Reply{Status: store.Done}
	case code == answerKept:
		return store.Reply{Status: store.Kept}
	case code == answerLost:
		return store.Reply{Status: store.Lost}
	case code == answerGranted && more == nil:
		return store.Reply{Status: store.Granted}
	case more != nil:
		return s.outcomeWith(code, more)
	}
	return s.nonsense()
}

// outcomeWith makes a reply from the answers that come with something more.
func (s *dataSession) outcomeWith(code int64, more *rueidis.RedisMessage) store.Reply {
	switch code {
	case answerFound:
		return s.withRecord(store.Found, more)
	case answerGranted:
		return s.withRecord(store.Granted, more)
	case answerBusy:
		return s.withWait(store.Busy, more)
	case answerFailed:
		return s.withWait(store.Failed, more)
	case answerBelow:
		return s.withVersion(store.Below, more)
	}
	return s.nonsense()
}

// nonsense is the reply to an answer that no script gives.
func (s *dataSession) nonsense() store.Reply {
	return store.Reply{Err: fmt.Errorf("redisstore: %s: a script gave an answer that it cannot give", s.addr)}
}

// withRecord makes a reply with a stored record.
func (s *dataSession) withRecord(status store.Status, more *rueidis.RedisMessage) store.Reply {
	stored, err := more.AsBytes()
	if err != nil {
		return s.nonsense()
	}
	record, ok := decode(stored)
	if !ok {
		return s.nonsense() // the script has seen that it is one
	}
	return store.Reply{Status: status, Record: record}
}

// withWait makes a reply with a remaining time. A key lives until its last
// millisecond is over, so that there is one more to wait.
func (s *dataSession) withWait(status store.Status, more *rueidis.RedisMessage) store.Reply {
	left, err := more.AsInt64()
	if err != nil || left < 0 {
		return s.nonsense()
	}
	return store.Reply{Status: status, Wait: time.Duration(left+1) * time.Millisecond}
}

// withVersion makes a reply with a version.
func (s *dataSession) withVersion(status store.Status, more *rueidis.RedisMessage) store.Reply {
	digits, err := more.AsBytes()
	if err != nil {
		return s.nonsense()
	}
	version, ok := number(digits)
	if !ok {
		return s.nonsense()
	}
	return store.Reply{Status: status, Record: store.Record{Version: version}}
}

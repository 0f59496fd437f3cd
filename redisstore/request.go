package redisstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
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

// get reads data slots into replies, in one round trip, or two if there is an
// intent.
func (s *dataSession) get(ctx context.Context, keys []string, replies []store.Reply) {
	defer s.lapse(ctx, replies)
	if len(keys) == 1 {
		replies[0] = s.read(keys[0], s.do(ctx, s.client.B().Get().Key(s.keys.dataKey(keys[0])).Build()))
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
		end := min(start+maxKeys, len(keys))
		s.readAll(keys[start:end], r, replies[start:end])
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
		replies[i] = s.read(keys[i], r)
	}
	s.lapse(ctx, replies)
	return replies
}

// lapse puts a tombstone in the place of each intent that has lapsed. Which have
// the server's clock alone can say, and is asked if there is one. If it does not
// answer the intents stay: readers wait for those for a while, at most.
func (s *dataSession) lapse(ctx context.Context, replies []store.Reply) {
	intent := func(r store.Reply) bool { return r.Record.Kind == store.Intent }
	if !slices.ContainsFunc(replies, intent) {
		return
	}
	now, err := serverTime(s.do(ctx, s.client.B().Time().Build()))
	if err != nil {
		return
	}
	for i, r := range replies {
		if intent(r) && r.Record.FreshUntil <= now {
			replies[i].Record = store.Record{Kind: store.Tombstone, Version: r.Record.Version}
		}
	}
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
func (s *dataSession) read(key string, r rueidis.RedisResult) store.Reply {
	stored, err := r.AsBytes()
	if err == rueidis.Nil {
		return store.Reply{Status: store.Absent}
	}
	if err != nil {
		return s.failure(err)
	}
	return found(key, stored)
}

// readAll makes replies from that to an MGET. To that a key of another type is
// absent; a GET calls it garbled.
func (s *dataSession) readAll(keys []string, r rueidis.RedisResult, replies []store.Reply) {
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
			replies[i] = found(keys[i], stored)
		}
	}
}

// found makes a reply from the bytes of a data slot, or of the sequence.
func found(key string, stored []byte) store.Reply {
	record, ok := decode(stored)
	if !ok || (record.Kind == store.Identity) != (key == store.Sequence) {
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
		c, err := s.call(op)
		if err != nil {
			replies[i] = store.Reply{Err: fmt.Errorf("%w: %T", err, op)}
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
		replies[sent[i]] = s.outcome(ops[sent[i]], r)
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
		c, _ := s.call(ops[i]) // it was called before
		cmds = append(cmds, s.command(c, true))
		sent = append(sent, i)
	}
	if len(cmds) == 0 {
		return
	}
	for i, r := range s.ask(ctx, cmds, asking) {
		replies[sent[i]] = s.outcome(ops[sent[i]], r)
	}
}

package redisstore

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"github.com/larderdev/larder/store"
)

// Inspection is what a server holds of one key, see [Store.Inspect].
type Inspection struct {
	// Node is the server's name, and DataKey and LeaseKey are those of the two
	// slots on it.
	Node, DataKey, LeaseKey string
	// Status is [store.Found], [store.Absent] or [store.Garbled], and Record what
	// was found. An intent that has lapsed is an intent: compare its FreshUntil
	// with Now.
	Status store.Status
	Record store.Record
	// Left is how long the record still lives; negative: for ever.
	Left time.Duration
	// Lease is the id of the load that holds the lease, and Failed says that the
	// mark of a failed one stands instead; LeaseLeft is how long either does.
	Lease     string
	Failed    bool
	LeaseLeft time.Duration
	// Now is the server's clock, in Unix milliseconds.
	Now int64
	// History is that of a [store.Beat].
	History string
}

// Inspect reads both slots of key, for an operator. It changes nothing, and costs
// a round trip. The slots are read one after the other: one that changes meanwhile
// may be of a later moment than the other.
//
// The names in the answer are there beside an error, too. Errors are those of
// [Store.Get]; while a slot of a cluster moves it is [store.ErrRefused].
func (s *Store) Inspect(ctx context.Context, key string) (Inspection, error) {
	in := Inspection{Node: s.Node(key), DataKey: s.keys.dataKey(key), LeaseKey: s.keys.leaseKey(key)}
	if strings.HasPrefix(key, store.Sequence) {
		return in, errReserved
	}
	sess, err := s.holder(key)
	if err != nil {
		return in, err
	}
	answers := sess.doAll(ctx, []rueidis.Completed{
		sess.client.B().Get().Key(in.DataKey).Build(),
		sess.client.B().Pttl().Key(in.DataKey).Build(),
		sess.client.B().Get().Key(in.LeaseKey).Build(),
		sess.client.B().Pttl().Key(in.LeaseKey).Build(),
		sess.client.B().Info().Section("replication").Build(),
		sess.client.B().Time().Build(),
	})
	reply := sess.read(key, answers[0])
	if reply.Err != nil {
		return in, finished(reply.Err)
	}
	in.Status, in.Record = reply.Status, reply.Record
	replid, err := readInfo(answers[4], "master_replid")
	in.History = sess.runID + " " + replid
	for _, step := range []func() error{
		func() error { return err },
		func() error { in.Left, err = left(answers[1]); return err },
		func() error { return in.readLease(answers[2], answers[3]) },
		func() error { in.Now, err = serverTime(answers[5]); return err },
	} {
		if err := step(); err != nil {
			return in, finished(sess.failure(err).Err)
		}
	}
	return in, nil
}

// holder returns the connection to the node that holds key.
func (s *Store) holder(key string) (*dataSession, error) {
	if s.closed.Load() {
		return nil, store.ErrClosed
	}
	if s.cluster == nil {
		return s.link.get()
	}
	owner := s.cluster.owner(key)
	if owner == nil {
		return nil, errNoOwner
	}
	return owner.link.get()
}

// readLease reads the answers about the lease slot. To the scripts, a slot that
// holds something else than a string is free.
func (in *Inspection) readLease(held, life rueidis.RedisResult) error {
	text, err := held.ToString()
	if rueidis.IsRedisNil(err) {
		return nil
	}
	if answer, ok := rueidis.IsRedisErr(err); ok && code(answer.Error()) == "WRONGTYPE" {
		return nil
	}
	if err != nil {
		return err
	}
	if in.LeaseLeft, err = left(life); err != nil || in.LeaseLeft <= 0 {
		return err // it has ended between the two answers
	}
	if in.Failed = strings.HasPrefix(text, "F"); !in.Failed {
		in.Lease = strings.TrimPrefix(text, "I")
	}
	return nil
}

// left reads the answer to PTTL.
func left(r rueidis.RedisResult) (time.Duration, error) {
	ms, err := r.AsInt64()
	if ms == -2 { // there is no such key
		ms = 0
	}
	return time.Duration(ms) * time.Millisecond, err
}

// InspectTags reads the state of those of tags that are present, and of their
// sequence, for an operator: it makes none, as [store.ReadTags] does. The
// sequence has no Kind if it is absent. Errors are those of [Store.Inspect].
func (s *Store) InspectTags(ctx context.Context, tags []string) (sequence store.Record, present map[string]store.Tag, err error) {
	sess, err := s.holder(store.Sequence)
	if err != nil {
		return sequence, nil, err
	}
	present = make(map[string]store.Tag, len(tags))
	cmds := []rueidis.Completed{
		sess.client.B().Time().Build(), sess.client.B().Get().Key(s.keys.dataKey(store.Sequence)).Build(),
	}
	for some := range slices.Chunk(tags, maxKeys) {
		names := make([]string, len(some))
		for i, tag := range some {
			names[i] = s.keys.dataKey(store.TagKey(tag))
		}
		cmds = append(cmds, sess.client.B().Mget().Key(names...).Build())
	}
	answers := sess.doAll(ctx, cmds)
	now, err := serverTime(answers[0])
	if err != nil {
		return sequence, nil, finished(sess.failure(err).Err)
	}
	reply := sess.read(store.Sequence, answers[1])
	if reply.Err != nil {
		return sequence, nil, finished(reply.Err)
	}
	var at int
	for _, r := range answers[2:] {
		values, err := r.ToArray()
		if err != nil {
			return sequence, nil, finished(sess.failure(err).Err)
		}
		for i := range values {
			stored, _ := values[i].AsBytes() // nil if it is absent or of another type
			if tag, ok := decodeTag(stored, now); ok {
				present[tags[at]] = tag
			}
			at++
		}
	}
	return reply.Record, present, nil
}

// finished is the error of an inspection that is not sent on from node to node.
func finished(err error) error {
	if r, ok := err.(*redirection); ok {
		return refused(fmt.Errorf("redisstore: %w: try again when the move is over", r))
	}
	return err
}

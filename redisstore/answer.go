package redisstore

import (
	"fmt"
	"time"

	"github.com/redis/rueidis"

	"github.com/larderdev/larder/store"
)

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
	answerIntended
	answerCleared
)

// outcome makes a reply from a script's answer: a code or, with some, a list of
// the code and more.
func (s *dataSession) outcome(op store.Op, r rueidis.RedisResult) store.Reply {
	answer, err := r.ToMessage()
	if err != nil {
		return s.failure(err)
	}
	if answer.IsInt64() {
		return s.outcomeAlone(op, &answer)
	}
	values, err := answer.ToArray()
	if err != nil || len(values) == 0 {
		return s.nonsense()
	}
	code, err := values[0].AsInt64()
	if err != nil {
		return s.nonsense()
	}
	more := values[1:]
	switch op := op.(type) {
	case store.ReadTags:
		return s.tagsOutcome(code, more, len(op.Tags))
	case store.MoveTags:
		return s.tagsOutcome(code, more, 0)
	}
	if len(more) == 0 {
		return s.nonsense()
	}
	return s.outcomeWith(code, more)
}

// outcomeAlone makes a reply from the answers that are a code alone.
func (s *dataSession) outcomeAlone(op store.Op, answer *rueidis.RedisMessage) store.Reply {
	code, err := answer.AsInt64()
	if err != nil || op.Target() == store.Sequence {
		return s.nonsense()
	}
	switch code {
	case answerDone:
		return store.Reply{Status: store.Done}
	case answerGranted:
		return store.Reply{Status: store.Granted}
	case answerKept:
		return store.Reply{Status: store.Kept}
	case answerLost:
		return store.Reply{Status: store.Lost}
	case answerCleared:
		return store.Reply{Status: store.Cleared}
	}
	return s.nonsense()
}

// outcomeWith makes a reply from the answers that come with something more.
func (s *dataSession) outcomeWith(code int64, more []rueidis.RedisMessage) store.Reply {
	switch {
	case code == answerFound:
		return s.withRecord(store.Found, &more[0])
	case code == answerGranted:
		return s.withRecord(store.Granted, &more[0])
	case code == answerBusy:
		return s.withWait(store.Busy, &more[0])
	case code == answerFailed:
		return s.withWait(store.Failed, &more[0])
	case code == answerBelow:
		return s.withVersion(store.Below, &more[0])
	case code == answerIntended && len(more) > 1:
		return s.withIntent(&more[0], &more[1])
	}
	return s.nonsense()
}

// tagsOutcome makes a reply from the answer of a script for tags: the sequence,
// the server's clock, and the tags that were asked for.
func (s *dataSession) tagsOutcome(code int64, more []rueidis.RedisMessage, tags int) store.Reply {
	if code != answerDone || len(more) != 2+tags {
		return s.nonsense()
	}
	now, err := more[1].AsInt64()
	if err != nil {
		return s.nonsense()
	}
	reply := s.withRecord(store.Done, &more[0])
	if reply.Err != nil || tags == 0 {
		return reply
	}
	reply.Tags = make([]store.Tag, tags)
	for i := range reply.Tags {
		stored, err := more[2+i].AsBytes()
		if err != nil {
			return s.nonsense()
		}
		var ok bool
		if reply.Tags[i], ok = decodeTag(stored, now); !ok {
			return s.nonsense()
		}
	}
	return reply
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

// withIntent makes a reply with an intent that stands, and for how long.
func (s *dataSession) withIntent(stored, left *rueidis.RedisMessage) store.Reply {
	reply := s.withRecord(store.Intended, stored)
	wait, err := left.AsInt64()
	if reply.Err != nil || err != nil || wait < 0 {
		return s.nonsense()
	}
	reply.Wait = time.Duration(wait) * time.Millisecond
	return reply
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

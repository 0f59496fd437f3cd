package redisstore

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/redis/rueidis"
)

const (
	// askEvery is how often a Sentinel that has announced nothing is asked
	// where the primary is.
	askEvery = time.Second
	// wordHolds is for how long that counts which a Sentinel has said last.
	wordHolds = 5 * time.Second
)

// Sentinels announce on these channels that they have promoted another server.
// The first word comes from the one that does it, the other is the last word
// of each.
const (
	promotedChannel = "+promoted-slave"
	switchedChannel = "+switch-master"
)

// sentinels know where the primary is. A connection is kept to each of them,
// and what the one says that knows of the latest failover is believed.
//
// They cut the connections to a primary that steps down, but some ten seconds
// after they have promoted another; until then it takes writes that will be
// lost, and is asked for what has changed elsewhere.
type sentinels struct {
	addrs  []string
	master string
	login  login

	mu       sync.Mutex
	words    map[string]word       // by a Sentinel's address
	spoken   chan struct{}         // closed, and replaced, when there is another word
	sessions map[*session]struct{} // connections to what was the primary
}

// word is what a Sentinel has said last.
type word struct {
	primary string    // empty if it has said nothing yet
	epoch   int64     // of the failover that promoted the primary
	since   time.Time // when it said so first
	heard   time.Time // when it said so last
	err     error     // why it could not be asked again
}

func newSentinels(cfg config) *sentinels {
	return &sentinels{
		addrs:  cfg.addrs,
		master: cfg.SentinelMaster,
		login: login{
			username: cfg.SentinelUsername,
			password: cfg.SentinelPassword,
			tls:      cfg.TLS,
			timeout:  cfg.DialTimeout,
		},
		words:    make(map[string]word),
		spoken:   make(chan struct{}),
		sessions: make(map[*session]struct{}),
	}
}

// dial connects to the primary.
func (s *sentinels) dial(ctx context.Context, l login, onPush func([]rueidis.RedisMessage)) (*session, error) {
	addr, err := s.primary(ctx)
	if err != nil {
		return nil, err
	}
	sess, err := dial(ctx, addr, l, onPush)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sessions[sess] = struct{}{}
	s.keepOnly(s.believed()) // which may be another by now
	return sess, nil
}

// primary returns the address of the primary. It waits until a Sentinel has
// said it, or none can be asked, or ctx ends.
func (s *sentinels) primary(ctx context.Context) (string, error) {
	for {
		s.mu.Lock()
		addr, err, spoken := s.believed(), s.silent(), s.spoken
		s.mu.Unlock()
		switch {
		case addr != "":
			return addr, nil
		case err != nil:
			return "", err
		}
		select {
		case <-spoken:
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
}

// believed returns the primary of the latest failover that is known of, or ""
// if no word counts. Of words of the same failover the newest counts. Its
// caller holds mu.
func (s *sentinels) believed() string {
	var best word
	for _, w := range s.words {
		if w.primary == "" || time.Since(w.heard) > wordHolds {
			continue
		}
		if best.primary == "" || w.epoch > best.epoch || w.epoch == best.epoch && w.since.After(best.since) {
			best = w
		}
	}
	return best.primary
}

// silent returns an error if no Sentinel can be asked. Its caller holds mu.
func (s *sentinels) silent() error {
	var errs []error
	for _, addr := range s.addrs {
		err := s.words[addr].err
		if err == nil {
			return nil
		}
		errs = append(errs, fmt.Errorf("Sentinel %w", err))
	}
	return errors.Join(errs...)
}

// keepOnly cuts the connections to other servers than addr, if there is one.
// Whoever used them connects again. Its caller holds mu.
func (s *sentinels) keepOnly(addr string) {
	for sess := range s.sessions {
		if addr != "" && sess.addr != addr {
			sess.cut()
		}
		select {
		case <-sess.gone:
			delete(s.sessions, sess)
		default:
		}
	}
}

// follow listens to all Sentinels until ctx ends, each in a goroutine.
func (s *sentinels) follow(ctx context.Context) {
	var wg sync.WaitGroup
	for _, addr := range s.addrs {
		wg.Go(func() { s.listen(ctx, addr) })
	}
	wg.Wait()
}

// listen listens to one Sentinel until ctx ends.
func (s *sentinels) listen(ctx context.Context, addr string) {
	var wait backoff
	for {
		err := s.hear(ctx, addr, &wait)
		s.note(addr, func(w *word) { w.err = err })
		if !wait.pause(ctx) {
			return
		}
	}
}

// hear listens to one Sentinel until it cannot be asked any more. It is asked
// when it announces something, and now and then.
func (s *sentinels) hear(ctx context.Context, addr string, wait *backoff) error {
	sess, err := s.connect(ctx, addr)
	if err != nil {
		return err
	}
	news := make(chan struct{}, 1)
	var wg sync.WaitGroup
	wg.Go(func() { subscribe(ctx, sess, news) })
	defer wg.Wait()
	defer sess.close()
	ticker := time.NewTicker(askEvery)
	defer ticker.Stop()
	for {
		primary, epoch, err := s.ask(ctx, sess)
		if err != nil {
			return err
		}
		wait.reset()
		s.note(addr, func(w *word) { w.say(primary, epoch) })
		select {
		case <-news:
		case <-ticker.C:
		case <-sess.gone:
			return fmt.Errorf("%s: %w", addr, errGone)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// note changes the word of a Sentinel, and does what follows from it.
func (s *sentinels) note(addr string, change func(*word)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := s.words[addr]
	change(&w)
	s.words[addr] = w
	close(s.spoken)
	s.spoken = make(chan struct{})
	s.keepOnly(s.believed())
}

// say makes it the word that primary is what the failover epoch has made so.
func (w *word) say(primary string, epoch int64) {
	now := time.Now()
	if w.primary != primary || w.epoch != epoch {
		w.primary, w.epoch, w.since = primary, epoch, now
	}
	w.heard, w.err = now, nil
}

// subscribe puts a token into news when a Sentinel announces something, or
// begins to announce. It returns when the connection is lost, and at once if
// announcements are refused: the Sentinel is asked now and then anyway.
func subscribe(ctx context.Context, sess *session, news chan<- struct{}) {
	tell := func() {
		select {
		case news <- struct{}{}:
		default:
		}
	}
	ctx = rueidis.WithOnSubscriptionHook(ctx, func(rueidis.PubSubSubscription) { tell() })
	channels := sess.client.B().Subscribe().Channel(promotedChannel, switchedChannel).Build()
	_ = sess.client.Receive(ctx, channels, func(rueidis.PubSubMessage) { tell() }) // see above
}

// connect makes a connection to a Sentinel.
func (s *sentinels) connect(ctx context.Context, addr string) (*session, error) {
	sess, err := dial(ctx, addr, s.login, nil)
	if err != nil {
		return nil, err
	}
	if sess.hello.mode != "sentinel" {
		sess.close()
		return nil, fmt.Errorf("%s: %w: it is no Sentinel", addr, ErrUnsupported)
	}
	return sess, nil
}

// ask asks one Sentinel for the primary, and for the epoch of the failover that
// has made it so. It is 0 if the Sentinel does not tell.
func (s *sentinels) ask(ctx context.Context, sess *session) (primary string, epoch int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.login.timeout)
	defer cancel()
	// Together, so that both are from before a failover or from after it.
	answers := sess.doAll(ctx, []rueidis.Completed{
		sess.client.B().Arbitrary("SENTINEL", "MASTER").Args(s.master).Build(),
		sess.client.B().SentinelGetMasterAddrByName().Master(s.master).Build(),
	})
	parts, err := answers[1].AsStrSlice()
	switch {
	case rueidis.IsRedisNil(err), err == nil && len(parts) != 2:
		return "", 0, fmt.Errorf("%s: it knows no primary %q", sess.addr, s.master)
	case err != nil:
		return "", 0, fmt.Errorf("%s: %w", sess.addr, err)
	}
	if state, err := answers[0].AsStrMap(); err == nil {
		epoch, _ = strconv.ParseInt(state["config-epoch"], 10, 64)
	}
	return net.JoinHostPort(parts[0], parts[1]), epoch, nil
}

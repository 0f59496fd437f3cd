package explain

import (
	"fmt"
	"time"

	"github.com/larderdev/larder/cmd/larder/internal/keystate"
	"github.com/larderdev/larder/policy"
	"github.com/larderdev/larder/store"
)

// Next is what the next Get does in a process whose memory does not hold the key.
type Next struct {
	Action keystate.Action `json:"action"`
	// Tier is where the answer comes from: "shared", "origin", or "none".
	Tier string `json:"tier"`
	// Loads is how many calls of the loader this Get makes and waits for, and
	// Refresh says that another begins in the background.
	Loads   int  `json:"loads"`
	Refresh bool `json:"refresh"`
	// Stale and Negative say what the answer is.
	Stale    bool `json:"stale"`
	Negative bool `json:"negative"`
	// Kept says that what is loaded can be kept by the shared tier.
	Kept bool `json:"kept"`
	// Why says why, in a sentence.
	Why string `json:"why"`
}

// The tiers that answer.
const (
	fromShared = "shared"
	fromOrigin = "origin"
	fromNobody = "none"
)

// intentWait is how long a reader waits for a writer before it asks the primary.
// It is that of package larder.
const intentWait = 20 * time.Millisecond

// next says what Get does, in the order in which it looks at things. First what holds
// whatever is stored, then what can be served, then what a load does: that is how Get
// goes about it.
func (s *sight) next() Next {
	switch {
	case s.state == keystate.Never:
		return Next{Action: keystate.NoCache, Tier: fromNobody, Why: "the class is never cached: NewCache refuses it, and no cache type is generated"}
	case s.state == keystate.MemoryOnly:
		return Next{
			Action: keystate.LoadAlone, Tier: fromOrigin, Loads: 1,
			Why: "the class is kept in memory alone: a process that does not hold the key there asks the origin",
		}
	case s.state == keystate.Unknown:
		return Next{Action: keystate.NotKnown, Tier: fromNobody, Why: "the shared tier was not asked, so that nobody can say"}
	// Before anything that is stored: a tier that may have missed a change is not
	// believed at all.
	case s.outbox && !s.confirmed:
		return Next{
			Action: keystate.LoadAlone, Tier: fromOrigin, Loads: 1,
			Why: "fleet.outbox is set, and no relay has confirmed what this server remembers: no process trusts it, and all read the primary. Run the relay",
		}
	}
	if n, ok := s.hit(); ok {
		return n
	}
	return s.miss()
}

// hit says what is served without a load, if anything is.
// A value that is served stale is refreshed by whoever gets the lease; nobody waits for
// that.
func (s *sight) hit() (Next, bool) {
	n := Next{Action: keystate.Serve, Tier: fromShared, Negative: s.in.Record.Kind == store.Negative}
	switch s.state {
	case keystate.Fresh:
		n.Why = fmt.Sprintf("it is fresh for %v more", Duration(s.left()))
	case keystate.Negative:
		n.Why = fmt.Sprintf("that there is none is remembered for %v more: ErrNotFound, without a load", Duration(s.left()))
	case keystate.Soft:
		n.Action, n.Stale, n.Refresh = keystate.ServeStale, true, s.free()
		n.Why = "it was invalidated softly: it is served once more, while one load in the fleet replaces it"
	case keystate.Stale:
		// Only stale_if_error is left, which needs a load that has failed: see miss.
		if s.since() >= s.class.StaleWhileRevalidate {
			return n, false
		}
		n.Action, n.Stale, n.Refresh = keystate.ServeStale, true, s.free()
		n.Why = fmt.Sprintf("its TTL ended %v ago, and stale_while_revalidate allows %v: it is served, while one load in the fleet replaces it",
			Duration(s.since()), Duration(s.class.StaleWhileRevalidate))
	default:
		return n, false
	}
	if !n.Refresh && s.in.Lease != "" {
		n.Why += "; a load of it is under way"
	}
	if s.marksErr == errSealed {
		n.Why += ", unless one of its tags was invalidated, which cannot be seen without its keys"
	}
	return n, true
}

// free tells whether the lease is free.
func (s *sight) free() bool { return s.in.Lease == "" && !s.in.Failed }

// miss says what a load depends on.
// The lease decides: one load in the fleet, which all others wait for, or whose failure
// they share for a while.
func (s *sight) miss() Next {
	why := s.reason()
	rescue := s.rescue()
	switch {
	case s.state == keystate.Intent:
		left := Duration(time.Duration(s.in.Record.FreshUntil-s.in.Now) * time.Millisecond)
		return Next{
			Action: keystate.LoadAlone, Tier: fromOrigin, Loads: 1,
			Why: fmt.Sprintf("a writer is about to commit; its mark stands for %v more. Get waits %v for it, and then reads the primary and keeps nothing",
				left, intentWait),
		}
	case s.in.Failed && rescue:
		return Next{
			Action: keystate.ServeStale, Tier: fromShared, Stale: true,
			Why: why + fmt.Sprintf("; a load has failed, for %v nobody tries again, and stale_if_error lets readers have the older value", Duration(s.in.LeaseLeft)),
		}
	case s.in.Failed:
		return Next{
			Action: keystate.Fail, Tier: fromNobody,
			Why: why + fmt.Sprintf("; a load has failed, and for %v nobody tries again: LoadError with ErrLoadFailed", Duration(s.in.LeaseLeft)),
		}
	case s.in.Lease != "":
		return Next{
			Action: keystate.Wait, Tier: fromShared,
			Why: why + fmt.Sprintf("; a load holds the lease for %v more, and renews it while it runs: Get waits for what it stores, and loads itself if it falls silent",
				Duration(s.in.LeaseLeft)),
		}
	}
	if rescue {
		why += "; should that fail, stale_if_error lets readers have the older value"
	}
	return Next{Action: keystate.Load, Tier: fromOrigin, Loads: 1, Kept: true, Why: why}
}

// rescue tells whether stale_if_error has something to serve.
// A negative is never served past its time: nobody is helped by an absence that may be
// over.
func (s *sight) rescue() bool {
	return s.state == keystate.Stale && s.in.Record.Kind != store.Negative && s.since() < s.class.StaleIfError
}

// reason says why what is stored does not do.
// It is the first part of a sentence, to which miss adds what follows.
func (s *sight) reason() string {
	switch s.state {
	case keystate.Missing:
		return "nothing is stored: it was never loaded, has expired, or was evicted"
	case keystate.Tombstone:
		return fmt.Sprintf("it was invalidated; the mark stands for %v more, and until then loads that ask larder.NeedPrimary read the primary", Duration(s.in.Left))
	case keystate.Invalidated:
		return "a tag of it was invalidated after it had been loaded"
	case keystate.Stale, keystate.Expired:
		return fmt.Sprintf("its TTL ended %v ago", Duration(s.since()))
	case keystate.OtherSchema:
		return "what is stored is of another schema: " + s.why
	case keystate.Damaged:
		return "what is stored is damaged, and is thrown away: " + s.why
	case keystate.Foreign:
		return "what is stored is not Larder's"
	}
	return ""
}

// describe puts into k what was seen, and what follows.
func (s *sight) describe(k *Key) {
	k.State, k.Next = s.state, s.next()
	k.Lease = s.lease()
	k.Held = s.held(k.Tiers)
	k.Tags = s.describeTags()
	if s.asked && s.in.Status == store.Found {
		s.describeRecord(k)
	}
	k.Notes = s.notes()
}

// held says which tiers hold the key.
// Memory and the edge are never seen; and a mark of an invalidation is no value.
func (s *sight) held(tiers []string) []Holding {
	all := make([]Holding, len(tiers))
	for i, tier := range tiers {
		all[i] = Holding{Tier: tier, Holds: "unseen"}
		switch {
		case tier != string(policy.Shared) || !s.asked:
		case s.hasValue():
			all[i].Holds = "yes"
		default:
			all[i].Holds = "no"
		}
	}
	return all
}

// lease says who may load. A failure is looked at first, as its mark stands where a
// lease would.
func (s *sight) lease() Lease {
	switch {
	case s.in.Failed:
		return Lease{State: "failed", Left: Duration(s.in.LeaseLeft)}
	case s.in.Lease != "":
		return Lease{State: "held", Left: Duration(s.in.LeaseLeft)}
	case !s.asked:
		return Lease{State: "unknown"}
	}
	return Lease{State: "free"}
}

// describeRecord puts the record's numbers into k.
// Of a damaged record the times are left out: they may be what is damaged.
func (s *sight) describeRecord(k *Key) {
	r := s.in.Record
	if s.in.Left > 0 {
		k.Gone = moment(s.in.Now + s.in.Left.Milliseconds())
	}
	if r.Kind == store.Tombstone || r.Kind == store.Intent {
		k.Floor = r.Version
		return
	}
	if s.boxErr != nil || !s.hasValue() {
		return
	}
	k.Version, k.Bytes, k.Schema = s.box.Version, s.box.Payload, fmt.Sprintf("%016x", s.box.Schema)
	if r.Kind == store.Stale {
		k.Floor = r.Version
	}
	if s.box.Compressed {
		k.Sealed = append(k.Sealed, "compressed")
	}
	if s.box.Encrypted {
		k.Sealed = append(k.Sealed, "encrypted")
	}
	if s.state == keystate.Damaged {
		return
	}
	cost, age := Duration(s.box.Cost), Duration(s.box.Fresh-time.Duration(r.FreshUntil-s.in.Now)*time.Millisecond)
	k.Cost, k.Age = &cost, &age
	k.Stored, k.Fresh = moment(r.FreshUntil-s.box.Fresh.Milliseconds()), moment(r.FreshUntil)
	if r.Kind != store.Negative {
		k.Revalid = window(r.FreshUntil, s.class.StaleWhileRevalidate)
		k.IfError = window(r.FreshUntil, s.class.StaleIfError)
	}
}

// moment is a time of the server, in UTC: who asks may be anywhere.
func moment(ms int64) *time.Time {
	t := time.UnixMilli(ms).UTC()
	return &t
}

// window is the end of a stale window, or nil if there is none.
func window(from int64, d time.Duration) *time.Time {
	if d <= 0 {
		return nil
	}
	return moment(from + d.Milliseconds())
}

// describeTags lists the tags of what is stored, or those that a value would have.
// Their state is given for what is stored; without a value it is only whether the tag
// is in use at all, which tells a misspelt one.
func (s *sight) describeTags() (tags []Tag) {
	if !s.tagsRead {
		return nil
	}
	ago := func(name string) *Duration {
		tag, ok := s.tags[name]
		if !ok {
			return nil
		}
		d := Duration(tag.Age)
		return &d
	}
	for i := range s.marks {
		name := s.marks[i].Name
		tags = append(tags, Tag{Name: name, State: s.tagState(&s.marks[i]), Moved: ago(name)})
	}
	if len(tags) > 0 {
		return tags
	}
	for _, name := range s.tagNames() {
		state := TagUnused
		if _, ok := s.tags[name]; ok {
			state = TagInUse
		}
		tags = append(tags, Tag{Name: name, State: state, Moved: ago(name)})
	}
	return tags
}

// notes are what a reader of the answer should know besides.
func (s *sight) notes() (notes []string) {
	note := func(text string, args ...any) { notes = append(notes, fmt.Sprintf(text, args...)) }
	if s.state == keystate.Never {
		return nil
	}
	if s.memory() {
		note("A process that has the key in memory may answer from there, without a word to the shared tier; what it holds cannot be seen from here.")
	}
	if s.asked && s.hasValue() && s.boxErr == nil {
		if s.state != keystate.OtherSchema {
			note("A program whose type or codec is not of schema %016x takes the value for missing; --schema compares.", s.box.Schema)
		}
		if s.marksErr == errSealed {
			note("The value is encrypted, and its tags with it: whether one of them was invalidated is not known. --keys-env names the variable with the keys.")
		}
		if s.early() {
			note("Its end is near, measured by what a load costs: a Get may begin to refresh it ahead of time (early_refresh).")
		}
	}
	if s.class.ValueTags && len(s.marks) == 0 && s.asked && s.marksErr == nil {
		note("Values of the class name further tags by themselves, which are known once there is one.")
	}
	return notes
}

// early tells whether readers may draw an early refresh: it is practically never
// drawn more than 16 times the load's cost ahead.
//
// Readers draw it at random (XFetch): the chance to go more than 16 times β and the
// cost ahead is e^-16, which nobody meets.
func (s *sight) early() bool {
	beta := s.class.Stampede.EarlyRefresh
	switch beta {
	case 0:
		beta = 1
	case policy.None:
		return false
	}
	return s.state == keystate.Fresh && float64(s.left()) < 16*beta*float64(s.box.Cost)
}

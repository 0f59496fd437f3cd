package explain

import (
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/larderdev/larder/cmd/larder/internal/keystate"
	"github.com/larderdev/larder/internal/envelope"
	"github.com/larderdev/larder/internal/tagmark"
	"github.com/larderdev/larder/policy"
	"github.com/larderdev/larder/redisstore"
	"github.com/larderdev/larder/store"
)

// TagState is what has become of a tag since a value was read from the origin.
type TagState string

// The states of a tag.
const (
	TagCurrent     TagState = "current"
	TagSoft        TagState = "invalidated softly"
	TagInvalidated TagState = "invalidated"
	TagLost        TagState = "gone" // invalidated, and not used since; or lost by the tier
	TagUnused      TagState = "unused"
	TagInUse       TagState = "in use" // nothing that carries it is stored under this key
)

// Tag is a tag that a value carries, or would.
type Tag struct {
	Name  string    `json:"name"`
	State TagState  `json:"state"`
	Moved *Duration `json:"moved_ago,omitempty"` // since it was invalidated, or made
}

// clockStep is how far a server's clock may be set back before what was stored
// under the old one counts as damaged. It is that of package larder.
const clockStep = time.Minute

// watermark is the key under which a relay confirms what it has delivered, see
// larder.Confirm.
const watermark = ".watermark"

// sight is what was seen of a key, and what follows from it.
//
// It is filled in three steps, each of which only reads what those before it have
// written: look asks the tier, judge finds the state, next and describe say what
// follows.
type sight struct {
	class  *policy.Class
	name   string // in the fleet
	key    string // its text
	outbox bool

	asked     bool
	in        redisstore.Inspection
	confirmed bool // a relay has confirmed the node's history

	box      envelope.Outside
	boxErr   error
	marks    []tagmark.Mark
	marksErr error // ErrCorrupt, or errSealed
	tags     map[string]store.Tag
	tagsRead bool

	state keystate.State
	why   string // of Damaged and OtherSchema
	fresh int64  // until when, in Unix milliseconds of the server
}

// errSealed says that the marks of a value cannot be read without its keys.
var errSealed = errors.New("encrypted")

// open reads the envelope of a value, and the marks in it.
// The envelope's outside can be read without keys; the marks are within the payload,
// and encrypted with it.
func (s *sight) open(secrets *envelope.Secrets) {
	if !s.hasValue() {
		return
	}
	body := s.in.Record.Body
	if s.box, s.boxErr = envelope.Look(body); s.boxErr != nil || !s.tagged() {
		return
	}
	if !s.box.Encrypted {
		secrets = nil
	} else if secrets == nil {
		s.marksErr = errSealed
		return
	}
	// With its own schema, so that the marks are found whatever the program's is: judge
	// compares.
	_, payload, err := envelope.OpenSecret(body, s.box.Schema, secrets, s.name)
	if err != nil {
		s.marksErr = err
		return
	}
	s.marks, _, s.marksErr = tagmark.Cut(payload)
}

// hasValue tells whether what is stored has an envelope.
func (s *sight) hasValue() bool {
	kind := s.in.Record.Kind
	return s.in.Status == store.Found && (kind == store.Value || kind == store.Negative || kind == store.Stale)
}

// tagged tells whether values of the class carry marks.
func (s *sight) tagged() bool { return len(s.class.Tags) > 0 || s.class.ValueTags }

// tagNames are the tags to ask for: those of what is stored, else those that every
// value has.
// A value may name more tags than its class, and its class may have others by now:
// those that it carries decide.
func (s *sight) tagNames() (names []string) {
	for i := range s.marks {
		names = append(names, s.marks[i].Name)
	}
	if len(s.marks) > 0 {
		return names
	}
	for _, template := range s.class.Tags {
		if name := tagmark.Name(template, s.key); name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// readWatermark looks whether a relay has confirmed what the node remembers.
// Somebody else's bytes under the key are no confirmation, and no error: a process
// takes them so, too.
func (s *sight) readWatermark(r store.Reply) error {
	if r.Err != nil {
		return r.Err
	}
	var reached map[string]int64
	if r.Status == store.Found && r.Record.Kind == store.Value && json.Unmarshal(r.Record.Body, &reached) == nil {
		_, s.confirmed = reached[s.in.History]
	}
	return nil
}

// judge finds the state. schema is that of the program, if it is known.
// An intent whose time is over is a tombstone: its writer has gone without a word, and
// may have committed.
func (s *sight) judge(secrets *envelope.Secrets, schema *uint64) {
	switch {
	case s.class.Pattern == policy.Never:
		s.state = keystate.Never
	case !s.shared():
		s.state = keystate.MemoryOnly
	case !s.asked:
		s.state = keystate.Unknown
	case s.in.Status == store.Absent:
		s.state = keystate.Missing
	case s.in.Status == store.Garbled:
		s.state = keystate.Foreign
	case s.in.Record.Kind == store.Intent && s.in.Record.FreshUntil > s.in.Now:
		s.state = keystate.Intent
	case s.in.Record.Kind == store.Intent, s.in.Record.Kind == store.Tombstone:
		s.state = keystate.Tombstone
	default:
		s.judgeValue(secrets, schema)
	}
}

// judgeValue finds the state of what has an envelope. The steps are those of a
// reader, in its order.
func (s *sight) judgeValue(secrets *envelope.Secrets, schema *uint64) {
	switch {
	case s.boxErr != nil:
		s.state, s.why = keystate.Damaged, "its checksum is wrong"
	case schema != nil && *schema != s.box.Schema:
		s.state, s.why = keystate.OtherSchema, "the program's type or codec is another one"
	case s.box.Encrypted && !s.class.Encrypt:
		s.state, s.why = keystate.OtherSchema, "it is encrypted, and the class is not"
	case !s.box.Encrypted && s.class.Encrypt:
		s.state, s.why = keystate.OtherSchema, "it is not encrypted, and the class is"
	case s.box.Encrypted && secrets != nil && !s.opens(secrets):
		s.state, s.why = keystate.OtherSchema, "none of the keys that were given opens it"
	case !s.headersAgree():
		s.state, s.why = keystate.Damaged, "what stands before the checksum is not what was sealed"
	case errors.Is(s.marksErr, envelope.ErrCorrupt) && schema == nil: // the checksum is right
		s.state, s.why = keystate.OtherSchema, "it has no tags, as if its class had had none when it was written"
	case errors.Is(s.marksErr, envelope.ErrCorrupt):
		s.state, s.why = keystate.Damaged, "its tags cannot be read"
	default:
		s.state = s.judgeAge()
	}
}

// opens tells whether one of the keys is that of the value. Any other error is about
// what is inside, and comes later.
func (s *sight) opens(secrets *envelope.Secrets) bool {
	_, _, err := envelope.OpenSecret(s.in.Record.Body, s.box.Schema, secrets, s.name)
	return !errors.Is(err, envelope.ErrSchema)
}

// headersAgree compares what the checksum does not cover with what it does.
// A header in which bytes have changed could make a value fresh for years; by what is
// sealed it is never fresh for longer than it was when it was written.
func (s *sight) headersAgree() bool {
	r := s.in.Record
	s.fresh = r.FreshUntil
	same := s.box.Version == r.Version && s.box.Kind == byte(r.Kind)
	if r.Kind == store.Stale { // its version is a floor
		same = s.box.Version <= r.Version && s.box.Kind == byte(store.Value)
	}
	left := time.Duration(r.FreshUntil-s.in.Now) * time.Millisecond
	if left > s.box.Fresh {
		s.fresh = s.in.Now + s.box.Fresh.Milliseconds()
	}
	return same && left-s.box.Fresh <= clockStep
}

// judgeAge finds the state of a value that can be read.
func (s *sight) judgeAge() keystate.State {
	tags := s.judgeTags()
	switch {
	case tags == TagInvalidated:
		return keystate.Invalidated
	case s.in.Record.Kind == store.Negative && s.left() <= 0:
		return keystate.Expired
	case s.in.Record.Kind == store.Negative && tags != TagSoft:
		return keystate.Negative
	case s.left() <= 0 && s.since() < max(s.class.StaleWhileRevalidate, s.class.StaleIfError):
		return keystate.Stale
	case s.left() <= 0:
		return keystate.Expired
	case s.in.Record.Kind == store.Stale, tags == TagSoft:
		return keystate.Soft
	}
	return keystate.Fresh
}

// left is how long the value is still fresh, and since how long it is not.
func (s *sight) left() time.Duration  { return time.Duration(s.fresh-s.in.Now) * time.Millisecond }
func (s *sight) since() time.Duration { return -s.left() }

// judgeTags returns the worst of what has become of the value's tags.
// One tag is enough: a value is invalidated when any of its tags is.
func (s *sight) judgeTags() TagState {
	worst := TagCurrent
	for i := range s.marks {
		switch s.tagState(&s.marks[i]) {
		case TagInvalidated, TagLost:
			return TagInvalidated
		case TagSoft:
			worst = TagSoft
		}
	}
	return worst
}

// tagState compares a mark with its tag.
// A mark holds what the tag was when the value was read from the origin: any other now
// is an invalidation since. A tag that is gone may have been invalidated before it
// went.
func (s *sight) tagState(m *tagmark.Mark) TagState {
	tag, ok := s.tags[m.Name]
	switch {
	case !ok:
		return TagLost
	case tagmark.Digest(tag.Hard) != m.Hard:
		return TagInvalidated
	case tagmark.Digest(tag.Soft) != m.Soft:
		return TagSoft
	}
	return TagCurrent
}

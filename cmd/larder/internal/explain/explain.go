package explain

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/larderdev/larder/cmd/larder/internal/keystate"
	"github.com/larderdev/larder/internal/envelope"
	"github.com/larderdev/larder/internal/keytext"
	"github.com/larderdev/larder/internal/timespan"
	"github.com/larderdev/larder/policy"
	"github.com/larderdev/larder/redisstore"
	"github.com/larderdev/larder/store"
)

// Tier is what is asked of the shared tier: see redisstore.Store.
type Tier interface {
	Get(ctx context.Context, keys []string) []store.Reply
	Inspect(ctx context.Context, key string) (redisstore.Inspection, error)
	InspectTags(ctx context.Context, tags []string) (store.Record, map[string]store.Tag, error)
}

// Explainer answers questions about a policy and what is cached under it. Its
// methods may be called concurrently.
type Explainer struct {
	Policy *policy.Policy
	// Tier is the shared tier; nil: it is not asked, and its part stays unknown.
	Tier Tier
	// Secrets open the values of encrypted classes, to see their tags; nil: none.
	Secrets *envelope.Secrets
	// Schema is the schema of the program that asks; nil: not known.
	Schema *uint64
}

// The kinds of things that can be asked about.
const (
	AboutKey   = "key"
	AboutClass = "class"
	AboutURL   = "url"
)

// About tells what a question is about: a class by its name; a URL, a path, or a
// method and a path; else a key, by its class and text: "product:42". The name
// that the server has for a key will do, too: "larder:d:{product:42}".
func (x *Explainer) About(question string) string {
	// A key may have a space in it, and so a question with one is only a request if a
	// path comes after it.
	_, path, method := strings.Cut(question, " ")
	switch {
	case strings.HasPrefix(question, "/"), method && strings.HasPrefix(path, "/"),
		strings.HasPrefix(question, "http://"), strings.HasPrefix(question, "https://"):
		return AboutURL
	case !strings.ContainsAny(question, ":#"):
		return AboutClass
	}
	return AboutKey
}

// ErrUnknown says that the policy has no such class or route.
var ErrUnknown = errors.New("not in the policy")

// Key is what there is to say of a key.
//
// Times are by the server's clock, in UTC. What nobody knows, or what a mark does not
// have, is left out of the JSON.
type Key struct {
	Class   string   `json:"class"`
	Key     string   `json:"key"`  // its text within the class
	Name    string   `json:"name"` // in the fleet
	Pattern string   `json:"pattern"`
	Tiers   []string `json:"tiers"`

	Node      string `json:"node,omitempty"`
	DataKey   string `json:"data_key,omitempty"`
	LeaseKey  string `json:"lease_key,omitempty"`
	Reachable bool   `json:"shared_tier_asked"`
	// Held says of each tier of the class whether it holds a value or a negative.
	Held []Holding `json:"held"`

	State   keystate.State `json:"state"`
	Version uint64         `json:"version,omitempty"`
	Floor   uint64         `json:"floor,omitempty"` // of a mark: the lowest version that may be cached
	Age     *Duration      `json:"age,omitempty"`
	Stored  *time.Time     `json:"stored,omitempty"`
	Fresh   *time.Time     `json:"fresh_until,omitempty"`
	Revalid *time.Time     `json:"stale_while_revalidate_until,omitempty"`
	IfError *time.Time     `json:"stale_if_error_until,omitempty"`
	Gone    *time.Time     `json:"gone_at,omitempty"` // when the server forgets it
	Cost    *Duration      `json:"load_cost,omitempty"`
	Bytes   int            `json:"bytes,omitempty"` // of the payload as stored
	Schema  string         `json:"schema_id,omitempty"`
	Sealed  []string       `json:"sealed,omitempty"` // "compressed", "encrypted"

	Tags  []Tag    `json:"tags,omitempty"`
	Lease Lease    `json:"lease"`
	Next  Next     `json:"next"`
	Notes []string `json:"notes,omitempty"`
}

// Holding is what is known of a key in one tier.
type Holding struct {
	Tier string `json:"tier"`
	// Holds is "yes", "no", or "unseen": a process's memory and the edge cannot be
	// looked into, and the shared tier was not asked.
	Holds string `json:"holds"`
}

// Lease is the right to load a key.
type Lease struct {
	// State is "free", "held" by a load, or "failed": a load has failed, and for a
	// while nobody tries again.
	State string   `json:"state"`
	Left  Duration `json:"left,omitzero"`
}

// Duration is written as in larder.yaml.
// A number in JSON would leave open of what unit.
type Duration time.Duration

// MarshalText writes the duration as Go does: "1m30s".
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// String returns the duration to the millisecond below a minute, and to the second
// above, without units that are zero: 1h, not 1h0m0s.
func (d Duration) String() string {
	t := time.Duration(d)
	if t.Abs() >= time.Minute {
		return timespan.Text(t.Round(time.Second))
	}
	return t.Round(time.Millisecond).String()
}

// Key explains the key of that name, see [Explainer.About]. Its error is
// [ErrUnknown] for a class that the policy does not have, and otherwise that of
// the shared tier.
func (x *Explainer) Key(ctx context.Context, name string) (*Key, error) {
	className, text := keytext.Split(inner(name))
	class, err := x.class(className)
	if err != nil {
		return nil, err
	}
	k := &Key{Class: className, Key: text, Name: keytext.Join(className, text), Pattern: string(class.Pattern), Tiers: tierNames(&class)}
	if inner(name) == className+"#"+text {
		k.Name = inner(name) // a long key, whose text is a digest already
	}
	s := &sight{class: &class, name: k.Name, key: text, outbox: x.Policy.Fleet.Outbox}
	if class.Pattern != policy.Never && s.shared() && x.Tier != nil {
		err = x.look(ctx, k, s)
	}
	s.judge(x.Secrets, x.Schema)
	s.describe(k)
	if class.Pattern != policy.Never && k.Name == keytext.Join(className, text) {
		if doubt := Doubt(className, class.Key, text); doubt != "" {
			k.Notes = append([]string{doubt}, k.Notes...)
		}
	}
	return k, err
}

// inner returns the fleet's name of a key out of the name that the server has for
// its data or lease slot.
// What a person has at hand is mostly the output of redis-cli. The namespace before the
// slot is not looked at: which one it is --namespace says.
func inner(name string) string {
	for _, slot := range []string{":d:{", ":l:{"} {
		if _, rest, ok := strings.Cut(name, slot); ok && strings.HasSuffix(rest, "}") {
			return strings.TrimSuffix(rest, "}")
		}
	}
	return name
}

// ClassOf returns the name of the class of a key, whichever way it is written.
func ClassOf(name string) string {
	class, _ := keytext.Split(inner(name))
	return class
}

// class resolves a class, or says that there is none.
// By a look of its own, so that a class that there is and that is wrong is another
// error.
func (x *Explainer) class(name string) (policy.Class, error) {
	if _, ok := x.Policy.Classes[name]; !ok {
		return policy.Class{}, fmt.Errorf("class %q is %w", name, ErrUnknown)
	}
	return x.Policy.Resolve(name)
}

// tierNames are the tiers that keep the class: none if it is never cached, and then an
// empty list, which is [] in JSON and not null.
func tierNames(c *policy.Class) []string {
	if c.Pattern == policy.Never {
		return []string{}
	}
	names := make([]string, len(c.Tiers))
	for i, t := range c.Tiers {
		names[i] = string(t)
	}
	return names
}

// look asks the shared tier. What it has answered so far is in k and s beside an
// error, too.
func (x *Explainer) look(ctx context.Context, k *Key, s *sight) error {
	in, err := x.Tier.Inspect(ctx, k.Name)
	k.Node, k.DataKey, k.LeaseKey = in.Node, in.DataKey, in.LeaseKey
	if err != nil {
		return err
	}
	k.Reachable, s.asked, s.in = true, true, in
	// Before the tags are asked for: which they are stands in the value.
	s.open(x.Secrets)
	if names := s.tagNames(); len(names) > 0 {
		if _, s.tags, err = x.Tier.InspectTags(ctx, names); err != nil {
			return err
		}
		s.tagsRead = true
	}
	if s.outbox {
		return s.readWatermark(x.Tier.Get(ctx, []string{watermark})[0])
	}
	return nil
}

// shared tells whether the class is kept in the shared tier.
func (s *sight) shared() bool { return slices.Contains(s.class.Tiers, policy.Shared) }

// memory tells whether processes keep the class in memory.
func (s *sight) memory() bool { return slices.Contains(s.class.Tiers, policy.Memory) }

package cdnrules

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
)

// ErrChanged says that somebody else has changed the zone's rules, since the plan
// was made or while it was applied. Nothing of theirs was overwritten. Plan again.
var ErrChanged = errors.New("cdn: somebody else has changed the zone's rules: plan again")

// PartialError says that a plan was applied in part. Each change that was made is
// whole, and the next plan holds the rest.
type PartialError struct {
	// Done and Total count changes. The one after those that are done may have been
	// made too if the failure was one of the network.
	Done, Total int
	// Err says what went wrong.
	Err error
}

// Error says how far it came.
func (e *PartialError) Error() string {
	return fmt.Sprintf("cdn: %d of %d changes are made: %v", e.Done, e.Total, e.Err)
}

// Unwrap returns what went wrong.
func (e *PartialError) Unwrap() error { return e.Err }

// Apply makes the changes of a plan of this zone, one request for each, and reads
// the rules again to see that they are as planned. The error is [ErrChanged] if
// they are not those that the plan was made for, or somebody else writes at the
// same time; it is a *[PartialError] if changes were made before it.
//
// A plan is applied once: after it the version is another one, and the answer
// [ErrChanged].
func (c *Cloudflare) Apply(ctx context.Context, p *Plan) error {
	if p == nil || p.owner != c {
		return errors.New("cdn: the plan was made for another zone or policy")
	}
	if p.Empty() {
		return nil
	}
	now, err := c.api.read(ctx)
	if err != nil {
		return fmt.Errorf("cdn: read the rules: %w", err)
	}
	if now == nil != p.fresh || now != nil && !now.is(p.have) {
		return ErrChanged
	}
	if now == nil {
		now, err = c.start(ctx, p)
		if err != nil {
			return err
		}
	} else if now, err = c.changeAll(ctx, p, now); err != nil {
		return err
	}
	return c.confirm(ctx, p, now)
}

// is tells whether both are the same version of the same list.
// The version alone is not enough: a ruleset that was deleted and made anew begins
// again at 1.
func (s *ruleset) is(other *ruleset) bool {
	return s.ID == other.ID && s.Version == other.Version && s.LastUpdated == other.LastUpdated
}

// start makes the ruleset of the phase, with all rules at once. The API refuses it
// if somebody else was faster.
// Nothing of others can be overwritten by that, since there is nothing.
func (c *Cloudflare) start(ctx context.Context, p *Plan) (*ruleset, error) {
	body := struct {
		Name  string     `json:"name"`
		Kind  string     `json:"kind"`
		Phase string     `json:"phase"`
		Rules []wireRule `json:"rules"`
	}{"default", "zone", phase, c.want}
	set, answer, err := c.api.call(ctx, http.MethodPost, "/rulesets", body)
	if err == nil {
		return set, nil
	}
	// That status alone does not say so, as a rule may be wrong; but then there is
	// still no ruleset.
	if answer.Status == http.StatusBadRequest {
		if now, again := c.api.read(ctx); again == nil && now != nil {
			return nil, ErrChanged
		}
	}
	return nil, &PartialError{Total: len(p.Changes), Err: fmt.Errorf("create the rules: %w", err)}
}

// changeAll makes one change after the other. Each answer has the whole list, so that
// it is seen at once if somebody else writes in between.
func (c *Cloudflare) changeAll(ctx context.Context, p *Plan, now *ruleset) (*ruleset, error) {
	for done := range p.Changes {
		change := &p.Changes[done]
		next, err := c.change(ctx, now, change)
		if err == nil && !c.follows(now, next, change) {
			err = ErrChanged
			done++ // it was made
		}
		if err == nil {
			now = next
			continue
		}
		if done == 0 {
			return nil, fmt.Errorf("cdn: %s %s: %w", change.Kind, change.Ref, err)
		}
		return nil, &PartialError{Done: done, Total: len(p.Changes), Err: fmt.Errorf("%s %s: %w", change.Kind, change.Ref, err)}
	}
	return now, nil
}

// position says where a rule goes. An empty After is the end, an empty Before the
// beginning.
// The API takes exactly one of the two.
type position struct {
	After  *string `json:"after,omitempty"`
	Before *string `json:"before,omitempty"`
}

// change makes one change.
// A PATCH has the whole definition or only a position: what it leaves out of a
// definition the API sets back to its default.
func (c *Cloudflare) change(ctx context.Context, now *ruleset, change *Change) (*ruleset, error) {
	path := "/rulesets/" + now.ID + "/rules"
	body := struct {
		*wireRule
		Position *position `json:"position,omitempty"`
	}{wireRule: &change.rule}
	if change.Last {
		body.Position = &position{After: new(string)}
	}
	method := http.MethodPatch
	switch change.Kind {
	case Delete:
		set, _, err := c.api.call(ctx, http.MethodDelete, path+"/"+change.id, nil)
		return set, err
	case Reorder:
		body.wireRule = nil
	case Create:
		method = http.MethodPost
		if !c.bypasses(&change.rule) {
			body.Position = c.place(now)
		}
	}
	if method == http.MethodPatch {
		path += "/" + change.id
	}
	set, _, err := c.api.call(ctx, method, path, body)
	return set, err
}

// place is where a new cache rule goes: behind our cache rules or, if there are
// none, behind all but our bypass rules at the end.
// Within the list a new cache rule must not come behind a bypass rule, over which it
// would win.
func (c *Cloudflare) place(now *ruleset) *position {
	behind := -1
	for i := range now.Rules {
		if r := &now.Rules[i]; c.ours(r) && !c.bypasses(r) {
			behind = i
		}
	}
	if behind < 0 {
		for i := range now.Rules {
			if r := &now.Rules[i]; !c.bypasses(r) {
				behind = i
			}
		}
	}
	if behind < 0 {
		return &position{Before: new(string)}
	}
	return &position{After: &now.Rules[behind].ID}
}

// follows tells whether next is now with the change and nothing else: no foreign
// rule has come, gone, moved or become another version, and no rule of ours is
// different.
// Position is not looked at for the rule itself; confirm plans again, and that finds
// it.
func (c *Cloudflare) follows(now, next *ruleset, change *Change) bool {
	if now.ID != next.ID {
		return false
	}
	others := func(set *ruleset) []string {
		var all []string
		for i := range set.Rules {
			if r := &set.Rules[i]; r.Ref != change.Ref {
				all = append(all, r.ID+" "+r.Version+" "+r.Ref+" "+r.content())
			}
		}
		return all
	}
	if !slices.Equal(others(now), others(next)) {
		return false
	}
	i := slices.IndexFunc(next.Rules, func(r wireRule) bool { return r.Ref == change.Ref })
	switch change.Kind {
	case Delete:
		return i < 0
	case Reorder:
		return i >= 0
	}
	return i >= 0 && next.Rules[i].content() == change.rule.content()
}

// confirm reads the rules once more.
// That an answer was a success does not say that the rule is as it was sent: a field
// that the API drops would make every later plan want the same change.
func (c *Cloudflare) confirm(ctx context.Context, p *Plan, wrote *ruleset) error {
	partial := func(err error) error {
		return &PartialError{Done: len(p.Changes), Total: len(p.Changes), Err: err}
	}
	now, err := c.api.read(ctx)
	if err != nil {
		return partial(fmt.Errorf("read the rules again: %w", err))
	}
	if now == nil || !now.is(wrote) {
		return partial(ErrChanged)
	}
	left, err := c.plan(now)
	if err != nil {
		return partial(err)
	}
	if !left.Empty() {
		return partial(fmt.Errorf("the zone did not take the rules as they were sent: %d changes are left; the first is for %s", len(left.Changes), left.Changes[0].Ref))
	}
	return nil
}

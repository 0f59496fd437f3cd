package cdnrules

import (
	"fmt"
	"slices"
	"strings"
)

// Kind is what is done to a rule of a zone.
type Kind string

// The kinds.
const (
	Create Kind = "create"
	Update Kind = "update"
	Delete Kind = "delete"
	// Reorder moves a bypass rule behind all others.
	Reorder Kind = "reorder"
)

// Plan is what has to change in a zone, and the version for which that holds.
type Plan struct {
	// Version and LastUpdated are those of the zone's rules; empty: it has none yet.
	Version     string `json:"version"`
	LastUpdated string `json:"last_updated"`
	// Changes are in the order in which they are made.
	Changes []Change `json:"changes"`
	// Foreign is how many rules of others there are. They stay as they are.
	Foreign int `json:"foreign"`
	// Notes are for people: what the zone's plan cannot say, and which rules of
	// others may get in the way.
	Notes []string `json:"notes"`

	owner *Cloudflare
	have  *ruleset
	// fresh: the phase has no ruleset.
	fresh bool
}

// Change is what is done to one rule of ours.
type Change struct {
	Kind Kind   `json:"kind"`
	Ref  string `json:"ref"`
	// Edited says that somebody else has changed the rule since it was written.
	Edited bool `json:"edited,omitempty"`
	// Last says that the rule is moved behind all others.
	Last bool `json:"last,omitempty"`
	// Widened says that a bypass rule does for a while both what it did and what it
	// will do. A later change of the same rule ends that.
	Widened bool `json:"widened,omitempty"`
	// Before is there unless the rule is created, After unless it is deleted.
	Before *Setting `json:"before,omitempty"`
	After  *Setting `json:"after,omitempty"`

	rule wireRule // what is written
	id   string   // of the rule that is there
}

// Setting is what a rule does.
// It is what people compare before they agree to a change.
type Setting struct {
	Description string         `json:"description"`
	Expression  string         `json:"expression"`
	Parameters  map[string]any `json:"action_parameters"`
	Enabled     bool           `json:"enabled"`
}

// settingOf is what a rule of the zone does, or will.
func settingOf(r *wireRule) *Setting {
	return &Setting{Description: r.Description, Expression: r.Expression, Parameters: r.ActionParameters, Enabled: r.enabled()}
}

// Empty tells that the zone is as the policy says.
func (p *Plan) Empty() bool { return len(p.Changes) == 0 }

// ours tells whether a rule is of this owner.
// The reference is all that counts: people edit descriptions.
func (c *Cloudflare) ours(r *wireRule) bool { return strings.HasPrefix(r.Ref, c.prefix) }

// bypasses tells whether a rule of ours is one that bypasses: its reference says
// so, whatever somebody has made of it.
func (c *Cloudflare) bypasses(r *wireRule) bool {
	return strings.HasPrefix(r.Ref, c.prefix+string(Bypass)+"_")
}

// plan compares the rules that are there with those that are wanted.
// It asks nobody, so that confirm can use it to look at what came of a plan.
func (c *Cloudflare) plan(have *ruleset) (*Plan, error) {
	p := &Plan{owner: c, have: have, Changes: []Change{}, Notes: append([]string{}, c.notes...)}
	if have == nil {
		p.fresh, p.have = true, &ruleset{}
	}
	p.Version, p.LastUpdated = p.have.Version, p.have.LastUpdated
	wanted := map[string]*wireRule{}
	for i := range c.want {
		wanted[c.want[i].Ref] = &c.want[i]
	}
	deletes, there := c.compareAll(p, wanted)
	creates := false
	for i := range c.want {
		if r := &c.want[i]; !there[r.Ref] {
			creates = true
			p.Changes = append(p.Changes, Change{Kind: Create, Ref: r.Ref, After: settingOf(r), rule: *r})
		}
	}
	// What is there fits, whatever the table says.
	if n := p.Foreign + len(c.want); creates && n > c.tier.rules {
		return nil, fmt.Errorf("cdn: the zone would have %d rules, %d of them of others, and the plan %s allows %d: "+
			"give routes the same query and vary, so that they share a rule, or take rules of others out", n, p.Foreign, c.tier.name, c.tier.rules)
	}
	p.order(deletes)
	p.noteForeign()
	return p, nil
}

// compareAll goes through the rules that are there. It adds to p what has to be done to
// those that stay, and returns what has to go and which of ours stay. Of two with one
// reference, which somebody has copied, the first stays.
func (c *Cloudflare) compareAll(p *Plan, wanted map[string]*wireRule) (deletes []Change, there map[string]bool) {
	body := c.endOfBody(p.have.Rules, wanted)
	there = map[string]bool{}
	for i := range p.have.Rules {
		r := &p.have.Rules[i]
		if !c.ours(r) {
			p.Foreign++
			continue
		}
		want := wanted[r.Ref]
		if want == nil || there[r.Ref] {
			deletes = append(deletes, Change{Kind: Delete, Ref: r.Ref, Edited: r.edited(), Before: settingOf(r), id: r.ID})
			continue
		}
		there[r.Ref] = true
		if change := c.compare(r, want, i < body); change != nil {
			p.Changes = append(p.Changes, *change)
		}
	}
	return deletes, there
}

// endOfBody returns where the last rules begin: what stands there and later are
// bypass rules of ours and what is to be deleted.
// A bypass rule of ours before that place is one that others have been put behind, and
// has to move.
func (c *Cloudflare) endOfBody(rules []wireRule, wanted map[string]*wireRule) int {
	for i := len(rules) - 1; i >= 0; i-- {
		r := &rules[i]
		if !c.ours(r) || wanted[r.Ref] != nil && !c.bypasses(r) {
			return i
		}
	}
	return 0
}

// compare returns what has to be done to a rule that stays; nil: nothing.
// A description that differs is a change, too: it holds the fingerprint, without which
// the next plan would take the rule for edited.
func (c *Cloudflare) compare(have, want *wireRule, inBody bool) *Change {
	move := inBody && c.bypasses(have)
	same := have.content() == want.content() && have.Description == want.Description
	if same && !move {
		return nil
	}
	change := &Change{Kind: Update, Ref: have.Ref, Edited: have.edited(), Last: move, Before: settingOf(have), After: settingOf(want), rule: *want, id: have.ID}
	if same {
		change.Kind = Reorder
	}
	return change
}

// order puts changes into the order in which they are made, so that no route is
// without its bypass at any time, a process that dies half way included: what bypasses
// is widened and made first; then what is kept changes; and what need not be bypassed
// any more is let go of at last. Where there is no room for both, cache rules go before
// others come, and if that is not enough all of ours do.
//
// Between two requests the zone serves by what is there. A route that is kept for a
// moment although it should be bypassed may show one visitor's page to another; one
// that is bypassed for a moment is only slower.
func (p *Plan) order(deletes []Change) {
	c := p.owner
	var widened, bypass, narrowed, updates, creates, gone, bared []Change
	if len(p.Changes)+len(deletes) == 0 {
		return // an empty list, which is [] in JSON and not null
	}
	alone := len(p.Changes)+len(deletes) == 1
	for _, change := range p.Changes {
		switch wide := c.widen(&change); {
		case change.Kind == Create && c.bypasses(&change.rule):
			bypass = append(bypass, change)
		case change.Kind == Create:
			creates = append(creates, change)
		case !c.bypasses(&change.rule):
			updates = append(updates, change)
		case wide == nil || alone:
			widened = append(widened, change)
		default:
			widened = append(widened, *wide)
			change.Edited, change.Last, change.Before = false, false, wide.After
			narrowed = append(narrowed, change)
		}
	}
	for _, change := range deletes {
		if c.bypasses(&wireRule{Ref: change.Ref}) {
			bared = append(bared, change)
		} else {
			gone = append(gone, change)
		}
	}
	have, room := len(p.have.Rules), c.tier.rules
	switch {
	case have+len(bypass)+len(creates) <= room || len(bypass)+len(creates) == 0:
		p.Changes = slices.Concat(widened, bypass, updates, creates, gone, narrowed, bared)
	case have-len(gone)+len(bypass) <= room:
		p.Changes = slices.Concat(gone, widened, bypass, updates, bared, creates, narrowed)
	default:
		p.anew()
	}
}

// widen returns the change after which a bypass rule does what it did and what it will
// do; nil: it need not, since it keeps its condition or bypasses nothing now.
// Where both conditions are too long together all of its hosts are bypassed so long.
func (c *Cloudflare) widen(change *Change) *Change {
	was := change.Before
	if change.Kind != Update || was.Expression == change.rule.Expression || !was.Enabled || was.Parameters["cache"] != false {
		return nil
	}
	wide := *change
	wide.Widened = true
	wide.rule.Expression = "(" + was.Expression + ") or (" + change.rule.Expression + ")"
	if len(wide.rule.Expression) > maxExpression {
		wide.rule.Expression = "starts_with(" + pathField + `, "/")`
		if host, _, ok := strings.Cut(change.rule.Expression, " and "); ok && strings.HasPrefix(host, "http.host ") {
			wide.rule.Expression = host + " and " + wide.rule.Expression
		}
	}
	wide.rule.Description = mark.ReplaceAllString(change.rule.Description, " [larder "+wide.rule.fingerprint()+"]")
	wide.After = settingOf(&wide.rule)
	return &wide
}

// anew deletes all rules of ours and makes all that are wanted, for zones without room
// for a bypass rule beside the one whose place it takes. Cache rules go first and come
// last, so that in between nothing is kept.
func (p *Plan) anew() {
	c := p.owner
	var gone, bared, bypass, cache []Change
	for i := range p.have.Rules {
		r := &p.have.Rules[i]
		change := Change{Kind: Delete, Ref: r.Ref, Edited: r.edited(), Before: settingOf(r), id: r.ID}
		switch {
		case !c.ours(r):
		case c.bypasses(r):
			bared = append(bared, change)
		default:
			gone = append(gone, change)
		}
	}
	for i := range c.want {
		r := &c.want[i]
		if change := (Change{Kind: Create, Ref: r.Ref, After: settingOf(r), rule: *r}); c.bypasses(r) {
			bypass = append(bypass, change)
		} else {
			cache = append(cache, change)
		}
	}
	p.Changes = slices.Concat(gone, bared, bypass, cache)
}

// noteForeign tells which rules of others may undo what the policy says.
// They are notes, since only their owner knows what they are for.
func (p *Plan) noteForeign() {
	c := p.owner
	cached := false
	for i := range p.have.Rules {
		r := &p.have.Rules[i]
		if c.ours(r) {
			cached = cached || !c.bypasses(r)
			continue
		}
		if !r.enabled() {
			continue
		}
		if ttl, ok := r.ActionParameters["edge_ttl"].(map[string]any); ok && ttl["mode"] == "override_origin" {
			p.Notes = append(p.Notes, fmt.Sprintf("rule %q of others sets lifetimes itself: what it matches is kept without Set-Cookie and whatever the response says", r.Description))
		}
		if cached {
			p.Notes = append(p.Notes, fmt.Sprintf("rule %q of others stands after cache rules of ours and wins over them where both match", r.Description))
		}
	}
}

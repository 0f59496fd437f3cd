package cli

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/larderdev/larder/cmd/larder/internal/explain"
	"github.com/larderdev/larder/internal/keytext"
	"github.com/larderdev/larder/internal/nearest"
	"github.com/larderdev/larder/internal/tagmark"
	"github.com/larderdev/larder/policy"
	"github.com/larderdev/larder/store"
)

const (
	// defaultHold is how long an invalidated key is marked if fleet.hold does not
	// say: that of larder.Options.
	defaultHold = 10 * time.Second
	// requestItems bounds one request to the shared tier.
	requestItems = 500
	// maxSettle is the longest time of purge.Options.
	maxSettle = time.Hour
)

// purgePlan is what is to be purged, and where.
type purgePlan struct {
	Soft bool `json:"soft"`
	// Tags and Keys are those of the shared tier; CDNTags and URLs are for CDNs.
	Tags    []string `json:"tags,omitempty"`
	Keys    []string `json:"keys,omitempty"`
	CDNTags []string `json:"cdn_tags,omitempty"`
	URLs    []string `json:"urls,omitempty"`
	Notes   []string `json:"notes,omitempty"`

	hold, life time.Duration
}

// planPurge turns the flags into what is purged.
// It reaches nobody, so that --dry-run says the very thing that would be done.
func planPurge(p *policy.Policy, f *purgeFlags) (*purgePlan, error) {
	plan := &purgePlan{Soft: f.soft, hold: p.Fleet.Hold, life: 0}
	if plan.hold <= 0 {
		plan.hold = defaultHold
	}
	plan.life = tagLife(p, plan.hold)
	if len(f.tags)+len(f.keys)+len(f.classes)+len(f.urls) == 0 {
		return nil, usagef("name what is to be purged by --tag, --key, --class or --url", "there is nothing to purge")
	}
	if f.settle > maxSettle {
		return nil, usagef(fmt.Sprintf("give a time of %v at most", maxSettle), "--settle is %v", f.settle)
	}
	if err := plan.addAll(p, f); err != nil {
		return nil, err
	}
	if len(p.CDNs) == 0 && !f.noCDN && len(plan.CDNTags) > 0 {
		plan.note("the policy names no CDN: what stands in front of the service is not purged")
	}
	return plan, plan.leaveOut(f, len(p.CDNs) > 0)
}

// addAll adds what the flags name.
func (p *purgePlan) addAll(from *policy.Policy, f *purgeFlags) error {
	for _, tag := range f.tags {
		if tag == "" || len(tag) > tagmark.MaxName {
			return usagef(fmt.Sprintf("a tag has 1 to %d bytes", tagmark.MaxName), "--tag %.80q is no tag", tag)
		}
		p.addTag(tag)
		p.doubtTag(from, tag)
	}
	for _, key := range f.keys {
		if err := p.addKey(from, key); err != nil {
			return err
		}
	}
	for _, class := range f.classes {
		if err := p.addClass(from, class); err != nil {
			return err
		}
	}
	for _, u := range f.urls {
		if err := p.addURL(from, u); err != nil {
			return err
		}
	}
	return nil
}

// leaveOut takes out what nobody is told, so that the plan says what will be done.
// It is an error if nothing is left: a purge that reaches nobody has not worked.
func (p *purgePlan) leaveOut(f *purgeFlags, cdns bool) error {
	if f.noShared {
		p.Tags, p.Keys = nil, nil
	}
	if f.noCDN || !cdns {
		p.CDNTags, p.URLs = nil, nil
	}
	if p.inShared()+len(p.CDNTags)+len(p.URLs) == 0 {
		return usagef("leave --no-shared or --no-cdn out, or name something that the other tier knows", "no tier is left that could forget what is named")
	}
	return nil
}

// note adds what the person should know who is about to purge.
func (p *purgePlan) note(format string, args ...any) {
	p.Notes = append(p.Notes, fmt.Sprintf(format, args...))
}

// addTag adds a tag for all tiers: responses carry the tags of what they show.
func (p *purgePlan) addTag(tag string) {
	p.Tags, p.CDNTags = addNew(p.Tags, tag), addNew(p.CDNTags, tag)
}

// wildcard is what stands for a key, a wildcard or a column in a tag.
var wildcard = regexp.MustCompile(`\{[^}]*\}`)

// doubtTag says of a tag that nothing in the policy has. It is purged all the same:
// a program may tag responses by itself, and values that name their own tags may
// have any.
func (p *purgePlan) doubtTag(from *policy.Policy, tag string) {
	var all []string
	for _, c := range from.Classes {
		if c.ValueTags {
			return
		}
		all = append(all, c.Tags...)
		for _, table := range c.Source.Tables {
			all = append(all, table.Tags...)
		}
	}
	for _, r := range from.Routes {
		all = append(all, r.Tags...)
	}
	// What is in braces stands for text of any kind, since nobody knows the keys; all
	// else is compared without regard to capitals, which Cloudflare does not tell apart
	// in tags.
	for _, template := range all {
		var form strings.Builder
		last := 0
		for _, at := range wildcard.FindAllStringIndex(template, -1) {
			form.WriteString(regexp.QuoteMeta(template[last:at[0]]) + ".+")
			last = at[1]
		}
		form.WriteString(regexp.QuoteMeta(template[last:]))
		if regexp.MustCompile("(?is)^" + form.String() + "$").MatchString(tag) {
			return
		}
	}
	text := "nothing in the policy has the tag " + tag
	slices.Sort(all) // of two that are as near, the same one each time
	if near := nearest.Name(tag, all); near != "" {
		text += ": did you mean " + near + "?"
	}
	p.note("%s", text)
}

// addKey adds a key. CDNs are told by the tags that it alone has.
func (p *purgePlan) addKey(from *policy.Policy, key string) error {
	class, text := keytext.Split(key)
	if class == "" {
		return usagef("a key has its class in front, as in product:42; --class purges all of a class", "--key %.100q is no key", key)
	}
	c, err := purgeable(from, class, "--key "+key)
	if err != nil {
		return err
	}
	if key == class+":"+text { // else it is the digest of a long one
		if doubt := explain.Doubt(class, c.Key, text); doubt != "" {
			return usagef("write it as the service does: nothing is stored under another text", "--key %.100s: %s", key, doubt)
		}
		key = keytext.Join(class, text)
	}
	p.Keys = addNew(p.Keys, key)
	// Tags that others have, too, would purge much more than the key.
	own := 0
	for _, template := range c.Tags {
		if strings.Contains(template, tagmark.InTag) {
			if tag := tagmark.Name(template, text); tag != "" {
				p.CDNTags = addNew(p.CDNTags, tag)
				own++
			}
		}
	}
	if own == 0 && slices.Contains(c.Tiers, policy.Edge) {
		p.note("%s: no CDN is told: the class has no tag with {key} in it. Purge the URL, or a tag", key)
	}
	return nil
}

// addClass adds a class, by a tag that all of its values carry.
// Nothing lists the keys of a class: the shared tier is not searched, as that would
// block its server.
func (p *purgePlan) addClass(from *policy.Policy, class string) error {
	c, err := purgeable(from, class, "--class "+class)
	if err != nil {
		return err
	}
	for _, tag := range c.Tags {
		if strings.Contains(tag, tagmark.InTag) {
			continue
		}
		if others := carriers(from, class, tag); len(others) > 0 {
			p.note("the tag %s is that of %s, too", tag, strings.Join(others, ", "))
		}
		p.addTag(tag)
		return nil
	}
	return usagef(fmt.Sprintf("add one to the class (tags: [%s]), or purge by --key; without it the values end with their TTL, %v at most", class, c.TTL.Shared),
		"class %s cannot be purged: it has no tag that all of its values carry", class)
}

// carriers are other classes whose values carry a tag.
func carriers(from *policy.Policy, but, tag string) (names []string) {
	for _, name := range sortedNames(from.Classes) {
		if name != but && slices.Contains(from.Classes[name].Tags, tag) {
			names = append(names, name)
		}
	}
	return names
}

// purgeable resolves a class of which something may be cached.
func purgeable(from *policy.Policy, class, flag string) (policy.Class, error) {
	if _, ok := from.Classes[class]; !ok {
		classes := sortedNames(from.Classes)
		next := "the classes are " + strings.Join(classes, ", ") + "; a key has its class in front: product:42"
		return policy.Class{}, usagef(didYouMean("", class, classes, next), "%s: there is no class %q", flag, class)
	}
	c, err := from.Resolve(class)
	if err != nil {
		return c, &failure{code: exitFindings, err: err, next: "larder lint says what is wrong with the class"}
	}
	if c.Pattern == policy.Never {
		return c, usagef("there is nothing to purge", "%s: the class is never cached", flag)
	}
	return c, nil
}

// addURL adds a URL, which only CDNs know.
// The note is made once, however many URLs there are.
func (p *purgePlan) addURL(from *policy.Policy, text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return usagef("give it whole: https://shop.example/api/products", "--url %q is no absolute URL", text)
	}
	if len(from.CDNs) == 0 {
		return usagef("name the CDN under cdn", "--url %s: the policy names no CDN, and only CDNs know URLs", text)
	}
	p.URLs = addNew(p.URLs, text)
	if !slices.ContainsFunc(p.Notes, func(n string) bool { return strings.HasPrefix(n, "URLs are purged") }) {
		p.note("URLs are purged at the CDN alone: name the tags or keys of what they show, or it fills again from the service's caches")
	}
	return nil
}

// addNew adds what is not there: the same tag twice is one request.
func addNew(list []string, item string) []string {
	if slices.Contains(list, item) {
		return list
	}
	return append(list, item)
}

// tagLife is how long the tags' sequence has to live from now on: longer than any
// value that may carry a tag, as in package larder.
func tagLife(p *policy.Policy, hold time.Duration) time.Duration {
	life := hold
	for name := range p.Classes {
		c, err := p.Resolve(name)
		if err != nil || c.Pattern == policy.Never {
			continue
		}
		life = max(life, c.TTL.Shared+max(c.StaleWhileRevalidate, c.StaleIfError), c.NegativeTTL)
	}
	return life + hold
}

// inShared is how many things the shared tier is told.
func (p *purgePlan) inShared() int { return len(p.Tags) + len(p.Keys) }

// lines lists the plan for people.
func (p *purgePlan) lines() (all []string) {
	for _, group := range []struct {
		what  string
		items []string
	}{
		{"shared tier, tag", p.Tags},
		{"shared tier, key", p.Keys},
		{"CDN, tag", p.CDNTags},
		{"CDN, URL", p.URLs},
	} {
		for _, item := range group.items {
			all = append(all, group.what+" "+item)
		}
	}
	return all
}

// sharedStore is what the shared tier is told by.
type sharedStore interface {
	Do(ctx context.Context, ops []store.Op) []store.Reply
}

// purgeShared invalidates tags and keys, as a service does.
// One operation that fails keeps the others from nothing, and its items are named.
func (p *purgePlan) purgeShared(ctx context.Context, s sharedStore) receipt {
	out := receipt{Target: "shared", Items: p.inShared()}
	var ops []store.Op
	var of [][]string // what ops[i] is for
	for some := range slices.Chunk(p.Tags, requestItems) {
		ops = append(ops, store.MoveTags{Tags: some, Nonce: rand.Text(), Life: p.life, Soft: p.Soft})
		of = append(of, some)
	}
	for _, key := range p.Keys {
		ops = append(ops, store.Invalidate{Key: key, Hold: p.hold, Soft: p.Soft})
		of = append(of, []string{key})
	}
	began := time.Now()
	// In parts, so that a purge of thousands of keys is no burst that the requests of
	// services wait behind.
	for at := 0; at < len(ops); at += requestItems {
		end := min(at+requestItems, len(ops))
		for i, r := range s.Do(ctx, ops[at:end]) {
			if r.Err == nil {
				continue
			}
			for _, item := range of[at+i] {
				out.Failed = append(out.Failed, failedPurge{Item: item, Reason: r.Err.Error()})
			}
		}
	}
	out.Accepted = time.Since(began).Milliseconds()
	return out
}

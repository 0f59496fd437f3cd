package diff

import (
	"slices"

	"github.com/larderdev/larder/policy"
	"github.com/larderdev/larder/policy/internal/field"
)

// cdns pairs the caches in front by kind and zone, since their order does not
// matter; what is left of a kind has changed its zone.
func (d *differ) cdns() {
	left := slices.Clone(d.old.CDNs)
	paired := map[int]bool{}
	// pair compares new CDN i with the first old one that is left and the same.
	pair := func(i int, same func(policy.CDN) bool) {
		j := slices.IndexFunc(left, same)
		if j < 0 {
			return
		}
		d.cdn(field.At("cdn", i), left[j], d.new.CDNs[i])
		left, paired[i] = slices.Delete(left, j, j+1), true
	}
	// Those that have not changed first, or one of two zones of a kind could be taken for
	// the other.
	for i, new := range d.new.CDNs {
		pair(i, func(old policy.CDN) bool { return old.Kind == new.Kind && old.Zone == new.Zone })
	}
	for i, new := range d.new.CDNs {
		if !paired[i] {
			pair(i, func(old policy.CDN) bool { return old.Kind == new.Kind })
		}
	}
	for i, new := range d.new.CDNs {
		if !paired[i] {
			d.add(Behavioural, field.At("cdn", i), "", text(new), "Another cache in front: responses carry tags for it, and each of them must fit its limits. Apply its rules before traffic goes there.")
		}
	}
	for _, old := range left {
		d.add(Behavioural, "cdn", text(old), "", "Responses carry no tags for this cache and nothing purges it any more: take traffic away first. Its rules stay until somebody removes them.")
	}
}

// cdn compares a cache in front with what it was. Its kind is the same: another one is a
// cache that came and one that went, since nothing of the first is of use to the other.
func (d *differ) cdn(path string, old, new policy.CDN) {
	d.field(field.Path(path, "zone"), old.Zone, new.Zone, always(Breaking,
		"Purges and rules go elsewhere: what the other zone keeps stays until its TTL ends, if the variables are not the same."))
	d.field(field.Path(path, "token"), old.Token, new.Token, always(Behavioural,
		"The token is read from another variable: without it purges fail, and are tried again."))
	d.field(field.Path(path, "hosts"), old.Hosts, new.Hosts, always(Behavioural,
		"The rules are about other hosts. Apply them; for hosts that are gone nothing holds any more."))
}

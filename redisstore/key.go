package redisstore

import (
	"strings"

	"github.com/larderdev/larder/store"
)

// keyspace makes the server's keys from Larder's keys.
//
//	product:42    larder:d:{product:42}    its data slot
//	              larder:l:{product:42}    its lease slot
//	@             larder:d:{@}             the tags' sequence
//	@summer       larder:d:{@}summer       the tag summer
//
// What stands in the first pair of braces decides on the slot of a cluster, so
// that both keys of an entry lie in the same one, whatever bytes follow, and
// all tags in one of their own. It must not be empty: a key that is, or that
// begins with a brace, is written with another '{' before it.
type keyspace struct {
	data  string // "larder:d:{", also the prefix of all tracked keys
	lease string // "larder:l:{"
}

func newKeyspace(namespace string) keyspace {
	return keyspace{data: namespace + ":d:{", lease: namespace + ":l:{"}
}

// tagsEnd closes the brace in the keys of the sequence and of tags.
const tagsEnd = store.Sequence + "}"

// dataKey is the key of key's data slot, of the sequence or of a tag.
func (k keyspace) dataKey(key string) string { return within(k.data, key) }

// leaseKey is the key of key's lease slot.
func (k keyspace) leaseKey(key string) string { return within(k.lease, key) }

// within puts a key into the braces that open at the end of prefix.
func within(prefix, key string) string {
	if special(key) {
		return prefix + "{" + key + "}"
	}
	if name, ok := strings.CutPrefix(key, store.Sequence); ok {
		return prefix + tagsEnd + name
	}
	return prefix + key + "}"
}

// special reports whether key needs a brace before it.
func special(key string) bool { return key == "" || key[0] == '{' || key[0] == '}' }

// key is the reverse of dataKey. It reports false for the key of somebody
// else's that happens to have our prefix.
func (k keyspace) key(data string) (string, bool) {
	inner, ok := strings.CutPrefix(data, k.data)
	if !ok {
		return "", false
	}
	if strings.HasPrefix(inner, store.Sequence) {
		name, ok := strings.CutPrefix(inner, tagsEnd)
		return store.Sequence + name, ok
	}
	if inner, ok = strings.CutSuffix(inner, "}"); !ok || inner == "" {
		return "", false
	}
	if inner[0] == '{' {
		return inner[1:], special(inner[1:])
	}
	return inner, !special(inner)
}

package redisstore

import "strings"

// keyspace makes the server's keys from Larder's keys.
//
//	product:42    larder:d:{product:42}    its data slot
//	              larder:l:{product:42}    its lease slot
//
// What stands in the first pair of braces decides on the slot of a cluster, so
// that both keys lie in the same one, whatever bytes follow. It must not be
// empty: a key that is, or that begins with a brace, is written with another
// '{' before it.
type keyspace struct {
	data  string // "larder:d:{", also the prefix of all tracked keys
	lease string // "larder:l:{"
}

func newKeyspace(namespace string) keyspace {
	return keyspace{data: namespace + ":d:{", lease: namespace + ":l:{"}
}

// dataKey is the key of key's data slot.
func (k keyspace) dataKey(key string) string {
	if special(key) {
		return k.data + "{" + key + "}"
	}
	return k.data + key + "}"
}

// leaseKey is the key of key's lease slot.
func (k keyspace) leaseKey(key string) string {
	if special(key) {
		return k.lease + "{" + key + "}"
	}
	return k.lease + key + "}"
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
	if inner, ok = strings.CutSuffix(inner, "}"); !ok || inner == "" {
		return "", false
	}
	if inner[0] == '{' {
		return inner[1:], special(inner[1:])
	}
	return inner, !special(inner)
}

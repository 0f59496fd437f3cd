// Package keytext is how keys are called in a fleet: the class, a separator, and
// the text of the key.
//
//	class:text      up to 200 bytes of text, as they are
//	class#sha256    longer ones; no class has a # in its name
package keytext

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// maxText is the length in bytes above which a key's text is hashed.
const maxText = 200

// Join returns the name of a key of class.
func Join(class, text string) string {
	if len(text) <= maxText {
		return class + ":" + text
	}
	sum := sha256.Sum256([]byte(text))
	return class + "#" + hex.EncodeToString(sum[:])
}

// Split is the reverse of Join, but for the digest of a long key. No class has
// either of the separators in its name; a name without one, of nobody's here, is
// all key.
func Split(name string) (class, text string) {
	end := strings.IndexAny(name, ":#")
	if end < 0 {
		return "", name
	}
	return name[:end], name[end+1:]
}

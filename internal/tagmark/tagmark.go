// Package tagmark is how a value in the shared tier names its tags, and the state
// that each of them was in before the value was read from the origin.
//
//	number of marks, then for each: length, name, hard, soft | payload
//
// The first two are unsigned varints (encoding/binary); hard and soft are
// digests of the tag's identities, of 12 bytes each. The value is valid while
// they are the tag's, and outdated, but servable, while only soft differs.
//
// Marks stand within the envelope, in front of the payload: the checksum covers
// them, and in encrypted classes the cipher.
package tagmark

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/larderdev/larder/internal/envelope"
)

// The bounds of what [Cut] takes.
const (
	MaxName  = 200 // bytes of a tag's name
	MaxMarks = 64  // tags of one value
)

// InTag stands, in the template of a tag, for the text of the value's key.
const InTag = "{key}"

// Identity is the digest of a tag's identity: enough to tell two apart, and
// always of the same small size.
type Identity [12]byte

// Digest returns the identity of a tag whose state in the tier is s.
func Digest(s string) (d Identity) {
	sum := sha256.Sum256([]byte(s))
	copy(d[:], sum[:])
	return d
}

// Mark is a tag as a value carries it.
type Mark struct {
	Name       string
	Hard, Soft Identity
}

// Append puts marks behind b.
func Append(b []byte, marks []Mark) []byte {
	b = binary.AppendUvarint(b, uint64(len(marks)))
	for i := range marks {
		b = binary.AppendUvarint(b, uint64(len(marks[i].Name)))
		b = append(b, marks[i].Name...)
		b = append(b, marks[i].Hard[:]...)
		b = append(b, marks[i].Soft[:]...)
	}
	return b
}

// Cut is the reverse of Append: it returns the marks, and what stands behind
// them. It returns envelope.ErrCorrupt for bytes that Append has not written.
func Cut(b []byte) (marks []Mark, payload []byte, err error) {
	count, b, ok := cutNumber(b)
	if !ok || count > MaxMarks {
		return nil, nil, envelope.ErrCorrupt
	}
	marks = make([]Mark, count)
	for i := range marks {
		size, rest, ok := cutNumber(b)
		if !ok || size > MaxName || uint64(len(rest)) < size+2*uint64(len(Identity{})) {
			return nil, nil, envelope.ErrCorrupt
		}
		m := &marks[i]
		m.Name, b = string(rest[:size]), rest[size:]
		b = b[copy(m.Hard[:], b):]
		b = b[copy(m.Soft[:], b):]
	}
	return marks, b, nil
}

func cutNumber(b []byte) (n uint64, rest []byte, ok bool) {
	n, size := binary.Uvarint(b)
	if size <= 0 {
		return 0, nil, false
	}
	return n, b[size:], true
}

// Name returns the tag that a template gives a value, by the text of its key: a
// digest if that would be too long for a name, and "" if the template is all key
// and the key is empty, for which there is no tag.
func Name(template, key string) string {
	tag := strings.ReplaceAll(template, InTag, key)
	if len(tag) > MaxName {
		tag = fmt.Sprintf("%x", sha256.Sum256([]byte(tag)))
	}
	return tag
}

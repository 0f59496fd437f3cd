package larder

import (
	"errors"
	"maps"
	"slices"
)

// ErrUnknownClass says that a [Change] names a class that has no policy here.
// Trying again does not help.
var ErrUnknownClass = errors.New("larder: unknown class")

// ErrInvalidTag says that a tag is empty or longer than 200 bytes. Trying again
// does not help.
var ErrInvalidTag = errors.New("larder: invalid tag")

// Change is a change of the origin that the caches must hear of: a row was
// inserted, updated or deleted. It is what an outbox keeps in the database
// until it is delivered, see package outbox.
type Change struct {
	// Class is the class of the cached value. Empty: only Tags are
	// invalidated, and Key is empty too.
	Class string
	// Key is the text form of the value's key: the digits of an integer, a
	// string as it is, what Loader.Key returns.
	Key string
	// Version is the version that the row has now; of a deleted row, one above
	// the last it had. What is cached at this version or above is current and
	// stays. 0: unknown, and whatever is cached goes.
	Version uint64
	// Tags are invalidated as well. They may come in any order and more than
	// once.
	Tags []string
}

// Checkpoint is a moment, as the nodes of a shared tier saw it. The zero value
// is the checkpoint of a tier without nodes.
type Checkpoint struct {
	// histories holds, of each node's history, the tier's time in Unix ms.
	histories map[string]int64
}

// NewCheckpoint returns the checkpoint of the given histories, each with the
// tier's time in Unix ms. It is for tests, and for targets of an outbox other
// than a [Larder].
func NewCheckpoint(histories map[string]int64) Checkpoint {
	return Checkpoint{histories: maps.Clone(histories)}
}

// Histories names what the nodes of the shared tier remember, sorted. A name
// that was not there before says that a node was started anew, or that another
// has taken its place: some of what it had acknowledged may be lost.
func (c Checkpoint) Histories() []string {
	return slices.Sorted(maps.Keys(c.histories))
}

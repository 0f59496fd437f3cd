package outbox

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/larderdev/larder"
)

// row is a row that waits.
type row struct {
	id      int64
	class   string
	item    sql.NullString // NULL: only the tags are meant
	version uint64         // 0: unversioned
	tags    []string
	tries   int
	again   int
	err     error // why it cannot be read
}

// rowColumns are what scanRow reads.
const rowColumns = "id, class, item, version, tags, tries, again"

func scanRow(scan func(...any) error) (row, error) {
	var r row
	var version int64
	var tags string
	if err := scan(&r.id, &r.class, &r.item, &version, &tags, &r.tries, &r.again); err != nil {
		return r, err
	}
	r.version = uint64(max(version, 0))
	// A trigger writes null for a tag of which a column is NULL.
	var list []*string
	if err := json.Unmarshal([]byte(tags), &list); err != nil {
		r.err = fmt.Errorf("the tags are no JSON array of strings: %w", err)
	}
	for _, tag := range list {
		if tag != nil && *tag != "" && !slices.Contains(r.tags, *tag) {
			r.tags = append(r.tags, *tag)
		}
	}
	return r, nil
}

// batch is what rows amount to: of each key one change, with the highest
// version, then one of each tag. An unversioned change of a key stays apart from
// a versioned one: it clears what the other would keep.
type batch struct {
	rows    []row
	changes []larder.Change
	needs   [][]int // of each row, the changes that must be acknowledged
}

func newBatch(rows []row) *batch {
	type key struct {
		class, item string
		versioned   bool
	}
	b := &batch{rows: rows, needs: make([][]int, len(rows))}
	keys := map[key]int{}
	for i, r := range rows {
		if r.err != nil || r.class == "" || !r.item.Valid {
			continue
		}
		k := key{r.class, r.item.String, r.version > 0}
		at, ok := keys[k]
		if !ok {
			at = len(b.changes)
			keys[k] = at
			b.changes = append(b.changes, larder.Change{Class: r.class, Key: r.item.String})
		}
		b.changes[at].Version = max(b.changes[at].Version, r.version)
		b.needs[i] = append(b.needs[i], at)
	}
	b.addTags()
	return b
}

// addTags adds the tags, after all keys: whoever is told of a tag may read what
// is cached under the keys. Each is a change of its own, so that one that is
// refused is no other row's fault.
func (b *batch) addTags() {
	tags := map[string]int{}
	for i, r := range b.rows {
		if r.err != nil {
			continue
		}
		for _, tag := range r.tags {
			at, ok := tags[tag]
			if !ok {
				at = len(b.changes)
				tags[tag] = at
				b.changes = append(b.changes, larder.Change{Tags: []string{tag}})
			}
			b.needs[i] = append(b.needs[i], at)
		}
	}
}

// outcome is what became of a batch.
type outcome struct {
	done   []row
	failed []failure // to be tried again
	aside  []failure // not to be tried again
	// outage says that failed rows failed through no fault of their own.
	outage bool
}

// failure is a row that was not acknowledged.
type failure struct {
	row
	cause error
}

// blameless reports whether the row failed for want of the shared tier. The rest
// of the tier may well answer, a cluster without one of its nodes for example.
func (f *failure) blameless() bool {
	var pending *larder.PendingError
	return errors.As(f.cause, &pending)
}

// hopeless reports whether trying again cannot help: of errors that are joined,
// each must be of that kind.
func hopeless(err error) bool {
	for inner := err; inner != nil; inner = errors.Unwrap(inner) {
		if joined, ok := inner.(interface{ Unwrap() []error }); ok {
			return !slices.ContainsFunc(joined.Unwrap(), func(e error) bool { return !hopeless(e) })
		}
	}
	return errors.Is(err, larder.ErrUnknownClass) || errors.Is(err, larder.ErrInvalidTag)
}

// judge sorts the rows by what the target said of their changes. A row that
// cannot be read, is of an unknown class or names an invalid tag is a lost case.
func (b *batch) judge(errs []error) outcome {
	var o outcome
	for i, r := range b.rows {
		cause, lost := r.err, r.err != nil
		for _, at := range b.needs[i] {
			if errs[at] != nil && !lost {
				cause = errs[at]
				lost = hopeless(cause)
			}
		}
		switch {
		case cause == nil:
			o.done = append(o.done, r)
		case lost:
			o.aside = append(o.aside, failure{r, cause})
		default:
			o.failed = append(o.failed, failure{r, cause})
		}
	}
	return o
}

// giveUp moves those to aside that have been tried often enough.
func (o *outcome) giveUp(maxTries int) {
	o.failed = slices.DeleteFunc(o.failed, func(f failure) bool {
		if f.blameless() || f.tries+1 < maxTries {
			return false
		}
		o.aside = append(o.aside, f)
		return true
	})
}

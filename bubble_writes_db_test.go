package larder_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"testing/synctest"
	"time"

	"github.com/larderdev/larder"
)

var _ = synctest.Wait // whoever sleeps here does so in a bubble's time

// replicaLag is how far the replica of a bubble's database is behind.
const replicaLag = 20 * time.Millisecond

// database is one in fake time: rows with versions from a sequence, row locks
// that are held while statements take their time, transactions that commit at
// one moment and answer later, a replica that lags, and an outbox table that is
// filled in the transaction. What was ever committed stays in its books, with
// the moment from which nobody may read it any more.
type database struct {
	*bubbleDice
	replica bool            // loads that do not need the primary read the replica
	over    chan struct{}   // closed at the very end: who has died goes
	locks   []chan struct{} // each holds a token while its row is free

	books    sync.Mutex // guards the rest
	tick     uint64     // orders what happens at one moment of fake time
	sequence uint64
	rows     []row
	box      outboxTable
}

// row is all that a row ever was, the oldest first.
type row struct {
	versions []version
	seen     uint64 // the highest that a strict read has returned
}

// version is what a transaction made of a row.
type version struct {
	product
	gone bool // it was deleted
	at   time.Time
	dead death         // for strict reads everywhere, and memory's bound
	soft death         // for reads that are not marked as stale
	by   map[int]death // for every read in the process that has invalidated it
}

// death is the moment from which a version must not be read; its zero value has
// not come.
type death struct {
	tick uint64
	at   time.Time
}

// before reports whether d had come when a read began.
func (d death) before(began reading) bool { return d.tick != 0 && d.tick <= began.tick }

func newDatabase(dice *bubbleDice, rows int, replica bool) *database {
	db := &database{bubbleDice: dice, replica: replica, over: make(chan struct{}), rows: make([]row, rows)}
	for i := range rows {
		free := make(chan struct{}, 1)
		free <- struct{}{}
		db.locks = append(db.locks, free)
		db.sequence++
		first := version{product: product{ID: i, Category: "tea", Version: db.sequence}, at: time.Now().Add(-replicaLag)}
		db.rows[i].versions = []version{first}
	}
	return db
}

func (r *row) last() *version { return &r.versions[len(r.versions)-1] }

// load reads a row at once and answers later.
func (db *database) load(ctx context.Context, id int) (product, error) {
	v := db.read(id, !db.replica || larder.NeedPrimary(ctx))
	db.pause(3 * time.Millisecond)
	if db.roll(50) == 0 {
		time.Sleep(30 * time.Millisecond)
	}
	if v.gone {
		return product{}, larder.ErrNotFound
	}
	return v.product, nil
}

// read returns what the primary, or the replica, has of a row now.
func (db *database) read(id int, primary bool) version {
	db.books.Lock()
	defer db.books.Unlock()
	all := db.rows[id].versions
	i := len(all) - 1
	for !primary && i > 0 && time.Since(all[i].at) < replicaLag {
		i--
	}
	return all[i]
}

var (
	errRolledBack = errors.New("the transaction was rolled back")
	errDied       = errors.New("the writer has died after COMMIT")
)

// transaction says what is written, and how it ends.
type transaction struct {
	rows   []int
	change func(v product) larder.Change // the outbox row
	// locked is called after the statements, with the rows locked. Its error
	// rolls back.
	locked func() error
	counts bool // from COMMIT on nobody may read what was there before
	mortal bool // it may die after COMMIT
}

// run does a transaction and returns what it has written.
func (db *database) run(x transaction) (map[int]version, error) {
	slices.Sort(x.rows)
	for _, id := range x.rows {
		<-db.locks[id]
	}
	db.pause(time.Millisecond)
	drafts := db.draft(x)
	var err error
	if x.locked != nil {
		err = x.locked()
	}
	db.pause(time.Millisecond)
	if db.roll(8) == 0 { // it has more to do
		db.pause(20 * time.Millisecond)
	}
	if err == nil && db.roll(20) == 0 {
		err = errRolledBack
	}
	if err == nil {
		db.commit(drafts, x.counts)
	}
	for _, id := range x.rows {
		db.locks[id] <- struct{}{}
	}
	if err != nil {
		return nil, err
	}
	if x.mortal && db.roll(100) == 0 {
		<-db.over
		return nil, errDied
	}
	db.pause(time.Millisecond) // COMMIT's answer
	if db.roll(10) == 0 {
		db.pause(60 * time.Millisecond)
	}
	written := make(map[int]version, len(drafts))
	for _, d := range drafts {
		written[d.ID] = d.version
	}
	return written, nil
}

// draft is a version before COMMIT, with the outbox row of its transaction.
type draft struct {
	version
	message message
}

// draft gives each row a new version, and its message an id: another transaction
// that has drawn later ones may commit before.
func (db *database) draft(x transaction) []draft {
	drafts := make([]draft, 0, len(x.rows))
	for _, id := range x.rows {
		gone := db.roll(12) == 0
		category := []string{"tea", "mugs"}[db.roll(2)]
		db.books.Lock()
		db.sequence++
		v := version{product: product{ID: id, Category: category, Version: db.sequence}, gone: gone}
		m := message{id: db.box.draw(), row: id, version: v.Version, change: x.change(v.product)}
		db.books.Unlock()
		drafts = append(drafts, draft{v, m})
	}
	return drafts
}

// commit makes drafts true, all at one moment.
func (db *database) commit(drafts []draft, counts bool) {
	db.books.Lock()
	defer db.books.Unlock()
	db.tick++
	for _, d := range drafts {
		d.at = time.Now()
		r := &db.rows[d.ID]
		r.versions = append(r.versions, d.version)
		db.box.add(d.message)
		if counts {
			db.kill(d.ID, d.Version, func(v *version) { v.dead.come(db.tick) })
		}
	}
}

// come notes the first time.
func (d *death) come(tick uint64) {
	if d.tick == 0 {
		*d = death{tick: tick, at: time.Now()}
	}
}

// kill applies f to all that is older than version. Its caller holds the books.
func (db *database) kill(id int, below uint64, f func(*version)) {
	all := db.rows[id].versions
	for i := len(all) - 1; i >= 0; i-- {
		if all[i].Version < below {
			f(&all[i])
		}
	}
}

// newest returns the latest versions of all rows.
func (db *database) newest() map[int]version {
	db.books.Lock()
	defer db.books.Unlock()
	all := make(map[int]version, len(db.rows))
	for i := range db.rows {
		all[i] = *db.rows[i].last()
	}
	return all
}

// An acknowledgement says that rows are not to be read any more as they were
// before some versions.
type acknowledgement struct {
	rows map[int]version
	by   int    // the process that has said so
	here bool   // it is not acknowledged, and only that process knows
	soft bool   // what is marked as stale may be read
	tag  string // only versions that carry it are meant
}

// acknowledge notes that from now on nobody may read what a outdates.
func (db *database) acknowledge(a acknowledgement) {
	db.books.Lock()
	defer db.books.Unlock()
	db.tick++
	for _, id := range slices.Sorted(maps.Keys(a.rows)) {
		db.kill(id, a.rows[id].Version, func(v *version) {
			if a.tag != "" && !v.carries(a.tag) {
				return
			}
			if a.soft {
				v.soft.come(db.tick)
				return
			}
			own := v.by[a.by]
			own.come(db.tick)
			if v.by == nil {
				v.by = map[int]death{}
			}
			v.by[a.by] = own
			if !a.here {
				v.dead.come(db.tick)
			}
		})
	}
}

// carries reports whether a cached v has the tag. What is not there has those
// of its key alone.
func (v *version) carries(tag string) bool {
	return tag == itemsTag || tag == itemTag(v.ID) || !v.gone && tag == "category-"+v.Category
}

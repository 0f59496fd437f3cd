package edge

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// disk is the tier behind the memory: a file for each URL, with what the memory
// held last under it.
//
//	put ──▶ index: waits (bounded) ──▶ workers ──▶ file ──▶ index: is there
//	miss in memory ──▶ index ──▶ file ──▶ memory
//
// The index is the truth of this process. A change of a URL takes its entry out
// under the lock of the URL's stripe, before anything is written: what is read or
// written meanwhile finds that its entry is not the one in the index any more, and
// is dropped. So a file can come late, or be left over, and nobody is answered
// with it. Files from before this process are entries whose responses the origin
// must confirm.
//
// Nothing here fails a request. What does not work is counted, told to the
// reporter, and tried again after a pause; meanwhile it is as if it were not there.
type disk struct {
	files   files
	options *Options
	limit   int64         // of the files, in bytes of blocks
	backlog int64         // bytes that may wait to be written
	budget  *atomic.Int64 // of bodies under way, which those being read are
	reports *reporter
	count   diskCounters
	// born is when this process began to hear of purges.
	born time.Time
	// reading bounds the goroutines that read, and with them threads that wait for
	// the disk.
	reading chan struct{}

	mu      sync.Mutex
	work    sync.Cond // there may be something to do for a worker
	index   map[fileKey]*entry
	order   order    // of the entries that have files
	doomed  chain    // entries that are not in the index, whose files are still there
	queue   []*entry // what waits to be written, and what does not any more
	waiting int64    // bytes of the queue and of what is being written
	used    int64    // blocks of all files, also of those that are doomed or being written
	stamp   uint64   // the last one given
	scanned bool     // all files from before are in the index
	// Until these moments nothing is written or removed, or read: it has just failed.
	writesFrom, readsFrom time.Time
	closing, abandoned    bool

	closed  sync.Once
	running sync.WaitGroup
	ended   chan struct{} // closed when nothing runs any more
	endErr  error         // set before
}

// diskCounters count for Stats.
type diskCounters struct {
	found, written, dropped, failed atomic.Uint64
}

const (
	// diskWorkers write and remove files; diskReaders read them at once.
	diskWorkers = 4
	diskReaders = 64
	// maxWaiting bounds the responses that wait to be written, in number.
	maxWaiting = 4096
	// diskPause is for how long nothing is tried that has just failed.
	diskPause = 10 * time.Second
	// readPatience is how long a request waits for the disk before it goes to the
	// origin.
	readPatience = time.Second
	// flushPatience is how long close lets what waits be written, and then again how
	// long it waits for the disk to come back from what is under way.
	flushPatience = 5 * time.Second
)

// load is one reading of a file, for all who want it.
type load struct {
	done chan struct{}
	list []*response // set before done is closed; nil: it was of no use
}

// openDisk starts a disk store. What is in its files is read behind the scenes:
// until then it is not found, and nothing is written.
func openDisk(f files, o *Options, budget *atomic.Int64, reports *reporter) *disk {
	d := &disk{
		files: f, options: o, limit: o.DiskBytes, backlog: o.MaxBytes / 16, budget: budget, reports: reports,
		born: time.Now(), reading: make(chan struct{}, diskReaders), index: map[fileKey]*entry{}, ended: make(chan struct{}),
	}
	d.work.L = &d.mu
	// They end with close.
	for range diskWorkers {
		d.running.Go(d.run)
	}
	d.running.Go(d.scan)
	return d
}

// put has the responses under a URL written, in place of what is there. If too much
// waits already they are not: then nothing is there.
func (d *disk) put(url string, v *variants) {
	key := keyOf(url)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.takeOut(key)
	// The workers may have gone. What was taken out stays on disk, to be confirmed
	// by the next process.
	if d.closing {
		return
	}
	// One response may wait whatever its size.
	if len(d.queue) >= maxWaiting || d.waiting > 0 && d.waiting+v.size > d.backlog {
		d.count.dropped.Add(1)
		return
	}
	e := &entry{key: key, wait: &waiting{list: v.list, bytes: v.size}}
	d.index[key] = e
	d.queue = append(d.queue, e)
	d.waiting += v.size
	d.work.Signal()
}

// forget takes out what is there for a URL. Its file is removed later.
func (d *disk) forget(url string) {
	key := keyOf(url)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.takeOut(key)
}

// takeOut takes an entry out of the index, under the lock.
func (d *disk) takeOut(key fileKey) {
	e := d.index[key]
	if e == nil {
		return
	}
	delete(d.index, key)
	switch {
	case e.wait == nil:
		d.order.cut(e)
		d.doom(e)
	case !e.wait.started: // else the worker sees it when the file is there
		d.waiting -= e.wait.bytes
		e.wait.list = nil
	}
}

// doom has a file removed, of an entry that is in no chain.
func (d *disk) doom(e *entry) {
	d.doomed.push(e)
	d.work.Signal()
}

// soften notes that what is there for a URL is stale from a moment on, also if it
// is being written or read.
func (d *disk) soften(url string, at time.Time) {
	key := keyOf(url)
	d.mu.Lock()
	defer d.mu.Unlock()
	if e := d.index[key]; e != nil && (e.softAt == 0 || at.UnixNano() < e.softAt) {
		e.softAt = at.UnixNano()
	}
}

// clear forgets everything, in a time that does not grow with it.
func (d *disk) clear() {
	d.mu.Lock()
	defer d.mu.Unlock()
	// A new map and a spliced chain: a million entries must not hold up those who
	// wait for the lock. The garbage collector has the time.
	d.index = map[fileKey]*entry{}
	d.doomed.splice(&d.order.chain)
	d.order = order{}
	// What is being written is in none of these: its worker finds it taken out.
	for _, e := range d.queue {
		if e.wait.list != nil {
			d.waiting -= e.wait.bytes
			e.wait.list = nil
		}
	}
	d.queue = nil
	d.work.Broadcast()
}

// current tells whether an entry is still what the index has, and if so when it was
// softly purged. It is asked under the lock of the URL's stripe: then what was read
// for the entry can go into memory before a purge can come.
func (d *disk) current(e *entry) (softAt int64, yes bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return e.softAt, d.index[e.key] == e
}

// find returns what is there for a URL, with its entry: nil if there is nothing, or
// it cannot be had in readPatience. It waits outside of all locks, for give up as
// well.
func (d *disk) find(url string, giveUp <-chan struct{}) (*entry, []*response) {
	e, l, list := d.look(url)
	if l == nil {
		return e, list
	}
	// A request must not hang with the disk: the origin has what it wants too.
	timer := time.NewTimer(readPatience)
	defer timer.Stop()
	select {
	case <-l.done:
		return e, l.list
	case <-giveUp:
	case <-timer.C:
		// The disk hangs. Others need not wait as long to learn that.
		d.mu.Lock()
		d.readsFrom = time.Now().Add(diskPause)
		d.mu.Unlock()
		d.count.failed.Add(1)
		d.reports.report(troubleDiskRead, slog.String("err", "the disk takes too long"))
	}
	return nil, nil
}

// look returns the entry of a URL, with its responses if they are in memory still,
// or the reading of its file, which it starts.
func (d *disk) look(url string) (*entry, *load, []*response) {
	key := keyOf(url)
	d.mu.Lock()
	defer d.mu.Unlock()
	e := d.index[key]
	if e == nil {
		return nil, nil, nil
	}
	// A mark and no move in the order: that is what makes asking cheap.
	e.seen = true
	if e.wait != nil {
		return e, nil, e.wait.list
	}
	if time.Now().Before(d.readsFrom) {
		return nil, nil, nil // nor is it waited for what was begun before
	}
	if e.load == nil {
		if d.closing {
			return nil, nil, nil
		}
		e.load = &load{done: make(chan struct{})}
		// In a goroutine of its own: who asked may go away, and others wait for it.
		d.running.Add(1)
		go d.read(e, url, e.load)
	}
	return e, e.load, nil
}

// read reads a file, for all who wait for it.
func (d *disk) read(e *entry, url string, l *load) {
	defer d.running.Done()
	d.reading <- struct{}{}
	list, err := d.decode(e, url)
	<-d.reading
	if err != nil {
		d.refuse(e, err)
	}
	if len(list) > 0 {
		d.count.found.Add(1)
	}
	// Who comes from here on reads it again: memory may have dropped it once more.
	d.mu.Lock()
	e.load = nil
	d.mu.Unlock()
	l.list = list
	close(l.done)
}

// refuse decides what becomes of an entry whose file could not be used. Files that
// others have put there stay.
func (d *disk) refuse(e *entry, err error) {
	if errors.Is(err, errBusy) {
		return
	}
	d.mu.Lock()
	current := d.index[e.key] == e
	// With too many files open it is not the file's fault.
	if current && !errors.Is(err, syscall.EMFILE) && !errors.Is(err, syscall.ENFILE) {
		d.takeOut(e.key)
	}
	d.mu.Unlock()
	// What was taken out meanwhile may be gone, as it should.
	if current && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, errUseless) {
		d.count.failed.Add(1)
		d.reports.report(troubleDiskRead, slog.Any("err", err))
	}
}

var (
	// errBusy says that there is no memory to read into: the next one may have it.
	errBusy = errors.New("too many bodies are under way")
	// errUseless says that nothing is wrong with a file but its age or its options.
	errUseless = errors.New("nothing in the file can be used")
)

// decode reads the file of an entry.
func (d *disk) decode(e *entry, url string) ([]*response, error) {
	// What is read is a body under way until it is in the store.
	if d.budget.Add(-e.size) < 0 {
		d.budget.Add(e.size)
		return nil, errBusy
	}
	defer d.budget.Add(e.size)
	data, err := d.files.read(e.name(), e.size)
	if err != nil {
		return nil, err
	}
	head, bodies, err := decodeFile(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", e.name(), err)
	}
	// Not confirmed either: the other profile may have kept what this one refuses, and
	// a 304 says nothing about that.
	if head.Profile != d.options.Profile.String() {
		return nil, errUseless
	}
	var list []*response
	// All of a file or nothing: one wrong URL in it says that it is not what it seems.
	for i := range head.Responses {
		body := bodies[i]
		if len(bodies) > 1 {
			body = append(make([]byte, 0, len(body)), body...) // else each holds on to all
		}
		s := d.options.restored(&head.Responses[i], body)
		if s.url.key != url {
			return nil, fmt.Errorf("%s: %w", e.name(), errDamaged)
		}
		if e.old {
			if !s.validates() {
				continue // the origin has no way to confirm it
			}
			s.doubt(d.born)
		} else {
			// A clock that was set back must not make it younger: what stays in memory is not.
			r := &head.Responses[i]
			s.askedAt, s.gotAt = d.born.Add(r.AskedSince), d.born.Add(r.GotSince)
			s.rules = rules{
				lifetime: r.Lifetime, explicit: r.Explicit, noCache: r.NoCache, neverStale: r.NeverStale,
				whileRevalidate: r.WhileRevalidate, ifError: r.IfError,
			}
		}
		list = append(list, s)
	}
	if len(list) == 0 {
		return nil, errUseless
	}
	return list, nil
}

// run removes and writes files until the disk is closed and has written what it
// may.
func (d *disk) run() {
	for {
		switch gone, e, more := d.next(); {
		case !more:
			return
		case gone != nil:
			d.remove(gone)
		default:
			d.write(e)
		}
	}
}

// next waits for something to do. What waits to be written goes first: a purge of
// everything must not hold up what comes after it, and who writes removes as much
// as it needs room. Nothing is written before it is known what is there, else it
// could be too much.
func (d *disk) next() (gone, e *entry, more bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for {
		for d.scanned && !d.abandoned && len(d.queue) > 0 {
			e, d.queue = d.queue[0], d.queue[1:]
			if e.wait.list != nil { // it still waits
				e.wait.started = true
				return nil, e, true
			}
		}
		if gone = d.doomed.first; gone != nil && !d.abandoned && !time.Now().Before(d.writesFrom) {
			d.doomed.cut(gone)
			return gone, nil, true
		}
		if d.ending() {
			return nil, nil, false
		}
		d.work.Wait()
	}
}

// remove deletes the file of a doomed entry. If it cannot be deleted it goes on to
// count, and is tried again.
func (d *disk) remove(e *entry) {
	err := d.files.remove(e.name())
	gone := err == nil || errors.Is(err, errForeign)
	d.mu.Lock()
	if gone {
		d.used -= blocks(e.size)
	} else {
		d.doomed.pushLast(e) // it must not keep the others from being removed
	}
	d.mu.Unlock()
	if !gone {
		d.failed(err)
	}
}

// failed notes that the disk takes no changes. It holds no lock while it says so.
func (d *disk) failed(err error) {
	d.mu.Lock()
	d.writesFrom = time.Now().Add(diskPause)
	d.mu.Unlock()
	d.count.failed.Add(1)
	d.reports.report(troubleDiskWrite, slog.Any("err", err))
}

// write makes the file of an entry, and then it is there, unless it was taken out
// meanwhile.
func (d *disk) write(e *entry) {
	done := false
	// What could not be read back within the budget is not written.
	parts, size, err := encodeFile(d.options.Profile, d.born, e.wait.list, d.options.MaxBytes/4)
	if err == nil && size > 0 && d.reserve(e, size) {
		if err = d.files.write(e.name(), parts); err == nil {
			done = true
		}
	}
	if err != nil {
		d.failed(err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.waiting -= e.wait.bytes
	here := d.index[e.key] == e
	switch {
	case done && here:
		d.count.written.Add(1)
		e.wait = nil
		d.order.push(e)
	case done:
		// A purge or a later response came first. Nobody has found the file.
		e.wait = nil
		d.doom(e)
	default:
		d.count.dropped.Add(1)
		if here {
			delete(d.index, e.key)
		}
		d.used -= blocks(e.size) // 0 if there was no room for it
	}
}

// reserve makes room for the file of an entry, whose size it sets, and counts it;
// false: there is none, or the disk has just failed.
func (d *disk) reserve(e *entry, size int64) bool {
	need := blocks(size)
	d.mu.Lock()
	defer d.mu.Unlock()
	// Each round removes one file, without the lock; others may do so at once, so that
	// the sum is looked at again.
	for need <= d.limit && !time.Now().Before(d.writesFrom) {
		if d.used+need <= d.limit {
			d.used += need
			// Later files have greater stamps, also those of a later process.
			d.stamp = max(d.stamp+1, uint64(time.Now().UnixNano()))
			e.size, e.stamp = size, d.stamp
			return true
		}
		// What is purged goes before what may be asked for.
		gone := d.doomed.first
		if gone != nil {
			d.doomed.cut(gone)
		} else if gone = d.order.victim(); gone != nil {
			delete(d.index, gone.key)
		} else {
			return false // the others are being written
		}
		d.mu.Unlock()
		d.remove(gone)
		d.mu.Lock()
	}
	return false
}

// close writes what waits, as far as that is done soon, and gives the folder free.
// Its error says that the disk does not come back from what it was told to do: then
// the folder stays taken until the process ends. It may be called again.
func (d *disk) close() error {
	d.closed.Do(func() {
		d.mu.Lock()
		d.closing = true
		d.work.Broadcast()
		d.mu.Unlock()
		// It outlives close only if the disk hangs, and ends when that comes back.
		go func() {
			defer close(d.ended)
			d.running.Wait()
			d.endErr = d.files.close()
		}()
		if d.endsSoon() {
			return
		}
		d.mu.Lock()
		d.abandoned = true
		d.work.Broadcast()
		d.mu.Unlock()
		d.endsSoon()
	})
	select {
	case <-d.ended:
		return d.endErr
	default:
		return fmt.Errorf("edge: disk store: the disk did not come back within %v", 2*flushPatience)
	}
}

// endsSoon waits a while for all that runs to end, and tells whether it has.
func (d *disk) endsSoon() bool {
	select {
	case <-d.ended:
		return true
	case <-time.After(flushPatience):
		return false
	}
}

// size is for Stats.
func (d *disk) size() (entries int, bytes int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.index), d.used
}

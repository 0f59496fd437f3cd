package edge

// entry is what the disk store knows of a URL, from the moment at which its
// responses wait to be written. All is guarded by the lock of the disk, except for
// what does not change.
type entry struct {
	key fileKey
	// wait is what waits to be written, or is being written; nil: it is.
	wait *waiting
	// load is the reading of the file that is under way.
	load *load
	// stamp and size make the name of the file.
	stamp uint64
	size  int64
	// softAt is when it was softly purged, by its URL, in Unix nanoseconds; 0: it was
	// not.
	softAt     int64
	prev, next *entry // in the order, or among the doomed
	// seen: it was asked for since the hand has passed.
	seen bool
	// old: the file is from a process before this one.
	old bool
}

// waiting are responses on their way to the disk.
type waiting struct {
	list    []*response
	bytes   int64
	started bool
}

// blockBytes is what a file takes at least. It is counted so that small files are
// bounded in number too, and with them the index.
const blockBytes = 4 << 10

// blocks is what a file of size bytes counts for.
func blocks(size int64) int64 { return (size + blockBytes - 1) / blockBytes * blockBytes }

// name is that of the file.
func (e *entry) name() string { return fileName(e.key, e.stamp, e.size) }

// chain is a list of entries, each of which is in one chain at most.
type chain struct{ first, last *entry }

// push puts e at the beginning.
func (c *chain) push(e *entry) {
	e.prev, e.next = nil, c.first
	if c.first != nil {
		c.first.prev = e
	} else {
		c.last = e
	}
	c.first = e
}

// pushLast puts e at the end.
func (c *chain) pushLast(e *entry) {
	e.prev, e.next = c.last, nil
	if c.last != nil {
		c.last.next = e
	} else {
		c.first = e
	}
	c.last = e
}

// cut takes e out.
func (c *chain) cut(e *entry) {
	if e.prev != nil {
		e.prev.next = e.next
	} else {
		c.first = e.next
	}
	if e.next != nil {
		e.next.prev = e.prev
	} else {
		c.last = e.prev
	}
	e.prev, e.next = nil, nil
}

// splice moves all of other to the beginning of c, however many they are.
func (c *chain) splice(other *chain) {
	switch {
	case other.first == nil:
		return
	case c.first == nil:
		*c = *other
	default:
		other.last.next, c.first.prev = c.first, other.last
		c.first = other.first
	}
	*other = chain{}
}

// order says which file makes room: the oldest that was not asked for since it was
// last considered (SIEVE). A file that nobody asks for again goes after one round,
// so that a crawl of many URLs does not push out those that are in use; and what is
// asked for costs no more than a mark.
type order struct {
	chain
	hand *entry // nil: it begins anew at the oldest
}

// cut takes e out, and the hand off it.
func (o *order) cut(e *entry) {
	if o.hand == e {
		o.hand = e.prev
	}
	o.chain.cut(e)
}

// victim takes out what makes room; nil if there is nothing.
func (o *order) victim() *entry {
	if o.first == nil {
		return nil
	}
	// The first round takes the marks off: it ends in the second at the latest.
	for {
		if o.hand == nil {
			o.hand = o.last
		}
		e := o.hand
		if !e.seen {
			o.cut(e)
			return e
		}
		e.seen = false
		o.hand = e.prev
	}
}

package edge

import (
	"log/slog"
	"strings"
)

// scan fills the index with the files that are there.
func (d *disk) scan() {
	for shard := range shards {
		// A name in the wrong shard was put there by somebody else.
		prefix := shardName(shard)
		err := d.files.names(shard, func(base string) bool {
			if strings.HasPrefix(base, prefix) {
				d.adopt(base)
			}
			d.mu.Lock()
			defer d.mu.Unlock()
			return !d.ending()
		})
		// The other shards can still be of use.
		if err != nil {
			d.count.failed.Add(1)
			d.reports.report(troubleDiskRead, slog.Any("err", err))
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.ending() {
		return
	}
	// The bound may have been a greater one.
	for excess := d.used - d.limit; excess > 0; {
		gone := d.order.victim()
		if gone == nil {
			break
		}
		delete(d.index, gone.key)
		d.doom(gone)
		excess -= blocks(gone.size) // it counts until the file is gone
	}
	d.scanned = true
	d.work.Broadcast()
}

// ending tells, under the lock, whether nobody needs to know any more what is there.
func (d *disk) ending() bool { return d.abandoned || d.closing && len(d.queue) == 0 }

// adopt takes a file into the index by its name. What has another kind of name is
// somebody else's.
func (d *disk) adopt(base string) {
	whole, part := strings.CutSuffix(base, tempSuffix)
	key, stamp, size, ok := parseFileName(whole)
	if !ok {
		return
	}
	e := &entry{key: key, stamp: stamp, size: size, old: true}
	if part {
		// It was being written when its process ended.
		_ = d.files.remove(e.name() + tempSuffix)
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	// A clock that was set back must not make new files look older than these.
	d.stamp = max(d.stamp, stamp)
	d.used += blocks(size)
	other := d.index[key]
	switch {
	case other != nil && (other.wait != nil || other.stamp > stamp):
		d.doom(e)
		return
	case other != nil:
		d.takeOut(key)
	}
	d.index[key] = e
	d.order.push(e)
}

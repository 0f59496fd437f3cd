package edge

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
)

// files is where a disk store keeps its files, by names of its own making: a
// folder, or in tests one that fails.
type files interface {
	// read returns the content of a file that has size bytes: errForeign if it is not
	// one of a disk store, errDamaged if it has another size.
	read(name string, size int64) ([]byte, error)
	// write makes a file of parts, whole or not at all.
	write(name string, parts [][]byte) error
	// remove deletes a file, unless it is foreign. One that is not there is no
	// error.
	remove(name string) error
	// names calls yield for what is in a shard, until it returns false.
	names(shard int, yield func(base string) bool) error
	// close gives the folder free for others.
	close() error
}

var (
	// errForeign says that a file was not written by a disk store.
	errForeign = errors.New("it is no file of a disk store")
	// errTaken says that another handler has the folder.
	errTaken = errors.New("another edge uses it, in this process or another: give each a folder of its own")
)

const (
	// shards parts the files among as many folders: some file systems become slow
	// with a million names in one.
	shards = 256
	// lockName and tempSuffix are for names beside those of the files.
	lockName   = "larder-edge.lock"
	tempSuffix = ".part"
)

// folder keeps files in a directory. No name leads out of it, whatever links are
// in it.
type folder struct {
	root *os.Root
	lock *os.File
}

// openFolder makes a directory if there is none, and takes it.
func openFolder(dir string) (*folder, error) {
	// What others may read is for the clients of the edge to say, not for those who
	// have an account on the machine.
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	// Names are our own, but links in the folder may be anybody's: a root does not
	// follow them out of it.
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	lock, err := root.OpenFile(lockName, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, errors.Join(err, root.Close())
	}
	if err := lockFile(lock); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", dir, err), lock.Close(), root.Close())
	}
	return &folder{root, lock}, nil
}

// shardName is the folder of a shard.
func shardName(shard int) string { return fmt.Sprintf("%02x", shard) }

// open opens a file of ours, and tells its size. What is not a file, or begins as
// none of ours does, is left alone.
func (f *folder) open(name string) (file *os.File, size int64, err error) {
	// Without waiting: the open of a pipe would, until somebody writes into it.
	if file, err = f.root.OpenFile(name, os.O_RDONLY|openNow, 0); err != nil {
		return nil, 0, err
	}
	var head [len(fileMagic)]byte
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errForeign
	}
	if err == nil {
		var n int
		n, err = file.ReadAt(head[:], 0)
		if errors.Is(err, io.EOF) {
			err = nil // cut off before its beginning was there
		}
		if err == nil && !isOurs(head[:n]) {
			err = errForeign
		}
	}
	if err != nil {
		_ = file.Close()
		return nil, 0, err
	}
	return file, info.Size(), nil
}

// read looks at the size first: a file that has grown is damaged, not to be read.
func (f *folder) read(name string, size int64) ([]byte, error) {
	file, is, err := f.open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	if is != size {
		return nil, errDamaged
	}
	data := make([]byte, size)
	_, err = io.ReadFull(file, data)
	return data, err
}

// write gives a file its name once all of it is there: who finds the name finds the
// whole. It is not synced: what a power failure leaves is told by its checksum, and
// costs a request to the origin.
func (f *folder) write(name string, parts [][]byte) (err error) {
	// O_EXCL: with its stamp the name is new, and if it is not, it is not ours to write.
	temp := name + tempSuffix
	file, err := f.root.OpenFile(temp, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrNotExist) {
		if err := f.root.Mkdir(path.Dir(name), 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		file, err = f.root.OpenFile(temp, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	}
	if err != nil {
		return err
	}
	for _, part := range parts {
		if _, err = file.Write(part); err != nil {
			break
		}
	}
	// Close can be the first to say that a disk is full.
	if err = errors.Join(err, file.Close()); err == nil {
		err = f.root.Rename(temp, name)
	}
	if err != nil {
		return errors.Join(err, f.root.Remove(temp))
	}
	return nil
}

// remove looks at the first bytes before it deletes: somebody may have put a file
// of that name there.
func (f *folder) remove(name string) error {
	file, _, err := f.open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	_ = file.Close()
	return f.root.Remove(name)
}

// names reads a shard in batches, so that the memory for it is bounded.
func (f *folder) names(shard int, yield func(base string) bool) error {
	dir, err := f.root.OpenFile(shardName(shard), os.O_RDONLY|openNow, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = dir.Close() }()
	// Names alone: to ask for the size of each would make a start many times slower.
	for {
		batch, err := dir.Readdirnames(1024)
		for _, base := range batch {
			if !yield(base) {
				return nil
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// close lets another process take the folder.
func (f *folder) close() error { return errors.Join(f.lock.Close(), f.root.Close()) }

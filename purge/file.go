package purge

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
)

// FileOptions configures a [FileJournal]. The zero value works.
type FileOptions struct {
	// NoSync leaves it to the operating system when what was put gets to the
	// disk. It then survives the end of the process however that comes, but not
	// that of the machine.
	//
	// Default: false. Put returns after fsync, and what it was given survives
	// the loss of power, if the disk keeps its word.
	NoSync bool
	// Logger is told of damage that was found in the file and left out.
	//
	// Default: slog.Default().
	Logger *slog.Logger
}

// FileJournal is a [Journal] on a file that only grows, until it is written
// anew: each line has a checksum, and puts or deletes one record.
//
//	larder-purge-journal 1
//	5d0c3b1e {"key":"tag:products","data":{"at":"2026-11-25T12:00:00Z"}}
//	91be07aa {"key":"tag:products"}
//
// A line that was not written to its end, or whose checksum is wrong, is left
// out when the file is opened, and the Logger told. Damage to one byte of the
// header costs nothing if lines with checksums follow, and unless it looks like
// another version. Deletes are not synced: after
// a crash of the machine records may be there again. When most lines are of no
// use any more, those that are go to a new file, which takes the place of the
// old one when it is on the disk.
//
// A path that is a symbolic link stands for the file behind it. The file whose
// name has ".lock" after that is locked while the journal is open, so that a
// second process, or a second journal, is refused. Where the system has no
// flock, a process that dies leaves that file behind, and it must be removed by
// hand. Its methods may be called concurrently.
type FileJournal struct {
	path string
	opts FileOptions
	lock *fileLock

	mu      sync.Mutex
	file    journalFile
	size    int64 // the length up to which all is well
	lines   int   // in the file
	records map[string][]byte
	// broken says that what the file holds is not known: after a failed fsync
	// the kernel may have dropped what it could not write. It is written anew
	// before anything else.
	broken bool
	closed bool
	// rewriteAt is how many lines the file has when it is written anew.
	rewriteAt int

	openFile func(path string, flag int) (journalFile, error)
}

// journalFile is what a journal needs of a file.
type journalFile interface {
	io.Writer
	io.Closer
	Sync() error
	Truncate(size int64) error
}

const (
	journalHeader = "larder-purge-journal 1\n"
	// longestLine is more than any record has.
	longestLine = 1 << 20
	// enoughLines is how many lines a file has before it is written anew.
	enoughLines = 4096
	// maxLinks bounds the links that are followed to a file that is not there.
	maxLinks = 40
)

// entryLine is a line: a record, or without data that it was deleted.
type entryLine struct {
	Key  string          `json:"key"`
	Data json.RawMessage `json:"data,omitempty"`
}

// ErrLocked says that another process, or this one, has the journal open.
var ErrLocked = errors.New("purge: the journal is in use")

// OpenFile opens the journal at path, and creates it if it is not there; its
// folder must be. Only the owner can read it. The error wraps [ErrLocked] if it
// is in use.
func OpenFile(path string, o FileOptions) (*FileJournal, error) {
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	// Behind a link there is one file, whatever it is called: it is what is
	// locked, and what takes its place must not take that of the link.
	behind, err := resolve(path)
	if err != nil {
		return nil, fmt.Errorf("purge: open the journal %s: %w", path, err)
	}
	lock, err := lockFile(behind + ".lock")
	if err != nil {
		return nil, fmt.Errorf("purge: open the journal %s: %w", path, err)
	}
	j := &FileJournal{path: behind, opts: o, lock: lock, records: map[string][]byte{}, openFile: openFile}
	if err := j.open(); err != nil {
		return nil, fmt.Errorf("purge: open the journal %s: %w", path, errors.Join(err, lock.unlock()))
	}
	return j, nil
}

// resolve returns the file behind a path, without links. A link to a file that
// is not there yet is followed too, to where that will be.
func resolve(path string) (string, error) {
	for range maxLinks {
		behind, err := filepath.EvalSymlinks(path)
		if !errors.Is(err, os.ErrNotExist) {
			return behind, err
		}
		dir, err := filepath.EvalSymlinks(filepath.Dir(path))
		if err != nil {
			return "", err
		}
		path = filepath.Join(dir, filepath.Base(path))
		next, err := os.Readlink(path)
		if err != nil {
			return path, nil // there is nothing: it will be made here
		}
		if !filepath.IsAbs(next) {
			next = filepath.Join(dir, next)
		}
		path = next
	}
	return "", errors.New("there are too many symbolic links")
}

func openFile(path string, flag int) (journalFile, error) { return os.OpenFile(path, flag, 0o600) }

// open reads the file and writes it anew: what follows a torn line would
// otherwise be part of it.
func (j *FileJournal) open() error {
	f, err := os.Open(j.path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err == nil {
		defer f.Close()
		if err := j.read(f); err != nil {
			return err
		}
	}
	return j.rewrite()
}

// read takes up the lines of a file.
func (j *FileJournal) read(f io.Reader) error {
	r := bufio.NewReaderSize(f, 64<<10)
	header := make([]byte, len(journalHeader))
	n, err := io.ReadFull(r, header)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return err
	}
	// A file that ends in its header was never acknowledged.
	bad, good := 0, 0
	whole := bytes.HasPrefix([]byte(journalHeader), header[:n])
	foreign := fmt.Errorf("it begins with %.30q, want %q: it is no journal, or of another version", header[:n], journalHeader)
	if !whole {
		if bad++; !nearHeader(header[:n]) {
			return foreign
		}
	}
	for {
		line, err := readLine(r)
		if len(line) > 0 {
			read, all := j.applyAll(line)
			good += read
			if !all {
				bad++
			}
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
	}
	if !whole && good == 0 {
		return foreign
	}
	if bad > 0 {
		j.opts.Logger.Warn("purge: the journal has lines that are damaged or were not written to their end; what cannot be read of them is left out", "path", j.path, "lines", bad)
	}
	return nil
}

// nearHeader tells whether a header is that of a journal with one damaged byte,
// if lines with checksums follow. Another digit is another version.
func nearHeader(header []byte) bool {
	if len(header) != len(journalHeader) {
		return false
	}
	differ := 0
	for i, b := range header {
		if b == journalHeader[i] {
			continue
		}
		// The version is the last byte but one: "10" ends there, or has one more.
		if i >= len(header)-2 && (b >= '0' && b <= '9' || b == '.') {
			return false
		}
		differ++
	}
	return differ == 1
}

// readLine returns the next line with its line feed, and no more than
// longestLine of it.
func readLine(r *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		if len(line) < longestLine {
			line = append(line, part...)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, err
		}
	}
}

// castagnoli is the polynomial of the checksums.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// keyMark is where the body of a line begins, and nowhere else: within a body
// there is no space outside of strings, and no bare quote in them.
var keyMark = []byte(` {"key":`)

// applyAll takes up what is whole of a line, and tells how many records that was
// and whether it was all. Where a line feed is damaged, several lines are one.
func (j *FileJournal) applyAll(line []byte) (read int, all bool) {
	if j.apply(line) {
		return 1, true
	}
	const digits = 8 // of the checksum, before the mark
	for len(line) > 0 {
		piece, rest := line, []byte(nil)
		if i := bytes.Index(line[min(digits+1, len(line)):], keyMark); i >= 0 {
			// The next line begins at i+1. Before it is what was the line feed.
			piece, rest = append(bytes.Clone(line[:i]), '\n'), line[i+1:]
		}
		if j.apply(piece) {
			read++
		}
		line = rest
	}
	return read, false
}

// apply takes up a line, if it is whole.
func (j *FileJournal) apply(line []byte) bool {
	text, whole := bytes.CutSuffix(line, []byte("\n"))
	sum, body, found := bytes.Cut(text, []byte(" "))
	want, err := strconv.ParseUint(string(sum), 16, 32)
	if !whole || !found || err != nil || crc32.Checksum(body, castagnoli) != uint32(want) {
		return false
	}
	var l entryLine
	if json.Unmarshal(body, &l) != nil {
		return false
	}
	if l.Data == nil {
		delete(j.records, l.Key)
	} else {
		j.records[l.Key] = l.Data
	}
	return true
}

func appendLine(b []byte, l entryLine) []byte {
	body := encode(l)
	b = fmt.Appendf(b, "%08x ", crc32.Checksum(body, castagnoli))
	b = append(b, body...)
	return append(b, '\n')
}

// rewrite writes a new file with the records and puts it in the place of the
// old one. When it fails before that, the old one goes on.
func (j *FileJournal) rewrite() error {
	content := []byte(journalHeader)
	// Sorted: the same records are the same file.
	for _, key := range slices.Sorted(maps.Keys(j.records)) {
		content = appendLine(content, entryLine{key, j.records[key]})
	}
	next := j.path + ".new"
	if err := j.writeNew(next, content); err != nil {
		return errors.Join(err, os.Remove(next))
	}
	j.broken = true
	if j.file != nil {
		// First, since some systems cannot rename over an open file. Nobody reads it
		// any more, whatever the error.
		_ = j.file.Close()
		j.file = nil
	}
	if err := os.Rename(next, j.path); err != nil {
		return errors.Join(err, os.Remove(next))
	}
	f, err := j.openFile(j.path, os.O_WRONLY|os.O_APPEND)
	if err != nil {
		return err
	}
	j.file, j.size, j.lines = f, int64(len(content)), len(j.records)
	j.rewriteAt = max(enoughLines, 4*j.lines)
	if err := syncDir(filepath.Dir(j.path)); err != nil {
		return err // after a crash the old file might be there
	}
	j.broken = false
	return nil
}

// writeNew writes a file, and syncs it whatever the options say: the old one is
// given up for it.
func (j *FileJournal) writeNew(path string, content []byte) error {
	f, err := j.openFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC)
	if err != nil {
		return err
	}
	if _, err = f.Write(content); err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// Load returns all records.
func (j *FileJournal) Load(context.Context) ([]Record, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return nil, os.ErrClosed
	}
	var all []Record
	for _, key := range slices.Sorted(maps.Keys(j.records)) {
		all = append(all, Record{key, bytes.Clone(j.records[key])})
	}
	return all, nil
}

// Put keeps records. ctx is not looked at: a write to a disk cannot be called
// off.
func (j *FileJournal) Put(_ context.Context, records ...Record) error {
	lines := make([]entryLine, len(records))
	for i, r := range records {
		if !json.Valid(r.Data) {
			return fmt.Errorf("purge: the data of record %.80q is not JSON", r.Key)
		}
		lines[i] = entryLine{r.Key, bytes.Clone(r.Data)}
	}
	return j.write(lines, !j.opts.NoSync)
}

// Delete forgets records.
func (j *FileJournal) Delete(_ context.Context, keys ...string) error {
	lines := make([]entryLine, len(keys))
	for i, key := range keys {
		lines[i] = entryLine{Key: key}
	}
	return j.write(lines, false)
}

// write appends lines. When it fails, records has them nevertheless: what was
// to be kept is written with the next that succeeds.
func (j *FileJournal) write(lines []entryLine, sync bool) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return os.ErrClosed
	}
	var content []byte
	for _, l := range lines {
		if l.Data == nil {
			delete(j.records, l.Key)
		} else {
			j.records[l.Key] = l.Data
		}
		content = appendLine(content, l)
	}
	if j.broken {
		return j.rewrite()
	}
	// Written anew when three quarters are of no use: each line is then copied a third
	// of a time on average, however many there are.
	if j.lines > j.rewriteAt && j.lines > 4*len(j.records) {
		err := j.rewrite()
		if err == nil || j.broken {
			return err
		}
		j.rewriteAt = j.lines + enoughLines // the old file does for a while
	}
	n, err := j.file.Write(content)
	if err == nil && sync {
		err = j.file.Sync()
	}
	if err != nil {
		j.broken = true
		if n > 0 {
			// Should the process end before it is written anew.
			_ = j.file.Truncate(j.size)
		}
		return err
	}
	j.size += int64(n)
	j.lines += len(lines)
	return nil
}

// Close closes the file and unlocks it. It may be called twice.
func (j *FileJournal) Close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return nil
	}
	j.closed = true
	var errs []error
	if j.file != nil {
		errs = append(errs, j.file.Sync(), j.file.Close())
	}
	return errors.Join(append(errs, j.lock.unlock())...)
}

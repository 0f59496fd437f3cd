package purge

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// keep opens a journal and tells what it logs.
func keep(t *testing.T, path string) (*FileJournal, *bytes.Buffer) {
	t.Helper()
	var log bytes.Buffer
	j, err := OpenFile(path, FileOptions{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = j.Close() })
	return j, &log
}

// has returns the records as "key=data …".
func has(t *testing.T, j *FileJournal) string {
	t.Helper()
	records, err := j.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, r := range records {
		all = append(all, r.Key+"="+string(r.Data))
	}
	return strings.Join(all, " ")
}

func record(key string, n int) Record { return Record{Key: key, Data: fmt.Appendf(nil, `{"n":%d}`, n)} }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestFile_KeepsRecords(t *testing.T) {
	path := filepath.Join(t.TempDir(), "purges")
	j, _ := keep(t, path)
	must(t, j.Put(t.Context(), record("a", 1), record("b", 2), record("line\nfeed ü", 3)))
	must(t, j.Put(t.Context(), record("a", 4)))
	must(t, j.Delete(t.Context(), "b", "absent"))
	want := `a={"n":4} line` + "\n" + `feed ü={"n":3}`
	if got := has(t, j); got != want {
		t.Errorf("the journal has %q, want %q", got, want)
	}
	must(t, j.Close())
	must(t, j.Close())
	for what, err := range map[string]error{"Put": j.Put(t.Context(), record("a", 1)), "Delete": j.Delete(t.Context(), "a")} {
		if !errors.Is(err, os.ErrClosed) {
			t.Errorf("%s after Close = %v, want os.ErrClosed", what, err)
		}
	}
	j, log := keep(t, path)
	if got := has(t, j); got != want || log.Len() > 0 {
		t.Errorf("opened again the journal has %q, want %q, and logs %q", got, want, log)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file: %v, %v, want it for its owner alone", info.Mode(), err)
	}
	if err := j.Put(t.Context(), Record{Key: "x", Data: []byte("{")}); err == nil {
		t.Error("Put takes data that is not JSON")
	}
}

// However short a file was cut, what was whole is there, and what is written
// afterwards as well.
func TestFile_TornTail(t *testing.T) {
	path := filepath.Join(t.TempDir(), "purges")
	j, _ := keep(t, path)
	must(t, j.Put(t.Context(), record("a", 1)))
	before, err := os.ReadFile(path)
	must(t, err)
	must(t, j.Put(t.Context(), record("b", 2)))
	must(t, j.Close())
	whole, err := os.ReadFile(path)
	must(t, err)
	for n := range len(whole) {
		must(t, os.WriteFile(path, whole[:n], 0o600))
		j, log := keep(t, path)
		want, torn := "", n > len(journalHeader) && n != len(before)
		if n >= len(before) {
			want = `a={"n":1}`
		}
		if got := has(t, j); got != want {
			t.Errorf("of %d bytes %d: the journal has %q, want %q", len(whole), n, got, want)
		}
		if told := strings.Contains(log.String(), "damaged"); told != torn {
			t.Errorf("of %d bytes %d: the log tells of damage %v, want %v", len(whole), n, told, torn)
		}
		must(t, j.Put(t.Context(), record("c", 3)))
		must(t, j.Close())
		j, log = keep(t, path)
		if got, want := has(t, j), strings.TrimSpace(want+` c={"n":3}`); got != want || log.Len() > 0 {
			t.Errorf("of %d bytes %d, and one put: the journal has %q, want %q, and logs %q", len(whole), n, got, want, log)
		}
		must(t, j.Close())
	}
}

// Damage costs the lines that it is in.
func TestFile_DamageInside(t *testing.T) {
	path := filepath.Join(t.TempDir(), "purges")
	j, _ := keep(t, path)
	for i := range 3 {
		must(t, j.Put(t.Context(), record(fmt.Sprint(i), i)))
	}
	must(t, j.Close())
	content, err := os.ReadFile(path)
	must(t, err)
	for at := len(journalHeader); at < len(content); at++ {
		damaged := bytes.Clone(content)
		damaged[at] ^= 0x10
		must(t, os.WriteFile(path, damaged, 0o600))
		j, log := keep(t, path)
		records, err := j.Load(t.Context())
		must(t, err)
		for _, r := range records {
			if string(r.Data) != fmt.Sprintf(`{"n":%s}`, r.Key) {
				t.Errorf("byte %d changed: record %q is %s", at, r.Key, r.Data)
			}
		}
		// A line feed that is damaged costs nothing but at the end of the file,
		// where the line could go on.
		want := 2
		if content[at] == '\n' && at < len(content)-1 {
			want = 3
		}
		if n := len(records); n != want || !strings.Contains(log.String(), "damaged") {
			t.Errorf("byte %d changed: %d records are left, log %q, want %d, and a warning", at, n, log, want)
		}
		must(t, j.Close())
	}
}

// A byte of the header that is damaged costs nothing if lines with checksums
// follow. What may be another version is not touched.
func TestFile_DamagedHeader(t *testing.T) {
	path := filepath.Join(t.TempDir(), "purges")
	j, _ := keep(t, path)
	must(t, j.Put(t.Context(), record("a", 1), record("b", 2)))
	must(t, j.Close())
	content, err := os.ReadFile(path)
	must(t, err)
	for at := range journalHeader {
		for _, flip := range []byte{1, 0x10, 0x80} {
			damaged := bytes.Clone(content)
			if damaged[at] ^= flip; damaged[at] == '0' {
				continue // another version: see below
			}
			must(t, os.WriteFile(path, damaged, 0o600))
			j, log := keep(t, path)
			if got, want := has(t, j), `a={"n":1} b={"n":2}`; got != want || !strings.Contains(log.String(), "damaged") {
				t.Errorf("byte %d of the header ^ %#x: the journal has %q, log %q, want %q, and a warning", at, flip, got, log, want)
			}
			must(t, j.Close())
		}
	}
	lines := string(content[len(journalHeader):])
	for _, foreign := range []string{
		"larder-purge-journal 2\n" + lines, "larder-purge-journal 10\n" + lines, "larder-purge-journal 1.1\n" + lines,
		"lirder-purge-journal 1\n", "lirder-purge-journal 1\nother lines\n", "lirdir-purge-journal 1\n" + lines,
	} {
		must(t, os.WriteFile(path, []byte(foreign), 0o600))
		if _, err := OpenFile(path, FileOptions{}); err == nil || !strings.Contains(err.Error(), "no journal, or of another version") {
			t.Errorf("OpenFile of %q = %v, want an error", foreign, err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != foreign {
			t.Errorf("OpenFile of %q has left %q, %v", foreign, got, err)
		}
	}
}

func TestFile_RefusesOtherFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "purges")
	for _, content := range []string{"larder-purge-journal 2\n", "something else entirely\n", "x"} {
		must(t, os.WriteFile(path, []byte(content), 0o600))
		if _, err := OpenFile(path, FileOptions{}); err == nil || !strings.Contains(err.Error(), "journal") {
			t.Errorf("OpenFile of %q = %v, want an error", content, err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != content {
			t.Errorf("OpenFile of %q has left %q, %v", content, got, err)
		}
	}
	if _, err := OpenFile(filepath.Join(path, "below"), FileOptions{}); err == nil {
		t.Error("OpenFile in a folder that is none = nil")
	}
}

func TestFile_Lock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "purges")
	j, _ := keep(t, path)
	if _, err := OpenFile(path, FileOptions{}); !errors.Is(err, ErrLocked) {
		t.Errorf("a second OpenFile = %v, want ErrLocked", err)
	}
	must(t, j.Close())
	second, err := OpenFile(path, FileOptions{})
	if err != nil {
		t.Fatalf("OpenFile after Close = %v, want nil", err)
	}
	must(t, second.Close())
}

// A link stands for the file behind it, whether that is there or not: it is
// written and locked, and the link stays one.
func TestFile_Link(t *testing.T) {
	for _, exists := range []bool{true, false} {
		dir := t.TempDir()
		file, link := filepath.Join(dir, "volume", "purges"), filepath.Join(dir, "purges")
		must(t, os.Mkdir(filepath.Dir(file), 0o700))
		if exists {
			must(t, os.WriteFile(file, []byte(journalHeader), 0o600))
		}
		must(t, os.Symlink(filepath.Join("volume", "purges"), link))
		j, _ := keep(t, link)
		must(t, j.Put(t.Context(), record("a", 1)))
		if info, err := os.Lstat(link); err != nil || info.Mode().Type() != os.ModeSymlink {
			t.Errorf("the file was there %v: the link is %v, %v, want a link", exists, info.Mode(), err)
		}
		if content, err := os.ReadFile(file); err != nil || !strings.Contains(string(content), `"a"`) {
			t.Errorf("the file was there %v: behind the link there is %q, %v, want a in it", exists, content, err)
		}
		if _, err := OpenFile(file, FileOptions{}); !errors.Is(err, ErrLocked) {
			t.Errorf("the file was there %v: OpenFile of what the link names = %v, want ErrLocked", exists, err)
		}
	}
	loop := filepath.Join(t.TempDir(), "loop")
	must(t, os.Symlink(loop, loop))
	if _, err := OpenFile(loop, FileOptions{}); err == nil || !strings.Contains(err.Error(), "links") {
		t.Errorf("OpenFile of a link to itself = %v, want an error about links", err)
	}
}

// The file does not grow with what was done, and what is kept stays when it is
// written anew.
func TestFile_IsWrittenAnew(t *testing.T) {
	path := filepath.Join(t.TempDir(), "purges")
	j, err := OpenFile(path, FileOptions{NoSync: true})
	must(t, err)
	defer j.Close()
	must(t, j.Put(t.Context(), record("stays", 7)))
	most := int64(0)
	for i := range 30_000 {
		key := fmt.Sprintf("tag:%d", i)
		must(t, j.Put(t.Context(), record(key, i)))
		must(t, j.Delete(t.Context(), key))
		if i%1000 == 0 {
			info, err := os.Stat(path)
			must(t, err)
			most = max(most, info.Size())
		}
	}
	if most > 300_000 {
		t.Errorf("the file had %d bytes, want 300,000 at most", most)
	}
	if got, want := has(t, j), `stays={"n":7}`; got != want {
		t.Errorf("the journal has %q, want %q", got, want)
	}
}

// faulty is a file whose disk fails when it is told to.
type faulty struct {
	journalFile
	fail *string // "write", "sync"
}

var errDisk = errors.New("input/output error")

func (f faulty) Write(p []byte) (int, error) {
	if *f.fail == "write" {
		n, _ := f.journalFile.Write(p[:len(p)/2])
		return n, errDisk
	}
	return f.journalFile.Write(p)
}

func (f faulty) Sync() error {
	if *f.fail == "sync" {
		return errDisk
	}
	return f.journalFile.Sync()
}

// What could not be written is no success, spoils nothing, and is there after
// the next success, which is a file written anew: after a failed fsync nobody
// knows what the old one holds.
func TestFile_DiskFails(t *testing.T) {
	for _, kind := range []string{"write", "sync"} {
		path := filepath.Join(t.TempDir(), "purges")
		j, _ := keep(t, path)
		fail := ""
		opened := 0
		j.openFile = func(path string, flag int) (journalFile, error) {
			opened++
			f, err := openFile(path, flag)
			return faulty{f, &fail}, err
		}
		j.file = faulty{j.file, &fail}
		must(t, j.Put(t.Context(), record("a", 1)))
		fail = kind
		if err := j.Put(t.Context(), record("b", 2)); !errors.Is(err, errDisk) {
			t.Errorf("%s fails: Put = %v, want its error", kind, err)
		}
		if err := j.Put(t.Context(), record("c", 3)); !errors.Is(err, errDisk) {
			t.Errorf("%s fails: a second Put = %v, want its error", kind, err)
		}
		// The process could end here: nothing acknowledged is gone.
		content, err := os.ReadFile(path)
		must(t, err)
		left := &FileJournal{opts: FileOptions{Logger: slog.New(slog.NewTextHandler(io.Discard, nil))}, records: map[string][]byte{}}
		must(t, left.read(bytes.NewReader(content)))
		if got := has(t, left); !strings.Contains(got, `a={"n":1}`) {
			t.Errorf("%s fails: the file has %q, want a in it", kind, got)
		}
		fail = ""
		before := opened
		must(t, j.Put(t.Context(), record("d", 4)))
		if opened == before {
			t.Errorf("%s failed: the next Put goes to the same file", kind)
		}
		must(t, j.Close())
		j, log := keep(t, path)
		if got, want := has(t, j), `a={"n":1} b={"n":2} c={"n":3} d={"n":4}`; got != want || log.Len() > 0 {
			t.Errorf("%s failed: the journal has %q, want %q, and logs %q", kind, got, want, log)
		}
	}
}

// Whatever a file holds, it is refused or read, and then can be written anew
// and read again.
func FuzzFile(f *testing.F) {
	f.Add([]byte(journalHeader))
	f.Add([]byte(journalHeader + "00000000 {}\nx\n\n"))
	f.Add(appendLine(appendLine([]byte(journalHeader), entryLine{"a", []byte(`{"n":1}`)}), entryLine{Key: "a"}))
	f.Add(appendLine([]byte(journalHeader), entryLine{"\u2028\xff", []byte(`null`)}))
	quiet := FileOptions{Logger: slog.New(slog.NewTextHandler(io.Discard, nil))}
	f.Fuzz(func(t *testing.T, content []byte) {
		first := &FileJournal{opts: quiet, records: map[string][]byte{}}
		if first.read(bytes.NewReader(content)) != nil {
			return
		}
		anew := []byte(journalHeader)
		for key, data := range first.records {
			anew = appendLine(anew, entryLine{key, data})
		}
		second := &FileJournal{opts: quiet, records: map[string][]byte{}}
		must(t, second.read(bytes.NewReader(anew)))
		if got, want := len(second.records), len(first.records); got != want {
			t.Errorf("%d records are %d when they are written anew and read", want, got)
		}
	})
}

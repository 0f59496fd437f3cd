package edge

import (
	"bufio"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// killedDir has the child of TestDisk_Killed fill the folder that it names.
const killedDir = "LARDER_EDGE_KILLED_DIR"

// killedBody is the body of a path, of a size that takes more than one write.
func killedBody(path string) string { return strings.Repeat(path+" ", 20_000) }

// TestDisk_Killed: a process that is killed while it writes leaves whole files,
// which the next one finds, and nothing that is served in part. While it lived,
// nobody else could have the folder.
func TestDisk_Killed(t *testing.T) {
	if dir := os.Getenv(killedDir); dir != "" {
		fillUntilKilled(t, dir)
		return
	}
	dir := t.TempDir()
	child := exec.Command(os.Args[0], "-test.run=^TestDisk_Killed$")
	child.Env = append(os.Environ(), killedDir+"="+dir)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = child.Process.Kill()
		_ = child.Wait()
	})
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if n, err := strconv.Atoi(lines.Text()); err == nil && n >= 250 { // some of them for the second time
			break
		}
	}
	origin := &url.URL{Scheme: "http", Host: "origin.internal"}
	if _, err := New(Options{Origin: origin, Disk: dir}); !errors.Is(err, errTaken) {
		t.Errorf("New on the folder of another process: %v, want %v", err, errTaken)
	}
	if err := child.Process.Kill(); err != nil { // SIGKILL
		t.Fatal(err)
	}
	_ = child.Wait()
	// What a write that was cut off in its middle leaves.
	half := filepath.Join(dir, "00", strings.Repeat("0", 32)+"-0000000000000001-ffff")
	if err := os.MkdirAll(filepath.Dir(half), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{half, half + tempSuffix} {
		if err := os.WriteFile(name, []byte(fileMagic+"…"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	checkKilled(t, dir)
	if parts, err := filepath.Glob(filepath.Join(dir, "??", "*"+tempSuffix)); err != nil || len(parts) > 0 {
		t.Errorf("%v, %v: want none left", parts, err)
	}
}

// fillUntilKilled says how many responses are on disk, and goes on for ever.
func fillUntilKilled(t *testing.T, dir string) {
	h := newEdge(t, func(r *http.Request) (*http.Response, error) {
		return respond(200, killedBody(r.URL.Path), "Cache-Control: max-age=600", `ETag: "1"`), nil
	}, onDisk(dir))
	for i := 0; ; i++ {
		get(h, "/"+strconv.Itoa(i%200)) // the same ones again, so that files are replaced
		if i%200 == 199 {
			carryOut(t, h, Purge{Prefixes: []string{"www.example.com/"}})
		}
		fmt.Println(h.Stats().DiskWritten)
	}
}

// checkKilled asks for all that the killed process may have stored.
func checkKilled(t *testing.T, dir string) {
	t.Helper()
	confirmed := 0
	h := newEdge(t, func(r *http.Request) (*http.Response, error) {
		if r.Header.Get("If-None-Match") != "" {
			confirmed++
			return respond(304, "", "Cache-Control: max-age=600", `ETag: "1"`), nil
		}
		return respond(200, killedBody(r.URL.Path), "Cache-Control: max-age=600", `ETag: "1"`), nil
	}, onDisk(dir))
	h.store.disk.mu.Lock()
	for !h.store.disk.scanned {
		h.store.disk.work.Wait()
	}
	h.store.disk.mu.Unlock()
	for i := range 200 {
		path := "/" + strconv.Itoa(i)
		if w := get(h, path); w.Code != 200 || w.Body.String() != killedBody(path) {
			t.Errorf("%s: %d, %d bytes, want all of it", path, w.Code, w.Body.Len())
		}
	}
	s := h.Stats()
	if confirmed == 0 || s.DiskFailed > 0 {
		t.Errorf("%d responses of the killed process were found, %+v, want some and no error", confirmed, s)
	}
	t.Logf("%d of 200 responses outlived the process", confirmed)
	if err := h.Close(); err != nil {
		t.Error(err)
	}
}

package web

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
)

//go:embed asset
var assetFiles embed.FS

// assets are the files that pages link to. The name of each holds a part of its
// hash, so that a new version is another URL and an old one may be kept for ever.
type assets struct {
	names map[string]string // by the name in the folder: the one in the URL
	files map[string][]byte // by the name in the URL
}

func newAssets() *assets {
	a := &assets{names: map[string]string{}, files: map[string][]byte{}}
	entries, err := fs.ReadDir(assetFiles, "asset")
	if err != nil {
		panic(err) // they are part of the program
	}
	for _, entry := range entries {
		body, err := assetFiles.ReadFile("asset/" + entry.Name())
		if err != nil {
			panic(err)
		}
		sum := sha256.Sum256(body)
		ext := path.Ext(entry.Name())
		name := strings.TrimSuffix(entry.Name(), ext) + "." + hex.EncodeToString(sum[:6]) + ext
		a.names[entry.Name()], a.files[name] = name, body
	}
	return a
}

// url returns the path of a file by its name in the folder.
func (a *assets) url(name string) string { return "/assets/" + a.names[name] }

func (a *assets) serve(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	body, ok := a.files[name]
	if !ok {
		refuse(w, http.StatusNotFound, "there is no such file")
		return
	}
	if moved(w, r) { // else the edge would keep it under each query for a year
		return
	}
	h := w.Header()
	h.Set("Content-Type", mime.TypeByExtension(path.Ext(name)))
	h.Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(body)
}

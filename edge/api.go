package edge

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"strings"
)

const (
	// maxAPIBytes bounds the body of one call, maxAPIItems what it names.
	maxAPIBytes = 1 << 20
	maxAPIItems = 1000
)

// API returns a handler for purges in the form of Cloudflare's API, so that a
// client for that one can be pointed at it:
//
//	POST …/purge_cache        forget
//	POST …/invalidate_cache   take for stale
//
//	Authorization: Bearer TOKEN
//	Content-Type: application/json
//
//	{"tags": […]}, {"files": ["URL" or {"url": "URL"}]}, {"prefixes": […]},
//	{"hosts": […]} or {"purge_everything": true}
//
// What stands in the path before the last part does not matter. At most 1,000
// items may be named in 1 MiB. The answer, with status 200, says "success": true
// when the purge is in force; errors have 400, 401, 403, 405, 413 or 415.
//
// Without a token only clients on this machine are let in, and none whose
// request a proxy has passed on.
func (h *Handler) API(token string) http.Handler {
	return &api{handler: h, open: token == "", token: sha256.Sum256([]byte(token))}
}

type api struct {
	handler *Handler
	open    bool
	token   [sha256.Size]byte
}

// apiError is a refusal with its status.
type apiError struct {
	status int
	text   string
}

// Error returns the text that the caller gets: it never holds a secret.
func (e *apiError) Error() string { return e.text }

// ServeHTTP answers every call, also a refused one, with an object of the same
// form, as clients of the API it imitates expect.
func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	err := a.serve(w, r)
	status := http.StatusOK
	answer := apiAnswer{Success: err == nil, Errors: []apiMessage{}, Messages: []apiMessage{}}
	if err == nil {
		answer.Result = &apiResult{ID: strings.ToLower(rand.Text())}
	} else {
		status = http.StatusBadRequest
		var refused *apiError
		if errors.As(err, &refused) {
			status = refused.status
		}
		answer.Errors = append(answer.Errors, apiMessage{Code: 1000 + status, Message: err.Error()})
	}
	body, err := json.Marshal(answer)
	if err != nil {
		status, body = http.StatusInternalServerError, nil
	}
	header := w.Header()
	header.Set("Content-Type", "application/json")
	header.Set("Cache-Control", "no-store")
	if status == http.StatusUnauthorized {
		header.Set("WWW-Authenticate", "Bearer")
	}
	if status == http.StatusMethodNotAllowed {
		header.Set("Allow", http.MethodPost)
	}
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n'))
}

type apiAnswer struct {
	Success  bool         `json:"success"`
	Errors   []apiMessage `json:"errors"`
	Messages []apiMessage `json:"messages"`
	Result   *apiResult   `json:"result"`
}

type apiMessage struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

type apiResult struct {
	ID string `json:"id"`
}

// serve does what a call asks for.
func (a *api) serve(w http.ResponseWriter, r *http.Request) error {
	if err := a.admits(r); err != nil {
		return err
	}
	var p Purge
	switch path := r.URL.Path; {
	case strings.HasSuffix(path, "/purge_cache"):
	case strings.HasSuffix(path, "/invalidate_cache"):
		p.Soft = true
	default:
		return &apiError{http.StatusNotFound, "no such call: want POST …/purge_cache or …/invalidate_cache"}
	}
	if r.Method != http.MethodPost {
		return &apiError{http.StatusMethodNotAllowed, "want POST"}
	}
	// A web page in a browser on this machine can send other types without
	// being asked whether it may.
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return &apiError{http.StatusUnsupportedMediaType, "want Content-Type: application/json"}
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxAPIBytes))
	if err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			return &apiError{http.StatusRequestEntityTooLarge, fmt.Sprintf("want at most %d bytes", maxAPIBytes)}
		}
		return errors.New("the body did not arrive")
	}
	if err := p.decode(body); err != nil {
		return err
	}
	return a.handler.Purge(p)
}

// admits tells whether a call is let in.
func (a *api) admits(r *http.Request) error {
	if a.open {
		for _, name := range []string{"Via", "Forwarded", "X-Forwarded-For", "X-Real-Ip"} {
			if r.Header.Get(name) != "" {
				return &apiError{http.StatusForbidden, "without a token only direct calls from this machine are let in"}
			}
		}
		// A web page can have its own name lead here; it cannot hide that name.
		if !loopback(r.RemoteAddr) || !localName(r.Host) {
			return &apiError{http.StatusForbidden, "without a token only calls from this machine, to localhost or its address, are let in"}
		}
		return nil
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	// Digests have one length, so that the time of the comparison says nothing
	// about the length of the token either.
	given := sha256.Sum256([]byte(strings.TrimSpace(token)))
	same := subtle.ConstantTimeCompare(given[:], a.token[:]) == 1
	if !same || !strings.EqualFold(scheme, "Bearer") {
		return &apiError{http.StatusUnauthorized, "want Authorization: Bearer and the token"}
	}
	return nil
}

// localName tells whether a Host is this machine's own, in a form that no name
// server can decide about.
func localName(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// loopback tells whether an address, with its port, is this machine's.
func loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	ip := net.ParseIP(host)
	return err == nil && ip != nil && ip.IsLoopback()
}

// decode reads the body of a call, which has exactly one selector.
func (p *Purge) decode(body []byte) error {
	var call struct {
		Tags       []string  `json:"tags"`
		Files      []apiFile `json:"files"`
		Prefixes   []string  `json:"prefixes"`
		Hosts      []string  `json:"hosts"`
		Everything *bool     `json:"purge_everything"`
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	// A selector with a typing error would be a purge that does nothing.
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&call); err != nil {
		return fmt.Errorf("want a JSON object: %w", err)
	}
	if decoder.More() {
		return errors.New("want one JSON object")
	}
	if call.Everything != nil && !*call.Everything {
		return errors.New("purge_everything is false, want true or another selector")
	}
	selectors := 0
	for _, n := range []int{len(call.Tags), len(call.Files), len(call.Prefixes), len(call.Hosts)} {
		if n > maxAPIItems {
			return fmt.Errorf("%d items, want at most %d", n, maxAPIItems)
		}
		selectors += min(n, 1)
	}
	if p.Everything = call.Everything != nil; p.Everything {
		selectors++
	}
	if selectors != 1 {
		return fmt.Errorf("%d selectors, want one of tags, files, prefixes, hosts and purge_everything", selectors)
	}
	p.Tags, p.Prefixes, p.Hosts = call.Tags, call.Prefixes, call.Hosts
	for _, file := range call.Files {
		p.URLs = append(p.URLs, file.url)
	}
	return nil
}

// apiFile is a URL, or an object with one and the fields that select a variant;
// all variants are purged.
type apiFile struct{ url string }

// UnmarshalJSON reads either form.
func (f *apiFile) UnmarshalJSON(b []byte) error {
	if err := json.Unmarshal(b, &f.url); err == nil {
		return nil
	}
	var object struct {
		URL     string            `json:"url"`
		Headers map[string]string `json:"headers"`
	}
	decoder := json.NewDecoder(bytes.NewReader(b))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&object); err != nil {
		return fmt.Errorf("files: %w", err)
	}
	f.url = object.URL
	return nil
}

// Package cftest is a stand-in for the part of Cloudflare's API that cache rules
// need, for tests: the ruleset of the phase http_request_cache_settings of one
// zone. It checks what the real one checks, and says so in the same envelope.
//
// Source: Cloudflare's API reference and guides "Rulesets API", "Cache Rules
// settings" and "Rules language", its Go client 7.7 and Terraform provider 5.22,
// which are made from the API's description, and answers of the real API that are
// quoted in public issues: the codes 7003, 10000, 10003, 20106 and 20217 and their
// texts. No test should rest on the other codes. It evaluates expressions too: see
// [Compile].
//
// # Invariants
//
//   - Every change makes a new version; a refused one changes nothing.
//   - Each request is authorized before anything else is looked at.
package cftest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Rule is a rule as the API writes it.
type Rule struct {
	ID               string         `json:"id"`
	Version          string         `json:"version"`
	Ref              string         `json:"ref"`
	Description      string         `json:"description,omitempty"`
	Expression       string         `json:"expression"`
	Action           string         `json:"action"`
	ActionParameters map[string]any `json:"action_parameters,omitempty"`
	Enabled          bool           `json:"enabled"`
	LastUpdated      string         `json:"last_updated"`
}

// Zone is the stand-in: an [http.Handler] for /zones/{id}/rulesets. The fields are
// set before it is used.
type Zone struct {
	// ID and Token are those that requests must have.
	ID, Token string
	// Plan is "free", "pro", "business" or "enterprise".
	Plan string
	// Before, if not nil, is called with each authorized request. If it returns
	// true it has answered itself.
	Before func(w http.ResponseWriter, r *http.Request) bool
	// After, if not nil, is called when a request has changed the rules, before it
	// is answered.
	After func(r *http.Request)

	mu       sync.Mutex
	exists   bool
	version  int
	updated  string
	ids      int
	rules    []Rule
	requests []string
}

const (
	phase     = "http_request_cache_settings"
	rulesetID = "0123456789abcdef0123456789abcdef"
)

// Rules returns the rules as they are now.
func (z *Zone) Rules() []Rule {
	z.mu.Lock()
	defer z.mu.Unlock()
	return slices.Clone(z.rules)
}

// Version returns the version; 0: there is no ruleset.
func (z *Zone) Version() int {
	z.mu.Lock()
	defer z.mu.Unlock()
	return z.version
}

// Requests returns the methods and paths of the requests that were authorized.
func (z *Zone) Requests() []string {
	z.mu.Lock()
	defer z.mu.Unlock()
	return slices.Clone(z.requests)
}

// Edit changes the rules as somebody at the dashboard does. Rules without an id
// get one.
func (z *Zone) Edit(edit func([]Rule) []Rule) {
	z.mu.Lock()
	defer z.mu.Unlock()
	rules := edit(slices.Clone(z.rules))
	for i := range rules {
		if rules[i].ID == "" {
			rules[i].ID = z.newID()
			rules[i].Version = "1"
		}
		if rules[i].Ref == "" {
			rules[i].Ref = rules[i].ID
		}
	}
	z.keep(rules)
}

// newID returns 32 digits, as the API's are. They are the same in each run of a test.
func (z *Zone) newID() string {
	z.ids++
	return fmt.Sprintf("%032x", z.ids)
}

// keep makes a new version.
// Its moment is made of the version and not of a clock: two versions within a
// microsecond have to differ.
func (z *Zone) keep(rules []Rule) {
	z.exists, z.rules = true, rules
	z.version++
	z.updated = fmt.Sprintf("2026-11-26T03:00:%02d.%06dZ", z.version%60, z.version)
}

// failure is an answer that is none of success.
type failure struct {
	status, code int
	message      string
	pointer      string
}

// Error is what the envelope says.
func (f *failure) Error() string { return f.message }

// refuse is a request that is wrong. Its code is made up for all checks whose own is
// not known.
func refuse(pointer, format string, args ...any) *failure {
	return &failure{http.StatusBadRequest, 20021, fmt.Sprintf(format, args...), pointer}
}

// ServeHTTP answers a request of the API.
func (z *Zone) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if f := z.authorize(r); f != nil {
		answer(w, nil, f)
		return
	}
	z.mu.Lock()
	z.requests = append(z.requests, r.Method+" "+strings.TrimPrefix(r.URL.Path, "/zones/"+z.ID))
	z.mu.Unlock()
	// Without the lock: it may call Edit, as somebody who is faster.
	if z.Before != nil && z.Before(w, r) {
		return
	}
	z.mu.Lock()
	before := z.version
	err := z.route(r)
	result := z.result()
	changed := z.version != before
	z.mu.Unlock()
	if changed && z.After != nil {
		z.After(r)
	}
	answer(w, result, err)
}

// authorize looks at the path and the token. Its text has the token and the zone in it,
// which the real one has not: a client that lets either through to its user is then
// found out.
func (z *Zone) authorize(r *http.Request) *failure {
	if !strings.HasPrefix(r.URL.Path, "/zones/"+z.ID+"/") {
		return &failure{http.StatusNotFound, 7003, "Could not route to " + r.URL.Path + ", perhaps your object identifier is invalid?", ""}
	}
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	switch {
	case !ok:
		return &failure{http.StatusUnauthorized, 10000, "Authentication error", ""}
	case token != z.Token:
		return &failure{http.StatusForbidden, 10000, "Authentication error: the token " + token + " is not for " + z.ID, ""}
	}
	return nil
}

// result is the ruleset as it is written; nil: there is none.
func (z *Zone) result() any {
	if !z.exists {
		return nil
	}
	return map[string]any{
		"id": rulesetID, "name": "default", "description": "", "kind": "zone", "phase": phase,
		"version": strconv.Itoa(z.version), "last_updated": z.updated, "rules": slices.Clone(z.rules),
	}
}

// answer writes the envelope that every answer is in.
func answer(w http.ResponseWriter, result any, err error) {
	status, errs := http.StatusOK, []any{}
	var f *failure
	if errors.As(err, &f) {
		status, result = f.status, nil
		one := map[string]any{"code": f.code, "message": f.message}
		if f.pointer != "" {
			one["source"] = map[string]any{"pointer": f.pointer}
		}
		errs = append(errs, one)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"result": result, "success": err == nil, "errors": errs, "messages": []any{}})
}

// route does what a request asks for.
func (z *Zone) route(r *http.Request) error {
	path := strings.TrimPrefix(r.URL.Path, "/zones/"+z.ID+"/rulesets")
	id, isRule := strings.CutPrefix(path, "/"+rulesetID+"/rules/")
	switch {
	case path == "/phases/"+phase+"/entrypoint":
		return z.entrypoint(r)
	case path == "" && r.Method == http.MethodPost:
		return z.create(r)
	case strings.HasPrefix(path, "/"+rulesetID+"/rules") && !z.exists:
		return &failure{http.StatusNotFound, 10003, "could not find ruleset", ""}
	case path == "/"+rulesetID+"/rules" && r.Method == http.MethodPost:
		return z.addRule(r)
	case isRule && r.Method == http.MethodPatch:
		return z.patchRule(r, id)
	case isRule && r.Method == http.MethodDelete:
		i, err := z.find(id)
		if err == nil {
			z.keep(slices.Delete(slices.Clone(z.rules), i, i+1))
		}
		return err
	}
	return &failure{http.StatusMethodNotAllowed, 10405, "method not allowed for this authentication scheme or path", ""}
}

// entrypoint is the ruleset by its phase. A PUT makes it if it is not there.
func (z *Zone) entrypoint(r *http.Request) error {
	switch r.Method {
	case http.MethodGet:
		if !z.exists {
			return &failure{http.StatusNotFound, 10003, "could not find entrypoint ruleset in the " + phase + " phase", ""}
		}
		return nil
	case http.MethodPut:
		return z.replace(r, "name", "description", "rules")
	}
	return &failure{http.StatusMethodNotAllowed, 10405, "method not allowed", ""}
}

// create makes the ruleset: of a phase there is one.
func (z *Zone) create(r *http.Request) error {
	if z.exists {
		return &failure{http.StatusBadRequest, 20217, "'zone' is not a valid value for kind because exceeded maximum number of zone rulesets for phase " + phase, "/kind"}
	}
	return z.replace(r, "name", "description", "kind", "phase", "rules")
}

// replace writes the whole list. Rules that name an id keep it.
// What it leaves out is gone: that is why Larder does not use it but for an empty
// phase.
func (z *Zone) replace(r *http.Request, allowed ...string) error {
	body, err := readObject(r.Body, allowed...)
	if err != nil {
		return err
	}
	if slices.Contains(allowed, "kind") && (body["kind"] != "zone" || body["phase"] != phase) {
		return refuse("/kind", "want the kind zone and the phase %s", phase)
	}
	list, _ := body["rules"].([]any)
	var rules []Rule
	for i, one := range list {
		object, ok := one.(map[string]any)
		if !ok {
			return refuse(fmt.Sprintf("/rules/%d", i), "a rule must be an object")
		}
		id, _ := object["id"].(string)
		// They are the API's own and are ignored where somebody sends them back.
		delete(object, "id")
		delete(object, "version")
		rule, err := z.ruleOf(object, fmt.Sprintf("/rules/%d", i))
		if err != nil {
			return err
		}
		rule.ID, rule.Version = id, "1"
		if id == "" {
			rule.ID = z.newID()
		}
		rules = append(rules, withRef(rule))
	}
	return z.check(rules)
}

// withRef sets what the API fills in: a rule without a reference has its id for one.
func withRef(r Rule) Rule {
	if r.Ref == "" {
		r.Ref = r.ID
	}
	r.LastUpdated = time.Now().UTC().Format(time.RFC3339Nano)
	return r
}

// addRule puts a rule at its position, or at the end.
func (z *Zone) addRule(r *http.Request) error {
	body, err := readObject(r.Body)
	if err != nil {
		return err
	}
	where := body["position"]
	delete(body, "position")
	rule, err := z.ruleOf(body, "")
	if err != nil {
		return err
	}
	rule.ID, rule.Version = z.newID(), "1"
	rules, err := place(slices.Clone(z.rules), withRef(rule), where)
	if err != nil {
		return err
	}
	return z.check(rules)
}

// patchRule writes a rule anew, moves it, or both. A position alone leaves the
// definition and its version as they are.
func (z *Zone) patchRule(r *http.Request, id string) error {
	i, err := z.find(id)
	if err != nil {
		return err
	}
	body, err := readObject(r.Body)
	if err != nil {
		return err
	}
	where, moves := body["position"]
	delete(body, "position")
	rule := z.rules[i]
	if len(body) > 0 {
		version, _ := strconv.Atoi(rule.Version)
		// The new definition is the whole one: nothing of the old is kept.
		if rule, err = z.ruleOf(body, ""); err != nil {
			return err
		}
		rule.ID, rule.Version = id, strconv.Itoa(version+1)
		rule = withRef(rule)
	}
	rules := slices.Clone(z.rules)
	if !moves {
		rules[i] = rule
		return z.check(rules)
	}
	if rules, err = place(slices.Delete(rules, i, i+1), rule, where); err != nil {
		return err
	}
	return z.check(rules)
}

// find returns where a rule is.
func (z *Zone) find(id string) (int, error) {
	i := slices.IndexFunc(z.rules, func(r Rule) bool { return r.ID == id })
	if i < 0 {
		return 0, &failure{http.StatusNotFound, 10003, "could not find rule", ""}
	}
	return i, nil
}

// place puts a rule where position says.
// Exactly one of three says where: index counts from 1; an empty id in before is the
// beginning, and in after the end.
func place(rules []Rule, rule Rule, where any) ([]Rule, error) {
	if where == nil {
		return append(rules, rule), nil
	}
	position, _ := where.(map[string]any)
	if len(position) != 1 {
		return nil, refuse("/position", "position must have exactly one of before, after, index")
	}
	at := -1
	for name, value := range position {
		id, isID := value.(string)
		index, isIndex := value.(float64)
		i := slices.IndexFunc(rules, func(r Rule) bool { return r.ID == id })
		switch {
		case name == "index" && isIndex && index >= 1 && int(index) <= len(rules)+1:
			at = int(index) - 1
		case name == "before" && isID && id == "":
			at = 0
		case name == "after" && isID && id == "":
			at = len(rules)
		case name == "before" && isID && i >= 0:
			at = i
		case name == "after" && isID && i >= 0:
			at = i + 1
		}
	}
	if at < 0 {
		return nil, refuse("/position", "the position is out of range or names no rule")
	}
	return slices.Insert(rules, at, rule), nil
}

// maxBody bounds what is read of a request.
const maxBody = 8 << 20

// readObject reads an object with no other than the allowed fields; none allowed:
// any.
// An unknown field is refused, as by the API: a slip in a name would else pass all
// tests.
func readObject(body io.Reader, allowed ...string) (map[string]any, error) {
	text, err := io.ReadAll(io.LimitReader(body, maxBody))
	if err != nil {
		return nil, err
	}
	var object map[string]any
	if err := json.NewDecoder(bytes.NewReader(text)).Decode(&object); err != nil {
		return nil, &failure{http.StatusBadRequest, 10006, "could not parse input", ""}
	}
	for name := range object {
		if len(allowed) > 0 && !slices.Contains(allowed, name) {
			return nil, refuse("/"+name, "invalid JSON: unknown field %q", name)
		}
	}
	return object, nil
}

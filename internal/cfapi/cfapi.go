// Package cfapi reads the envelope that every answer of Cloudflare's API is, and of
// Larder's own edge, which speaks that API for purges.
//
// Source: Cloudflare's API reference, November 2026: success, errors, each with a
// code, a message and perhaps where in the request, and result.
//
// # Invariant
//
//   - Nothing is a success that does not say so: a page of a proxy has status 200
//     too.
package cfapi

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/larderdev/larder/purge/purgeapi"
)

// NoEntrypoint is the code that says that a phase has no ruleset yet. It comes with
// status 404, as does the code for a zone that there is not.
const NoEntrypoint = 10003

// envelope is what every answer is in. Success is a pointer, because an answer that
// does not have it is none of this API.
type envelope struct {
	Success *bool `json:"success"`
	Errors  []struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
		Source  struct {
			Pointer string `json:"pointer"`
		} `json:"source"`
	} `json:"errors"`
	Result json.RawMessage `json:"result"`
}

// text is what the errors say.
func (e *envelope) text() string {
	var all []string
	for _, one := range e.Errors {
		text := fmt.Sprintf("%s (code %d)", one.Message, one.Code)
		if one.Source.Pointer != "" {
			text += " at " + one.Source.Pointer
		}
		all = append(all, text)
	}
	return strings.Join(all, "; ")
}

// Result returns what a body has as result: JSON, or nothing. If the body is no
// success, failure says why; else it is empty.
func Result(body []byte) (result json.RawMessage, failure string) {
	var e envelope
	if err := json.Unmarshal(body, &e); err != nil || e.Success == nil {
		return nil, "the answer does not say whether it succeeded"
	}
	if !*e.Success {
		return nil, strings.TrimSuffix("success is false: "+e.text(), ": ")
	}
	return e.Result, ""
}

// Explain is [purgeapi.Client.Explain] for this API: what the errors say; empty if
// the body is no envelope.
func Explain(a purgeapi.Answer) (string, time.Duration) {
	var e envelope
	if json.Unmarshal(a.Body, &e) != nil {
		return "", 0
	}
	return e.text(), 0
}

// Code returns the code of the first error in a body; 0 if there is none.
// The first is what the request failed for; others are about the same thing.
func Code(body []byte) int {
	var e envelope
	if json.Unmarshal(body, &e) != nil || len(e.Errors) == 0 {
		return 0
	}
	return e.Errors[0].Code
}

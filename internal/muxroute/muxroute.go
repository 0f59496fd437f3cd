// Package muxroute asks a http.ServeMux what it thinks of a pattern.
package muxroute

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
)

// registeredAt is where in this program's source a mux got a pattern, which says
// nothing to whoever wrote the pattern.
var registeredAt = regexp.MustCompile(` \(registered at [^\n]*?:[0-9]+\)`)

// Register lets mux have a pattern. A mux panics if it is none, or conflicts with
// another: that becomes an error, in the mux's words.
// A policy comes from a file, and a mistake in it must not end the program. mux stays
// as it was without the pattern.
func Register(mux *http.ServeMux, pattern string, handler http.Handler) (err error) {
	defer func() {
		if said := recover(); said != nil {
			err = errors.New(registeredAt.ReplaceAllString(fmt.Sprint(said), ""))
		}
	}()
	mux.Handle(pattern, handler)
	return nil
}

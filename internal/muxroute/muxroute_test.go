package muxroute_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/larderdev/larder/internal/muxroute"
)

func TestRegister(t *testing.T) {
	mux := http.NewServeMux()
	for _, tt := range []struct{ pattern, want string }{
		{"GET /a/{id}", ""},
		{"GET /{x}/b", "conflicts with pattern"},
		{"GET /{", "parsing"},
	} {
		err := muxroute.Register(mux, tt.pattern, http.NotFoundHandler())
		if tt.want == "" && err == nil {
			continue
		}
		if err == nil || tt.want == "" || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), ".go:") {
			t.Errorf("Register(%q) = %v, want %q, and no place in the source", tt.pattern, err, tt.want)
		}
	}
}

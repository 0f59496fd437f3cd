package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestRun_NoShop(t *testing.T) {
	var out bytes.Buffer
	code := run(t.Context(), []string{"-admin", "127.0.0.1:1"}, &out, &out)
	if want := "no shop at http://127.0.0.1:1: start it with make run"; code != exitEnvironment || !strings.HasPrefix(out.String(), want) {
		t.Errorf("run = %d, %s; want %d and %q", code, &out, exitEnvironment, want)
	}
}

// TestRun drives a shop that knows no product.
func TestRun(t *testing.T) {
	shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/debug/larder" {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		_ = json.NewEncoder(w).Encode(stats{})
	}))
	defer shop.Close()
	addr := strings.TrimPrefix(shop.URL, "http://")
	var out, errs bytes.Buffer
	code := run(t.Context(), []string{"-addr", addr, "-admin", addr, "-for", "100ms", "-workers", "2"}, &out, &errs)
	if code != exitOK || !strings.Contains(out.String(), "p99.9") || !strings.Contains(out.String(), "SQL statements") {
		t.Errorf("run = %d, %s %s", code, &out, &errs)
	}
}

package purgeapi_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/larderdev/larder/purge/purgeapi"
)

// Whatever prints a secret, alone, in an exported or an unexported field,
// behind a pointer or in a collection, does not show it.
func TestSecret_IsNeverPrinted(t *testing.T) {
	s := purgeapi.NewSecret("s3cr3t")
	type holder struct {
		Token purgeapi.Secret
		token purgeapi.Secret
		many  map[string]purgeapi.Secret
		ptr   *purgeapi.Secret
	}
	h := holder{s, s, map[string]purgeapi.Secret{"a": s}, &s}
	for _, v := range []any{s, &s, h, &h, []purgeapi.Secret{s}, []any{s}, fmt.Errorf("bad: %v", s)} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%T"} {
			if text := fmt.Sprintf(verb, v); strings.Contains(text, "s3cr3t") || strings.Contains(text, fmt.Sprintf("%x", "s3cr3t")) {
				t.Errorf("%T printed with %s: %s", v, verb, text)
			}
		}
		if text, err := json.Marshal(v); err == nil && strings.Contains(string(text), "s3cr3t") {
			t.Errorf("%T as JSON: %s", v, text)
		}
		var log bytes.Buffer
		slog.New(slog.NewTextHandler(&log, nil)).Info("x", "v", v)
		slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "v", v)
		if strings.Contains(log.String(), "s3cr3t") {
			t.Errorf("%T in a log: %s", v, &log)
		}
	}
	if got := fmt.Sprintf("%v %+v %#v %s %q", s, s, s, s, s); got != "[secret] [secret] [secret] [secret] [secret]" {
		t.Errorf("a secret prints as %q", got)
	}
	if got, err := json.Marshal(map[string]any{"token": s}); err != nil || string(got) != `{"token":"[secret]"}` {
		t.Errorf("a secret in JSON is %s, %v", got, err)
	}
	if got := s.Reveal(); got != "s3cr3t" || s.IsZero() {
		t.Errorf("Reveal() = %q, IsZero() %v", got, s.IsZero())
	}
	if zero := (purgeapi.Secret{}); !zero.IsZero() || zero.Reveal() != "" || !purgeapi.NewSecret("").IsZero() {
		t.Error("the zero value is a secret")
	}
}

func TestSecretFromEnv(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("  from-file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, []byte("\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	two := filepath.Join(t.TempDir(), "two")
	if err := os.WriteFile(two, []byte("from-one\r\nfrom-two\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if s, err := purgeapi.SecretFromFile(two); err == nil || !s.IsZero() || !strings.Contains(err.Error(), "line break") || strings.Contains(err.Error(), "from-") {
		t.Errorf("SecretFromFile of two lines: %v, want an error about the line break that tells neither", err)
	}
	huge := filepath.Join(t.TempDir(), "huge")
	if err := os.WriteFile(huge, bytes.Repeat([]byte("x"), 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		value, file string
		want, fault string
	}{
		{value: "from-env", want: "from-env"},
		{value: " from-env\n", want: "from-env"},
		{file: file, want: "from-file"},
		{value: "from-env", file: file, fault: "both CDN_TOKEN and CDN_TOKEN_FILE are set"},
		{fault: "CDN_TOKEN: there is no secret in it"},
		{file: empty, fault: "there is no secret in it"},
		{value: "from-\nenv", fault: "CDN_TOKEN: there is a line break or another control character"},
		{value: "from-\x7fenv", fault: "CDN_TOKEN: there is a line break or another control character"},
		{file: two, fault: "there is a line break or another control character"},
		{file: huge, fault: "longer than 65536 bytes"},
		{file: file + "-absent", fault: "CDN_TOKEN_FILE"},
	} {
		t.Setenv("CDN_TOKEN", tt.value)
		t.Setenv("CDN_TOKEN_FILE", tt.file)
		s, err := purgeapi.SecretFromEnv("CDN_TOKEN")
		if s.Reveal() != tt.want || (err == nil) != (tt.fault == "") {
			t.Errorf("with %q and %q: %q, %v, want %q, %q", tt.value, tt.file, s.Reveal(), err, tt.want, tt.fault)
		}
		if err != nil && (!strings.Contains(err.Error(), tt.fault) || strings.Contains(err.Error(), "from-")) {
			t.Errorf("with %q and %q: %v, want %q in it and nothing secret", tt.value, tt.file, err, tt.fault)
		}
	}
}

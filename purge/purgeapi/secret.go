package purgeapi

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
)

// hidden stands where a secret would be.
const hidden = "[secret]"

// maxSecret bounds what is read as a secret: a token, a key in PEM or JSON.
const maxSecret = 64 << 10

// Secret is a token or a key. Whatever prints it prints "[secret]": fmt with
// any verb, encoding/json, log/slog. Only [Secret.Reveal] tells it. The zero
// value is no secret.
type Secret struct {
	// A pointer, because fmt does not call methods of unexported fields: of a
	// struct that holds a Secret it would print what stands here, an address.
	value *string
}

// NewSecret returns the secret s, which is not there if s is empty.
func NewSecret(s string) Secret {
	if s == "" {
		return Secret{}
	}
	return Secret{&s}
}

// SecretFromEnv reads the secret in the environment variable name or, if that
// is not set, in the file that name_FILE names, as it is mounted by Docker and
// Kubernetes. It is read once. White space around it is taken off. It is an
// error if neither is set, both are, or there is nothing in it; the error
// tells the variable and never what it holds.
func SecretFromEnv(name string) (Secret, error) {
	value, file := os.Getenv(name), os.Getenv(name+"_FILE")
	switch {
	case value != "" && file != "":
		return Secret{}, fmt.Errorf("purge: both %s and %s_FILE are set: unset one", name, name)
	case file != "":
		s, err := SecretFromFile(file)
		if err != nil {
			return Secret{}, fmt.Errorf("%w (the file is named by %s_FILE)", err, name)
		}
		return s, nil
	}
	s, err := secretFrom(value)
	if err != nil {
		return Secret{}, fmt.Errorf("purge: %s: %w: set it, or %s_FILE to the path of a file that holds it", name, err, name)
	}
	return s, nil
}

// SecretFromFile reads the secret in a file, once. White space around it is
// taken off.
func SecretFromFile(path string) (Secret, error) {
	f, err := os.Open(path)
	if err != nil {
		return Secret{}, fmt.Errorf("purge: a secret: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxSecret+1))
	if err != nil {
		return Secret{}, fmt.Errorf("purge: a secret: %w", err)
	}
	s, err := secretFrom(string(data))
	if err != nil {
		return Secret{}, fmt.Errorf("purge: %s: %w", path, err)
	}
	return s, nil
}

func secretFrom(text string) (Secret, error) {
	text = strings.TrimSpace(text)
	switch {
	case text == "":
		return Secret{}, errors.New("there is no secret in it")
	case len(text) > maxSecret:
		return Secret{}, fmt.Errorf("the secret is longer than %d bytes", maxSecret)
	case strings.ContainsFunc(text, func(c rune) bool { return c < ' ' || c == 0x7f }):
		return Secret{}, errors.New("there is a line break or another control character in the secret")
	}
	return Secret{&text}, nil
}

// Reveal returns the secret itself, for a header or a signature.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// IsZero tells that there is no secret.
func (s Secret) IsZero() bool { return s.value == nil }

// String returns "[secret]".
func (s Secret) String() string { return hidden }

// Format prints "[secret]" for every verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, hidden) }

// MarshalText returns "[secret]"; package encoding/json uses it too.
func (s Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// LogValue returns "[secret]".
func (s Secret) LogValue() slog.Value { return slog.StringValue(hidden) }

package cli

import (
	"errors"
	"fmt"
	"os"
	"strings"
)

// tokenSource is where the token of the purge API comes from: a file, or a value
// from the environment.
type tokenSource struct{ file, value string }

// empty tells whether no token is wanted, which only loopback allows.
func (t tokenSource) empty() bool { return t.file == "" && t.value == "" }

// read returns the token; empty if there is none.
func (t tokenSource) read() (string, error) {
	// Nobody could say which of the two is in force after a reload.
	if t.file != "" && t.value != "" {
		return "", &usageError{errors.New("both -token-file and LARDER_EDGE_TOKEN are set: unset one")}
	}
	if t.file == "" {
		return t.value, checkToken("LARDER_EDGE_TOKEN", t.value)
	}
	text, err := os.ReadFile(t.file)
	if err != nil {
		return "", fmt.Errorf("-token-file: %w", err)
	}
	// Editors end files with a new line.
	token := strings.TrimSpace(string(text))
	if token == "" {
		// An empty token would mean that none is wanted.
		return "", errors.New("-token-file: the file is empty")
	}
	return token, checkToken("-token-file", token)
}

// checkToken refuses what no client could send. A bearer token has neither in it (RFC
// 6750, section 2.1): such a token would lock everybody out, and the reason would be
// hard to find.
func checkToken(name, token string) error {
	if strings.ContainsFunc(token, func(c rune) bool { return c <= ' ' || c >= 0x7f }) {
		return fmt.Errorf("%s: the token has white space or other than ASCII in it", name)
	}
	return nil
}

package larder

import (
	"encoding/base64"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/larderdev/larder/internal/envelope"
)

// checkKeys takes the encryption keys.
func (o *Options) checkKeys() (err error) {
	if len(o.Keys) > 0 {
		if o.secrets, err = envelope.NewSecrets(o.Keys); err != nil {
			return fmt.Errorf("Keys: %w", err)
		}
		return nil
	}
	for _, class := range slices.Sorted(maps.Keys(o.Policies)) {
		if o.Policies[class].Encrypt {
			return fmt.Errorf("class %q: Encrypt needs Options.Keys; KeysFromEnv reads them", class)
		}
	}
	return nil
}

// KeysFromEnv reads Options.Keys from an environment variable: keys of 16, 24
// or 32 bytes in base64 (RFC 4648, section 4), separated by commas, the one that
// encrypts first. A variable that is not set is an error; no error shows what is
// in it.
func KeysFromEnv(name string) ([][]byte, error) {
	value := os.Getenv(name)
	if value == "" {
		return nil, fmt.Errorf("larder: %s is not set: want AES keys in base64, separated by commas", name)
	}
	var keys [][]byte
	for i, part := range strings.Split(value, ",") {
		key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(part))
		if err != nil {
			return nil, fmt.Errorf("larder: %s: key %d is not base64", name, i+1)
		}
		keys = append(keys, key)
	}
	if _, err := envelope.NewSecrets(keys); err != nil {
		return nil, fmt.Errorf("larder: %s: %w", name, err)
	}
	return keys, nil
}

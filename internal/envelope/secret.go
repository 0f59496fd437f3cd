package envelope

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"errors"
	"fmt"
)

// idSize is the length in bytes of a key's id, by which it is found among the
// others.
const idSize = 4

// Secrets encrypts payloads with AES-GCM and a random nonce (NIST SP 800-38D):
//
//	id of the key, nonce, ciphertext, tag
//
// The header of the envelope and a name are authenticated, so that a payload
// cannot be moved under another name. With random nonces one key is good for
// 2³² payloads.
type Secrets struct {
	keys []secret // the first encrypts
}

type secret struct {
	id   [idSize]byte
	aead cipher.AEAD
}

// NewSecrets takes AES keys of 16, 24 or 32 bytes: the first encrypts, all of
// them decrypt. Its errors do not show the keys.
func NewSecrets(keys [][]byte) (*Secrets, error) {
	if len(keys) == 0 {
		return nil, errors.New("no keys")
	}
	s := &Secrets{}
	for i, key := range keys {
		block, err := aes.NewCipher(key)
		if err != nil {
			return nil, fmt.Errorf("key %d is %d bytes long, want 16, 24 or 32", i+1, len(key))
		}
		aead, err := cipher.NewGCMWithRandomNonce(block)
		if err != nil {
			return nil, err
		}
		k := secret{aead: aead}
		sum := sha256.Sum256(key)
		copy(k.id[:], sum[:])
		s.keys = append(s.keys, k)
	}
	return s, nil
}

// seal encrypts a payload.
func (s *Secrets) seal(payload, header []byte, name string) []byte {
	k := &s.keys[0]
	return k.aead.Seal(bytes.Clone(k.id[:]), nil, payload, authenticated(header, name))
}

// open decrypts a payload; false if no key fits.
func (s *Secrets) open(sealed, header []byte, name string) ([]byte, bool) {
	if len(sealed) < idSize {
		return nil, false
	}
	for i := range s.keys {
		k := &s.keys[i]
		if !bytes.Equal(k.id[:], sealed[:idSize]) {
			continue
		}
		if payload, err := k.aead.Open(nil, nil, sealed[idSize:], authenticated(header, name)); err == nil {
			return payload, true
		}
	}
	return nil, false
}

// authenticated is what is not secret and must not be changed either.
func authenticated(header []byte, name string) []byte {
	return append(bytes.Clone(header), name...)
}

package secret

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
)

// Key makes fingerprints. Only an estate's state holds it, so a fingerprint in
// a posted plan cannot be tried against guessed passwords.
type Key []byte

// NewKey returns a random key of 32 bytes.
func NewKey() (Key, error) {
	k := make(Key, 32)
	if _, err := rand.Read(k); err != nil {
		return nil, fmt.Errorf("make a fingerprint key: %w", err)
	}
	return k, nil
}

// Sum returns the fingerprint of the parts, 32 hexadecimal digits (HMAC-SHA256,
// cut to 128 bits). Part boundaries count.
func (k Key) Sum(parts ...string) string {
	mac := hmac.New(sha256.New, k)
	var n [8]byte
	for _, p := range parts {
		binary.BigEndian.PutUint64(n[:], uint64(len(p)))
		mac.Write(n[:])
		mac.Write([]byte(p))
	}
	return hex.EncodeToString(mac.Sum(nil)[:16])
}

// Equal compares two fingerprints in constant time.
func Equal(a, b string) bool { return hmac.Equal([]byte(a), []byte(b)) }

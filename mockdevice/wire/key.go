package wire

import (
	"crypto/sha256"
	"encoding/hex"
)

// Key names a request. It is a digest, so it may appear in logs and URLs where the
// auth_req_id, which is as good as a password, may not.
type Key [16]byte

// KeyOf is the key of an auth_req_id.
func KeyOf(authReqID string) Key {
	sum := sha256.Sum256([]byte(authReqID))
	return Key(sum[:16])
}

// String is the key as a Ref, in 32 hexadecimal digits.
func (k Key) String() string { return hex.EncodeToString(k[:]) }

// ParseKey reads what String wrote; false for anything else.
func ParseKey(ref string) (k Key, ok bool) {
	n, err := hex.Decode(k[:], []byte(ref[:min(len(ref), 2*len(k))]))
	return k, err == nil && n == len(k) && len(ref) == 2*len(k)
}

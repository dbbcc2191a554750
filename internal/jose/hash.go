package jose

import (
	"crypto"
	_ "crypto/sha256" // SHA-256 for the hash claims
	_ "crypto/sha512" // SHA-384 and SHA-512
	"fmt"
)

// LeftHalfHash is the value of at_hash and its kin for a token signed with alg:
// base64url of the left half of the hash that the algorithm uses (OIDC Core
// 3.1.3.6). EdDSA hashes with SHA-512.
func LeftHalfHash(alg, value string) (string, error) {
	hash, ok := map[string]crypto.Hash{"256": crypto.SHA256, "384": crypto.SHA384, "512": crypto.SHA512}[alg[max(0, len(alg)-3):]]
	if alg == "EdDSA" || alg == "Ed25519" {
		hash, ok = crypto.SHA512, true
	}
	if !ok {
		return "", fmt.Errorf("algorithm %q has no hash for at_hash", alg)
	}
	h := hash.New()
	h.Write([]byte(value))
	sum := h.Sum(nil)
	return encode(sum[:len(sum)/2]), nil
}

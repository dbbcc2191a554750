package jose

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jwe"
)

// IsEncrypted reports whether a token is a JWE: five parts, the first a header that
// names the content encryption.
func IsEncrypted(token string) bool {
	first, _, _ := strings.Cut(token, ".")
	header, err := decodeObject(first)
	return strings.Count(token, ".") == 4 && err == nil && header["enc"] != nil
}

// asymmetric are the ways of RFC 7518 4.1 to encrypt to a public key.
var asymmetric = []string{"RSA-OAEP", "RSA-OAEP-256", "ECDH-ES", "ECDH-ES+A128KW", "ECDH-ES+A192KW", "ECDH-ES+A256KW"}

// Decrypt opens a JWE that was encrypted to the public half of one of the keys.
// What it contained is returned, for a nested JWT a signed one.
func Decrypt(token string, keys []Key) (string, error) {
	header, _, _ := strings.Cut(token, ".")
	members, err := decodeObject(header)
	if err != nil {
		return "", fmt.Errorf("JWE header: %w", err)
	}
	alg, _ := members["alg"].(string)
	if !slices.Contains(asymmetric, alg) {
		return "", fmt.Errorf("encrypted with %.40q, which is not one of %v", alg, asymmetric)
	}
	for _, key := range keys {
		if !key.IsPrivate() {
			continue
		}
		if plain, err := jwe.Decrypt([]byte(token), jwe.WithKey(jwa.KeyEncryptionAlgorithm(alg), key.raw())); err == nil {
			return string(plain), nil
		}
	}
	return "", errors.New("no key decrypts the token")
}

// Encrypt makes a JWE for the public half of a key, for an OP that encrypts.
func Encrypt(content, alg string, key Key) (string, error) {
	sealed, err := jwe.Encrypt([]byte(content), jwe.WithKey(jwa.KeyEncryptionAlgorithm(alg), key.Public().raw()))
	return string(sealed), err
}

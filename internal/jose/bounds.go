package jose

import (
	"encoding/json"
	"fmt"
	"math/big"

	"github.com/lestrrat-go/jwx/v2/jwk"
)

// What a published key set may ask of its reader. A signature is verified with
// whatever numbers a set contains, in a time that grows with the square of their
// length, and with every key whose kid does not rule it out.
const (
	// maxKeys is far more than any OP needs, which publishes a key or two for each
	// algorithm.
	maxKeys = 256

	// maxModulus is four times the largest RSA key in use, in bits.
	maxModulus = 16384

	// maxExponent is the longest public exponent that crypto/rsa takes, in bits.
	maxExponent = 31
)

// withinBounds is an error that says in words why nothing is computed with a key. The
// curves of other types of keys fix how long their numbers are.
func withinBounds(key jwk.Key) error {
	rsa, isRSA := key.(interface {
		N() []byte
		E() []byte
	}) // of public and private keys
	if !isRSA {
		return nil
	}
	if bits := bitLen(rsa.N()); bits > maxModulus {
		return fmt.Errorf("an RSA key of %d bits, nothing is computed with more than %d", bits, maxModulus)
	}
	if bits := bitLen(rsa.E()); bits > maxExponent {
		return fmt.Errorf("an RSA exponent of %d bits, nothing is computed with more than %d", bits, maxExponent)
	}
	return nil
}

func bitLen(number []byte) int { return new(big.Int).SetBytes(number).BitLen() }

// tooMany is an error for a key set that is not read at all.
func tooMany(keys []json.RawMessage) error {
	if len(keys) > maxKeys {
		return fmt.Errorf("the JSON Web Key Set has %d keys, no more than %d are read", len(keys), maxKeys)
	}
	return nil
}

package jose

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jws"
)

// Sign makes a JWT. The header may add members or replace typ; alg and kid come
// from the key unless the header has them, which is how a lying header is made.
func Sign(header, claims map[string]any, key Key) (string, error) {
	if key.key == nil {
		return "", errors.New("signing a token: there is no key")
	}
	input, err := signingInput(withDefaults(header, key), claims)
	if err != nil {
		return "", err
	}
	signature, err := signBytes([]byte(input), key)
	if err != nil {
		return "", fmt.Errorf("signing a token with %s: %w", key, err)
	}
	return input + "." + encode(signature), nil
}

// withDefaults is a header with alg, typ and kid; a nil member takes one of them out.
func withDefaults(header map[string]any, key Key) map[string]any {
	full := map[string]any{"alg": key.alg, "typ": "JWT"}
	if key.kid != "" {
		full["kid"] = key.kid
	}
	for name, value := range header {
		if value == nil {
			delete(full, name)
			continue
		}
		full[name] = value
	}
	return full
}

// signBytes signs any bytes, for tests with content that is no JSON.
func signBytes(input []byte, key Key) ([]byte, error) {
	signer, err := jws.NewSigner(jwa.SignatureAlgorithm(olderName(key.alg)))
	if err != nil {
		return nil, err
	}
	var raw any
	if err := key.key.Raw(&raw); err != nil {
		return nil, err
	}
	return signer.Sign(input, raw)
}

// signingInput is what a signature is made over. RFC 7515 5.1.
func signingInput(header, claims map[string]any) (string, error) {
	h, err := json.Marshal(header)
	if err != nil {
		return "", err
	}
	c, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	return encode(h) + "." + encode(c), nil
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

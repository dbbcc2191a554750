package jose

import (
	"errors"
	"maps"
)

// Unsigned makes a JWT with alg none and an empty signature, whatever alg the header
// names. RFC 7515 A.5.
func Unsigned(header, claims map[string]any) (string, error) {
	full := map[string]any{"typ": "JWT"}
	maps.Copy(full, header)
	full["alg"] = "none"
	input, err := signingInput(full, claims)
	return input + ".", err
}

// Retell changes header or claims and keeps the old signature, so that the token is a
// forgery. The error is for what is no JWT.
func Retell(token string, edit func(header, claims map[string]any)) (string, error) {
	t, err := Decode(token)
	if err != nil {
		return "", err
	}
	edit(t.Header, t.Claims)
	input, err := signingInput(t.Header, t.Claims)
	return input + "." + encode(t.Signature), err
}

// FlipSignature changes one bit in the middle of the signature. The error is for what
// is no JWT or has no signature.
func FlipSignature(token string) (string, error) {
	t, err := Decode(token)
	if err != nil {
		return "", err
	}
	if len(t.Signature) == 0 {
		return "", errors.New("the token has no signature to flip")
	}
	t.Signature[len(t.Signature)/2] ^= 1
	return t.SigningInput + "." + encode(t.Signature), nil
}

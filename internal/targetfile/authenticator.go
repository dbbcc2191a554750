package targetfile

import (
	"errors"
	"fmt"
	"slices"

	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/internal/jose"
)

// Authenticator is the client's own way of authenticating. The audience is that
// of client assertions, for methods that have them; for these the Authenticator
// is a [ciba.Assertion].
func (c Client) Authenticator(audience string) (ciba.Authenticator, error) {
	switch c.AuthMethod {
	case AuthNone:
		return ciba.Public(c.ClientID), nil
	case AuthClientSecretBasic:
		return ciba.Basic(c.ClientID, c.ClientSecret.Reveal()), nil
	case AuthClientSecretPost:
		return ciba.Post(c.ClientID, c.ClientSecret.Reveal()), nil
	case AuthTLS, AuthSelfSignedTLS:
		shown, err := c.Certificate.TLS()
		if err != nil || shown == nil {
			return nil, fmt.Errorf("client %q has no certificate that can be shown: %w", c.Name, err)
		}
		return ciba.ByCertificate(c.ClientID, shown), nil
	case AuthClientSecretJWT, AuthPrivateKeyJWT:
		key, err := c.AssertionKey()
		if err != nil {
			return nil, fmt.Errorf("client %q: %w", c.Name, err)
		}
		return ciba.Assertion{ClientID: c.ClientID, Key: key, Audience: audience}, nil
	}
	return nil, fmt.Errorf("client %q: auth_method %q is not supported", c.Name, c.AuthMethod)
}

// AssertionKey is what the client signs its assertions with.
func (c Client) AssertionKey() (jose.Key, error) {
	if c.AuthMethod == AuthClientSecretJWT {
		alg := c.AuthAlg
		if alg == "" {
			alg = "HS256"
		}
		return jose.SymmetricKey([]byte(c.ClientSecret.Reveal()), alg, ""), nil
	}
	keys, err := jose.ParseKeys([]byte(c.JWKS.Reveal()))
	if err != nil {
		return jose.Key{}, fmt.Errorf("jwks_file %s: %w", c.JWKSFile, err)
	}
	if len(keys) == 0 {
		return jose.Key{}, errors.New("jwks_file " + c.JWKSFile + " holds no key")
	}
	key := keys[0]
	if c.AuthAlg != "" {
		key = key.WithAlg(c.AuthAlg)
	}
	return key, nil
}

// RequestKey is what the client signs its requests with: of the keys in its jwks_file the
// first that is for the registered algorithm, or else of its type. The error is for a client
// that has none. CIBA Core 4 (backchannel_authentication_request_signing_alg).
func (c Client) RequestKey() (jose.Key, error) {
	keys, err := jose.ParseKeys([]byte(c.JWKS.Reveal()))
	if err != nil {
		return jose.Key{}, fmt.Errorf("client %q: jwks_file %s: %w", c.Name, c.JWKSFile, err)
	}
	fits := func(k jose.Key) bool { return k.SignsWith(c.RequestSigningAlg) }
	i := slices.IndexFunc(keys, func(k jose.Key) bool { return fits(k) && k.Alg() == c.RequestSigningAlg })
	if i < 0 {
		i = slices.IndexFunc(keys, fits)
	}
	if i < 0 {
		return jose.Key{}, fmt.Errorf("client %q: jwks_file %s holds no private key for %s", c.Name, c.JWKSFile, c.RequestSigningAlg)
	}
	return keys[i].WithAlg(c.RequestSigningAlg), nil
}

// PublicKeys are the public halves of the keys in the client's jwks_file, with further ones, as a
// JSON Web Key Set. The error is for a file that holds none.
func (c Client) PublicKeys(more ...jose.Key) ([]byte, error) {
	keys, err := jose.ParseKeys([]byte(c.JWKS.Reveal()))
	if err != nil {
		return nil, fmt.Errorf("client %q: jwks_file %s: %w", c.Name, c.JWKSFile, err)
	}
	return jose.MarshalJWKS(append(keys, more...))
}

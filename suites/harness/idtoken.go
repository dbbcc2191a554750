package harness

import (
	"slices"
	"strings"

	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/internal/jose"
)

// IDToken is a decoded ID Token, and its signed text.
type IDToken struct {
	jose.Token
	Text string
}

func (i IDToken) Alg() string {
	alg, _ := i.Header["alg"].(string)
	return alg
}

// IDTokenIn reads the ID Token of a token response. Without a readable one
// nothing can be judged but that, which token-id-token does.
func IDTokenIn(t *T, tokens ciba.TokenResponse) IDToken { return IDTokenFor(t, t.client, tokens) }

// IDTokenFor is [T.IDTokenIn] for another client.
func IDTokenFor(t *T, c *Client, tokens ciba.TokenResponse) IDToken {
	if tokens.IDToken == "" && !AsksForOpenID(t) {
		t.Skip("the scope of the target file does not contain openid, so no ID Token is due")
	}
	signed, err := Opened(c, tokens.IDToken)
	if err != nil {
		t.Abort("the ID Token is encrypted and cannot be opened: %v; jwks_file of client %q needs the private key", err, c.Name)
	}
	token, err := jose.Decode(signed)
	if err != nil {
		t.Abort("the ID Token cannot be read: %v", err)
	}
	return IDToken{token, signed}
}

// Opened decrypts a token that is encrypted to the client.
func Opened(c *Client, token string) (string, error) {
	if !jose.IsEncrypted(token) {
		return token, nil
	}
	keys, err := jose.ParseKeys([]byte(c.JWKS.Reveal()))
	if err != nil {
		return "", err
	}
	return jose.Decrypt(token, keys)
}

func AsksForOpenID(t *T) bool {
	return slices.Contains(strings.Fields(t.Request().Get("scope")), "openid")
}

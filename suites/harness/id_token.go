package harness

import (
	"slices"
	"strings"

	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/internal/jose"
)

// IDToken is a decoded ID Token whose signature nobody has verified yet.
type IDToken struct {
	jose.Token
	Text string // the signed token, decrypted if it was encrypted
}

// Alg is the algorithm of the header, empty when there is none or it is no string.
func (i IDToken) Alg() string {
	alg, _ := i.Header["alg"].(string)
	return alg
}

// IDTokenIn reads the ID Token of a token response of the case's client. Without a readable
// one nothing can be judged but that, which the case token-id-token does: here it ends the
// case as error, or as a skip where the scope asks for no ID Token.
func IDTokenIn(t *T, tokens ciba.TokenResponse) IDToken { return IDTokenFor(t, t.client, tokens) }

// IDTokenFor is [IDTokenIn] for another client, whose keys may have to decrypt it.
func IDTokenFor(t *T, c *Client, tokens ciba.TokenResponse) IDToken {
	if tokens.IDToken == "" && !AsksForOpenID(t) {
		t.Skip("the scope of the target file does not contain openid, so no ID Token is due")
	}
	if tokens.IDToken == "" {
		t.Abort("there is no ID Token to look at: the token response of client %s has no id_token, which token-id-token judges", c.Name)
	}
	signed, err := Decrypted(c, tokens.IDToken)
	if err != nil {
		t.Abort("the ID Token is encrypted and cannot be opened: %v; jwks_file of client %q needs the private key", err, c.Name)
	}
	token, err := jose.Decode(signed)
	if err != nil {
		t.Abort("the ID Token cannot be read: %v", err)
	}
	return IDToken{token, signed}
}

// JudgeSignatureOf verifies an ID Token that has a signature as its client would: by the
// published keys, which are returned then, or for an HMAC by the client's secret. Findings
// point at the answer that brought it.
func JudgeSignatureOf(t *T, r *ciba.Response, token IDToken) (set KeySet, byKey bool) {
	if strings.HasPrefix(token.Alg(), "HS") {
		judgeSymmetricSignature(t, token)
		return KeySet{}, false
	}
	set = KeySetFor(t, token)
	if why := set.WhyUnverifiable(token); why != "" {
		t.Abort("the signature cannot be verified here: %s", why)
	}
	t.At(r)
	t.Check(set.Verifies(token), "a valid signature of a key at jwks_uri",
		"no key there verifies it (alg %.20q, kid %.60v)", token.Alg(), token.Header["kid"])
	return set, true
}

// judgeSymmetricSignature verifies an HMAC by the client's secret; OIDC Core 10.1.
func judgeSymmetricSignature(t *T, token IDToken) {
	secret := t.Client().ClientSecret.Reveal()
	if secret == "" && strings.HasPrefix(t.Client().IDTokenAlg(), "HS") {
		t.Abort("client %q has no client_secret in the target file to verify %s with", t.Client().Name, token.Alg())
	}
	key := jose.SymmetricKey([]byte(secret), token.Alg(), "")
	_, err := jose.Verify(token.Text, []jose.Key{key}, []string{token.Alg()})
	t.Check(err == nil, "a valid signature", "%s, but not with the client's secret", token.Alg())
}

// Decrypted decrypts a token that is encrypted to the client, and returns any other as it is.
// The error says that the client's keys cannot decrypt it.
func Decrypted(c *Client, token string) (string, error) {
	if !jose.IsEncrypted(token) {
		return token, nil
	}
	keys, err := jose.ParseKeys([]byte(c.JWKS.Reveal()))
	if err != nil {
		return "", err
	}
	return jose.Decrypt(token, keys)
}

// AsksForOpenID reports whether the scope of the target file has openid. Without it no ID
// Token is due. CIBA Core 7.1 leaves open what such a request is; see N-11.
func AsksForOpenID(t *T) bool {
	return slices.Contains(strings.Fields(t.Request().Get("scope")), "openid")
}

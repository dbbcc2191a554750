package harness

import (
	"cmp"
	"slices"
	"strings"
	"unicode"

	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/internal/jose"
	"github.com/cibatest/cibatest/internal/preflight"
	"github.com/cibatest/cibatest/internal/targetfile"
)

// Disturbing is [Judges] for cases that an OP may count as failed logins of the client. They
// run alone and after its other cases, as the OP may lock the client out.
func Disturbing(ids ...string) Traits {
	return Judges(ids...).AloneForClient().LastForClient()
}

// ClientPerMethod is one general client for each authentication method, the case's
// own first: an OP may well check one method and forget another.
func ClientPerMethod(t *T) []*Client {
	list := []*Client{t.Client()}
	for _, c := range t.OrdinaryClients() {
		if !slices.ContainsFunc(list, func(known *Client) bool { return known.AuthMethod == c.AuthMethod }) {
			list = append(list, c)
		}
	}
	return list
}

// Strangers are the other ordinary clients of the mode that the OP lets in, those first that differ the
// least from the case's own but for who they are. Where they are alike in all else, a refusal
// is about who they are.
func Strangers(t *T) []*Client {
	own := t.Client()
	list := slices.DeleteFunc(Clients(t), func(c *Client) bool {
		return c.ClientID == own.ClientID || c.Rejection() != "" || !preflight.Ordinary(c.Client) || c.DeliveryMode != own.DeliveryMode
	})
	slices.SortStableFunc(list, func(a, b *Client) int {
		return cmp.Compare(preflight.Differences(a.Client, own.Client), preflight.Differences(b.Client, own.Client))
	})
	return list
}

// RotateKey is a new key of the case's client, published at its jwks_uri a moment ago.
func RotateKey(t *T) jose.Key {
	key, err := t.session.run.RotateKey(t.client)
	MustNotFail(t, err)
	return key
}

// BySecret authenticates a client by a secret, in the form or the header as it is registered.
// The secret need not be the client's own.
func BySecret(c *Client, secret string) ciba.Authenticator {
	if c.AuthMethod == targetfile.AuthClientSecretPost {
		return ciba.Post(c.ClientID, secret)
	}
	return ciba.Basic(c.ClientID, secret)
}

// UnknownClient authenticates a client that does not exist, by the method of another one.
func UnknownClient(t *T, like *Client) ciba.Authenticator {
	id := "unknown-" + strings.ToLower(t.Random().Text()[:12])
	switch {
	case like.AuthMethod == targetfile.AuthClientSecretPost:
		return ciba.Post(id, t.Random().Text())
	case like.UsesAssertion():
		a := Assertion(t, like)
		a.ClientID = id
		return a
	}
	return ciba.Basic(id, t.Random().Text())
}

// WrongCredential authenticates a client by its own method with a secret or a key that was
// just made up. The key has the algorithm and the kid of the right one, so that only the
// signature is wrong.
func WrongCredential(t *T, c *Client) ciba.Authenticator {
	if !c.UsesAssertion() {
		return BySecret(c, "wrong-"+t.Random().Text())
	}
	a := Assertion(t, c)
	key, err := jose.KeyOfNobody(a.Key.Alg(), a.Key.KID())
	if err != nil {
		t.Abort("making a key: %v", err)
	}
	a.Key = key
	return a
}

// SwapLetterCase swaps upper and lower case in every letter of a text.
func SwapLetterCase(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsUpper(r) {
			return unicode.ToLower(r)
		}
		return unicode.ToUpper(r)
	}, text)
}

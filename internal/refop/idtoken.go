package refop

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cibatest/cibatest/internal/jose"
)

// Draft is a JWT before it is signed. alg and kid come from the key unless the
// header has them.
type Draft struct {
	Header, Claims map[string]any
	Key            jose.Key
	Flow           *Flow
	AccessToken    string // that an ID Token comes with
}

// issueIDToken makes an ID Token for the client of a call.
func (op *OP) issueIDToken(c *Call, f *Flow, accessToken string) (string, error) {
	d, err := op.plan.Rules.DraftIDToken(c, f, accessToken)
	if err != nil {
		return "", err
	}
	return op.plan.Rules.SignIDToken(c, d)
}

// draftIDToken has the claims of OIDC Core 2; at_hash binds it to the access token
// (OIDC Core 3.1.3.6), and auth_time is when the user approved.
func draftIDToken(c *Call, f *Flow, accessToken string) (*Draft, error) {
	op := c.OP
	key := op.idTokenKey(c.Client)
	atHash, err := jose.LeftHalfHash(key.Alg(), accessToken)
	if err != nil {
		return nil, err
	}
	claims := map[string]any{
		"iss": op.issuer, "sub": op.plan.Rules.Subject(c.Client, f.User), "aud": c.Client.ID,
		"iat": c.Now.Unix(), "exp": c.Now.Add(op.reg.IDTokenLifetime).Unix(), "auth_time": f.Decided.Unix(),
		"at_hash": atHash,
	}
	if len(op.reg.ACRValues) > 0 {
		claims["acr"] = op.acr(f)
	}
	if c.Client.DeliveryMode == DeliveryPush {
		if err := bindPush(claims, key.Alg(), f.ID, c.RefreshToken); err != nil {
			return nil, err
		}
	}
	return &Draft{Header: map[string]any{}, Claims: claims, Key: key, Flow: f, AccessToken: accessToken}, nil
}

func signIDToken(_ *Call, d *Draft) (string, error) { return jose.Sign(d.Header, d.Claims, d.Key) }

// idTokenKey signs the ID Tokens of a client: by the algorithm it registered, or
// by the usual one of this OP.
func (op *OP) idTokenKey(client *Client) jose.Key {
	if client.IDTokenAlg != "" {
		return op.SigningKey(client.IDTokenAlg)
	}
	return op.SigningKey(op.plan.Policy.IDTokenAlg)
}

// acr tells what the device of this OP achieves: the first of the requested
// values it supports, else its basic one.
func (op *OP) acr(f *Flow) string {
	for wanted := range strings.FieldsSeq(f.ACR) {
		if slices.Contains(op.reg.ACRValues, wanted) {
			return wanted
		}
	}
	return op.reg.ACRValues[0]
}

// PastIDToken is an ID token that this OP issued to a client about a user, by
// login_hint, and that expired the given time ago. It serves as an old
// id_token_hint.
func (op *OP) PastIDToken(clientID, loginHint string, ago time.Duration) (string, error) {
	client, user := op.Client(clientID), op.UserBy(func(u User) bool { return u.LoginHint == loginHint })
	if client == nil || user == nil {
		return "", fmt.Errorf("an old ID token of %q for client %q: not registered", loginHint, clientID)
	}
	end := op.now().Add(-ago)
	claims := map[string]any{
		"iss": op.issuer, "sub": op.plan.Rules.Subject(client, user), "aud": client.ID,
		"iat": end.Add(-op.reg.IDTokenLifetime).Unix(), "exp": end.Unix(),
	}
	return jose.Sign(nil, claims, op.SigningKey(client.IDTokenAlg))
}

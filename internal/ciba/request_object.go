package ciba

import (
	"crypto/rand"
	"encoding/json"
	"time"

	"github.com/cibatest/cibatest/internal/jose"
)

// How long a signed request is good for, and since when.
const (
	// RequestObjectLifetime is what OPs with an upper limit of their own take.
	RequestObjectLifetime = 5 * time.Minute

	// requestObjectAge is how far the clock of the OP may be behind.
	requestObjectAge = 10 * time.Second
)

// RequestObject makes signed authentication requests: the parameters are claims of a JWT
// that the client signs. Every call of Sign makes a fresh one with iss, aud, exp, iat, nbf
// and jti (CIBA Core 7.1.1); Edit may change anything before it is signed, a nil value
// removing a header member.
type RequestObject struct {
	ClientID string
	Key      jose.Key
	Audience string // the issuer of the OP
	Edit     func(header, claims map[string]any)

	// Flaw spoils the token; nil: it is signed with Key.
	Flaw *jose.Flaw
}

// Sign makes the value of the parameter request.
func (o RequestObject) Sign(p Params) (string, error) {
	now := time.Now()
	header, claims := map[string]any{}, claimsOf(p)
	claims["iss"], claims["aud"], claims["jti"] = o.ClientID, o.Audience, rand.Text()
	claims["exp"], claims["iat"], claims["nbf"] = now.Add(RequestObjectLifetime).Unix(), now.Unix(), now.Add(-requestObjectAge).Unix()
	if o.Edit != nil {
		o.Edit(header, claims)
	}
	if o.Flaw != nil {
		return o.Flaw.Forge(header, claims, o.Key)
	}
	return jose.Sign(header, claims, o.Key)
}

// claimsOf are parameters as CIBA Core 7.1.1 has them in a JWT: strings, but for
// authorization_details, which is JSON of its own (RFC 9396 2). Of a repeated parameter the
// last one counts, as a JSON object has each name once.
func claimsOf(p Params) map[string]any {
	claims := map[string]any{}
	for _, one := range p {
		claims[one.Name] = one.Value
		if one.Name == "authorization_details" && json.Valid([]byte(one.Value)) {
			claims[one.Name] = json.RawMessage(one.Value)
		}
	}
	return claims
}

// Outside are the parameters that stay beside a signed request: those of the client's
// authentication, and those that are a request object themselves. CIBA Core 7.1.1.
func Outside(name string) bool {
	switch name {
	case "client_id", "client_secret", "client_assertion", "client_assertion_type", "request", "request_uri":
		return true
	}
	return false
}

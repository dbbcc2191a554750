package refop

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/cibatest/cibatest/internal/jose"
)

// AssertionType is the client_assertion_type of a JWT; RFC 7523 2.2.
const AssertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// clockSkew is how far the clock of a client may be off.
const clockSkew = 60 * time.Second

// assertionChecks are RFC 7523 3 and OIDC Core 9. Whose assertion it is has to be
// known before its signature can be verified, and only what is signed is worth
// looking at in detail.
var assertionChecks = []check{
	{CheckAssertionType, func(c *Call) *OAuthError {
		if c.Value("client_assertion_type") != AssertionType {
			return c.BadClient("client_assertion_type is wrong or missing")
		}
		return nil
	}},
	{CheckAssertionJWT, func(c *Call) *OAuthError {
		var err error
		if c.Assertion, err = c.OP.Rules().DecodeAssertion(c); err != nil {
			return c.BadClient("client_assertion is not a JWT")
		}
		return nil
	}},
	{CheckAssertionClient, func(c *Call) *OAuthError {
		if c.Client = c.OP.Client(c.assertionClaim("sub")); c.Client == nil {
			return c.BadClient("unknown client")
		}
		return nil
	}},
	{CheckAssertionIssuer, func(c *Call) *OAuthError { // OIDC Core 9: both are the client_id
		if c.assertionClaim("iss") != c.assertionClaim("sub") {
			return c.BadClient("iss and sub differ")
		}
		return nil
	}},
	{CheckAssertionClientID, func(c *Call) *OAuthError { // RFC 7521 4.2: optional, but the same
		if id := c.Value("client_id"); id != "" && id != c.assertionClaim("sub") {
			return c.BadClient("client_id is another client's")
		}
		return nil
	}},
	{CheckAssertionMethod, func(c *Call) *OAuthError {
		if m := c.Client.AuthMethod; m != MethodSecretJWT && m != MethodPrivateKeyJWT && m != MethodAny {
			return c.BadClient("the client is registered for another method")
		}
		return nil
	}},
	{CheckAssertionSignature, func(c *Call) *OAuthError {
		if c.Client.Unlisted { // nobody knows its keys
			return nil
		}
		keys, algs := c.OP.Rules().AssertionKeys(c, c.Client)
		if _, err := jose.Verify(c.Value("client_assertion"), keys, algs); err != nil {
			return c.BadClient("the assertion is not signed by the client")
		}
		return nil
	}},
	{CheckAssertionAudience, func(c *Call) *OAuthError {
		if !c.OP.Rules().AudienceFits(c, c.Assertion.Claims["aud"]) {
			return c.BadClient("the assertion is addressed to somebody else")
		}
		return nil
	}},
	{CheckAssertionWithExp, func(c *Call) *OAuthError {
		if _, ok := Moment(c.Assertion.Claims["exp"]); !ok {
			return c.BadClient("exp is missing")
		}
		return nil
	}},
	{CheckAssertionExpired, func(c *Call) *OAuthError {
		if exp, ok := Moment(c.Assertion.Claims["exp"]); ok && c.Now.After(exp.Add(clockSkew)) {
			return c.BadClient("the assertion has expired")
		}
		return nil
	}},
	{CheckAssertionNotBefore, func(c *Call) *OAuthError {
		if nbf, ok := Moment(c.Assertion.Claims["nbf"]); ok && c.Now.Add(clockSkew).Before(nbf) {
			return c.BadClient("the assertion is not valid yet")
		}
		return nil
	}},
	{CheckAssertionReplay, func(c *Call) *OAuthError { // RFC 7523 3 leaves jti optional
		jti := c.assertionClaim("jti")
		exp, _ := Moment(c.Assertion.Claims["exp"])
		if jti != "" && c.OP.replayed(c.Client.ID+" "+jti, exp) {
			return c.BadClient("the assertion was used before")
		}
		return nil
	}},
}

func decodeAssertion(c *Call) (jose.Token, error) { return jose.Decode(c.Value("client_assertion")) }

// assertionClaim is a claim of the assertion that is a string, else empty.
func (c *Call) assertionClaim(name string) string {
	value, _ := c.Assertion.Claims[name].(string)
	return value
}

// assertionKeys never mixes the two kinds: a public key is not to be taken for the
// secret of an HMAC.
func assertionKeys(_ *Call, client *Client) ([]jose.Key, []string) {
	if client.AuthMethod == MethodSecretJWT || client.AuthMethod == MethodAny && len(client.keys) == 0 {
		return []jose.Key{jose.SymmetricKey([]byte(client.Secret), "", "")}, []string{"HS256", "HS384", "HS512"}
	}
	return client.keys, []string{"ES256", "RS256", "PS256", "ES384", "EdDSA"}
}

// audienceFits takes a string or an array, of which one name has to be this OP's.
func audienceFits(c *Call, audience any) bool {
	names := c.OP.Audiences()
	if list, ok := audience.([]any); ok {
		return slices.ContainsFunc(list, func(v any) bool { s, _ := v.(string); return slices.Contains(names, s) })
	}
	s, ok := audience.(string)
	return ok && slices.Contains(names, s)
}

// Audiences are the names under which an assertion may be addressed to this OP:
// the issuer, the token endpoint and the backchannel authentication endpoint.
// CIBA Core 7.1.
func (op *OP) Audiences() []string {
	return []string{op.issuer, op.URL(op.plan.Paths.Token), op.URL(op.plan.Paths.Start)}
}

// replayed remembers a jti until its token has expired, and reports whether it was
// known.
func (op *OP) replayed(key string, until time.Time) bool {
	s := op.shardOf(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	_, known := s.used.items[key]
	if until.IsZero() {
		until = op.now().Add(retention)
	}
	s.used.put(key, struct{}{}, until.Add(clockSkew), op.now())
	return known
}

// Moment reads a NumericDate; RFC 7519 2.
func Moment(v any) (time.Time, bool) {
	n, ok := v.(json.Number)
	if !ok {
		return time.Time{}, false
	}
	f, err := n.Float64()
	if err != nil {
		return time.Time{}, false
	}
	return time.Unix(int64(f), 0), true
}

package variants

import (
	"net/http"
	"time"

	"github.com/cibatest/cibatest/internal/refop"
	"github.com/cibatest/cibatest/internal/refop/edit"
)

// Security are other ways to publish keys and to refuse tokens.
var Security = []Variant{
	{
		"jwks-more-keys", "RFC 7517 5: keys of unknown types are ignored",
		edit.Answers(refop.EndpointJWKS, refop.ReplyJWKS, func(r *refop.Reply) {
			unknown := map[string]any{"kty": "AKP", "alg": "ML-DSA-44", "use": "sig", "kid": "pq", "pub": "AAAA"}
			r.Body["keys"] = append([]any{unknown, edit.EncryptionKey()}, r.Body["keys"].([]any)...)
			r.Header.Set("Content-Type", "application/jwk-set+json")
		}),
	},
	{
		"jwks-bare", "RFC 7517 4: use and alg of a key are optional",
		edit.Answers(refop.EndpointJWKS, refop.ReplyJWKS, func(r *refop.Reply) {
			edit.EachKey(func(_ int, key map[string]any) { delete(key, "use"); delete(key, "alg") })(r.Body["keys"].([]any))
		}),
	},
	{
		"jwks-shared-kid", "RFC 7517 4.5: keys of different types may share a kid",
		edit.Answers(refop.EndpointJWKS, refop.ReplyJWKS, func(r *refop.Reply) {
			r.Body["keys"] = append(r.Body["keys"].([]any), map[string]any{
				"kty": "OKP", "crv": "Ed25519", "use": "sig", "kid": "test-only-op-rs256", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
			})
		}),
	},
	{
		"jwks-rotated", "OIDC Core 10.1.1: keys may change at any time; the old ones stay published for a while",
		edit.RotatingKeys(4*time.Second, func(inUse bool, old, made []any) []any {
			if inUse {
				return append(made, old...)
			}
			return old
		}),
	},
	{
		"jwks-rotation-announced", "OIDC Core 10.1.1: new keys may be published before they sign",
		edit.RotatingKeys(4*time.Second, func(_ bool, old, made []any) []any { return append(old, made...) }),
	},
	{
		"refresh-family-ends", "RFC 6749 10.4: a refresh token in foreign hands may end the grant",
		edit.Replies(func(c *refop.Call, r *refop.Reply) {
			if g := edit.ForeignRefreshToken(c); g != nil && r.Kind == refop.ReplyError {
				c.OP.Revoke(g.Flow)
			}
		}),
	},
	{
		"userinfo-other-scheme", "RFC 9449 7.1: a server may challenge for DPoP",
		edit.Answers(refop.EndpointUserInfo, refop.ReplyError, edit.Challenge(`DPoP error="invalid_token", algs="ES256"`)),
	},
	{"introspection-stranger-403", "RFC 7662 2.3: a caller without permission may be told 403", func(p *refop.Plan) {
		edit.Answer(p, refop.EndpointIntrospection, refop.ReplyError, func(r *refop.Reply) { r.Status, r.Raw = http.StatusForbidden, []byte{} })
	}},
	{
		"introspection-no-id-tokens", "RFC 7662 1: introspection is about access and refresh tokens",
		edit.Replies(refusesIDTokens),
	},
	{
		"introspection-no-rich-jwts", "RFC 7662 2: a JWT that tells authorization_details is read without introspection (oidc-provider)",
		edit.Replies(refusesRichJWTs),
	},
	{
		"introspection-bare-401", "RFC 7662 2.3: the form of the refusal is left to the scheme of authorization",
		edit.Answers(refop.EndpointIntrospection, refop.ReplyError, func(r *refop.Reply) {
			r.Header.Set("WWW-Authenticate", `Bearer error="invalid_token"`)
			r.Raw = []byte{}
		}),
	},
}

// refusesRichJWTs refuses a question about an access token that is a JWT and tells
// authorization_details by itself.
func refusesRichJWTs(c *refop.Call, r *refop.Reply) {
	if r.Kind != refop.ReplyIntrospection {
		return
	}
	rich := false
	c.OP.LockedGrant(c.Value("token"), func(g *refop.Grant) { rich = len(g.Details) > 0 })
	if _, err := c.OP.VerifyOwn(c.Value("token")); err == nil && rich {
		edit.Failing(http.StatusBadRequest, "unsupported_token_type")(r)
	}
}

// refusesIDTokens refuses a question about a JWT of this OP that is no access token.
func refusesIDTokens(c *refop.Call, r *refop.Reply) {
	if r.Kind != refop.ReplyIntrospection {
		return
	}
	known := false
	c.OP.LockedGrant(c.Value("token"), func(*refop.Grant) { known = true })
	if _, err := c.OP.VerifyOwn(c.Value("token")); err == nil && !known {
		edit.Failing(http.StatusBadRequest, "unsupported_token_type")(r)
	}
}

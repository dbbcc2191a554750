package variants

import (
	"slices"
	"strings"

	"github.com/cibatest/cibatest/internal/jose"
	"github.com/cibatest/cibatest/internal/refop"
	"github.com/cibatest/cibatest/internal/refop/edit"
)

// IDToken are other ID Tokens.
var IDToken = []Variant{
	{"idt-eddsa", "OIDC Core 15.1: any registered algorithm may be used; RFC 8037", edit.SigningBy("EdDSA")},
	{
		"idt-ed25519", "RFC 9864 2.2: EdDSA by its fully specified name",
		edit.All(edit.SigningBy("EdDSA"), edit.IDTokens(func(d *refop.Draft) {
			if d.Key.Alg() == "EdDSA" {
				d.Header["alg"], d.Header["typ"] = "Ed25519", nil
			}
		}), unverifiedHints),
	},
	{"idt-es384", "OIDC Core 15.1: any registered algorithm may be used", edit.SigningBy("ES384")},
	{"idt-es512", "OIDC Core 15.1: any registered algorithm may be used", edit.SigningBy("ES512")},
	{"idt-hs256", "OIDC Core 10.1: HS256 signs with the client_secret", edit.All(func(p *refop.Plan) {
		p.EditIDTokens(func(c *refop.Call, d *refop.Draft) {
			if c.Client.Secret != "" && c.Client.IDTokenAlg == "" {
				d.Key = jose.SymmetricKey([]byte(c.Client.Secret), "HS256", "")
			}
		})
	}, unverifiedHints)},
	{"idt-one-key", "OIDC Core 10.1: kid is needed only where several keys are published", edit.All(
		func(p *refop.Plan) { p.SigningKeys = p.SigningKeys[:1] },
		edit.IDTokens(func(d *refop.Draft) { d.Header["kid"] = nil }),
		edit.Keys(edit.EachKey(func(_ int, key map[string]any) { delete(key, "kid") })),
	)},
	{"idt-encrypted", "OIDC Core 10.2: ID Tokens may be encrypted to the client", encrypted},
	{
		"idt-terse", "OIDC Core 2: acr, auth_time and at_hash are optional where the token endpoint answers",
		edit.FetchedClaims(func(claims map[string]any) {
			delete(claims, "acr")
			delete(claims, "auth_time")
			delete(claims, "at_hash")
		}),
	},
	{"idt-extra-claims", "OIDC Core 2: further claims are allowed", edit.Claims(func(claims map[string]any) {
		claims["amr"], claims["name"], claims["urn:example"] = []any{"swk"}, "Alice", map[string]any{"a": nil}
	})},
	{
		"idt-nulls", "OIDC Core 5.3.2: null for a missing claim is advised against, not forbidden",
		edit.FetchedClaims(func(claims map[string]any) {
			for _, name := range []string{"azp", "nonce", "acr", "auth_time", "at_hash"} {
				claims[name] = nil
			}
		}),
	},
	{
		"idt-aud-list", "OIDC Core 2: aud may be an array, and azp the client",
		edit.Claims(func(claims map[string]any) { claims["azp"], claims["aud"] = claims["aud"], []any{claims["aud"]} }),
	},
	{
		"idt-more-audiences", "OIDC Core 2: aud may name other audiences too",
		edit.Claims(func(claims map[string]any) { claims["aud"] = []any{"https://api.reference.example", claims["aud"]} }),
	},
	{
		"idt-clock-ahead", "OIDC Core 3.1.3.7: clocks differ a little",
		edit.Claims(func(claims map[string]any) { edit.Shift(claims, "iat", 4) }),
	},
	{"idt-fractions", "RFC 7519 2: a NumericDate may have a fraction", edit.Claims(func(claims map[string]any) {
		edit.Shift(claims, "iat", 0.25)
		edit.Shift(claims, "exp", 0.5)
	})},
	{
		"idt-earlier-session", "OIDC Core 2: the user may have authenticated earlier",
		edit.Claims(func(claims map[string]any) { edit.Shift(claims, "auth_time", -7200) }),
	},
	{"idt-bound", "CIBA Core 10.3.1: rt_hash and auth_req_id are allowed in any mode", func(p *refop.Plan) {
		p.EditIDTokens(func(_ *refop.Call, d *refop.Draft) { d.Claims["urn:openid:params:jwt:claim:auth_req_id"] = d.Flow.ID })
	}},
	{
		"idt-acr-zero", "OIDC Core 2: acr 0 says that no class was reached",
		edit.Claims(func(claims map[string]any) { claims["acr"] = "0" }),
	},
	{
		"idt-acr-denied", "CIBA Core 13: a class that cannot be reached may be denied",
		edit.States(func(c *refop.Call, f *refop.Flow, at refop.State) refop.State {
			for class := range strings.FieldsSeq(f.ACR) {
				if !slices.Contains(c.OP.Registration().ACRValues, class) && at == refop.Approved {
					return refop.Denied
				}
			}
			return at
		}),
	},
	{
		"idt-acr-refused", "OIDC Core 5.5.1.1: unknown classes may be refused",
		edit.RefusingStarts("invalid_request", func(c *refop.Call) bool {
			return slices.ContainsFunc(strings.Fields(c.Value("acr_values")), func(class string) bool {
				return !slices.Contains(c.OP.Registration().ACRValues, class)
			})
		}),
	},
}

// unverifiedHints takes ID Tokens of this OP for hints whose signatures it cannot
// verify itself.
func unverifiedHints(p *refop.Plan) {
	edit.WithoutWhen(func(c *refop.Call) bool {
		alg, _ := c.Hint.Header["alg"].(string)
		return c.Hint.Claims != nil && !strings.EqualFold(alg, "none")
	}, refop.CheckIDHintSignature)(p)
}

// encrypted encrypts ID Tokens to clients that have a key for it.
func encrypted(p *refop.Plan) {
	p.EditSignedIDTokens(func(c *refop.Call, _ *refop.Draft, token string) string {
		keys := c.Client.KeySet()
		if len(keys) == 0 || keys[0].Alg() != "ES256" {
			return token
		}
		sealed, err := jose.Encrypt(token, "ECDH-ES+A256KW", keys[0])
		if err != nil {
			return token
		}
		return sealed
	})
}

package faults

import (
	"crypto/sha256"
	"encoding/asn1"
	"encoding/base64"
	"math/big"
	"strings"
	"sync"
	"time"

	"github.com/cibatest/cibatest/internal/jose"
	"github.com/cibatest/cibatest/internal/refop"
	"github.com/cibatest/cibatest/internal/refop/edit"
)

// IDToken are the defects of ID Tokens; OIDC Core 2.
var IDToken = []Fault{
	{"idt-signature-flipped", "OIDC-2-IDT-SIGNATURE", "a bit of the signature is wrong", signed(flip)},
	{
		"idt-changed-after-signing", "OIDC-2-IDT-SIGNATURE", "a claim is added after signing",
		signed(retold(func(claims map[string]any) { claims["amr"] = []any{"ciba"} })),
	},
	{"idt-foreign-key", "OIDC-2-IDT-SIGNATURE", "the key is not the published one of its kid", edit.IDTokens(func(d *refop.Draft) {
		if d.Key.Alg() == "RS256" {
			d.Key = foreignKey()
		}
	})},
	{"idt-key-confused", "OIDC-2-IDT-SIGNATURE", "an HMAC with the public key as secret", edit.IDTokens(func(d *refop.Draft) {
		d.Key = jose.SymmetricKey(publicText(d.Key), "HS256", d.Key.KID())
	})},
	{"idt-hmac-foreign-secret", "OIDC-2-IDT-SIGNATURE", "an HMAC with another client's secret", func(p *refop.Plan) {
		p.EditIDTokens(func(c *refop.Call, d *refop.Draft) {
			d.Key = jose.SymmetricKey([]byte(c.OP.Registration().Clients[1].Secret+c.OP.Registration().Clients[0].Secret), "HS256", "")
		})
	}},
	{
		"idt-kid-unknown", "OIDC-2-IDT-SIGNATURE", "kid names no published key",
		edit.IDTokens(func(d *refop.Draft) { d.Header["kid"] = "yesterday" }),
	},
	{"idt-kid-of-another", "OIDC-2-IDT-SIGNATURE", "kid names the wrong key", edit.IDTokens(func(d *refop.Draft) {
		d.Header["kid"] = map[bool]string{true: "test-only-op-es256", false: "test-only-op-rs256"}[d.Key.Alg() == "RS256"]
	})},
	{
		"idt-kid-missing", "OIDC-2-IDT-SIGNATURE", "no kid, though several keys are published",
		edit.IDTokens(func(d *refop.Draft) { d.Header["kid"] = nil }),
	},
	{
		"idt-key-unpublished", "OIDC-2-IDT-SIGNATURE", "the signing key is not in the set",
		edit.Keys(func(keys []any) any { return keys[1:] }),
	},
	{
		"idt-key-rotated-unpublished", "OIDC-2-IDT-SIGNATURE", "a few seconds after the start new keys sign that are never published",
		edit.RotatingKeys(4*time.Second, func(_ bool, old, _ []any) []any { return old }),
	},
	{
		"idt-key-for-encryption", "OIDC-2-IDT-SIGNATURE", "the signing key is published for encryption",
		edit.Keys(edit.EachKey(func(i int, key map[string]any) {
			if i == 0 {
				key["use"] = "enc"
			}
		})),
	},
	{"idt-es256-der", "OIDC-2-IDT-SIGNATURE", "ES256 signatures are in DER", func(p *refop.Plan) {
		p.EditSignedIDTokens(func(c *refop.Call, _ *refop.Draft, token string) string {
			if c.Client.IDTokenAlg != "ES256" {
				return token
			}
			return inDER(token)
		})
	}},
	{
		"idt-ps256-padding", "OIDC-2-IDT-SIGNATURE", "PS256 is claimed for a PKCS #1 v1.5 signature",
		onlyFor("PS256", func(_ *refop.Call, d *refop.Draft) {
			d.Key, d.Header["alg"] = d.Key.WithAlg("RS256"), "PS256"
		}),
	},
	{"idt-unsigned", "OIDC-2-IDT-ALG", "alg is none", func(p *refop.Plan) {
		p.Rules.SignIDToken = func(_ *refop.Call, d *refop.Draft) (string, error) { return jose.Unsigned(d.Header, d.Claims) }
	}},
	{"idt-unsigned-odd-case", "OIDC-2-IDT-ALG", "alg is nOnE", signed(func(token string) string {
		t, _ := jose.Decode(token)
		return edit.JWTPart(map[string]any{"alg": "nOnE"}) + "." + strings.Split(t.SigningInput, ".")[1] + "."
	})},
	{"idt-default-alg-for-all", "OIDC-2-IDT-ALG", "registered algorithms are ignored", func(p *refop.Plan) {
		p.EditIDTokens(func(c *refop.Call, d *refop.Draft) { d.Key = c.OP.SigningKey("RS256") })
	}},
	{
		"idt-es256-unasked", "OIDC-2-IDT-ALG", "ES256 instead of the default RS256",
		func(p *refop.Plan) { p.Policy.IDTokenAlg = "ES256" },
	},
	{"idt-iss-missing", "OIDC-2-IDT-ISS", "iss is missing", withoutClaim("iss")},
	{"idt-iss-foreign", "OIDC-2-IDT-ISS", "iss is another issuer", claim("iss", "https://other.example")},
	{
		"idt-iss-slash", "OIDC-2-IDT-ISS", "iss has a slash too many",
		edit.IDTokens(func(d *refop.Draft) { d.Claims["iss"] = d.Claims["iss"].(string) + "/" }),
	},
	{
		"idt-iss-array", "OIDC-2-IDT-ISS", "iss is an array",
		edit.IDTokens(func(d *refop.Draft) { d.Claims["iss"] = []any{d.Claims["iss"]} }),
	},
	{
		"idt-iss-for-es256", "OIDC-2-IDT-ISS", "iss is wrong for ES256 clients",
		onlyFor("ES256", func(_ *refop.Call, d *refop.Draft) { d.Claims["iss"] = "https://internal.example" }),
	},
	{"idt-aud-missing", "OIDC-2-IDT-AUD", "aud is missing", withoutClaim("aud")},
	{"idt-aud-foreign", "OIDC-2-IDT-AUD", "aud is another client", claim("aud", "somebody-else")},
	{
		"idt-aud-foreign-list", "OIDC-2-IDT-AUD", "aud lists other clients only",
		claim("aud", []any{"somebody-else", "https://api.reference.example"}),
	},
	{"idt-aud-empty-list", "OIDC-2-IDT-AUD", "aud is an empty array", claim("aud", []any{})},
	{
		"idt-aud-object", "OIDC-2-IDT-AUD", "aud is an object",
		edit.IDTokens(func(d *refop.Draft) { d.Claims["aud"] = map[string]any{"client_id": d.Claims["aud"]} }),
	},
	{
		"idt-aud-longer", "OIDC-2-IDT-AUD", "aud begins with the client_id",
		edit.IDTokens(func(d *refop.Draft) { d.Claims["aud"] = d.Claims["aud"].(string) + "x" }),
	},
	{"idt-azp-foreign", "OIDC-2-IDT-AUD", "azp is another client", claim("azp", "somebody-else")},
	{"idt-sub-missing", "OIDC-2-IDT-SUB", "sub is missing", withoutClaim("sub")},
	{"idt-sub-empty", "OIDC-2-IDT-SUB", "sub is empty", claim("sub", "")},
	{"idt-sub-number", "OIDC-2-IDT-SUB", "sub is a number", claim("sub", 1001)},
	{"idt-sub-long", "OIDC-2-IDT-SUB", "sub has 256 characters", claim("sub", strings.Repeat("s", 256))},
	{"idt-sub-not-ascii", "OIDC-2-IDT-SUB", "sub is not ASCII", claim("sub", "älice")},
	{"idt-exp-missing", "OIDC-2-IDT-EXP-IAT", "exp is missing", withoutClaim("exp")},
	{"idt-iat-missing", "OIDC-2-IDT-EXP-IAT", "iat is missing", withoutClaim("iat")},
	{"idt-exp-string", "OIDC-2-IDT-EXP-IAT", "exp is a string", edit.IDTokens(func(d *refop.Draft) { d.Claims["exp"] = "4102444800" })},
	{
		"idt-iat-date", "OIDC-2-IDT-EXP-IAT", "iat is a date in words",
		edit.IDTokens(func(d *refop.Draft) { d.Claims["iat"] = "2026-11-25T12:00:00Z" }),
	},
	{"idt-exp-past", "OIDC-2-IDT-EXP-IAT", "the token expires before it is issued", shifted("exp", -1200)},
	{"idt-exp-now", "OIDC-2-IDT-EXP-IAT", "the token lives for no time at all", shifted("exp", -600)},
	{"idt-stale", "OIDC-2-IDT-EXP-IAT", "the token has expired when it comes", edit.IDTokens(func(d *refop.Draft) {
		d.Claims["iat"], d.Claims["exp"] = d.Claims["iat"].(int64)-200, d.Claims["iat"].(int64)-100
	})},
	{"idt-iat-future", "OIDC-2-IDT-EXP-IAT", "iat is an hour ahead", shifted("iat", 3600)},
	{"idt-iat-old", "OIDC-2-IDT-EXP-IAT", "iat is an hour old", shifted("iat", -3600)},
	{
		"idt-nbf-future", "OIDC-2-IDT-EXP-IAT", "the token is not valid for another hour",
		edit.IDTokens(func(d *refop.Draft) { d.Claims["nbf"] = d.Claims["iat"].(int64) + 3600 }),
	},
	{
		"idt-exp-milliseconds", "OIDC-2-IDT-EXP-IAT", "exp is milliseconds",
		edit.IDTokens(func(d *refop.Draft) { d.Claims["exp"] = d.Claims["exp"].(int64) * 1000 }),
	},
	{"idt-milliseconds", "OIDC-2-IDT-EXP-IAT", "iat and exp are milliseconds", edit.IDTokens(func(d *refop.Draft) {
		d.Claims["iat"], d.Claims["exp"] = d.Claims["iat"].(int64)*1000, d.Claims["exp"].(int64)*1000
	})},
	{
		"idt-auth-time-string", "OIDC-2-IDT-AUTH-TIME", "auth_time is a string",
		edit.IDTokens(func(d *refop.Draft) { d.Claims["auth_time"] = "1700000000" }),
	},
	{"idt-auth-time-future", "OIDC-2-IDT-AUTH-TIME", "auth_time is an hour ahead", shifted("auth_time", 3600)},
	{
		"idt-auth-time-asked-string", "OIDC-2-IDT-AUTH-TIME", "auth_time, sent for max_age only, is a string",
		authTimeWhenAsked(func(*refop.Call) any { return "1700000000" }),
	},
	{
		"idt-auth-time-asked-of-issue", "OIDC-2-IDT-AUTH-TIME-TRUE", "auth_time, sent for max_age only, is when the token was issued",
		authTimeWhenAsked(func(c *refop.Call) any { return c.Now.Unix() }),
	},
	{"idt-auth-time-of-issue", "OIDC-2-IDT-AUTH-TIME-TRUE", "auth_time is when the token was issued", func(p *refop.Plan) {
		p.EditIDTokens(func(c *refop.Call, d *refop.Draft) { d.Claims["auth_time"] = c.Now.Unix() })
	}},
	{
		"idt-acr-missing", "CIBA-7.1-IDT-ACR", "acr is missing though it was asked for",
		edit.IDTokens(func(d *refop.Draft) { delete(d.Claims, "acr") }),
	},
	{"idt-acr-of-one", "CIBA-7.1-IDT-ACR", "acr is missing when two values were asked for", edit.IDTokens(func(d *refop.Draft) {
		if strings.Contains(d.Flow.ACR, " ") {
			delete(d.Claims, "acr")
		}
	})},
	{
		"idt-acr-list", "CIBA-7.1-IDT-ACR", "acr is an array",
		edit.IDTokens(func(d *refop.Draft) { d.Claims["acr"] = []any{d.Claims["acr"]} }),
	},
	{"idt-acr-echo", "OIDC-2-IDT-ACR-TRUE", "acr repeats the first value asked for", edit.IDTokens(func(d *refop.Draft) {
		if asked := strings.Fields(d.Flow.ACR); len(asked) > 0 {
			d.Claims["acr"] = asked[0]
		}
	})},
	{"idt-acr-echo-all", "OIDC-2-IDT-ACR-TRUE", "acr repeats acr_values as they came", edit.IDTokens(func(d *refop.Draft) {
		if d.Flow.ACR != "" {
			d.Claims["acr"] = d.Flow.ACR
		}
	})},
	{"idt-acr-unpublished", "OIDC-2-IDT-ACR-TRUE", "acr is none of acr_values_supported", claim("acr", "urn:example:gold")},
	{"idt-at-hash-wrong", "CIBA-10.3.1-IDT-HASH-IF-PRESENT", "at_hash is of another token", claim("at_hash", "MTIzNDU2Nzg5MDEyMzQ1Ng")},
	{
		"idt-at-hash-512", "CIBA-10.3.1-IDT-HASH-IF-PRESENT", "at_hash is SHA-512 whatever the algorithm",
		edit.IDTokens(func(d *refop.Draft) {
			d.Claims["at_hash"], _ = jose.LeftHalfHash("RS512", d.AccessToken)
		}),
	},
	{
		"idt-at-hash-always-256", "CIBA-10.3.1-IDT-HASH-IF-PRESENT", "at_hash is SHA-256 for ES512 too",
		edit.All(edit.SigningBy("ES512"), edit.IDTokens(func(d *refop.Draft) {
			d.Claims["at_hash"], _ = jose.LeftHalfHash("ES256", d.AccessToken)
		})),
	},
	{"idt-at-hash-whole", "CIBA-10.3.1-IDT-HASH-IF-PRESENT", "at_hash is the whole hash", edit.IDTokens(func(d *refop.Draft) {
		sum := sha256.Sum256([]byte(d.AccessToken))
		d.Claims["at_hash"] = base64.RawURLEncoding.EncodeToString(sum[:])
	})},
	{
		"idt-rt-hash-wrong", "CIBA-10.3.1-IDT-HASH-IF-PRESENT", "rt_hash is wrong",
		claim("urn:openid:params:jwt:claim:rt_hash", "MTIzNDU2Nzg5MDEyMzQ1Ng"),
	},
	{
		"idt-request-wrong", "CIBA-10.3.1-IDT-HASH-IF-PRESENT", "the auth_req_id claim is of another request",
		claim("urn:openid:params:jwt:claim:auth_req_id", "another-request"),
	},
	{"idt-nonce-made-up", "OIDC-2-IDT-NONCE", "nonce is made up", claim("nonce", "n-0S6_WzA2Mj")},
	{
		"pairwise-public", "CIBA-4-PAIRWISE-STABLE", "all sectors are told the same sub",
		subjects(func(_ *refop.Client, u *refop.User) string { return u.Sub }),
	},
	{
		"pairwise-of-sector", "CIBA-4-PAIRWISE-STABLE", "all users of a sector have one sub",
		subjects(func(c *refop.Client, u *refop.User) string {
			if c.Sector == "" {
				return u.Sub
			}
			return "somebody-of-" + c.Sector
		}),
	},
	{"pairwise-fleeting", "CIBA-4-PAIRWISE-STABLE", "pairwise subs change with every flow", func(p *refop.Plan) {
		p.EditIDTokens(func(c *refop.Call, d *refop.Draft) {
			if c.Client.Sector != "" {
				d.Claims["sub"] = refop.RandomID(16)
			}
		})
	}},
}

// claim sets a claim of the ID Token.
func claim(name string, value any) edit.Change {
	return edit.Claims(func(claims map[string]any) { claims[name] = value })
}

// withoutClaim takes a claim away.
func withoutClaim(name string) edit.Change {
	return edit.Claims(func(claims map[string]any) { delete(claims, name) })
}

// shifted moves a date claim by some seconds.
func shifted(name string, seconds int64) edit.Change {
	return edit.Claims(func(claims map[string]any) { claims[name] = claims[name].(int64) + seconds })
}

// onlyFor edits the ID Tokens of clients that registered one algorithm.
func onlyFor(alg string, rewrite func(*refop.Call, *refop.Draft)) edit.Change {
	return func(p *refop.Plan) {
		p.EditIDTokens(func(c *refop.Call, d *refop.Draft) {
			if c.Client.IDTokenAlg == alg {
				rewrite(c, d)
			}
		})
	}
}

// subjects tells clients another sub.
func subjects(tell func(*refop.Client, *refop.User) string) edit.Change {
	return func(p *refop.Plan) { p.Rules.Subject = tell }
}

// foreignKey is an RSA key that is published nowhere, under the name of one that is.
var foreignKey = sync.OnceValue(func() jose.Key { return edit.NewKey("RS256", "test-only-op-rs256") })

// publicText is the public key as text, which an OP may take for a secret.
func publicText(k jose.Key) []byte {
	text, _ := k.Public().JSON()
	return text
}

// inDER spells an ECDSA signature as X.509 does, where RFC 7518 3.4 wants the two
// numbers side by side.
func inDER(token string) string {
	t, err := jose.Decode(token)
	if err != nil {
		return token
	}
	half := len(t.Signature) / 2
	der, err := asn1.Marshal([]*big.Int{new(big.Int).SetBytes(t.Signature[:half]), new(big.Int).SetBytes(t.Signature[half:])})
	if err != nil {
		return token
	}
	return t.SigningInput + "." + base64.RawURLEncoding.EncodeToString(der)
}

// retold changes the claims of a token and keeps its signature.
func retold(rewrite func(claims map[string]any)) func(string) string {
	return func(token string) string {
		forged, err := jose.Retell(token, func(_, claims map[string]any) { rewrite(claims) })
		if err != nil {
			return token
		}
		return forged
	}
}

// flip changes a bit of the signature.
func flip(token string) string {
	flipped, err := jose.FlipSignature(token)
	if err != nil {
		return token
	}
	return flipped
}

// authTimeWhenAsked puts auth_time into the ID Tokens of requests with max_age only.
func authTimeWhenAsked(value func(*refop.Call) any) edit.Change {
	return func(p *refop.Plan) {
		asked := &edit.Counts{}
		p.EditFlows(func(c *refop.Call, f *refop.Flow) {
			if c.Has("max_age") {
				asked.Add(f)
			}
		})
		p.EditIDTokens(func(c *refop.Call, d *refop.Draft) {
			if delete(d.Claims, "auth_time"); asked.Of(d.Flow) > 0 {
				d.Claims["auth_time"] = value(c)
			}
		})
	}
}

package refop

import (
	"crypto/sha256"
	"encoding/asn1"
	"encoding/base64"
	"math"
	"math/big"
	"slices"
	"strings"
	"sync"

	"github.com/cibatest/cibatest/internal/jose"
)

// idToken makes a fault of an edit of ID Tokens before they are signed.
func idToken(name, breaks, sees string, edit func(*draft)) Fault {
	return Fault{name, breaks, sees, func(b *behaviour) { b.idToken(edit) }}
}

// claim makes a fault of one claim of the ID Token.
func claim(name, breaks, sees, claim string, value any) Fault {
	return idToken(name, breaks, sees, func(d *draft) { d.claims[claim] = value })
}

// noClaim makes a fault of a missing claim.
func noClaim(name, breaks, sees, claim string) Fault {
	return idToken(name, breaks, sees, func(d *draft) { delete(d.claims, claim) })
}

// shifted makes a fault of a date claim that is some seconds off.
func shifted(name, breaks, sees, claim string, seconds int64) Fault {
	return idToken(name, breaks, sees, func(d *draft) { d.claims[claim] = d.claims[claim].(int64) + seconds })
}

// onlyFor restricts an edit to clients of one registered algorithm.
func onlyFor(alg string, edit func(*call, *draft)) func(*behaviour) {
	return func(b *behaviour) {
		b.onDraft = append(b.onDraft, func(c *call, d *draft) {
			if c.client.IDTokenAlg == alg {
				edit(c, d)
			}
		})
	}
}

// foreignKey is an RSA key that is published nowhere, under the name of one
// that is.
var foreignKey = sync.OnceValue(func() jose.Key { return newKey("RS256", "test-only-op-rs256") })

func newKey(alg, kid string) jose.Key {
	key, err := jose.GenerateKey(alg, kid)
	if err != nil {
		panic(err) // no randomness: nothing works then
	}
	return key
}

// signingBy gives clients registered for no algorithm another one.
func signingBy(alg string) func(*behaviour) {
	return func(b *behaviour) { b.keys, b.idTokenAlg = append(b.keys, newKey(alg, "new-"+alg)), alg }
}

// publicText is the public key as text, which an OP may take for a secret.
func publicText(k jose.Key) []byte {
	text, _ := k.Public().JSON()
	return text
}

// inDER spells an ECDSA signature as X.509 does, where RFC 7518 3.4 wants the
// two numbers side by side.
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

func retold(edit func(claims map[string]any)) func(string) string {
	return func(token string) string {
		forged, err := jose.Retell(token, func(_, claims map[string]any) { edit(claims) })
		if err != nil {
			return token
		}
		return forged
	}
}

func flip(token string) string {
	flipped, err := jose.FlipSignature(token)
	if err != nil {
		return token
	}
	return flipped
}

// keySet makes a fault of an edit of the published keys.
func keySet(name, breaks, sees string, edit func(keys []any) any) Fault {
	return swap(name, breaks, sees, "jwks", "jwks", func(r *reply) { r.body["keys"] = edit(r.body["keys"].([]any)) })
}

// eachKey edits every published key.
func eachKey(edit func(i int, key map[string]any)) func([]any) any {
	return func(keys []any) any {
		for i, k := range keys {
			edit(i, k.(map[string]any))
		}
		return keys
	}
}

// shift moves a time, if it is there. Whole seconds stay integers.
func shift(claims map[string]any, name string, seconds float64) {
	switch at := claims[name].(type) {
	case int64:
		if moved := float64(at) + seconds; moved != math.Trunc(moved) {
			claims[name] = moved
		} else {
			claims[name] = int64(moved)
		}
	case float64:
		claims[name] = at + seconds
	}
}

var _ = plant(
	idToken("idt-signature-flipped", "OIDC-2-IDT-SIGNATURE", "a bit of the signature is wrong", func(d *draft) { d.after = flip }),
	idToken("idt-changed-after-signing", "OIDC-2-IDT-SIGNATURE", "a claim is added after signing", func(d *draft) {
		d.after = retold(func(claims map[string]any) { claims["amr"] = []any{"ciba"} })
	}),
	idToken("idt-foreign-key", "OIDC-2-IDT-SIGNATURE", "the key is not the published one of its kid", func(d *draft) {
		if d.key.Alg() == "RS256" {
			d.key = foreignKey()
		}
	}),
	idToken("idt-key-confused", "OIDC-2-IDT-SIGNATURE", "an HMAC with the public key as secret", func(d *draft) {
		d.key = jose.SymmetricKey(publicText(d.key), "HS256", d.key.KID())
	}),
	Fault{"idt-hmac-foreign-secret", "OIDC-2-IDT-SIGNATURE", "an HMAC with another client's secret", func(b *behaviour) {
		b.onDraft = append(b.onDraft, func(c *call, d *draft) {
			d.key = jose.SymmetricKey([]byte(c.op.reg.Clients[1].Secret+c.op.reg.Clients[0].Secret), "HS256", "")
		})
	}},
	idToken("idt-kid-unknown", "OIDC-2-IDT-SIGNATURE", "kid names no published key", func(d *draft) { d.header["kid"] = "yesterday" }),
	idToken("idt-kid-of-another", "OIDC-2-IDT-SIGNATURE", "kid names the wrong key", func(d *draft) {
		d.header["kid"] = map[bool]string{true: "test-only-op-es256", false: "test-only-op-rs256"}[d.key.Alg() == "RS256"]
	}),
	idToken("idt-kid-missing", "OIDC-2-IDT-SIGNATURE", "no kid, though several keys are published", func(d *draft) { d.header["kid"] = nil }),
	keySet("idt-key-unpublished", "OIDC-2-IDT-SIGNATURE", "the signing key is not in the set", func(keys []any) any { return keys[1:] }),
	keySet("idt-key-for-encryption", "OIDC-2-IDT-SIGNATURE", "the signing key is published for encryption", eachKey(func(i int, key map[string]any) {
		if i == 0 {
			key["use"] = "enc"
		}
	})),
	Fault{"idt-es256-der", "OIDC-2-IDT-SIGNATURE", "ES256 signatures are in DER", onlyFor("ES256", func(_ *call, d *draft) { d.after = inDER })},
	Fault{"idt-ps256-padding", "OIDC-2-IDT-SIGNATURE", "PS256 is claimed for a PKCS #1 v1.5 signature", onlyFor("PS256", func(_ *call, d *draft) {
		d.key, d.header["alg"] = d.key.WithAlg("RS256"), "PS256"
	})},

	idToken("idt-unsigned", "OIDC-2-IDT-ALG", "alg is none", func(d *draft) { d.unsigned = true }),
	idToken("idt-unsigned-odd-case", "OIDC-2-IDT-ALG", "alg is nOnE", func(d *draft) {
		d.after = func(token string) string {
			t, _ := jose.Decode(token)
			return base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"nOnE"}`)) + "." + strings.Split(t.SigningInput, ".")[1] + "."
		}
	}),
	Fault{"idt-default-alg-for-all", "OIDC-2-IDT-ALG", "registered algorithms are ignored", func(b *behaviour) {
		b.onDraft = append(b.onDraft, func(c *call, d *draft) { d.key = c.op.signingKey("RS256") })
	}},
	Fault{"idt-es256-unasked", "OIDC-2-IDT-ALG", "ES256 instead of the default RS256", func(b *behaviour) { b.idTokenAlg = "ES256" }},

	noClaim("idt-iss-missing", "OIDC-2-IDT-ISS", "iss is missing", "iss"),
	claim("idt-iss-foreign", "OIDC-2-IDT-ISS", "iss is another issuer", "iss", "https://other.example"),
	idToken("idt-iss-slash", "OIDC-2-IDT-ISS", "iss has a slash too many", func(d *draft) { d.claims["iss"] = d.claims["iss"].(string) + "/" }),
	idToken("idt-iss-array", "OIDC-2-IDT-ISS", "iss is an array", func(d *draft) { d.claims["iss"] = []any{d.claims["iss"]} }),
	Fault{"idt-iss-for-es256", "OIDC-2-IDT-ISS", "iss is wrong for ES256 clients", onlyFor("ES256", func(_ *call, d *draft) { d.claims["iss"] = "https://internal.example" })},

	noClaim("idt-aud-missing", "OIDC-2-IDT-AUD", "aud is missing", "aud"),
	claim("idt-aud-foreign", "OIDC-2-IDT-AUD", "aud is another client", "aud", "somebody-else"),
	claim("idt-aud-foreign-list", "OIDC-2-IDT-AUD", "aud lists other clients only", "aud", []any{"somebody-else", "https://api.reference.example"}),
	claim("idt-aud-empty-list", "OIDC-2-IDT-AUD", "aud is an empty array", "aud", []any{}),
	idToken("idt-aud-object", "OIDC-2-IDT-AUD", "aud is an object", func(d *draft) { d.claims["aud"] = map[string]any{"client_id": d.claims["aud"]} }),
	idToken("idt-aud-longer", "OIDC-2-IDT-AUD", "aud begins with the client_id", func(d *draft) { d.claims["aud"] = d.claims["aud"].(string) + "x" }),
	claim("idt-azp-foreign", "OIDC-2-IDT-AUD", "azp is another client", "azp", "somebody-else"),

	noClaim("idt-sub-missing", "OIDC-2-IDT-SUB", "sub is missing", "sub"),
	claim("idt-sub-empty", "OIDC-2-IDT-SUB", "sub is empty", "sub", ""),
	claim("idt-sub-number", "OIDC-2-IDT-SUB", "sub is a number", "sub", 1001),
	claim("idt-sub-long", "OIDC-2-IDT-SUB", "sub has 256 characters", "sub", strings.Repeat("s", 256)),
	claim("idt-sub-not-ascii", "OIDC-2-IDT-SUB", "sub is not ASCII", "sub", "älice"),

	noClaim("idt-exp-missing", "OIDC-2-IDT-EXP-IAT", "exp is missing", "exp"),
	noClaim("idt-iat-missing", "OIDC-2-IDT-EXP-IAT", "iat is missing", "iat"),
	idToken("idt-exp-string", "OIDC-2-IDT-EXP-IAT", "exp is a string", func(d *draft) { d.claims["exp"] = "4102444800" }),
	idToken("idt-iat-date", "OIDC-2-IDT-EXP-IAT", "iat is a date in words", func(d *draft) { d.claims["iat"] = "2026-11-25T12:00:00Z" }),
	shifted("idt-exp-past", "OIDC-2-IDT-EXP-IAT", "the token expires before it is issued", "exp", -1200),
	shifted("idt-exp-now", "OIDC-2-IDT-EXP-IAT", "the token lives for no time at all", "exp", -600),
	idToken("idt-stale", "OIDC-2-IDT-EXP-IAT", "the token has expired when it comes", func(d *draft) {
		d.claims["iat"], d.claims["exp"] = d.claims["iat"].(int64)-200, d.claims["iat"].(int64)-100
	}),
	shifted("idt-iat-future", "OIDC-2-IDT-EXP-IAT", "iat is an hour ahead", "iat", 3600),
	shifted("idt-iat-old", "OIDC-2-IDT-EXP-IAT", "iat is an hour old", "iat", -3600),
	idToken("idt-nbf-future", "OIDC-2-IDT-EXP-IAT", "the token is not valid for another hour", func(d *draft) { d.claims["nbf"] = d.claims["iat"].(int64) + 3600 }),
	idToken("idt-exp-milliseconds", "OIDC-2-IDT-EXP-IAT", "exp is milliseconds", func(d *draft) { d.claims["exp"] = d.claims["exp"].(int64) * 1000 }),
	idToken("idt-milliseconds", "OIDC-2-IDT-EXP-IAT", "iat and exp are milliseconds", func(d *draft) {
		d.claims["iat"], d.claims["exp"] = d.claims["iat"].(int64)*1000, d.claims["exp"].(int64)*1000
	}),

	idToken("idt-auth-time-string", "OIDC-2-IDT-AUTH-TIME", "auth_time is a string", func(d *draft) { d.claims["auth_time"] = "1700000000" }),
	shifted("idt-auth-time-future", "OIDC-2-IDT-AUTH-TIME", "auth_time is an hour ahead", "auth_time", 3600),
	Fault{"idt-auth-time-of-issue", "OIDC-2-IDT-AUTH-TIME-TRUE", "auth_time is when the token was issued", func(b *behaviour) {
		b.onDraft = append(b.onDraft, func(c *call, d *draft) { d.claims["auth_time"] = c.now.Unix() })
	}},

	idToken("idt-acr-missing", "CIBA-7.1-IDT-ACR", "acr is missing though it was asked for", func(d *draft) { delete(d.claims, "acr") }),
	idToken("idt-acr-of-one", "CIBA-7.1-IDT-ACR", "acr is missing when two values were asked for", func(d *draft) {
		if strings.Contains(d.flow.acr, " ") {
			delete(d.claims, "acr")
		}
	}),
	idToken("idt-acr-list", "CIBA-7.1-IDT-ACR", "acr is an array", func(d *draft) { d.claims["acr"] = []any{d.claims["acr"]} }),
	idToken("idt-acr-echo", "OIDC-2-IDT-ACR-TRUE", "acr repeats the first value asked for", func(d *draft) {
		if asked := strings.Fields(d.flow.acr); len(asked) > 0 {
			d.claims["acr"] = asked[0]
		}
	}),
	idToken("idt-acr-echo-all", "OIDC-2-IDT-ACR-TRUE", "acr repeats acr_values as they came", func(d *draft) {
		if d.flow.acr != "" {
			d.claims["acr"] = d.flow.acr
		}
	}),
	claim("idt-acr-unpublished", "OIDC-2-IDT-ACR-TRUE", "acr is none of acr_values_supported", "acr", "urn:example:gold"),

	claim("idt-at-hash-wrong", "CIBA-10.3.1-IDT-HASH-IF-PRESENT", "at_hash is of another token", "at_hash", "MTIzNDU2Nzg5MDEyMzQ1Ng"),
	idToken("idt-at-hash-512", "CIBA-10.3.1-IDT-HASH-IF-PRESENT", "at_hash is SHA-512 whatever the algorithm", func(d *draft) {
		d.claims["at_hash"], _ = jose.LeftHalfHash("RS512", d.access)
	}),
	Fault{"idt-at-hash-always-256", "CIBA-10.3.1-IDT-HASH-IF-PRESENT", "at_hash is SHA-256 for ES512 too", func(b *behaviour) {
		signingBy("ES512")(b)
		b.idToken(func(d *draft) { d.claims["at_hash"], _ = jose.LeftHalfHash("ES256", d.access) })
	}},
	idToken("idt-at-hash-whole", "CIBA-10.3.1-IDT-HASH-IF-PRESENT", "at_hash is the whole hash", func(d *draft) {
		sum := sha256.Sum256([]byte(d.access))
		d.claims["at_hash"] = base64.RawURLEncoding.EncodeToString(sum[:])
	}),
	claim("idt-rt-hash-wrong", "CIBA-10.3.1-IDT-HASH-IF-PRESENT", "rt_hash is wrong", "urn:openid:params:jwt:claim:rt_hash", "MTIzNDU2Nzg5MDEyMzQ1Ng"),
	claim("idt-request-wrong", "CIBA-10.3.1-IDT-HASH-IF-PRESENT", "the auth_req_id claim is of another request", "urn:openid:params:jwt:claim:auth_req_id", "another-request"),
	claim("idt-nonce-made-up", "OIDC-2-IDT-NONCE", "nonce is made up", "nonce", "n-0S6_WzA2Mj"),

	Fault{"pairwise-public", "CIBA-4-PAIRWISE-STABLE", "all sectors are told the same sub", func(b *behaviour) {
		b.subject = func(_ *Client, u *User) string { return u.Sub }
	}},
	Fault{"pairwise-of-sector", "CIBA-4-PAIRWISE-STABLE", "all users of a sector have one sub", func(b *behaviour) {
		b.subject = func(c *Client, u *User) string {
			if c.Sector == "" {
				return u.Sub
			}
			return "somebody-of-" + c.Sector
		}
	}},
	Fault{"pairwise-fleeting", "CIBA-4-PAIRWISE-STABLE", "pairwise subs change with every flow", func(b *behaviour) {
		b.onDraft = append(b.onDraft, func(c *call, d *draft) {
			if c.client.Sector != "" {
				d.claims["sub"] = randomID(16)
			}
		})
	}},
)

// claims edits the claims of ID Tokens.
func (b *behaviour) claims(edit func(claims map[string]any)) {
	b.idToken(func(d *draft) { edit(d.claims) })
}

var _ = allow(
	Variant{"idt-eddsa", "OIDC Core 15.1: any registered algorithm may be used; RFC 8037", signingBy("EdDSA")},
	Variant{"idt-ed25519", "RFC 9864 2.2: EdDSA by its fully specified name", func(b *behaviour) {
		signingBy("EdDSA")(b)
		b.idToken(func(d *draft) {
			if d.key.Alg() == "EdDSA" {
				d.header["alg"], d.header["typ"] = "Ed25519", nil
			}
		})
		b.skip("id-hint-signature")
	}},
	Variant{"idt-es384", "OIDC Core 15.1: any registered algorithm may be used", signingBy("ES384")},
	Variant{"idt-es512", "OIDC Core 15.1: any registered algorithm may be used", signingBy("ES512")},
	Variant{"idt-hs256", "OIDC Core 10.1: HS256 signs with the client_secret", func(b *behaviour) {
		b.onDraft = append(b.onDraft, func(c *call, d *draft) {
			if c.client.Secret != "" && c.client.IDTokenAlg == "" {
				d.key = jose.SymmetricKey([]byte(c.client.Secret), "HS256", "")
			}
		})
		b.skip("id-hint-signature")
	}},
	Variant{"idt-one-key", "OIDC Core 10.1: kid is needed only where several keys are published", func(b *behaviour) {
		b.idToken(func(d *draft) { d.header["kid"] = nil })
		b.oneKey = true
		b.reply("jwks", "jwks", func(r *reply) { delete(r.body["keys"].([]any)[0].(map[string]any), "kid") })
	}},
	Variant{"idt-encrypted", "OIDC Core 10.2: ID Tokens may be encrypted to the client", func(b *behaviour) {
		b.onDraft = append(b.onDraft, func(c *call, d *draft) {
			if len(c.client.keys) == 0 || c.client.keys[0].Alg() != "ES256" {
				return
			}
			d.after = func(token string) string {
				sealed, err := jose.Encrypt(token, "ECDH-ES+A256KW", c.client.keys[0])
				if err != nil {
					return token
				}
				return sealed
			}
		})
	}},
	Variant{"idt-terse", "OIDC Core 2: acr, auth_time and at_hash are optional here", func(b *behaviour) {
		b.claims(func(claims map[string]any) {
			delete(claims, "acr")
			delete(claims, "auth_time")
			delete(claims, "at_hash")
		})
	}},
	Variant{"idt-extra-claims", "OIDC Core 2: further claims are allowed", func(b *behaviour) {
		b.claims(func(claims map[string]any) {
			claims["amr"], claims["name"], claims["urn:example"] = []any{"swk"}, "Alice", map[string]any{"a": nil}
		})
	}},
	Variant{"idt-nulls", "OIDC Core 5.3.2: null for a missing claim is advised against, not forbidden", func(b *behaviour) {
		b.claims(func(claims map[string]any) {
			for _, name := range []string{"azp", "nonce", "acr", "auth_time", "at_hash"} {
				claims[name] = nil
			}
		})
	}},
	Variant{"idt-aud-list", "OIDC Core 2: aud may be an array, and azp the client", func(b *behaviour) {
		b.claims(func(claims map[string]any) { claims["azp"], claims["aud"] = claims["aud"], []any{claims["aud"]} })
	}},
	Variant{"idt-more-audiences", "OIDC Core 2: aud may name other audiences too", func(b *behaviour) {
		b.claims(func(claims map[string]any) { claims["aud"] = []any{"https://api.reference.example", claims["aud"]} })
	}},
	Variant{"idt-clock-ahead", "OIDC Core 3.1.3.7: clocks differ a little", func(b *behaviour) {
		b.claims(func(claims map[string]any) { shift(claims, "iat", 4) })
	}},
	Variant{"idt-fractions", "RFC 7519 2: a NumericDate may have a fraction", func(b *behaviour) {
		b.claims(func(claims map[string]any) {
			shift(claims, "iat", 0.25)
			shift(claims, "exp", 0.5)
		})
	}},
	Variant{"idt-earlier-session", "OIDC Core 2: the user may have authenticated earlier", func(b *behaviour) {
		b.claims(func(claims map[string]any) { shift(claims, "auth_time", -7200) })
	}},
	Variant{"idt-bound", "CIBA Core 10.3.1: rt_hash and auth_req_id are allowed in any mode", func(b *behaviour) {
		b.idToken(func(d *draft) { d.claims["urn:openid:params:jwt:claim:auth_req_id"] = d.flow.id })
	}},
	Variant{"idt-acr-zero", "OIDC Core 2: acr 0 says that no class was reached", func(b *behaviour) {
		b.claims(func(claims map[string]any) { claims["acr"] = "0" })
	}},
	Variant{"idt-acr-denied", "CIBA Core 13: a class that cannot be reached may be denied", func(b *behaviour) {
		b.state(func(c *call, f *flow, at state) state {
			for _, class := range strings.Fields(f.acr) {
				if !slices.Contains(c.op.reg.ACRValues, class) && at == approved {
					return denied
				}
			}
			return at
		})
	}},
	Variant{"idt-acr-refused", "OIDC Core 5.5.1.1: unknown classes may be refused", func(b *behaviour) {
		b.refuseStart("invalid_request", func(c *call) bool {
			return slices.ContainsFunc(strings.Fields(c.value("acr_values")), func(class string) bool { return !slices.Contains(c.op.reg.ACRValues, class) })
		})
	}},
)

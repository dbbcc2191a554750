package refop

import (
	"net/http"
	"strings"

	"github.com/cibatest/cibatest/internal/jose"
)

// refusedBearer makes a fault of the answers UserInfo gives to bad tokens.
func refusedBearer(name, sees string, edit func(*reply)) Fault {
	return swap(name, "RFC6750-3-BAD-TOKEN", sees, "userinfo", "error", edit)
}

// anonymousBearer makes a fault of what UserInfo says to requests without a token.
func anonymousBearer(name, sees string, edit func(*reply)) Fault {
	return Fault{name, "RFC6750-3-BAD-TOKEN", sees, func(b *behaviour) {
		b.onReply = append(b.onReply, func(c *call, r *reply) {
			if c.endpoint == "userinfo" && c.r.Header.Get("Authorization") == "" {
				edit(r)
			}
		})
	}}
}

// toStrangers makes a fault of the answers to introspection without authorization.
func toStrangers(name, sees string, edit func(*reply)) Fault {
	return swap(name, "RFC7662-2.1-AUTH", sees, "introspection", "error", edit)
}

// toOtherClients edits the refusal of another client's refresh token.
func toOtherClients(name, sees string, edit func(*reply)) Fault {
	return Fault{name, "RFC6749-6-REFRESH-BOUND", sees, func(b *behaviour) {
		b.onReply = append(b.onReply, func(c *call, r *reply) {
			if r.kind == "error" && c.foreignRefresh() != nil {
				edit(r)
			}
		})
	}}
}

// foreignRefresh is the grant of a refresh token that another client sends.
func (c *call) foreignRefresh() *grant {
	if c.value("grant_type") != "refresh_token" || c.client == nil {
		return nil
	}
	g, s := c.op.findGrant(c.value("refresh_token"))
	defer s.mu.Unlock()
	if g == nil || g.client == c.client {
		return nil
	}
	return g
}

// encryptionKey is a published key that signs nothing.
func encryptionKey() map[string]any {
	return map[string]any{
		"kty": "EC", "crv": "P-256", "use": "enc", "alg": "ECDH-ES", "kid": "for-encryption",
		"x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4", "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
	}
}

var _ = plant(
	keySet("jwks-private", "OIDD-3-JWKS-PUBLIC", "a private key is published", eachKey(func(i int, key map[string]any) {
		if i == 1 {
			key["d"] = "870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE"
		}
	})),
	keySet("jwks-primes", "OIDD-3-JWKS-PUBLIC", "the primes of an RSA key are published", eachKey(func(i int, key map[string]any) {
		if i == 0 {
			key["p"], key["q"] = "83i-7IvMGXoMXCskv73TKr8637FiO7Z27zv8oj6pbWUQyLPQBQxtPVnwD20R-60eTDmD2ujnMt5PoqMrm8RfmNhVWDtjjMmCMjOpSXicFHj7XOuVIYQyqVWlWEh6dN36", "x"
		}
	})),
	keySet("jwks-symmetric", "OIDD-3-JWKS-PUBLIC", "a shared secret is published", func(keys []any) any {
		return append(keys, map[string]any{"kty": "oct", "kid": "shared", "use": "sig", "k": "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75"})
	}),
	keySet("jwks-use-mixed", "OIDD-3-JWKS-PUBLIC", "signature and encryption keys are mixed and not told apart", func(keys []any) any {
		delete(keys[1].(map[string]any), "use")
		return append(keys, encryptionKey())
	}),
	keySet("jwks-kid-repeated", "OIDD-3-JWKS-PUBLIC", "two keys of a type share a kid", eachKey(func(_ int, key map[string]any) {
		if key["kty"] == "RSA" {
			key["kid"] = "test-only-op-rs256"
		}
	})),
	keySet("jwks-kid-missing", "OIDD-3-JWKS-PUBLIC", "several keys have no kid", eachKey(func(_ int, key map[string]any) { delete(key, "kid") })),
	keySet("jwks-object", "OIDD-3-JWKS-PUBLIC", "keys is an object", func(keys []any) any { return map[string]any{"first": keys[0]} }),
	keySet("jwks-empty", "OIDD-3-JWKS-PUBLIC", "no key is published", func([]any) any { return []any{} }),
	swap("jwks-404", "OIDD-3-JWKS-PUBLIC", "nothing is found at jwks_uri", "jwks", "jwks", failing(404, "not_found")),
	swap("jwks-page", "OIDD-3-JWKS-PUBLIC", "jwks_uri is a page", "jwks", "jwks", func(r *reply) { r.raw = []byte("<html>keys</html>") }),

	lax("refresh-without-authentication", "RFC6749-6-REFRESH-AUTH", "a client_id is enough to refresh", "client-credential-refresh_token"),
	lax("refresh-by-token-alone", "RFC6749-6-REFRESH-AUTH", "who names no client is taken for the one that owns the refresh token", "client-of-the-grant"),
	lax("refresh-any-credential", "RFC6749-6-REFRESH-AUTH", "any secret and any key will do to refresh", "client-secret-refresh_token", "assertion-signature-refresh_token"),
	Fault{"refresh-without-authentication-500", "RFC6749-6-REFRESH-AUTH", "a refresh without credentials crashes the OP", func(b *behaviour) {
		b.onReply = append(b.onReply, func(c *call, r *reply) {
			if c.value("grant_type") == "refresh_token" && r.status == 401 {
				crash(c, r)
			}
		})
	}},
	Fault{"refresh-without-authentication-spends", "RFC6749-6-REFRESH-AUTH", "a refresh without credentials ends the refresh token", func(b *behaviour) {
		b.onReply = append(b.onReply, func(c *call, r *reply) {
			if c.value("grant_type") == "refresh_token" && r.status == 401 {
				g, s := c.op.findGrant(c.value("refresh_token"))
				if g != nil {
					g.revoked = true
				}
				s.mu.Unlock()
			}
		})
	}},
	lax("refresh-for-anybody", "RFC6749-6-REFRESH-BOUND", "any client can use a refresh token", "refresh-bound"),
	lax("refresh-client-id-wins", "RFC6749-6-REFRESH-BOUND", "client_id in the form says whose refresh token it is", "client-id-agrees-refresh_token"),
	toOtherClients("refresh-foreign-denied", "another client's refresh token is access_denied", failing(400, "access_denied")),
	toOtherClients("refresh-foreign-500", "another client's refresh token crashes the OP", failing(500, "server_error")),

	lax("client-id-wins", "CIBA-11-NO-TOKEN-ON-CLIENT-SWITCH", "client_id in the form overrides who authenticated", "client-id-agrees"),
	Fault{"client-id-owns", "CIBA-11-NO-TOKEN-ON-CLIENT-SWITCH", "client_id in the form says whose request it will be", func(b *behaviour) {
		b.onFlow = append(b.onFlow, func(c *call, f *flow) {
			if named := c.op.clients[c.value("client_id")]; named != nil {
				f.client = named
			}
		})
	}},
	lax("client-id-opens-approved", "CIBA-11-NO-TOKEN-ON-CLIENT-SWITCH", "approved requests are open to any client", "id-own-approved"),

	lax("userinfo-anybody", "RFC6750-3-BAD-TOKEN", "UserInfo answers any token", "userinfo-token"),
	lax("userinfo-by-refresh-token", "RFC6750-3-BAD-TOKEN", "a refresh token opens UserInfo", "userinfo-kind"),
	Fault{"userinfo-by-id-token", "RFC6750-3-BAD-TOKEN", "an ID Token opens UserInfo", func(b *behaviour) {
		b.onReply = append(b.onReply, func(c *call, r *reply) {
			bearer := strings.TrimPrefix(c.r.Header.Get("Authorization"), "Bearer ")
			if token, err := jose.Verify(bearer, c.op.reg.signing, c.op.algs()); c.endpoint == "userinfo" && r.status == 401 && err == nil {
				*r = reply{kind: "userinfo", status: http.StatusOK, header: r.header, body: map[string]any{"sub": token.Claims["sub"]}}
			}
		})
	}},
	anonymousBearer("userinfo-nobody-500", "UserInfo crashes when there is no token", failing(500, "server_error")),
	anonymousBearer("userinfo-nobody-unchallenged", "UserInfo refuses without a challenge when there is no token", func(r *reply) { r.header.Del("WWW-Authenticate") }),
	refusedBearer("userinfo-no-challenge", "UserInfo refuses without WWW-Authenticate", func(r *reply) { r.header.Del("WWW-Authenticate") }),
	refusedBearer("userinfo-bare-challenge", "the challenge does not name the error", header("WWW-Authenticate", "Bearer")),
	refusedBearer("userinfo-garbage-200", "UserInfo answers garbage with 200 and an error", status(http.StatusOK)),
	refusedBearer("userinfo-garbage-403", "UserInfo answers garbage with 403", status(http.StatusForbidden)),
	refusedBearer("userinfo-garbage-500", "garbage crashes UserInfo", failing(500, "server_error")),
	Fault{"userinfo-signature-unread", "RFC6750-3-BAD-TOKEN", "UserInfo believes a JWT without verifying it", func(b *behaviour) {
		b.onReply = append(b.onReply, func(c *call, r *reply) {
			bearer := strings.TrimPrefix(c.r.Header.Get("Authorization"), "Bearer ")
			if token, err := jose.Decode(bearer); c.endpoint == "userinfo" && err == nil && token.Claims["iss"] == c.op.issuer {
				*r = reply{kind: "userinfo", status: http.StatusOK, header: r.header, body: map[string]any{"sub": token.Claims["sub"]}}
			}
		})
	}},

	lax("introspection-without-authentication", "RFC7662-2.1-AUTH", "a client_id is enough to introspect", "client-credential-introspection"),
	Fault{"introspection-open", "RFC7662-2.1-AUTH", "who shows no credential at all is answered", func(b *behaviour) {
		b.onReply = append(b.onReply, func(c *call, r *reply) {
			if c.endpoint == "introspection" && r.kind == "error" && c.r.Header.Get("Authorization") == "" && c.form["client_id"] == nil {
				r.status, r.body = http.StatusOK, map[string]any{"active": true}
			}
		})
	}},
	lax("introspection-any-client", "RFC7662-2.1-AUTH", "an unknown client can introspect", "client-known-introspection"),
	lax("introspection-any-secret", "RFC7662-2.1-AUTH", "any secret will do to introspect", "client-secret-introspection"),
	toStrangers("introspection-stranger-inactive", "strangers are told active false", func(r *reply) {
		r.status, r.body = http.StatusOK, map[string]any{"active": false}
	}),
	toStrangers("introspection-stranger-grant", "strangers are told invalid_grant", failing(400, "invalid_grant")),
	toStrangers("introspection-stranger-500", "strangers crash introspection", failing(500, "server_error")),

	lax("rar-raw", "RFC9396-12-SANITISE", "control characters in authorization_details reach the device", "rar-value"),
	Fault{"rar-markup-500", "RFC9396-12-SANITISE", "markup in authorization_details crashes the OP", func(b *behaviour) {
		b.onReply = append(b.onReply, func(c *call, r *reply) {
			if c.endpoint == "start" && strings.Contains(c.value("authorization_details"), `\u003c`) {
				crash(c, r)
			}
		})
	}},
)

var _ = allow(
	Variant{"jwks-more-keys", "RFC 7517 5: keys of unknown types are ignored", func(b *behaviour) {
		b.reply("jwks", "jwks", func(r *reply) {
			keys := r.body["keys"].([]any)
			r.body["keys"] = append([]any{map[string]any{"kty": "AKP", "alg": "ML-DSA-44", "use": "sig", "kid": "pq", "pub": "AAAA"}, encryptionKey()}, keys...)
			r.header.Set("Content-Type", "application/jwk-set+json")
		})
	}},
	Variant{"jwks-bare", "RFC 7517 4: use and alg of a key are optional", func(b *behaviour) {
		b.reply("jwks", "jwks", func(r *reply) {
			eachKey(func(_ int, key map[string]any) { delete(key, "use"); delete(key, "alg") })(r.body["keys"].([]any))
		})
	}},
	Variant{"jwks-shared-kid", "RFC 7517 4.5: keys of different types may share a kid", func(b *behaviour) {
		b.reply("jwks", "jwks", func(r *reply) {
			r.body["keys"] = append(r.body["keys"].([]any), map[string]any{
				"kty": "OKP", "crv": "Ed25519", "use": "sig", "kid": "test-only-op-rs256", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
			})
		})
	}},
	Variant{"refresh-family-ends", "RFC 6749 10.4: a refresh token in foreign hands may end the grant", func(b *behaviour) {
		b.onReply = append(b.onReply, func(c *call, r *reply) {
			if g := c.foreignRefresh(); g != nil && r.kind == "error" {
				c.op.revoke(g.flow)
			}
		})
	}},
	Variant{"userinfo-other-scheme", "RFC 9449 7.1: a server may challenge for DPoP", func(b *behaviour) {
		b.reply("userinfo", "error", header("WWW-Authenticate", `DPoP error="invalid_token", algs="ES256"`))
	}},
	Variant{"introspection-stranger-403", "RFC 7662 2.3: a caller without permission may be told 403", func(b *behaviour) {
		b.reply("introspection", "error", func(r *reply) { r.status, r.raw = http.StatusForbidden, []byte{} })
	}},
	Variant{"introspection-bare-401", "RFC 7662 2.3: the form of the refusal is left to the scheme of authorization", func(b *behaviour) {
		b.reply("introspection", "error", func(r *reply) {
			r.header.Set("WWW-Authenticate", `Bearer error="invalid_token"`)
			r.raw = []byte{}
		})
	}},
)

package refop

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/cibatest/cibatest/internal/jose"
)

// tokens makes a fault of an edit of token responses.
func tokens(name, breaks, sees string, edit func(*reply)) Fault {
	return swap(name, breaks, sees, "token", "tokens", edit)
}

// refreshed makes a fault of an edit of answers to a refresh.
func refreshed(name, breaks, sees string, edit func(*reply)) Fault {
	return swap(name, breaks, sees, "token", "refreshed", edit)
}

// refreshedID makes a fault of an edit of the ID Tokens that come with a refresh.
func refreshedID(name, sees string, edit func(*call, *draft)) Fault {
	return Fault{name, "RFC6749-6-REFRESH", sees, func(b *behaviour) {
		b.refreshIDToken = true
		b.onDraft = append(b.onDraft, func(c *call, d *draft) {
			if c.value("grant_type") == "refresh_token" {
				edit(c, d)
			}
		})
	}}
}

// access makes a fault of an edit of the claims of JWT access tokens.
func access(name, breaks, sees string, edit func(claims map[string]any)) Fault {
	return Fault{name, breaks, sees, func(b *behaviour) {
		b.onAccess = append(b.onAccess, func(_ *call, claims map[string]any) { edit(claims) })
	}}
}

func userinfo(name, breaks, sees string, edit func(*reply)) Fault {
	return swap(name, breaks, sees, "userinfo", "userinfo", edit)
}

func introspection(name, breaks, sees string, edit func(*reply)) Fault {
	return swap(name, breaks, sees, "introspection", "introspection", edit)
}

// active edits what introspection says of living tokens.
func active(edit func(body map[string]any)) func(*reply) {
	return func(r *reply) {
		if r.body["active"] == true {
			edit(r.body)
		}
	}
}

func no(name string) func(*reply) { return func(r *reply) { delete(r.body, name) } }

func header(name, value string) func(*reply) {
	return func(r *reply) { r.header.Set(name, value) }
}

func failing(code int, oauthCode string) func(*reply) {
	return func(r *reply) { r.kind, r.status, r.body = "error", code, map[string]any{"error": oauthCode} }
}

// dropped removes a value of a scope.
func dropped(scope, name string) string {
	return strings.Join(strings.Fields(strings.ReplaceAll(" "+scope+" ", " "+name+" ", " ")), " ")
}

// ignoreUnknownScopes accepts any scope and grants what is known.
func ignoreUnknownScopes(b *behaviour) {
	b.skip("scope-known")
	b.onFlow = append(b.onFlow, func(c *call, f *flow) {
		known := slices.DeleteFunc(strings.Fields(f.scope), func(s string) bool { return !slices.Contains(c.op.reg.Scopes, s) })
		f.scope = strings.Join(known, " ")
	})
}

var _ = plant(
	tokens("token-cached", "OIDC-3.1.3.3-NO-STORE", "the token response may be cached", func(r *reply) { r.header.Del("Cache-Control") }),
	tokens("token-cached-privately", "OIDC-3.1.3.3-NO-STORE", "the token response is private, no-cache", header("Cache-Control", "private, no-cache")),
	withGrant("token-cached-with-details", "OIDC-3.1.3.3-NO-STORE", "a token response with details may be cached", func(r *reply) { r.header.Del("Cache-Control") }),
	tokens("token-no-pragma", "RFC6749-5.1-PRAGMA", "there is no Pragma", func(r *reply) { r.header.Del("Pragma") }),
	tokens("token-text", "RFC6749-5.1-JSON", "the token response is called text/plain", header("Content-Type", "text/plain;charset=UTF-8")),
	tokens("token-jwt-type", "RFC6749-5.1-JSON", "the token response is called application/jwt", header("Content-Type", "application/jwt")),
	tokens("token-nested", "RFC6749-5.1-JSON", "the parameters are inside a member", func(r *reply) { r.body = map[string]any{"result": r.body} }),
	tokens("token-array", "RFC6749-5.1-JSON", "the token response is an array", func(r *reply) { r.raw, _ = json.Marshal([]any{r.body}) }),
	tokens("token-form", "RFC6749-5.1-JSON", "the token response is a form", func(r *reply) {
		r.raw = []byte("access_token=" + r.body["access_token"].(string) + "&token_type=Bearer")
	}),

	tokens("token-no-access", "RFC6749-5.1-ACCESS-TOKEN", "there is no access_token", no("access_token")),
	tokens("token-access-empty", "RFC6749-5.1-ACCESS-TOKEN", "access_token is empty", member("access_token", "")),
	tokens("token-access-object", "RFC6749-5.1-ACCESS-TOKEN", "access_token is an object", member("access_token", map[string]any{"value": "x"})),
	tokens("token-no-type", "RFC6749-5.1-TOKEN-TYPE", "there is no token_type", no("token_type")),
	tokens("token-type-mac", "RFC6749-5.1-TOKEN-TYPE", "token_type is mac", member("token_type", "mac")),
	tokens("token-type-dpop", "RFC6749-5.1-TOKEN-TYPE", "token_type is DPoP without a proof", member("token_type", "DPoP")),
	tokens("token-type-uri", "RFC6749-5.1-TOKEN-TYPE", "token_type is a token type of RFC 8693", member("token_type", "urn:ietf:params:oauth:token-type:access_token")),
	tokens("token-no-id-token", "OIDC-3.1.3.3-ID-TOKEN", "there is no id_token", no("id_token")),
	tokens("token-id-token-opaque", "OIDC-3.1.3.3-ID-TOKEN", "id_token is no JWT", member("id_token", "2YotnFZFEjr1zCsicMWpAA")),
	tokens("token-id-token-claims", "OIDC-3.1.3.3-ID-TOKEN", "id_token is an object of claims", member("id_token", map[string]any{"sub": "u-1001"})),
	tokens("token-id-token-parts", "OIDC-3.1.3.3-ID-TOKEN", "id_token has five parts but is no JWE", func(r *reply) {
		r.body["id_token"] = r.body["id_token"].(string) + ".x.y"
	}),
	Fault{"token-no-id-token-for-ps256", "OIDC-3.1.3.3-ID-TOKEN", "PS256 clients get no id_token", func(b *behaviour) {
		b.onReply = append(b.onReply, func(c *call, r *reply) {
			if r.kind == "tokens" && c.client.IDTokenAlg == "PS256" {
				delete(r.body, "id_token")
			}
		})
	}},
	tokens("token-no-expires-in", "RFC6749-5.1-EXPIRES-IN", "there is no expires_in", no("expires_in")),
	tokens("token-expires-in-string", "RFC6749-5.1-EXPIRES-IN", "expires_in is a string", member("expires_in", "600")),
	tokens("token-expires-in-untrue", "RFC6749-5.1-EXPIRES-IN", "expires_in is a day, the token lives for minutes", member("expires_in", 86400)),
	Fault{"token-ends-with-request", "RFC6749-5.1-EXPIRES-IN", "access tokens end when their auth_req_id would have", func(b *behaviour) {
		b.onGrantFor = func(_ *call, g *grant) { g.expires = g.flow.expires }
	}},
	tokens("token-refresh-is-access", "RFC6749-10.10-TOKEN-ENTROPY", "the refresh token is the access token", func(r *reply) { r.body["refresh_token"] = r.body["access_token"] }),
	tokens("token-expires-in-zero", "RFC6749-5.1-EXPIRES-IN", "expires_in is 0", member("expires_in", 0)),
	tokens("token-expires-in-negative", "RFC6749-5.1-EXPIRES-IN", "expires_in is negative", member("expires_in", -1)),

	Fault{"token-scope-dropped", "RFC6749-5.1-SCOPE", "a scope is dropped and nobody told", func(b *behaviour) {
		b.onGrant = append(b.onGrant, func(f *flow) { f.scope = dropped(f.scope, "profile") })
		b.reply("token", "tokens", no("scope"))
	}},
	Fault{"token-scope-dropped-opaque", "RFC6749-5.1-SCOPE", "only introspection tells that a scope was dropped", func(b *behaviour) {
		b.onGrant = append(b.onGrant, func(f *flow) { f.scope = dropped(f.scope, "profile") })
		b.reply("token", "tokens", no("scope"))
		b.accessToken = func(*OP) string { return randomID(32) }
	}},
	Fault{"token-scope-unknown-dropped", "RFC6749-5.1-SCOPE", "an unknown scope is dropped and nobody told", func(b *behaviour) {
		ignoreUnknownScopes(b)
		b.reply("token", "tokens", no("scope"))
	}},
	Fault{"token-scope-untrue", "RFC6749-5.1-SCOPE", "a scope is stated that the access token does not have", func(b *behaviour) {
		b.onGrantFor = func(_ *call, g *grant) { g.scope = dropped(g.scope, "profile") }
	}},
	tokens("token-scope-empty", "RFC6749-5.1-SCOPE", "scope is an empty string", member("scope", "")),
	tokens("token-scope-list", "RFC6749-5.1-SCOPE", "scope is an array", func(r *reply) { r.body["scope"] = anyList(strings.Fields(r.body["scope"].(string))) }),
	tokens("token-scope-wider", "RFC9700-2.3-SCOPE-NOT-WIDER", "scope grants more than was asked for", func(r *reply) { r.body["scope"] = r.body["scope"].(string) + " admin" }),
	Fault{"token-scope-of-poll", "RFC9700-2.3-SCOPE-NOT-WIDER", "the scope of the token request counts", func(b *behaviour) {
		b.onGrantFor = func(c *call, g *grant) {
			if scope := c.value("scope"); scope != "" && c.value("grant_type") == grantCIBA {
				g.scope = scope
			}
		}
	}},
	access("token-scope-wider-jwt", "RFC9700-2.3-SCOPE-NOT-WIDER", "the access token holds more scope than was asked for", func(c map[string]any) {
		c["scope"] = c["scope"].(string) + " admin"
	}),
	introspection("token-scope-wider-inside", "RFC9700-2.3-SCOPE-NOT-WIDER", "introspection shows more scope than was asked for", active(func(body map[string]any) {
		body["scope"] = body["scope"].(string) + " admin"
	})),

	Fault{"token-constant", "RFC6749-10.10-TOKEN-ENTROPY", "every access token is the same", func(b *behaviour) {
		b.accessToken = func(*OP) string { return "8xLOxBtZp8-the-one-and-only-access-token" }
	}},
	Fault{"token-short", "RFC6749-10.10-TOKEN-ENTROPY", "access tokens have 64 random bits", func(b *behaviour) {
		b.accessToken = func(*OP) string { return "token-" + randomID(8) }
	}},
	Fault{"token-refresh-short", "RFC6749-10.10-TOKEN-ENTROPY", "refresh tokens are long but mostly constant", func(b *behaviour) {
		b.refreshToken = func() string { return strings.Repeat("r", 40) + randomID(9) }
	}},

	userinfo("userinfo-other-sub", "OIDC-5.3-USERINFO", "UserInfo tells another sub", member("sub", "u-9999")),
	Fault{"userinfo-not-pairwise", "OIDC-5.3-USERINFO", "UserInfo tells every client the public sub", func(b *behaviour) {
		b.onReply = append(b.onReply, func(c *call, r *reply) {
			if r.kind == "userinfo" {
				r.body["sub"] = c.flow.user.Sub
			}
		})
	}},
	userinfo("userinfo-no-sub", "OIDC-5.3-USERINFO", "UserInfo tells no sub", no("sub")),
	userinfo("userinfo-refuses", "OIDC-5.3-USERINFO", "UserInfo refuses CIBA tokens", failing(401, "invalid_token")),
	userinfo("userinfo-crashes", "OIDC-5.3-USERINFO", "UserInfo crashes on CIBA tokens", failing(500, "server_error")),
	userinfo("userinfo-html", "OIDC-5.3-USERINFO", "UserInfo is a page", func(r *reply) { r.raw = []byte("<html>Alice</html>") }),
	userinfo("userinfo-201", "OIDC-5.3-USERINFO", "UserInfo is a 201", status(http.StatusCreated)),

	introspection("introspection-inactive", "RFC7662-2.2-ACTIVE", "CIBA tokens are never active", func(r *reply) { r.body = map[string]any{"active": false} }),
	introspection("introspection-anything", "RFC7662-2.2-ACTIVE", "every token is active", member("active", true)),
	introspection("introspection-string", "RFC7662-2.2-ACTIVE", "active is a string", active(func(body map[string]any) { body["active"] = "true" })),
	introspection("introspection-no-active", "RFC7662-2.2-ACTIVE", "active is missing", active(func(body map[string]any) { delete(body, "active") })),
	introspection("introspection-other-client", "RFC7662-2.2-ACTIVE", "client_id is the resource server's", active(func(body map[string]any) { body["client_id"] = "api" })),
	introspection("introspection-one-client", "RFC7662-2.2-ACTIVE", "client_id is that of one client for all", active(func(body map[string]any) { body["client_id"] = "basic-a" })),
	Fault{"introspection-other-user", "RFC7662-2.2-ACTIVE", "sub is another user's, of an OP with public subjects", func(b *behaviour) {
		b.reply("discovery", "discovery", func(r *reply) { r.body["subject_types_supported"] = []any{"public"} })
		b.reply("introspection", "introspection", active(func(body map[string]any) { body["sub"] = "u-9999" }))
	}},
	introspection("introspection-refuses", "RFC7662-2.2-ACTIVE", "introspection refuses its resource server", failing(403, "access_denied")),
	introspection("introspection-array", "RFC7662-2.2-ACTIVE", "introspection answers an array", func(r *reply) { r.raw = []byte(`[{"active":true}]`) }),

	access("at-iss-missing", "RFC9068-2-JWT-AT", "the access token has no iss", func(c map[string]any) { delete(c, "iss") }),
	access("at-exp-missing", "RFC9068-2-JWT-AT", "the access token has no exp", func(c map[string]any) { delete(c, "exp") }),
	access("at-aud-missing", "RFC9068-2-JWT-AT", "the access token has no aud", func(c map[string]any) { delete(c, "aud") }),
	access("at-sub-missing", "RFC9068-2-JWT-AT", "the access token has no sub", func(c map[string]any) { delete(c, "sub") }),
	access("at-client-missing", "RFC9068-2-JWT-AT", "the access token has no client_id", func(c map[string]any) { delete(c, "client_id") }),
	access("at-iat-missing", "RFC9068-2-JWT-AT", "the access token has no iat", func(c map[string]any) { delete(c, "iat") }),
	access("at-jti-missing", "RFC9068-2-JWT-AT", "the access token has no jti", func(c map[string]any) { delete(c, "jti") }),
	access("at-client-wrong", "RFC9068-2-JWT-AT", "client_id of the access token is another client", func(c map[string]any) { c["client_id"] = "somebody-else" }),
	access("at-client-one", "RFC9068-2-JWT-AT", "client_id of all access tokens is that of one client", func(c map[string]any) { c["client_id"] = "basic-a" }),
	access("at-iss-wrong", "RFC9068-2-JWT-AT", "iss of the access token is another issuer", func(c map[string]any) { c["iss"] = "https://other.example" }),
	access("at-expired", "RFC9068-2-JWT-AT", "the access token has expired when it comes", func(c map[string]any) { c["exp"] = c["iat"].(int64) - 60 }),
	Fault{"at-other-user", "RFC9068-2-JWT-AT", "sub of the access token is another user, of an OP with public subjects", func(b *behaviour) {
		b.reply("discovery", "discovery", func(r *reply) { r.body["subject_types_supported"] = []any{"public"} })
		b.onAccess = append(b.onAccess, func(_ *call, claims map[string]any) { claims["sub"] = "u-9999" })
	}},
	Fault{"at-foreign-key", "RFC9068-2-JWT-AT", "the access token is signed with an unpublished key", func(b *behaviour) { b.accessKey = foreignKey }},

	refreshed("refresh-refused", "RFC6749-6-REFRESH", "refresh tokens of CIBA flows never work", failing(400, "invalid_grant")),
	refreshed("refresh-no-access", "RFC6749-6-REFRESH", "a refresh brings no access_token", no("access_token")),
	refreshed("refresh-dead-access", "RFC6749-6-REFRESH", "a refresh brings an access token that does not work", member("access_token", "dead-on-arrival-4711")),
	refreshedID("refresh-other-sub", "the refreshed ID Token names another sub", func(_ *call, d *draft) { d.claims["sub"] = "u-9999" }),
	refreshedID("refresh-other-iss", "the refreshed ID Token names another issuer", func(_ *call, d *draft) { d.claims["iss"] = "https://other.example" }),
	refreshedID("refresh-other-aud", "the refreshed ID Token is meant for another client", func(_ *call, d *draft) { d.claims["aud"] = "somebody-else" }),
	refreshedID("refresh-new-auth-time", "the refreshed ID Token claims a new authentication", func(c *call, d *draft) { d.claims["auth_time"] = c.now.Unix() }),
	refreshedID("refresh-flipped", "the signature of the refreshed ID Token is wrong", func(_ *call, d *draft) { d.after = flip }),
	refreshedID("refresh-stale", "the refreshed ID Token has expired when it comes", func(_ *call, d *draft) { d.claims["exp"] = d.claims["iat"].(int64) - 100 }),
	refreshedID("refresh-same-id-token", "the refreshed ID Token has the dates of the original one", func(_ *call, d *draft) { d.claims["iat"] = d.claims["auth_time"] }),
	refreshedID("refresh-at-hash-wrong", "the refreshed ID Token has the hash of the old access token", func(_ *call, d *draft) {
		d.claims["at_hash"], _ = jose.LeftHalfHash(d.key.Alg(), "the old access token")
	}),
	refreshed("refresh-cached", "RFC6749-6-REFRESH", "the answer to a refresh may be cached", func(r *reply) { r.header.Del("Cache-Control") }),
	refreshed("refresh-no-type", "RFC6749-6-REFRESH", "a refresh brings no token_type", no("token_type")),
	lax("refresh-wider", "RFC6749-6-REFRESH", "a refresh may ask for any scope", "refresh-scope"),
	Fault{"refresh-other-user", "RFC6749-6-REFRESH", "a refreshed access token is another user's", func(b *behaviour) {
		b.onGrantFor = func(c *call, g *grant) {
			if c.value("grant_type") == "refresh_token" {
				g.user = &c.op.reg.Users[len(c.op.reg.Users)-1]
			}
		}
	}},
)

var _ = allow(
	Variant{"token-opaque", "RFC 6749 1.4: an access token is opaque to the client", func(b *behaviour) {
		b.accessToken = func(*OP) string { return randomID(32) }
	}},
	Variant{"token-no-refresh", "RFC 6749 1.5: issuing a refresh token is optional", func(b *behaviour) { b.reply("token", "tokens", no("refresh_token")) }},
	Variant{"token-no-expires-in", "RFC 6749 5.1: expires_in is recommended", func(b *behaviour) { b.reply("token", "tokens", no("expires_in")) }},
	Variant{"token-type-lower-case", "RFC 6749 5.1: token_type is case-insensitive", func(b *behaviour) { b.reply("token", "tokens", member("token_type", "bearer")) }},
	Variant{"token-scope-omitted", "RFC 6749 5.1: scope is optional when identical to the request", func(b *behaviour) { b.reply("token", "tokens", no("scope")) }},
	Variant{"token-scope-narrowed", "RFC 6749 3.3: the server may grant less and says so", func(b *behaviour) {
		b.onGrant = append(b.onGrant, func(f *flow) { f.scope = dropped(f.scope, "profile") })
	}},
	Variant{"token-scope-unknown-ignored", "RFC 6749 3.3: unknown scopes may be ignored, and the rest stated", ignoreUnknownScopes},
	Variant{"token-scope-reordered", "RFC 6749 3.3: the order of scope values does not matter", func(b *behaviour) {
		b.onGrant = append(b.onGrant, func(f *flow) { f.scope = strings.TrimSpace(dropped(f.scope, "openid") + " openid") })
	}},
	Variant{"token-scope-inner", "RFC 9068 2.2.3: what a server acts on itself need not be in the access token", func(b *behaviour) {
		b.reply("token", "tokens", no("scope"))
		b.onAccess = append(b.onAccess, func(_ *call, claims map[string]any) {
			claims["scope"] = dropped(dropped(claims["scope"].(string), "openid"), "offline_access")
		})
	}},
	Variant{"token-extra-members", "RFC 6749 5.1: clients ignore unknown members", func(b *behaviour) {
		b.reply("token", "tokens", func(r *reply) { r.body["session_state"], r.body["not-before-policy"] = randomID(8), 0 })
	}},
	Variant{"token-headers", "RFC 9111 5.2: further directives and parameters are allowed", func(b *behaviour) {
		b.reply("token", "", func(r *reply) {
			r.header.Set("Cache-Control", "private, No-Store, max-age=0")
			r.header.Set("Content-Type", "application/json;charset=UTF-8")
			r.header.Del("Pragma")
		})
	}},
	Variant{"token-jwt-of-another-kind", "RFC 9068 1: JWT access tokens need not follow the profile", func(b *behaviour) {
		b.onAccess = append(b.onAccess, func(_ *call, claims map[string]any) {
			claims["typ"] = "JWT"
			delete(claims, "aud")
			delete(claims, "client_id")
		})
	}},
	Variant{"refresh-without-rotation", "RFC 6749 6: a new refresh token is optional", func(b *behaviour) { b.skip("refresh-rotation") }},
	Variant{"refresh-with-id-token", "OIDC Core 12.2: a refresh may bring an ID Token", func(b *behaviour) { b.refreshIDToken = true }},
	Variant{"userinfo-signed", "OIDC Core 5.3.2: UserInfo may be a JWT", func(b *behaviour) {
		b.onReply = append(b.onReply, func(c *call, r *reply) {
			if r.kind == "userinfo" {
				text, _ := jose.Sign(nil, r.body, c.op.signingKey("RS256"))
				r.raw = []byte(text)
				r.header.Set("Content-Type", "application/jwt")
			}
		})
	}},
	Variant{"userinfo-absent", "OIDC Discovery 3: userinfo_endpoint is recommended", func(b *behaviour) {
		b.reply("discovery", "discovery", no("userinfo_endpoint"))
	}},
	Variant{"introspection-absent", "RFC 8414 2: introspection_endpoint is optional", func(b *behaviour) {
		b.reply("discovery", "discovery", no("introspection_endpoint"))
	}},
	Variant{"introspection-holder-only", "RFC 7662 2.2: a caller that is not entitled is told active false", func(b *behaviour) {
		b.onReply = append(b.onReply, func(c *call, r *reply) {
			if c.endpoint == "introspection" && r.kind == "introspection" && r.body["client_id"] != c.client.ID {
				r.body = map[string]any{"active": false}
			}
		})
	}},
	Variant{"introspection-terse", "RFC 7662 2.2: members other than active are optional", func(b *behaviour) {
		b.reply("introspection", "introspection", func(r *reply) { r.body = map[string]any{"active": r.body["active"]} })
	}},
)

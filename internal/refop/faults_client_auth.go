package refop

import (
	"encoding/base64"
	"strings"

	"github.com/cibatest/cibatest/internal/jose"
)

// lax makes a fault that leaves checks out.
func lax(name, breaks, sees string, checks ...string) Fault {
	return Fault{name, breaks, sees, func(b *behaviour) { b.skip(checks...) }}
}

// wrongly makes a fault that answers a check with another error.
func wrongly(name, breaks, sees, check string, status int, code string) Fault {
	return Fault{name, breaks, sees, func(b *behaviour) { b.refuse(check, status, code) }}
}

// unwilling refuses clients of one authentication method at one endpoint.
func unwilling(name, endpoint, method string) Fault {
	return Fault{name, "CIBA-4-AUTH-METHODS-SHARED", method + " does not work at the " + endpoint + " endpoint", func(b *behaviour) {
		b.onReply = append(b.onReply, func(c *call, r *reply) {
			if c.endpoint == endpoint && c.client != nil && c.client.AuthMethod == method && r.status != 401 {
				*r = *failure(c.badClient("not with this method"))
				r.header.Set("Content-Type", "application/json")
			}
		})
	}}
}

// withoutCredential makes a fault of token requests that name a client and prove
// nothing, for a flow in one state.
func withoutCredential(name, sees string, in state, edit func(*call, *flow, *reply)) Fault {
	return Fault{name, "CIBA-10.1-TOKEN-AUTH-REQUIRED", sees, func(b *behaviour) {
		b.onReply = append(b.onReply, func(c *call, r *reply) {
			if c.endpoint != "token" || r.status != 401 || c.authentications() > 0 {
				return
			}
			f, s := c.op.find(c.value("auth_req_id"))
			defer s.mu.Unlock()
			if f != nil && f.stateAt(c.now) == in {
				edit(c, f, r)
			}
		})
	}}
}

// failedBasic edits the answer to a failed Authorization header.
func failedBasic(name, endpoint, sees string, edit func(*reply)) Fault {
	return Fault{name, "RFC6749-5.2-BASIC-CHALLENGE", sees, func(b *behaviour) {
		b.onReply = append(b.onReply, func(c *call, r *reply) {
			if r.status == 401 && c.endpoint == endpoint && c.r.Header.Get("Authorization") != "" {
				edit(r)
			}
		})
	}}
}

func challenge(value string) func(*reply) {
	return func(r *reply) { r.header.Set("WWW-Authenticate", value) }
}

func status(code int) func(*reply) {
	return func(r *reply) { r.status = code }
}

var _ = plant(
	unwilling("auth-post-not-at-start", "start", "client_secret_post"),
	unwilling("auth-key-jwt-not-at-start", "start", "private_key_jwt"),
	unwilling("auth-basic-not-at-token", "token", "client_secret_basic"),
	unwilling("auth-post-not-at-token", "token", "client_secret_post"),
	unwilling("auth-key-jwt-not-at-token", "token", "private_key_jwt"),
	unwilling("auth-secret-jwt-not-at-token", "token", "client_secret_jwt"),
	lax("auth-basic-raw-at-start", "CIBA-4-AUTH-METHODS-SHARED", "the backchannel endpoint takes Basic credentials without decoding them", "basic-decoding-start"),
	lax("auth-basic-raw-at-token", "CIBA-4-AUTH-METHODS-SHARED", "the token endpoint takes Basic credentials without decoding them", "basic-decoding-token"),
	lax("auth-not-required", "CIBA-7.1-AUTH-REQUIRED", "a client_id is enough to start", "client-credential-start"),
	lax("auth-not-required-of-post", "CIBA-7.1-AUTH-REQUIRED", "a client_secret_post client need not send its secret", "client-credential-client_secret_post"),
	lax("auth-not-required-of-key-jwt", "CIBA-7.1-AUTH-REQUIRED", "a private_key_jwt client need not send its assertion", "client-credential-private_key_jwt"),
	lax("auth-not-required-of-secret-jwt", "CIBA-7.1-AUTH-REQUIRED", "a client_secret_jwt client need not send its assertion", "client-credential-client_secret_jwt"),
	lax("auth-empty-secret", "CIBA-7.1-AUTH-REQUIRED", "an empty secret will do", "client-secret-empty"),
	Fault{"auth-user-first", "CIBA-7.1-AUTH-REQUIRED", "the user is looked up before the client is authenticated", func(b *behaviour) {
		b.onReply = append(b.onReply, func(c *call, r *reply) {
			known := c.op.userBy(func(u User) bool { return u.LoginHint == c.value("login_hint") })
			if c.endpoint == "start" && r.status == 401 && c.form["login_hint"] != nil && known == nil {
				refused("unknown_user_id")(c, r)
			}
		})
	}},
	lax("auth-empty-posted-secret", "CIBA-7.1-AUTH-REQUIRED", "an empty posted secret will do", "empty-is-absent-client_secret", "client-secret-empty-client_secret_post"),
	lax("auth-empty-secret-at-token", "CIBA-7.1-AUTH-REQUIRED", "an empty secret will do at the token endpoint", "client-secret-empty-token"),
	Fault{"auth-nobody-500", "CIBA-7.1-AUTH-REQUIRED", "a request without client_id crashes the OP", func(b *behaviour) {
		b.onReply = append(b.onReply, func(c *call, r *reply) {
			if c.endpoint == "start" && c.authentications() == 0 && c.form["client_id"] == nil {
				crash(c, r)
			}
		})
	}},
	lax("auth-empty-assertion", "CIBA-7.1-AUTH-REQUIRED", "an empty assertion will do", "empty-is-absent-client_assertion", "assertion-empty"),
	wrongly("auth-missing-500", "CIBA-7.1-AUTH-REQUIRED", "missing credentials crash the OP", "client", 500, "server_error"),
	wrongly("auth-missing-invalid-grant", "CIBA-7.1-AUTH-REQUIRED", "missing credentials are invalid_grant", "client", 400, "invalid_grant"),
	wrongly("auth-missing-403", "CIBA-7.1-AUTH-REQUIRED", "missing credentials are 403", "client", 403, "invalid_client"),
	lax("auth-any-client", "CIBA-7.1-AUTH-UNKNOWN-CLIENT", "an unknown client can start", "client-known-client_secret_basic"),
	lax("auth-any-posting-client", "CIBA-7.1-AUTH-UNKNOWN-CLIENT", "an unknown client that posts a secret can start", "client-known-client_secret_post"),
	lax("auth-any-asserting-client", "CIBA-7.1-AUTH-UNKNOWN-CLIENT", "an unknown client that signs an assertion can start", "client-known-jwt"),
	lax("auth-any-client-at-token", "CIBA-7.1-AUTH-UNKNOWN-CLIENT", "an unknown client is let in at the token endpoint", "client-known-token"),
	lax("auth-any-secret", "CIBA-7.1-AUTH-WRONG-SECRET", "any secret will do", "client-secret"),
	lax("auth-any-posted-secret", "CIBA-7.1-AUTH-WRONG-SECRET", "any posted secret will do", "client-secret-client_secret_post"),
	lax("auth-secret-case", "CIBA-7.1-AUTH-WRONG-SECRET", "the case of a secret does not matter", "client-secret-case"),
	lax("auth-secret-beginning", "CIBA-7.1-AUTH-WRONG-SECRET", "only the first eight characters of a secret count", "client-secret-tail"),
	lax("auth-secret-and-more", "CIBA-7.1-AUTH-WRONG-SECRET", "what follows the right secret does not matter", "client-secret-more"),
	lax("auth-secret-of-any-client", "CIBA-7.1-AUTH-WRONG-SECRET", "the secret of any client will do", "client-secret-anybodys"),
	lax("auth-any-posted-secret-at-token", "CIBA-7.1-AUTH-WRONG-SECRET", "any posted secret will do at the token endpoint", "client-secret-client_secret_post-token"),
	lax("auth-any-secret-at-token", "RFC6749-5.2-BASIC-CHALLENGE", "any secret will do at the token endpoint", "client-secret-token"),
	failedBasic("auth-no-challenge-at-start", "start", "401 without WWW-Authenticate at the backchannel endpoint", func(r *reply) { r.header.Del("WWW-Authenticate") }),
	failedBasic("auth-no-challenge-at-token", "token", "401 without WWW-Authenticate at the token endpoint", func(r *reply) { r.header.Del("WWW-Authenticate") }),
	Fault{"auth-no-challenge-to-strangers", "RFC6749-5.2-BASIC-CHALLENGE", "an unknown client gets 401 without WWW-Authenticate at the token endpoint", func(b *behaviour) {
		b.onReply = append(b.onReply, func(c *call, r *reply) {
			if c.endpoint == "token" && r.body["error_description"] == "unknown client" {
				r.header.Del("WWW-Authenticate")
			}
		})
	}},
	Fault{"auth-unreadable-500", "RFC6749-5.2-BASIC-CHALLENGE", "an Authorization header that is not base64 crashes the OP", func(b *behaviour) {
		b.onReply = append(b.onReply, func(c *call, r *reply) {
			header, basic := strings.CutPrefix(c.r.Header.Get("Authorization"), "Basic ")
			if _, err := base64.StdEncoding.DecodeString(header); basic && err != nil {
				crash(c, r)
			}
		})
	}},
	failedBasic("auth-wrong-challenge", "token", "the challenge is for Bearer", challenge("Bearer")),
	failedBasic("auth-similar-challenge", "start", "the scheme is misspelt", challenge("BasicAuth realm=\"clients\"")),
	failedBasic("auth-basic-400", "start", "failed Basic is answered 400", status(400)),
	failedBasic("auth-basic-400-at-token", "token", "failed Basic is answered 400 at the token endpoint", status(400)),
	failedBasic("auth-basic-403", "start", "failed Basic is answered 403", status(403)),
	failedBasic("auth-basic-code", "token", "failed Basic is answered unauthorized_client", func(r *reply) { r.body["error"] = "unauthorized_client" }),
	lax("auth-any-method", "CIBA-7.1-AUTH-REGISTERED-METHOD", "a Basic client may post its secret", "client-method"),
	lax("auth-any-method-at-token", "CIBA-7.1-AUTH-REGISTERED-METHOD", "a Basic client may post its secret to the token endpoint", "client-method-token"),
	lax("auth-any-method-for-hmac", "CIBA-7.1-AUTH-REGISTERED-METHOD", "a client_secret_jwt client may send its secret as it is", "client-method-client_secret_jwt"),
	lax("auth-any-method-by-hmac", "CIBA-7.1-AUTH-REGISTERED-METHOD", "a Basic client may sign with its secret", "client-method-hmac"),
	lax("auth-public-clients", "CIBA-7.1-PUBLIC-CLIENT", "public clients can start", "client-public", "client-ciba"),
	lax("auth-public-empty-secret", "CIBA-7.1-PUBLIC-CLIENT", "a public client has an empty secret", "empty-is-absent-client_secret", "client-secret-of-none", "client-ciba", "client-confidential"),
	lax("auth-header-wins", "RFC6749-2.3-MULTIPLE-AUTH", "of two authentications the header counts", "one-authentication"),
	lax("auth-header-wins-at-token", "RFC6749-2.3-MULTIPLE-AUTH", "of two authentications the header counts at the token endpoint", "one-authentication-token"),
	lax("auth-body-wins", "RFC6749-2.3-MULTIPLE-AUTH", "of two authentications the body counts", "one-authentication", "form-wins"),
	lax("auth-secret-in-query", "RFC6749-2.3.1-SECRET-IN-QUERY", "the secret may be in the URL", "secret-in-query-start"),
	lax("auth-secret-in-query-at-token", "RFC6749-2.3.1-SECRET-IN-QUERY", "the secret may be in the URL of the token endpoint", "secret-in-query-token"),
	lax("auth-token-not-required", "CIBA-10.1-TOKEN-AUTH-REQUIRED", "polls need no authentication", "client-credential-token"),
	lax("auth-token-by-flow", "CIBA-10.1-TOKEN-AUTH-REQUIRED", "who names no client is taken for the one that owns the auth_req_id", "client-of-the-flow"),
	withoutCredential("auth-token-when-approved", "an approved auth_req_id is redeemed by whoever names the client", approved, func(_ *call, _ *flow, r *reply) {
		r.kind, r.status, r.body = "tokens", 200, map[string]any{"access_token": randomID(32), "token_type": "Bearer"}
	}),
	withoutCredential("auth-token-consumed", "a token request without credential uses the auth_req_id up", approved, func(_ *call, f *flow, _ *reply) { f.state = used }),
	Fault{"auth-token-consumed-by-wrong", "CIBA-10.1-TOKEN-AUTH-REQUIRED", "a token request with a wrong credential uses the auth_req_id up", func(b *behaviour) {
		b.onReply = append(b.onReply, func(c *call, r *reply) {
			if c.endpoint != "token" || r.status != 401 || c.authentications() == 0 {
				return
			}
			f, s := c.op.find(c.value("auth_req_id"))
			defer s.mu.Unlock()
			if f != nil && f.stateAt(c.now) == approved {
				f.state = used
			}
		})
	}},
	withoutCredential("auth-token-tells-pending", "whoever names the client is told that the request is pending", pending, func(_ *call, _ *flow, r *reply) {
		r.status, r.body = 400, map[string]any{"error": "authorization_pending"}
	}),
	lax("assertion-issuer-refused", "CIBA-7.1-AUD-ISSUER", "the issuer is no audience at the backchannel endpoint", "aud-issuer-start"),
	lax("assertion-issuer-refused-at-token", "CIBA-10.1-TOKEN-AUTH-AUD-ISSUER", "the issuer is no audience at the token endpoint", "aud-issuer-token"),
	lax("assertion-sole-audience", "CIBA-7.1-AUD-TOKEN-ENDPOINT", "only the issuer is an audience", "aud-endpoints"),
	lax("assertion-sole-audience-start", "CIBA-7.1-AUD-BC-ENDPOINT", "only the issuer is an audience", "aud-endpoints"),
	lax("assertion-any-audience", "CIBA-7.1-AUD-FOREIGN", "assertions for somebody else are accepted", "assertion-aud"),
	lax("assertion-similar-audience", "CIBA-7.1-AUD-FOREIGN", "the last character of the audience does not matter", "aud-prefix"),
	lax("assertion-no-audience", "CIBA-7.1-AUD-FOREIGN", "an assertion needs no audience", "aud-missing"),
	lax("assertion-audience-beginning", "CIBA-7.1-AUD-FOREIGN", "an audience need only begin with the issuer", "aud-beginning"),
	lax("assertion-audience-array", "CIBA-7.1-AUD-FOREIGN", "an array of audiences is not looked into", "aud-array"),
	lax("assertion-empty-audience", "CIBA-7.1-AUD-FOREIGN", "an empty array of audiences is no hindrance", "aud-array-empty"),
	lax("assertion-audience-inside", "CIBA-7.1-AUD-FOREIGN", "an audience need only contain the issuer", "aud-inside"),
	lax("assertion-any-audience-at-token", "CIBA-7.1-AUD-FOREIGN", "assertions for somebody else are accepted at the token endpoint", "assertion-aud-token"),
	lax("assertion-eternal-at-token", "OIDC-9-ASSERTION-EXPIRED", "expired assertions are accepted at the token endpoint", "assertion-exp-token"),
	lax("assertion-without-exp-at-token", "OIDC-9-ASSERTION-NO-EXP", "assertions need no exp at the token endpoint", "assertion-exp-missing-token"),
	lax("assertion-any-key-at-token", "OIDC-9-ASSERTION-BAD-KEY", "assertions are not verified at the token endpoint", "assertion-signature-token"),
	lax("assertion-any-client-key", "OIDC-9-ASSERTION-BAD-KEY", "the key of any client will do", "assertion-keys"),
	lax("assertion-none-at-token", "OIDC-9-ASSERTION-ALG-NONE", "unsigned assertions are accepted at the token endpoint", "assertion-unsigned-token"),
	lax("assertion-half-a-name", "OIDC-9-ASSERTION-ISS-SUB", "one of iss and sub is enough", "assertion-iss-or-sub"),
	lax("assertion-any-type-at-token", "OIDC-9-ASSERTION-TYPE", "client_assertion_type is not looked at by the token endpoint", "assertion-type-token"),
	Fault{"assertion-client-id-unread-at-token", "RFC7523-3-CLIENT-ID-MISMATCH", "client_id is not compared at the token endpoint", func(b *behaviour) {
		b.onForm = append(b.onForm, func(c *call) {
			if c.endpoint == "token" && c.form["client_assertion"] != nil {
				delete(c.form, "client_id")
			}
		})
	}},
	lax("assertion-eternal", "OIDC-9-ASSERTION-EXPIRED", "expired assertions are accepted", "assertion-exp"),
	lax("assertion-without-exp", "OIDC-9-ASSERTION-NO-EXP", "assertions need no exp", "assertion-exp-missing"),
	Fault{"assertion-malformed-500", "OIDC-9-ASSERTION-ALG-NONE", "an assertion that is no JWT crashes the OP", func(b *behaviour) {
		b.onReply = append(b.onReply, func(c *call, r *reply) {
			if r.body["error_description"] == "client_assertion is not a JWT" {
				crash(c, r)
			}
		})
	}},
	lax("assertion-any-key", "OIDC-9-ASSERTION-BAD-KEY", "assertions are not verified", "assertion-signature"),
	lax("assertion-any-hmac-key", "OIDC-9-ASSERTION-BAD-KEY", "the HMAC of assertions is not verified", "assertion-signature-client_secret_jwt"),
	lax("assertion-any-private-key", "OIDC-9-ASSERTION-BAD-KEY", "the signature of assertions is not verified", "assertion-signature-private_key_jwt"),
	lax("assertion-none", "OIDC-9-ASSERTION-ALG-NONE", "unsigned assertions are accepted", "assertion-unsigned"),
	lax("assertion-none-by-other-case", "OIDC-9-ASSERTION-ALG-NONE", "unsigned assertions are refused by one spelling of none only", "assertion-unsigned-odd"),
	lax("assertion-any-issuer", "OIDC-9-ASSERTION-ISS-SUB", "iss is not compared", "assertion-iss"),
	lax("assertion-any-subject", "OIDC-9-ASSERTION-ISS-SUB", "sub is not compared", "assertion-sub"),
	lax("assertion-subject-decides", "OIDC-9-ASSERTION-ISS-SUB", "iss signs for any client named as sub", "assertion-sub-decides"),
	wrongly("assertion-jti-500", "OIDC-9-ASSERTION-NO-JTI", "a missing jti crashes the OP", "assertion-jti", 500, "server_error"),
	wrongly("assertion-replay-500", "OIDC-9-ASSERTION-REPLAY", "a second use crashes the OP", "assertion-replay", 500, "server_error"),
	lax("assertion-early", "RFC7523-3-ASSERTION-NBF", "nbf is not looked at", "assertion-nbf"),
	lax("assertion-any-type", "OIDC-9-ASSERTION-TYPE", "client_assertion_type is not looked at", "assertion-type"),
	lax("assertion-no-type", "OIDC-9-ASSERTION-TYPE", "client_assertion_type may be missing", "assertion-type-missing"),
	lax("assertion-no-secret-jwt", "OIDC-9-CLIENT-SECRET-JWT", "client_secret_jwt is advertised but does not work", "secret-jwt"),
	lax("assertion-client-id-wins", "RFC7523-3-CLIENT-ID-MISMATCH", "client_id decides who the client is", "assertion-client-id"),
)

// onClientAuth edits the errors of the endpoints where clients authenticate.
func onClientAuth(b *behaviour, edit func(*reply)) {
	b.reply("start", "error", edit)
	b.reply("token", "error", edit)
}

// without401 makes failed authentication without an Authorization header a 400.
func without401(b *behaviour) {
	b.onReply = append(b.onReply, func(c *call, r *reply) {
		if r.status == 401 && c.r.Header.Get("Authorization") == "" {
			r.status = 400
		}
	})
}

// withoutTokenEndpoint401 is the same of the token endpoint, which CIBA Core 13 does not speak of.
func withoutTokenEndpoint401(b *behaviour) {
	b.onReply = append(b.onReply, func(c *call, r *reply) {
		if r.status == 401 && c.endpoint == "token" && c.r.Header.Get("Authorization") == "" {
			r.status = 400
		}
	})
}

var _ = allow(
	Variant{"auth-400-without-header", "RFC 6749 5.2: 401 is only due when the client used the Authorization header", without401},
	Variant{"auth-400-at-token", "RFC 6749 5.2: 401 is only due when the client used the Authorization header", withoutTokenEndpoint401},
	Variant{"auth-challenge-lower-case", "RFC 9110 11.1: scheme names are case-insensitive", func(b *behaviour) {
		onClientAuth(b, func(r *reply) {
			if r.header.Get("WWW-Authenticate") != "" {
				challenge(`basic realm="clients", charset="UTF-8"`)(r)
			}
		})
	}},
	Variant{"auth-several-challenges", "RFC 9110 11.6.1: one field may hold several challenges", func(b *behaviour) {
		onClientAuth(b, func(r *reply) {
			if r.header.Get("WWW-Authenticate") != "" {
				challenge(`Bearer realm="api", Basic realm="clients"`)(r)
			}
		})
	}},
	Variant{"auth-challenge-always", "RFC 9110 11.6.1: a 401 carries a challenge whatever the client used", func(b *behaviour) {
		onClientAuth(b, func(r *reply) {
			if r.status == 401 {
				challenge(`Basic realm="clients"`)(r)
			}
		})
	}},
	Variant{"auth-missing-is-invalid-request", "RFC 6749 5.2: a missing credential is a missing parameter too", func(b *behaviour) {
		b.onReply = append(b.onReply, func(c *call, r *reply) {
			if r.status == 401 && c.authentications() == 0 {
				r.status, r.body = 400, map[string]any{"error": "invalid_request"}
			}
		})
	}},
	Variant{"auth-basic-and-post-alike", "RFC 6749 2.3.1: one registered secret may be sent either way", func(b *behaviour) { b.skip("client-method") }},
	Variant{"auth-one-of-two", "RFC 6749 2.3 binds the client; the OP may look at one credential only", func(b *behaviour) { b.skip("one-authentication") }},
	Variant{"assertion-issuer-only", "RFC 10070: the issuer is the sole audience", func(b *behaviour) { b.skip("aud-endpoints") }},
	Variant{"assertion-endpoints-only-at-token", "OIDC Core 9: the audience should be the token endpoint", func(b *behaviour) { b.skip("aud-issuer-token") }},
	Variant{"assertion-jti-required", "OIDC Core 9: jti is required", func(b *behaviour) {
		b.instead["assertion-jti"] = &oauthError{401, "invalid_client", "jti is missing", ""}
	}},
	Variant{"assertion-typed", "RFC 10070: assertions have a JWT type of their own", func(b *behaviour) {
		b.refuseAssertions(func(header, _ map[string]any) bool { return header["typ"] != "client-authentication+jwt" })
	}},
	Variant{"assertion-nbf-required", "RFC 7523 3: a server may ask for more than the claims it needs", func(b *behaviour) {
		b.refuseAssertions(func(_, claims map[string]any) bool { return claims["nbf"] == nil })
	}},
	Variant{"assertion-replay-unnoticed", "RFC 7523 3: remembering jti values is optional", func(b *behaviour) { b.skip("assertion-replay") }},
)

// refuseAssertions refuses some assertions before anything else is looked at.
func (b *behaviour) refuseAssertions(which func(header, claims map[string]any) bool) {
	b.onForm = append(b.onForm, func(c *call) {
		token, err := jose.Decode(c.value("client_assertion"))
		if err == nil && which(token.Header, token.Claims) {
			c.badForm = &oauthError{401, "invalid_client", "this OP does not take such assertions", ""}
		}
	})
}

package refop

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

var _ = plant(
	unwilling("auth-post-not-at-start", "start", "client_secret_post"),
	unwilling("auth-key-jwt-not-at-start", "start", "private_key_jwt"),
	unwilling("auth-secret-jwt-not-at-token", "token", "client_secret_jwt"),
	lax("auth-not-required", "CIBA-7.1-AUTH-REQUIRED", "a client_id is enough to start", "client-credential"),
	wrongly("auth-missing-500", "CIBA-7.1-AUTH-REQUIRED", "missing credentials crash the OP", "client", 500, "server_error"),
	wrongly("auth-missing-invalid-grant", "CIBA-7.1-AUTH-REQUIRED", "missing credentials are invalid_grant", "client", 400, "invalid_grant"),
	lax("auth-any-client", "CIBA-7.1-AUTH-UNKNOWN-CLIENT", "an unknown client can start", "client-known"),
	lax("auth-any-secret", "CIBA-7.1-AUTH-WRONG-SECRET", "any secret will do", "client-secret"),
	lax("auth-any-secret-at-token", "RFC6749-5.2-BASIC-CHALLENGE", "any secret will do at the token endpoint", "client-secret-token"),
	Fault{"auth-no-challenge", "RFC6749-5.2-BASIC-CHALLENGE", "401 without WWW-Authenticate", func(b *behaviour) {
		b.reply("", "error", func(r *reply) { r.header.Del("WWW-Authenticate") })
	}},
	Fault{"auth-wrong-challenge", "RFC6749-5.2-BASIC-CHALLENGE", "the challenge is for Bearer", func(b *behaviour) {
		b.reply("token", "error", func(r *reply) {
			if r.status == 401 {
				r.header.Set("WWW-Authenticate", "Bearer")
			}
		})
	}},
	Fault{"auth-basic-400", "RFC6749-5.2-BASIC-CHALLENGE", "failed Basic is answered 400", func(b *behaviour) {
		b.reply("", "error", func(r *reply) {
			if r.status == 401 {
				r.status = 400
			}
		})
	}},
	lax("auth-any-method", "CIBA-7.1-AUTH-REGISTERED-METHOD", "a Basic client may post its secret", "client-method"),
	lax("auth-public-clients", "CIBA-7.1-PUBLIC-CLIENT", "public clients can start", "client-public"),
	lax("auth-both-at-once", "RFC6749-2.3-MULTIPLE-AUTH", "two authentications at once are accepted", "one-authentication"),
	lax("auth-secret-in-query", "RFC6749-2.3.1-SECRET-IN-QUERY", "the secret may be in the URL", "secret-in-query"),
	lax("auth-token-not-required", "CIBA-10.1-TOKEN-AUTH-REQUIRED", "polls need no authentication", "client-credential-token"),
	lax("assertion-issuer-refused", "CIBA-7.1-AUD-ISSUER", "the issuer is no audience at the backchannel endpoint", "aud-issuer-start"),
	lax("assertion-issuer-refused-at-token", "CIBA-10.1-TOKEN-AUTH-AUD-ISSUER", "the issuer is no audience at the token endpoint", "aud-issuer-token"),
	lax("assertion-sole-audience", "CIBA-7.1-AUD-TOKEN-ENDPOINT", "only the issuer is an audience", "aud-endpoints"),
	lax("assertion-sole-audience-start", "CIBA-7.1-AUD-BC-ENDPOINT", "only the issuer is an audience", "aud-endpoints"),
	lax("assertion-any-audience", "CIBA-7.1-AUD-FOREIGN", "assertions for somebody else are accepted", "assertion-aud"),
	lax("assertion-similar-audience", "CIBA-7.1-AUD-FOREIGN", "the last character of the audience does not matter", "aud-prefix"),
	lax("assertion-eternal", "OIDC-9-ASSERTION-EXPIRED", "expired assertions are accepted", "assertion-exp"),
	lax("assertion-without-exp", "OIDC-9-ASSERTION-NO-EXP", "assertions need no exp", "assertion-exp-missing"),
	lax("assertion-any-key", "OIDC-9-ASSERTION-BAD-KEY", "assertions are not verified", "assertion-signature"),
	lax("assertion-none", "OIDC-9-ASSERTION-ALG-NONE", "unsigned assertions are accepted", "assertion-unsigned"),
	lax("assertion-any-issuer", "OIDC-9-ASSERTION-ISS-SUB", "iss is not compared", "assertion-iss"),
	lax("assertion-any-subject", "OIDC-9-ASSERTION-ISS-SUB", "sub is not compared", "assertion-sub"),
	wrongly("assertion-jti-500", "OIDC-9-ASSERTION-NO-JTI", "a missing jti crashes the OP", "assertion-jti", 500, "server_error"),
	wrongly("assertion-replay-500", "OIDC-9-ASSERTION-REPLAY", "a second use crashes the OP", "assertion-replay", 500, "server_error"),
	lax("assertion-early", "RFC7523-3-ASSERTION-NBF", "nbf is not looked at", "assertion-nbf"),
	lax("assertion-any-type", "OIDC-9-ASSERTION-TYPE", "client_assertion_type is not looked at", "assertion-type"),
	lax("assertion-no-secret-jwt", "OIDC-9-CLIENT-SECRET-JWT", "client_secret_jwt is advertised but does not work", "secret-jwt"),
	lax("assertion-client-id-wins", "RFC7523-3-CLIENT-ID-MISMATCH", "client_id decides who the client is", "assertion-client-id"),
)

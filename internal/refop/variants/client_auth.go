package variants

import (
	"net/http"

	"github.com/cibatest/cibatest/internal/jose"
	"github.com/cibatest/cibatest/internal/refop"
	"github.com/cibatest/cibatest/internal/refop/edit"
)

// ClientAuth are other ways to authenticate clients.
var ClientAuth = []Variant{
	{"auth-400-without-header", "RFC 6749 5.2: 401 is only due when the client used the Authorization header", edit.Replies(without401)},
	{
		"auth-400-at-token", "RFC 6749 5.2: 401 is only due when the client used the Authorization header",
		edit.Replies(withoutTokenEndpoint401),
	},
	{
		"auth-challenge-lower-case", "RFC 9110 11.1: scheme names are case-insensitive",
		challengesAs(`basic realm="clients", charset="UTF-8"`),
	},
	{
		"auth-several-challenges", "RFC 9110 11.6.1: one field may hold several challenges",
		challengesAs(`Bearer realm="api", Basic realm="clients"`),
	},
	{"auth-challenge-always", "RFC 9110 11.6.1: a 401 carries a challenge whatever the client used", clientErrors(func(r *refop.Reply) {
		if r.Status == http.StatusUnauthorized {
			edit.Challenge(`Basic realm="clients"`)(r)
		}
	})},
	{
		"auth-missing-is-invalid-request", "RFC 6749 5.2: a missing credential is a missing parameter too",
		edit.Replies(func(c *refop.Call, r *refop.Reply) {
			if r.Status == 401 && showsNothing(c) {
				r.Status, r.Body = 400, map[string]any{"error": "invalid_request"}
			}
		}),
	},
	{
		"client-id-contradicts-invalid-client", "RFC 6749 5.2: who names two clients has failed to authenticate",
		contradictionsAre(http.StatusUnauthorized, "invalid_client"),
	},
	{
		"client-id-contradicts-invalid-request", "RFC 6749 5.2: a request that names two clients is malformed",
		contradictionsAre(http.StatusBadRequest, "invalid_request"),
	},
	{
		"client-id-contradicts-invalid-grant", "RFC 6749 5.2: the grant was issued to another client than the one that is named",
		contradictionsAre(http.StatusBadRequest, "invalid_grant"),
	},
	{
		"client-id-contradicts-forbidden", "RFC 9110 15.5.4: what is refused whatever the credentials is 403",
		contradictionsAre(http.StatusForbidden, "unauthorized_client"),
	},
	{
		"secret-in-query-forbidden", "RFC 9110 15.5.4: a firewall may stop a request that shows a secret in its URL",
		edit.Replies(func(c *refop.Call, r *refop.Reply) {
			if c.Request.URL.Query().Has("client_secret") {
				edit.Failing(http.StatusForbidden, "access_denied")(r)
			}
		}),
	},
	{
		"token-auth-unauthorized-client", "RFC 6749 5.2: a client that does not authenticate may be told that it may not use the grant",
		edit.Replies(func(c *refop.Call, r *refop.Reply) {
			named := c.OP.Client(c.Value("client_id"))
			emptySecret := named != nil && named.AuthMethod == refop.MethodPost // reads like none
			if c.Endpoint == refop.EndpointToken && r.Status == http.StatusUnauthorized && showsNothing(c) && !emptySecret {
				edit.Failing(http.StatusBadRequest, "unauthorized_client")(r)
			}
		}),
	},
	{
		"auth-basic-raw-too", "RFC 6749 2.3.1 binds the client; an OP may take credentials that are not encoded besides",
		takingRawBasic(edit.Always),
	},
	{
		"auth-basic-raw-too-at-token", "RFC 6749 2.3.1: as before, at the token endpoint alone",
		takingRawBasic(edit.At(refop.EndpointToken)),
	},
	{"auth-basic-and-post-alike", "RFC 6749 2.3.1: one registered secret may be sent either way", edit.AnySecretMethod(edit.Always)},
	{
		"auth-one-of-two", "RFC 6749 2.3 binds the client; the OP may look at one credential only",
		edit.Without(refop.CheckOneAuthentication),
	},
	{"assertion-issuer-only", "RFC 10070: the issuer is the sole audience", edit.AudienceOnly(edit.Always, edit.Issuer)},
	{
		"assertion-endpoints-only-at-token", "OIDC Core 9: the audience should be the token endpoint",
		edit.AudienceOnly(edit.At(refop.EndpointToken), edit.Endpoints),
	},
	{"assertion-jti-required", "OIDC Core 9: jti is required", needingJTI},
	{
		"assertion-typed", "RFC 10070: assertions have a JWT type of their own",
		refusingAssertions(func(header, _ map[string]any) bool { return header["typ"] != "client-authentication+jwt" }),
	},
	{
		"assertion-nbf-required", "RFC 7523 3: a server may ask for more than the claims it needs",
		refusingAssertions(func(_, claims map[string]any) bool { return claims["nbf"] == nil }),
	},
	{"assertion-replay-unnoticed", "RFC 7523 3: remembering jti values is optional", edit.Without(refop.CheckAssertionReplay)},
}

// showsNothing reports whether a call has neither a credential nor a certificate.
func showsNothing(c *refop.Call) bool { return c.Authentications() == 0 && c.Shown() == nil }

// without401 makes failed authentication without an Authorization header a 400.
func without401(c *refop.Call, r *refop.Reply) {
	if r.Status == http.StatusUnauthorized && c.Request.Header.Get("Authorization") == "" {
		r.Status = http.StatusBadRequest
	}
}

// withoutTokenEndpoint401 is the same of the token endpoint, which CIBA Core 13 does
// not speak of.
func withoutTokenEndpoint401(c *refop.Call, r *refop.Reply) {
	if c.Endpoint == refop.EndpointToken {
		without401(c, r)
	}
}

// takingRawBasic compares the secret of Basic as it stands, too, where the decoded one does
// not fit.
func takingRawBasic(which edit.Which) edit.Change {
	return func(p *refop.Plan) {
		inner := p.Rules.SecretMatches
		p.Rules.SecretMatches = func(c *refop.Call, secret string) bool {
			_, raw, isBasic := c.BasicPair()
			return inner(c, secret) || isBasic && which(c) && inner(c, raw)
		}
	}
}

// clientErrors edits the errors of the endpoints where clients authenticate.
func clientErrors(edits func(*refop.Reply)) edit.Change {
	return edit.All(
		edit.Answers(refop.EndpointStart, refop.ReplyError, edits),
		edit.Answers(refop.EndpointToken, refop.ReplyError, edits),
	)
}

// challengesAs words the challenge in another way.
func challengesAs(value string) edit.Change {
	return clientErrors(func(r *refop.Reply) {
		if r.Header.Get("WWW-Authenticate") != "" {
			edit.Challenge(value)(r)
		}
	})
}

// refusingAssertions refuses some assertions before anything else is looked at.
func refusingAssertions(which func(header, claims map[string]any) bool) edit.Change {
	return edit.After(refop.CheckForm, func(c *refop.Call) *refop.OAuthError {
		token, err := jose.Decode(c.Value("client_assertion"))
		if err != nil || !which(token.Header, token.Claims) {
			return nil
		}
		return &refop.OAuthError{Status: http.StatusUnauthorized, Code: "invalid_client", Description: "this OP does not take such assertions"}
	})
}

// needingJTI refuses assertions without a jti.
func needingJTI(p *refop.Plan) {
	edit.After(refop.CheckAssertionReplay, func(c *refop.Call) *refop.OAuthError {
		if jti, _ := c.Assertion.Claims["jti"].(string); jti == "" {
			return &refop.OAuthError{Status: http.StatusUnauthorized, Code: "invalid_client", Description: "jti is missing"}
		}
		return nil
	})(p)
}

// contradictionsAre refuses requests whose client_id is not that of the client that has
// authenticated.
func contradictionsAre(status int, code string) edit.Change {
	return edit.After(refop.CheckClient, func(c *refop.Call) *refop.OAuthError {
		if named := c.Value("client_id"); named == "" || c.Client == nil || named == c.Client.ID {
			return nil
		}
		return &refop.OAuthError{Status: status, Code: code, Description: "client_id is that of another client"}
	})
}

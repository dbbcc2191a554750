package refop

import (
	"net/http"
	"slices"
	"strings"
)

// userinfo is OIDC Core 5.3, with the errors of RFC 6750 3: who shows no token is
// not told more than the scheme.
func (op *OP) userinfo(c *Call) *Reply {
	token, ok := c.Bearer()
	if !ok {
		return Failure(badToken("an access token is needed", "Bearer"))
	}
	g, s := op.findGrant(token)
	opens := g != nil && op.plan.Rules.OpensUserInfo(c, g)
	s.mu.Unlock()
	if !opens {
		return Failure(badToken("the access token is not valid", `Bearer error="invalid_token"`))
	}
	c.Flow = g.Flow
	body := map[string]any{"sub": op.plan.Rules.Subject(g.Client, g.User)}
	if slices.Contains(strings.Fields(g.Scope), "profile") {
		body["name"] = g.User.Name
	}
	if g.User.Email != "" && slices.Contains(strings.Fields(g.Scope), "email") {
		body["email"], body["email_verified"] = g.User.Email, true
	}
	return Success(ReplyUserInfo, body)
}

// Bearer is the token of an Authorization header of the scheme Bearer; RFC 6750 2.1.
func (c *Call) Bearer() (token string, ok bool) {
	return strings.CutPrefix(c.Request.Header.Get("Authorization"), "Bearer ")
}

func badToken(description, challenge string) *OAuthError {
	return &OAuthError{Status: http.StatusUnauthorized, Code: "invalid_token", Description: description, Challenge: challenge}
}

// opensUserInfo does not take a refresh token, which is for the token endpoint only.
func opensUserInfo(c *Call, g *Grant) bool {
	return g.Kind == AccessToken && !g.Dead(c.Now) && c.OP.Rules().Holds(c, g)
}

// introspect is RFC 7662 2: of a token that is no good, nothing is told but that.
func (op *OP) introspect(c *Call) *Reply {
	if err := c.run(op.checks.client); err != nil {
		return Failure(err)
	}
	g, s := op.findGrant(c.Value("token"))
	live := g != nil && !g.Dead(c.Now)
	s.mu.Unlock()
	if !live {
		return Success(ReplyIntrospection, map[string]any{"active": false})
	}
	c.Flow = g.Flow
	body := map[string]any{
		"active": true, "iss": op.issuer, "sub": op.plan.Rules.Subject(g.Client, g.User), "aud": op.audience(g.Flow), "client_id": g.Client.ID,
		"scope": g.Scope, "iat": g.Issued.Unix(), "exp": g.Expires.Unix(), "token_type": "Bearer",
	}
	if g.Details != nil { // RFC 9396 9.2
		body["authorization_details"] = CloneJSON(g.Details)
	}
	if g.BoundTo != "" {
		body["cnf"] = confirmation(g)
	}
	return Success(ReplyIntrospection, body)
}

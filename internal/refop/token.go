package refop

import (
	"slices"
	"strings"
)

// The grant types of the token endpoint.
const (
	GrantCIBA    = "urn:openid:params:grant-type:ciba"
	GrantRefresh = "refresh_token"
)

// token is the token endpoint: RFC 6749 3.2, CIBA Core 10.1.
func (op *OP) token(c *Call) *Reply {
	if err := c.run(op.checks.client); err != nil {
		return Failure(err)
	}
	switch op.plan.Rules.GrantType(c) {
	case GrantCIBA:
		return op.Poll(c)
	case GrantRefresh:
		return op.refresh(c)
	case "":
		return Failure(Refusal("invalid_request", "grant_type is missing"))
	}
	return Failure(Refusal("unsupported_grant_type", "this grant type is not supported"))
}

func grantType(c *Call) string { return c.Value("grant_type") }

// refreshChecks are RFC 6749 6. They run while the lock of the grant is held.
var refreshChecks = []check{
	{CheckRefreshKnown, func(c *Call) *OAuthError {
		if g := c.Grant; g == nil || g.Kind != RefreshToken || g.Dead(c.Now) {
			return Refusal("invalid_grant", "unknown refresh token")
		}
		return nil
	}},
	{CheckRefreshOwn, func(c *Call) *OAuthError { // as if it did not exist: nobody is to learn of it
		if c.Grant.Client.ID != c.Client.ID {
			return Refusal("invalid_grant", "unknown refresh token")
		}
		return nil
	}},
	{CheckRefreshBound, (*Call).needCertificate},
	{CheckRefreshScope, func(c *Call) *OAuthError {
		if !contains(strings.Fields(c.Grant.Scope), c.scope()) {
			return Refusal("invalid_scope", "scope goes beyond the grant")
		}
		return nil
	}},
	{CheckRefreshDetails, func(c *Call) (err *OAuthError) { // RFC 9396 6
		c.Details, err = c.OP.Rules().NarrowDetails(c, c.Grant.Details)
		return err
	}},
}

// refresh is RFC 6749 6 with rotation: a refresh token that comes a second time was
// stolen or repeated, and ends its family; RFC 9700 4.14.
func (op *OP) refresh(c *Call) *Reply {
	g, s := op.findGrant(c.Value("refresh_token"))
	c.Grant = g
	replayed := g != nil && g.Replaced
	err := c.run(op.checks.refresh)
	if err == nil {
		err = op.plan.Rules.RefuseLocked(c, g.User)
	}
	rotate := err == nil && !op.plan.Policy.KeepRefreshToken
	if rotate {
		g.Replaced = true
	}
	s.mu.Unlock()
	if replayed {
		op.Revoke(g.Flow)
	}
	if err != nil {
		return Failure(err)
	}
	c.Flow = g.Flow
	return op.issueRefreshed(c, g, rotate)
}

// issueRefreshed makes the answer to a refresh. The new refresh token is good for
// as much as the old one, whatever this access token was narrowed to.
func (op *OP) issueRefreshed(c *Call, g *Grant, rotate bool) *Reply {
	scope := g.Scope
	if asked := c.scope(); len(asked) > 0 {
		scope = strings.Join(asked, " ")
	}
	body, access := op.issueAccess(c, g.Flow, scope)
	if rotate {
		body["refresh_token"] = op.issueRefresh(c, g.Flow, g.Scope, g.Details)
	}
	if op.plan.Policy.RefreshIDToken {
		body["id_token"], _ = op.issueIDToken(c, g.Flow, access)
	}
	return Success(ReplyRefreshed, body)
}

// issue makes the token response of CIBA Core 10.1.1. A refresh token is for
// clients that asked for offline_access; OIDC Core 11.
func (op *OP) issue(c *Call, f *Flow) *Reply {
	body, _ := op.issueTokens(c, f)
	return Success(ReplyTokens, body)
}

// issueTokens makes the members of a token response. The error says why there is no ID
// Token among them. The refresh token comes before the ID Token, which may be about it.
func (op *OP) issueTokens(c *Call, f *Flow) (body map[string]any, err error) {
	body, access := op.issueAccess(c, f, f.Scope)
	if op.plan.Policy.AlwaysRefresh || slices.Contains(strings.Fields(f.Scope), "offline_access") {
		c.RefreshToken = op.issueRefresh(c, f, f.Scope, c.Details)
		body["refresh_token"] = c.RefreshToken
	}
	idToken, err := op.issueIDToken(c, f, access)
	if err == nil {
		body["id_token"] = idToken
	}
	return body, err
}

// issueAccess makes an access token, and a response around it.
func (op *OP) issueAccess(c *Call, f *Flow, scope string) (body map[string]any, token string) {
	g := op.plan.Rules.NewGrant(c, f, scope)
	g.Token = op.plan.Rules.AccessToken(c, g)
	op.keepGrant(g)
	body = map[string]any{"access_token": g.Token, "token_type": "Bearer", "expires_in": seconds(op.reg.AccessTokenLifetime), "scope": scope}
	if c.Details != nil {
		body["authorization_details"] = CloneJSON(c.Details)
	}
	return body, g.Token
}

// issueRefresh makes a refresh token and keeps its grant.
func (op *OP) issueRefresh(c *Call, f *Flow, scope string, details []any) string {
	g := &Grant{
		Kind: RefreshToken, Token: op.plan.Rules.RefreshToken(), Client: c.Client, User: f.User, Flow: f,
		Scope: scope, Details: details, Issued: c.Now, Expires: c.Now.Add(refreshLifetime),
	}
	op.keepGrant(g)
	return g.Token
}

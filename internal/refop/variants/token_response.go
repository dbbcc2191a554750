package variants

import (
	"strings"

	"github.com/cibatest/cibatest/internal/jose"
	"github.com/cibatest/cibatest/internal/refop"
	"github.com/cibatest/cibatest/internal/refop/edit"
)

// TokenResponse are other token responses, and other ways to tell about tokens.
var TokenResponse = []Variant{
	{"token-opaque", "RFC 6749 1.4: an access token is opaque to the client", edit.RandomTokens()},
	{
		"token-no-refresh", "RFC 6749 1.5: issuing a refresh token is optional",
		edit.Tokens(edit.WithoutMember("refresh_token")),
	},
	{
		"token-refresh-for-some", "RFC 6749 1.5: which clients get a refresh token is the server's choice",
		edit.Replies(func(c *refop.Call, r *refop.Reply) {
			if r.Kind == refop.ReplyTokens && !strings.HasSuffix(c.Client.ID, "-b") {
				delete(r.Body, "refresh_token")
			}
		}),
	},
	{
		"token-no-expires-in", "RFC 6749 5.1: expires_in is recommended",
		edit.Tokens(edit.WithoutMember("expires_in")),
	},
	{
		"token-type-lower-case", "RFC 6749 5.1: token_type is case-insensitive",
		edit.Tokens(edit.Member("token_type", "bearer")),
	},
	{
		"token-scope-omitted", "RFC 6749 5.1: scope is optional when identical to the request",
		edit.Tokens(edit.WithoutMember("scope")),
	},
	{
		"token-scope-narrowed", "RFC 6749 3.3: the server may grant less and says so",
		edit.Granting(func(scope string) string { return edit.DropScope(scope, "profile") }),
	},
	{"token-scope-unknown-ignored", "RFC 6749 3.3: unknown scopes may be ignored, and the rest stated", edit.IgnoringUnknownScopes()},
	{
		"token-scope-reordered", "RFC 6749 3.3: the order of scope values does not matter",
		edit.Granting(func(scope string) string { return strings.TrimSpace(edit.DropScope(scope, "openid") + " openid") }),
	},
	{
		"token-scope-inner", "RFC 9068 2.2.3: what a server acts on itself need not be in the access token",
		edit.All(edit.Tokens(edit.WithoutMember("scope")), edit.AccessClaims(func(_ *refop.Call, claims map[string]any) {
			claims["scope"] = edit.DropScope(edit.DropScope(claims["scope"].(string), "openid"), "offline_access")
		})),
	},
	{
		"token-extra-members", "RFC 6749 5.1: clients ignore unknown members",
		edit.Tokens(func(r *refop.Reply) { r.Body["session_state"], r.Body["not-before-policy"] = refop.RandomID(8), 0 }),
	},
	{
		"token-headers", "RFC 9111 5.2: further directives and parameters are allowed",
		edit.Answers(refop.EndpointToken, "", func(r *refop.Reply) {
			r.Header.Set("Cache-Control", "private, No-Store, max-age=0")
			r.Header.Set("Content-Type", "application/json;charset=UTF-8")
			r.Header.Del("Pragma")
		}),
	},
	{"token-jwt-of-another-kind", "RFC 9068 1: JWT access tokens need not follow the profile", func(p *refop.Plan) {
		p.EditAccessTokens(func(_ *refop.Call, d *refop.Draft) {
			d.Header["typ"] = "JWT"
			delete(d.Claims, "aud")
			delete(d.Claims, "client_id")
		})
	}},
	{
		"refresh-without-rotation", "RFC 6749 6: a new refresh token is optional",
		func(p *refop.Plan) { p.Policy.KeepRefreshToken = true },
	},
	{
		"refresh-with-id-token", "OIDC Core 12.2: a refresh may bring an ID Token",
		func(p *refop.Plan) { p.Policy.RefreshIDToken = true },
	},
	{"userinfo-signed", "OIDC Core 5.3.2: UserInfo may be a JWT", edit.Replies(func(c *refop.Call, r *refop.Reply) {
		if r.Kind == refop.ReplyUserInfo {
			text, _ := jose.Sign(nil, r.Body, c.OP.SigningKey("RS256"))
			r.Raw = []byte(text)
			r.Header.Set("Content-Type", "application/jwt")
		}
	})},
	{"userinfo-absent", "OIDC Discovery 3: userinfo_endpoint is recommended", edit.Metadata(edit.DropMembers("userinfo_endpoint"))},
	{
		"introspection-absent", "RFC 8414 2: introspection_endpoint is optional",
		edit.Metadata(edit.DropMembers("introspection_endpoint")),
	},
	{
		"introspection-holder-only", "RFC 7662 2.2: a caller that is not entitled is told active false",
		edit.Replies(func(c *refop.Call, r *refop.Reply) {
			if c.Endpoint == refop.EndpointIntrospection && r.Kind == refop.ReplyIntrospection && r.Body["client_id"] != c.Client.ID {
				r.Body = map[string]any{"active": false}
			}
		}),
	},
	{
		"introspection-terse", "RFC 7662 2.2: members other than active are optional",
		edit.Introspections(func(r *refop.Reply) { r.Body = map[string]any{"active": r.Body["active"]} }),
	},
}

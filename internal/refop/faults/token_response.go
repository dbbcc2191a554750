package faults

import (
	"encoding/json"
	"strings"

	"github.com/cibatest/cibatest/internal/refop"
	"github.com/cibatest/cibatest/internal/refop/edit"
)

// TokenResponse are the defects of the answer that brings tokens; RFC 6749 5.1, OIDC Core 3.1.3.3.
var TokenResponse = []Fault{
	{
		"token-expires-moment", "RFC6749-5.1-EXPIRES-IN", "expires_in is a moment in seconds since 1970, and the access token is opaque",
		edit.All(edit.RandomTokens(), edit.Replies(func(c *refop.Call, r *refop.Reply) {
			if r.Kind == refop.ReplyTokens {
				r.Body["expires_in"] = c.Now.Add(c.OP.Registration().AccessTokenLifetime).Unix()
			}
		})),
	},
	{"token-cached", "OIDC-3.1.3.3-NO-STORE", "the token response may be cached", edit.Tokens(edit.WithoutHeader("Cache-Control"))},
	{
		"token-cached-of-ping", "OIDC-3.1.3.3-NO-STORE", "the token response of a ping client may be cached",
		answeredIn(refop.DeliveryPing, refop.ReplyTokens, edit.WithoutHeader("Cache-Control")),
	},
	{
		"token-cached-privately", "OIDC-3.1.3.3-NO-STORE", "the token response is private, no-cache",
		edit.Tokens(edit.Header("Cache-Control", "private, no-cache")),
	},
	{
		"token-cached-with-details", "OIDC-3.1.3.3-NO-STORE", "a token response with details may be cached",
		tokensWithDetails(edit.WithoutHeader("Cache-Control")),
	},
	{"token-no-pragma", "RFC6749-5.1-PRAGMA", "there is no Pragma", edit.Tokens(edit.WithoutHeader("Pragma"))},
	{"token-text", "RFC6749-5.1-JSON", "the token response is called text/plain", edit.Tokens(edit.Media("text/plain;charset=UTF-8"))},
	{"token-jwt-type", "RFC6749-5.1-JSON", "the token response is called application/jwt", edit.Tokens(edit.Media("application/jwt"))},
	{
		"token-nested", "RFC6749-5.1-JSON", "the parameters are inside a member",
		edit.Tokens(func(r *refop.Reply) { r.Body = map[string]any{"result": r.Body} }),
	},
	{
		"token-array", "RFC6749-5.1-JSON", "the token response is an array",
		edit.Tokens(func(r *refop.Reply) { r.Raw, _ = json.Marshal([]any{r.Body}) }),
	},
	{"token-form", "RFC6749-5.1-JSON", "the token response is a form", edit.Tokens(func(r *refop.Reply) {
		r.Raw = []byte("access_token=" + r.Body["access_token"].(string) + "&token_type=Bearer")
	})},
	{"token-no-access", "RFC6749-5.1-ACCESS-TOKEN", "there is no access_token", edit.Tokens(edit.WithoutMember("access_token"))},
	{"token-access-empty", "RFC6749-5.1-ACCESS-TOKEN", "access_token is empty", edit.Tokens(edit.Member("access_token", ""))},
	{
		"token-access-object", "RFC6749-5.1-ACCESS-TOKEN", "access_token is an object",
		edit.Tokens(edit.Member("access_token", map[string]any{"value": "x"})),
	},
	{"token-no-type", "RFC6749-5.1-TOKEN-TYPE", "there is no token_type", edit.Tokens(edit.WithoutMember("token_type"))},
	{"token-type-mac", "RFC6749-5.1-TOKEN-TYPE", "token_type is mac", edit.Tokens(edit.Member("token_type", "mac"))},
	{"token-type-dpop", "RFC6749-5.1-TOKEN-TYPE", "token_type is DPoP without a proof", edit.Tokens(edit.Member("token_type", "DPoP"))},
	{
		"token-type-uri", "RFC6749-5.1-TOKEN-TYPE", "token_type is a token type of RFC 8693",
		edit.Tokens(edit.Member("token_type", "urn:ietf:params:oauth:token-type:access_token")),
	},
	{"token-no-id-token", "OIDC-3.1.3.3-ID-TOKEN", "there is no id_token", edit.Tokens(edit.WithoutMember("id_token"))},
	{
		"token-id-token-opaque", "OIDC-3.1.3.3-ID-TOKEN", "id_token is no JWT",
		edit.Tokens(edit.Member("id_token", "2YotnFZFEjr1zCsicMWpAA")),
	},
	{
		"token-id-token-claims", "OIDC-3.1.3.3-ID-TOKEN", "id_token is an object of claims",
		edit.Tokens(edit.Member("id_token", map[string]any{"sub": "u-1001"})),
	},
	{"token-id-token-parts", "OIDC-3.1.3.3-ID-TOKEN", "id_token has five parts but is no JWE", edit.Tokens(func(r *refop.Reply) {
		r.Body["id_token"] = r.Body["id_token"].(string) + ".x.y"
	})},
	{
		"token-no-id-token-for-ps256", "OIDC-3.1.3.3-ID-TOKEN", "PS256 clients get no id_token",
		edit.Replies(func(c *refop.Call, r *refop.Reply) {
			if r.Kind == refop.ReplyTokens && c.Client.IDTokenAlg == "PS256" {
				delete(r.Body, "id_token")
			}
		}),
	},
	{"token-no-expires-in", "RFC6749-5.1-EXPIRES-IN", "there is no expires_in", edit.Tokens(edit.WithoutMember("expires_in"))},
	{"token-expires-in-string", "RFC6749-5.1-EXPIRES-IN", "expires_in is a string", edit.Tokens(edit.Member("expires_in", "600"))},
	{
		"token-expires-in-untrue", "RFC6749-5.1-EXPIRES-IN", "expires_in is a day, the token lives for minutes",
		edit.Tokens(edit.Member("expires_in", 86400)),
	},
	{
		"token-ends-with-request", "RFC6749-5.1-EXPIRES-IN", "access tokens end when their auth_req_id would have",
		edit.Grants(func(_ *refop.Call, g *refop.Grant) { g.Expires = g.Flow.Expires }),
	},
	{
		"token-refresh-is-access", "RFC6749-10.10-TOKEN-ENTROPY", "the refresh token is the access token",
		edit.Tokens(func(r *refop.Reply) { r.Body["refresh_token"] = r.Body["access_token"] }),
	},
	{"token-expires-in-zero", "RFC6749-5.1-EXPIRES-IN", "expires_in is 0", edit.Tokens(edit.Member("expires_in", 0))},
	{"token-expires-in-negative", "RFC6749-5.1-EXPIRES-IN", "expires_in is negative", edit.Tokens(edit.Member("expires_in", -1))},
	{
		"token-scope-dropped", "RFC6749-5.1-SCOPE", "a scope is dropped and nobody told",
		edit.All(edit.Granting(withoutProfile), edit.Tokens(edit.WithoutMember("scope"))),
	},
	{
		"token-scope-dropped-opaque", "RFC6749-5.1-SCOPE", "only introspection tells that a scope was dropped",
		edit.All(edit.Granting(withoutProfile), edit.Tokens(edit.WithoutMember("scope")), edit.RandomTokens()),
	},
	{
		"token-scope-unknown-dropped", "RFC6749-5.1-SCOPE", "an unknown scope is dropped and nobody told",
		edit.All(edit.IgnoringUnknownScopes(), edit.Tokens(edit.WithoutMember("scope"))),
	},
	{
		"token-scope-untrue", "RFC6749-5.1-SCOPE", "a scope is stated that the access token does not have",
		edit.Grants(func(_ *refop.Call, g *refop.Grant) { g.Scope = withoutProfile(g.Scope) }),
	},
	{"token-scope-empty", "RFC6749-5.1-SCOPE", "scope is an empty string", edit.Tokens(edit.Member("scope", ""))},
	{
		"token-scope-list", "RFC6749-5.1-SCOPE", "scope is an array",
		edit.Tokens(func(r *refop.Reply) { r.Body["scope"] = strings.Fields(r.Body["scope"].(string)) }),
	},
	{
		"token-scope-wider", "RFC9700-2.3-SCOPE-NOT-WIDER", "scope grants more than was asked for",
		edit.Tokens(func(r *refop.Reply) { r.Body["scope"] = r.Body["scope"].(string) + " admin" }),
	},
	{
		"token-scope-of-poll", "RFC9700-2.3-SCOPE-NOT-WIDER", "the scope of the token request counts",
		edit.Grants(func(c *refop.Call, g *refop.Grant) {
			if scope := c.Value("scope"); scope != "" && c.Value("grant_type") == refop.GrantCIBA {
				g.Scope = scope
			}
		}),
	},
	{
		"token-scope-wider-jwt", "RFC9700-2.3-SCOPE-NOT-WIDER", "the access token holds more scope than was asked for",
		accessClaims(func(c map[string]any) {
			c["scope"] = c["scope"].(string) + " admin"
		}),
	},
	{
		"token-scope-wider-inside", "RFC9700-2.3-SCOPE-NOT-WIDER", "introspection shows more scope than was asked for",
		edit.Introspections(active(func(r *refop.Reply) { r.Body["scope"] = r.Body["scope"].(string) + " admin" })),
	},
	{
		"token-constant", "RFC6749-10.10-TOKEN-ENTROPY", "every access token is the same",
		edit.OpaqueTokens(func() string { return "8xLOxBtZp8-the-one-and-only-access-token" }),
	},
	{
		"token-short", "RFC6749-10.10-TOKEN-ENTROPY", "access tokens have 64 random bits",
		edit.OpaqueTokens(func() string { return "token-" + refop.RandomID(8) }),
	},
	{"token-refresh-short", "RFC6749-10.10-TOKEN-ENTROPY", "refresh tokens are long but mostly constant", func(p *refop.Plan) {
		p.Rules.RefreshToken = func() string { return strings.Repeat("r", 40) + refop.RandomID(9) }
	}},
}

func withoutProfile(scope string) string { return edit.DropScope(scope, "profile") }

// refreshed edits the answers to a refresh.
func refreshed(rewrite func(*refop.Reply)) edit.Change {
	return edit.Answers(refop.EndpointToken, refop.ReplyRefreshed, rewrite)
}

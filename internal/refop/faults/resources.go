package faults

import (
	"net/http"
	"strings"

	"github.com/cibatest/cibatest/internal/jose"
	"github.com/cibatest/cibatest/internal/refop"
	"github.com/cibatest/cibatest/internal/refop/edit"
)

// Resources are the defects of what tokens are good for: UserInfo, introspection, JWT access
// tokens and refreshes.
var Resources = []Fault{
	{"userinfo-other-sub", "OIDC-5.3-USERINFO", "UserInfo tells another sub", userInfo(edit.Member("sub", "u-9999"))},
	{
		"userinfo-not-pairwise", "OIDC-5.3-USERINFO", "UserInfo tells every client the public sub",
		edit.Replies(func(c *refop.Call, r *refop.Reply) {
			if r.Kind == refop.ReplyUserInfo {
				r.Body["sub"] = c.Flow.User.Sub
			}
		}),
	},
	{"userinfo-no-sub", "OIDC-5.3-USERINFO", "UserInfo tells no sub", userInfo(edit.WithoutMember("sub"))},
	{"userinfo-refuses", "OIDC-5.3-USERINFO", "UserInfo refuses CIBA tokens", userInfo(edit.Failing(401, "invalid_token"))},
	{"userinfo-crashes", "OIDC-5.3-USERINFO", "UserInfo crashes on CIBA tokens", userInfo(edit.Failing(500, "server_error"))},
	{
		"userinfo-html", "OIDC-5.3-USERINFO", "UserInfo is a page",
		userInfo(func(r *refop.Reply) { r.Raw = []byte("<html>Alice</html>") }),
	},
	{"userinfo-201", "OIDC-5.3-USERINFO", "UserInfo is a 201", userInfo(edit.Status(http.StatusCreated))},
	{
		"introspection-inactive", "RFC7662-2.2-ACTIVE", "CIBA tokens are never active",
		edit.Introspections(func(r *refop.Reply) { r.Body = map[string]any{"active": false} }),
	},
	{"introspection-anything", "RFC7662-2.2-ACTIVE", "every token is active", edit.Introspections(edit.Member("active", true))},
	{
		"introspection-string", "RFC7662-2.2-ACTIVE", "active is a string",
		edit.Introspections(active(edit.Member("active", "true"))),
	},
	{
		"introspection-no-active", "RFC7662-2.2-ACTIVE", "active is missing",
		edit.Introspections(active(edit.WithoutMember("active"))),
	},
	{
		"introspection-other-client", "RFC7662-2.2-ACTIVE", "client_id is the resource server's",
		edit.Introspections(active(edit.Member("client_id", "api"))),
	},
	{
		"introspection-one-client", "RFC7662-2.2-ACTIVE", "client_id is that of one client for all",
		edit.Introspections(active(edit.Member("client_id", "basic-a"))),
	},
	{
		"introspection-other-user", "RFC7662-2.2-ACTIVE", "sub is another user's, of an OP with public subjects",
		edit.All(publicSubjects, edit.Introspections(active(edit.Member("sub", "u-9999")))),
	},
	{
		"introspection-refuses", "RFC7662-2.2-ACTIVE", "introspection refuses its resource server",
		edit.Introspections(edit.Failing(403, "access_denied")),
	},
	{
		"introspection-array", "RFC7662-2.2-ACTIVE", "introspection answers an array",
		edit.Introspections(func(r *refop.Reply) { r.Raw = []byte(`[{"active":true}]`) }),
	},
	{
		"introspection-scope-list", "RFC7662-2.2-ACTIVE", "scope is a list",
		edit.Introspections(active(func(r *refop.Reply) { r.Body["scope"] = scopeList(r.Body["scope"]) })),
	},
	{
		"introspection-exp-text", "RFC7662-2.2-ACTIVE", "exp is a date in words",
		edit.Introspections(active(edit.Member("exp", "2030-01-01T00:00:00Z"))),
	},
	{
		"introspection-token-type-list", "RFC7662-2.2-ACTIVE", "token_type is a list",
		edit.Introspections(active(edit.Member("token_type", []any{"Bearer"}))),
	},
	{
		"introspection-dead-cut", "RFC7662-2.2-ACTIVE", "the answer about a dead token is cut off",
		edit.Introspections(inactive(func(r *refop.Reply) { r.Raw = []byte(`{"active":fal`) })),
	},
	{
		"introspection-dead-401", "RFC7662-2.2-ACTIVE", "who asks about a dead token is refused",
		edit.Introspections(inactive(edit.Failing(401, "invalid_token"))),
	},
	{
		"introspection-dead-mute", "RFC7662-2.2-ACTIVE", "of a dead token active is not told",
		edit.Introspections(inactive(edit.WithoutMember("active"))),
	},
	{
		"introspection-id-token-500", "RFC7662-2.2-ACTIVE", "a question about an ID Token crashes the OP",
		introspectionsOf(func(c *refop.Call, g *refop.Grant) bool {
			_, err := c.OP.VerifyOwn(c.Value("token"))
			return g == nil && err == nil
		}, crash),
	},
	{
		"introspection-refresh-500", "RFC7662-2.2-ACTIVE", "a question about a refresh token crashes the OP",
		introspectionsOf(func(_ *refop.Call, g *refop.Grant) bool { return isRefresh(g) && !g.Replaced }, crash),
	},
	{
		"introspection-spent-500", "RFC7662-2.2-ACTIVE", "a question about a refresh token that was used crashes the OP",
		introspectionsOf(func(_ *refop.Call, g *refop.Grant) bool { return isRefresh(g) && g.Replaced }, crash),
	},
	{
		"introspection-foreign-500", "RFC7662-2.2-ACTIVE", "a client that asks about the token of another one crashes the OP",
		introspectionsOf(func(c *refop.Call, g *refop.Grant) bool {
			return g != nil && g.Client != c.Client && !c.Client.Introspection
		}, crash),
	},
	{
		"introspection-stales", "RFC7662-2.2-ACTIVE", "looking at a refresh token makes it stale",
		introspectionsOf(func(_ *refop.Call, g *refop.Grant) bool {
			if isRefresh(g) {
				g.Replaced = true
			}
			return false
		}, nil),
	},
	{
		"at-scope-list", "RFC9068-2-JWT-AT", "scope of the access token is a list",
		accessClaims(func(c map[string]any) { c["scope"] = scopeList(c["scope"]) }),
	},
	{"at-iss-missing", "RFC9068-2-JWT-AT", "the access token has no iss", accessClaims(func(c map[string]any) { delete(c, "iss") })},
	{"at-exp-missing", "RFC9068-2-JWT-AT", "the access token has no exp", accessClaims(func(c map[string]any) { delete(c, "exp") })},
	{"at-aud-missing", "RFC9068-2-JWT-AT", "the access token has no aud", accessClaims(func(c map[string]any) { delete(c, "aud") })},
	{"at-sub-missing", "RFC9068-2-JWT-AT", "the access token has no sub", accessClaims(func(c map[string]any) { delete(c, "sub") })},
	{
		"at-client-missing", "RFC9068-2-JWT-AT", "the access token has no client_id",
		accessClaims(func(c map[string]any) { delete(c, "client_id") }),
	},
	{"at-iat-missing", "RFC9068-2-JWT-AT", "the access token has no iat", accessClaims(func(c map[string]any) { delete(c, "iat") })},
	{"at-jti-missing", "RFC9068-2-JWT-AT", "the access token has no jti", accessClaims(func(c map[string]any) { delete(c, "jti") })},
	{
		"at-client-wrong", "RFC9068-2-JWT-AT", "client_id of the access token is another client",
		accessClaims(func(c map[string]any) { c["client_id"] = "somebody-else" }),
	},
	{
		"at-client-one", "RFC9068-2-JWT-AT", "client_id of all access tokens is that of one client",
		accessClaims(func(c map[string]any) { c["client_id"] = "basic-a" }),
	},
	{
		"at-iss-wrong", "RFC9068-2-JWT-AT", "iss of the access token is another issuer",
		accessClaims(func(c map[string]any) { c["iss"] = "https://other.example" }),
	},
	{
		"at-expired", "RFC9068-2-JWT-AT", "the access token has expired when it comes",
		accessClaims(func(c map[string]any) { c["exp"] = c["iat"].(int64) - 60 }),
	},
	{
		"at-other-user", "RFC9068-2-JWT-AT", "sub of the access token is another user, of an OP with public subjects",
		edit.All(publicSubjects, accessClaims(func(claims map[string]any) { claims["sub"] = "u-9999" })),
	},
	{"at-foreign-key", "RFC9068-2-JWT-AT", "the access token is signed with an unpublished key", func(p *refop.Plan) {
		p.EditAccessTokens(func(_ *refop.Call, d *refop.Draft) { d.Key = foreignKey() })
	}},
	{"refresh-refused", "RFC6749-6-REFRESH", "refresh tokens of CIBA flows never work", refreshed(edit.Failing(400, "invalid_grant"))},
	{"refresh-no-access", "RFC6749-6-REFRESH", "a refresh brings no access_token", refreshed(edit.WithoutMember("access_token"))},
	{
		"refresh-dead-access", "RFC6749-6-REFRESH", "a refresh brings an access token that does not work",
		refreshed(edit.Member("access_token", "dead-on-arrival-4711")),
	},
	{
		"refresh-other-sub", "RFC6749-6-REFRESH", "the refreshed ID Token names another sub",
		refreshedIDTokens(func(_ *refop.Call, d *refop.Draft) { d.Claims["sub"] = "u-9999" }),
	},
	{
		"refresh-other-iss", "RFC6749-6-REFRESH", "the refreshed ID Token names another issuer",
		refreshedIDTokens(func(_ *refop.Call, d *refop.Draft) { d.Claims["iss"] = "https://other.example" }),
	},
	{
		"refresh-other-aud", "RFC6749-6-REFRESH", "the refreshed ID Token is meant for another client",
		refreshedIDTokens(func(_ *refop.Call, d *refop.Draft) { d.Claims["aud"] = "somebody-else" }),
	},
	{
		"refresh-new-auth-time", "RFC6749-6-REFRESH", "the refreshed ID Token claims a new authentication",
		refreshedIDTokens(func(c *refop.Call, d *refop.Draft) { d.Claims["auth_time"] = c.Now.Unix() }),
	},
	{
		"refresh-flipped", "RFC6749-6-REFRESH", "the signature of the refreshed ID Token is wrong",
		edit.All(withRefreshedIDToken, func(p *refop.Plan) {
			p.EditSignedIDTokens(func(c *refop.Call, _ *refop.Draft, token string) string {
				if !refreshing(c) {
					return token
				}
				return flip(token)
			})
		}),
	},
	{
		"refresh-stale", "RFC6749-6-REFRESH", "the refreshed ID Token has expired when it comes",
		refreshedIDTokens(func(_ *refop.Call, d *refop.Draft) { d.Claims["exp"] = d.Claims["iat"].(int64) - 100 }),
	},
	{
		"refresh-same-id-token", "RFC6749-6-REFRESH", "the refreshed ID Token has the dates of the original one",
		refreshedIDTokens(func(_ *refop.Call, d *refop.Draft) { d.Claims["iat"] = d.Claims["auth_time"] }),
	},
	{
		"refresh-at-hash-wrong", "RFC6749-6-REFRESH", "the refreshed ID Token has the hash of the old access token",
		refreshedIDTokens(func(_ *refop.Call, d *refop.Draft) {
			d.Claims["at_hash"], _ = jose.LeftHalfHash(d.Key.Alg(), "the old access token")
		}),
	},
	{"refresh-cached", "RFC6749-6-REFRESH", "the answer to a refresh may be cached", refreshed(edit.WithoutHeader("Cache-Control"))},
	{"refresh-no-type", "RFC6749-6-REFRESH", "a refresh brings no token_type", refreshed(edit.WithoutMember("token_type"))},
	{"refresh-wider", "RFC6749-6-REFRESH", "a refresh may ask for any scope", edit.Without(refop.CheckRefreshScope)},
	{
		"refresh-other-user", "RFC6749-6-REFRESH", "a refreshed access token is another user's",
		edit.Grants(func(c *refop.Call, g *refop.Grant) {
			if all := c.OP.Registration().Users; refreshing(c) {
				g.User = &all[len(all)-1]
			}
		}),
	},
}

// userInfo edits the good answers of UserInfo.
func userInfo(rewrite func(*refop.Reply)) edit.Change {
	return edit.Answers(refop.EndpointUserInfo, refop.ReplyUserInfo, rewrite)
}

// active edits what introspection says of living tokens.
func active(rewrite func(*refop.Reply)) func(*refop.Reply) {
	return func(r *refop.Reply) {
		if r.Body["active"] == true {
			rewrite(r)
		}
	}
}

// inactive edits what introspection says of dead tokens.
func inactive(rewrite func(*refop.Reply)) func(*refop.Reply) {
	return func(r *refop.Reply) {
		if r.Body["active"] == false {
			rewrite(r)
		}
	}
}

// introspectionsOf edits the answers about some tokens. The grant is nil where the token
// has none, and its lock is held.
func introspectionsOf(which func(*refop.Call, *refop.Grant) bool, rewrite func(*refop.Call, *refop.Reply)) edit.Change {
	return edit.Replies(func(c *refop.Call, r *refop.Reply) {
		if c.Endpoint != refop.EndpointIntrospection || r.Kind != refop.ReplyIntrospection {
			return
		}
		known, picked := false, false
		c.OP.LockedGrant(c.Value("token"), func(g *refop.Grant) { known, picked = true, which(c, g) })
		if picked || !known && which(c, nil) {
			rewrite(c, r)
		}
	})
}

func isRefresh(g *refop.Grant) bool { return g != nil && g.Kind == refop.RefreshToken }

// scopeList is a scope as a list of its values.
func scopeList(scope any) []any {
	var list []any
	text, _ := scope.(string)
	for value := range strings.FieldsSeq(text) {
		list = append(list, value)
	}
	return list
}

// publicSubjects publishes that all clients are told the same subjects.
func publicSubjects(p *refop.Plan) {
	edit.Metadata(edit.SetMember("subject_types_supported", []any{"public"}))(p)
}

// withRefreshedIDToken adds an ID Token to the answer to a refresh.
func withRefreshedIDToken(p *refop.Plan) { p.Policy.RefreshIDToken = true }

// refreshedIDTokens edits the ID Tokens that come with a refresh.
func refreshedIDTokens(rewrite func(*refop.Call, *refop.Draft)) edit.Change {
	return edit.All(withRefreshedIDToken, func(p *refop.Plan) {
		p.EditIDTokens(func(c *refop.Call, d *refop.Draft) {
			if refreshing(c) {
				rewrite(c, d)
			}
		})
	})
}

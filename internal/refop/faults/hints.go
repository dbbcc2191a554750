package faults

import (
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/cibatest/cibatest/internal/jose"
	"github.com/cibatest/cibatest/internal/refop"
	"github.com/cibatest/cibatest/internal/refop/edit"
)

// Hints are the defects of how a user is found; CIBA Core 7.1, 7.2 and 14.
var Hints = []Fault{
	{
		"hint-not-needed", "CIBA-7.1-HINT-NONE", "no hint is needed",
		edit.All(edit.Without(refop.CheckHintNone), nobodyIsFirstUser(withoutHint)),
	},
	{
		"hint-none-scope", "CIBA-7.1-HINT-NONE", "a missing hint is invalid_scope",
		edit.Answering(refop.CheckHintNone, 400, "invalid_scope"),
	},
	{
		"hint-none-401", "CIBA-7.1-HINT-NONE", "a missing hint is 401 invalid_client",
		edit.Answering(refop.CheckHintNone, 401, "invalid_client"),
	},
	{"hint-none-500", "CIBA-7.1-HINT-NONE", "a missing hint crashes the OP", edit.Answering(refop.CheckHintNone, 500, "server_error")},
	{"hint-first-wins", "CIBA-7.2-HINT-MULTIPLE", "further hints are overlooked", edit.Without(refop.CheckHintMultiple)},
	{
		"hint-pair-login-token", "CIBA-7.2-HINT-MULTIPLE", "login_hint and login_hint_token together are accepted",
		hintsTogether(refop.LoginHint, refop.LoginHintToken),
	},
	{
		"hint-pair-login-id", "CIBA-7.2-HINT-MULTIPLE", "login_hint and id_token_hint together are accepted",
		hintsTogether(refop.LoginHint, refop.IDTokenHint),
	},
	{
		"hint-pair-token-id", "CIBA-7.2-HINT-MULTIPLE", "both kinds of tokens together are accepted",
		hintsTogether(refop.LoginHintToken, refop.IDTokenHint),
	},
	{
		"hint-multiple-code", "CIBA-7.2-HINT-MULTIPLE", "two hints are unknown_user_id",
		edit.Answering(refop.CheckHintMultiple, 400, "unknown_user_id"),
	},
	{
		"hint-multiple-500", "CIBA-7.2-HINT-MULTIPLE", "two hints crash the OP",
		edit.Answering(refop.CheckHintMultiple, 500, "server_error"),
	},
	{
		"hint-all-three", "CIBA-7.2-HINT-MULTIPLE", "all three hints together are accepted",
		hintsTogether(refop.LoginHint, refop.LoginHintToken, refop.IDTokenHint),
	},
	{
		"hint-login-refused", "CIBA-7.1-LOGIN-HINT-OK", "a known login_hint is refused",
		startsThat(edit.Sent("login_hint"), refused("unknown_user_id")),
	},
	{"hint-any-user", "CIBA-7.2-UNKNOWN-USER", "an unknown user gets somebody else's prompt", nobodyIsFirstUser(edit.Always)},
	{
		"hint-unknown-500", "CIBA-7.2-UNKNOWN-USER", "an unknown user crashes the OP",
		edit.Answering(refop.CheckUserKnown, 500, "server_error"),
	},
	{
		"hint-unknown-client", "CIBA-7.2-UNKNOWN-USER", "an unknown user is unauthorized_client",
		edit.Answering(refop.CheckUserKnown, 400, "unauthorized_client"),
	},
	{"hint-unknown-404", "CIBA-7.2-UNKNOWN-USER", "an unknown user is 404", edit.Answering(refop.CheckUserKnown, 404, "not_found")},
	{
		"hint-empty", "CIBA-7.1-LOGIN-HINT-EMPTY", "an empty login_hint is the first user",
		edit.All(edit.KeepingEmpty(), edit.BlankHint(), nobodyIsFirstUser(edit.Always)),
	},
	{
		"hint-empty-500", "CIBA-7.1-LOGIN-HINT-EMPTY", "an empty login_hint crashes the OP",
		edit.All(edit.KeepingEmpty(refop.LoginHint), startsThat(func(c *refop.Call) bool {
			return c.Has(refop.LoginHint) && c.Value(refop.LoginHint) == ""
		}, crash)),
	},
	{
		"hint-token-wrong-subject", "CIBA-7.1-HINT-SUBJECT-MATCH", "a login_hint_token names another user",
		userOfHint(func(c *refop.Call, u *refop.User) *refop.User {
			if !c.Has(refop.LoginHintToken) {
				return u
			}
			return somebodyElse(c, u)
		}),
	},
	{
		"hint-token-first-subject", "CIBA-7.1-HINT-SUBJECT-MATCH", "a login_hint_token always names the first user",
		firstUserFor("login_hint_token"),
	},
	{"hint-swapped-subject", "CIBA-7.1-HINT-SUBJECT-MATCH", "everybody is somebody else", userOfHint(somebodyElse)},
	{
		"hint-nul-500", "CIBA-7.2-UNKNOWN-USER", "a NUL in a login_hint crashes the OP",
		startsThat(func(c *refop.Call) bool { return strings.Contains(c.Value("login_hint"), "\x00") }, crash),
	},
	{"hint-wildcard", "CIBA-7.2-UNKNOWN-USER", "an asterisk names the first user", edit.Forms(func(c *refop.Call) {
		if c.Value("login_hint") == "*" {
			c.Form["login_hint"] = []string{c.OP.Registration().Users[0].LoginHint}
		}
	})},
	{
		"hint-token-malformed-500", "CIBA-14-LHT-BAD-SIGNATURE", "a login_hint_token that is none crashes the OP",
		startsThat(func(c *refop.Call) bool {
			return c.Has("login_hint_token") && !strings.Contains(c.Value("login_hint_token"), ".")
		}, crash),
	},
	{"hint-prompts-other", "CIBA-7.1-HINT-SUBJECT-MATCH", "the other user is asked", edit.Prompts(func(_ *refop.Flow, p map[string]any) {
		if p["login_hint"] == "alice" {
			p["login_hint"], p["sub"] = "bob", "u-1002"
		} else {
			p["login_hint"], p["sub"] = "alice", "u-1001"
		}
	})},
	{"hint-mixed-up", "CIBA-8-MANY-PARALLEL", "of requests at the same time one gets the user of the other", func(p *refop.Plan) {
		var latest atomic.Pointer[refop.User]
		userOfHint(func(c *refop.Call, u *refop.User) *refop.User {
			latest.Store(u)
			c.OP.Wait(2 * time.Millisecond)
			return latest.Load()
		})(p)
	}},
	{
		"hint-wrong-subject", "CIBA-7.1-HINT-SUBJECT-MATCH", "everybody is the first user",
		userOfHint(func(c *refop.Call, _ *refop.User) *refop.User { return firstUser(c) }),
	},
	{
		"hint-id-token-refused", "CIBA-7.1-ITH-OK", "an ID Token is no hint",
		startsThat(edit.Sent("id_token_hint"), refused("invalid_request")),
	},
	{
		"hint-id-token-subject", "CIBA-7.1-ITH-OK", "an ID Token names somebody else",
		userOfHint(func(c *refop.Call, u *refop.User) *refop.User {
			if !c.Has(refop.IDTokenHint) {
				return u
			}
			all := c.OP.Registration().Users
			return &all[len(all)-1]
		}),
	},
	{
		"hint-id-token-es256-refused", "CIBA-7.1-ITH-OK", "an ID Token signed by ES256 is no hint",
		edit.RefusingStarts("invalid_request", func(c *refop.Call) bool {
			token, err := jose.Decode(c.Value(refop.IDTokenHint))
			return err == nil && token.Header["alg"] == "ES256"
		}),
	},
	{
		"hint-id-token-pairwise-refused", "CIBA-7.1-ITH-OK", "a pairwise subject names nobody",
		edit.RefusingStarts("unknown_user_id", func(c *refop.Call) bool { return c.Has(refop.IDTokenHint) && c.Client.Sector != "" }),
	},
	{
		"hint-id-token-unknown-key", "CIBA-14-ITH-BAD-SIGNATURE", "a hint under an unknown kid is not verified",
		unverifiedIDHint(unknownKey),
	},
	{
		"hint-id-token-unsigned-odd", "CIBA-14-ITH-ALG-NONE", "unsigned hints are refused by one spelling of none only",
		unverifiedIDHint(hintAlg(isOddNone)),
	},
	{
		"hint-token-unsigned", "CIBA-14-LHT-BAD-SIGNATURE", "a login_hint_token without signature is accepted",
		unverifiedHintToken(hintAlg(isNone)),
	},
	{"hint-id-token-first-subject", "CIBA-7.1-ITH-OK", "an ID Token always names the first user", firstUserFor("id_token_hint")},
	{
		"hint-id-token-expired", "CIBA-14-ITH-EXPIRED-OK", "an ID Token that has expired is no hint",
		edit.After(refop.CheckIDHintAudience, refuseOldIDHint),
	},
	{
		"hint-id-token-any-client", "CIBA-14-ITH-OTHER-CLIENT", "another client's ID Token is a hint",
		edit.Without(refop.CheckIDHintAudience),
	},
	{
		"hint-id-token-client-alike", "CIBA-14-ITH-OTHER-CLIENT", "the ID Token of a client that is registered alike is a hint",
		edit.WithoutWhen(func(c *refop.Call) bool {
			audience, _ := c.Hint.Claims["aud"].(string)
			owner := c.OP.Client(audience)
			return owner != nil && alike(owner, c.Client)
		}, refop.CheckIDHintAudience),
	},
	{
		"hint-id-token-own-key", "CIBA-14-ITH-BAD-SIGNATURE", "a hint is verified by the key that it brings itself",
		unverifiedIDHint(func(c *refop.Call) bool { return bringsOwnKey(c.Value(refop.IDTokenHint)) }),
	},
	{"hint-id-token-unverified", "CIBA-14-ITH-BAD-SIGNATURE", "the hint's signature is not verified", unverifiedIDHint(signedHint)},
	{
		"hint-id-token-bad-500", "CIBA-14-ITH-BAD-SIGNATURE", "a broken signature crashes the OP",
		startsThat(edit.Sent(refop.IDTokenHint), func(c *refop.Call, r *refop.Reply) {
			if hint := c.Value(refop.IDTokenHint); strings.Count(hint, ".") == 2 && len(hint) > 100 && r.Status == http.StatusBadRequest {
				crash(c, r)
			}
		}),
	},
	{
		"hint-id-token-foreign", "CIBA-14-ITH-FOREIGN-ISSUER", "anybody's ID Token is a hint",
		edit.All(unverifiedIDHint(signedHint), edit.Without(refop.CheckIDHintIssuer)),
	},
	{"hint-id-token-unsigned", "CIBA-14-ITH-ALG-NONE", "an unsigned ID Token is a hint", unverifiedIDHint(hintAlg(isNone))},
	{
		"hint-malformed-dots-500", "CIBA-7.2-ITH-MALFORMED", "a hint of the shape of a JWT crashes the OP",
		startsThat(func(c *refop.Call) bool { return c.Value("id_token_hint") == "a.b.c" }, crash),
	},
	{"hint-malformed-accepted", "CIBA-7.2-ITH-MALFORMED", "an unreadable hint is the first user", edit.Forms(func(c *refop.Call) {
		if h := c.Value("id_token_hint"); h != "" && len(h) < 20 && !c.Has("login_hint") {
			delete(c.Form, "id_token_hint")
			c.Form["login_hint"] = []string{c.OP.Registration().Users[0].LoginHint}
		}
	})},
	{
		"hint-malformed-401", "CIBA-7.2-ITH-MALFORMED", "an unreadable hint is 401 invalid_token",
		edit.Replies(func(c *refop.Call, r *refop.Reply) {
			if h := c.Value("id_token_hint"); c.Endpoint == refop.EndpointStart && h != "" && len(h) < 20 && r.Status == 400 {
				r.Status, r.Body = 401, map[string]any{"error": "invalid_token"}
			}
		}),
	},
	{
		"hint-malformed-500", "CIBA-7.2-ITH-MALFORMED", "a malformed hint crashes the OP",
		startsThat(func(c *refop.Call) bool { return c.Value("id_token_hint") == "not-a-jwt" }, crash),
	},
	{
		"hint-token-refused", "CIBA-7.1-LHT-OK", "a login_hint_token is refused",
		startsThat(edit.Sent("login_hint_token"), refused("invalid_request")),
	},
	{"hint-token-eternal", "CIBA-13-LHT-EXPIRED", "an expired login_hint_token is accepted", edit.Without(refop.CheckHintTokenExpired)},
	{
		"hint-token-expired-500", "CIBA-13-LHT-EXPIRED", "an expired login_hint_token crashes the OP",
		edit.Answering(refop.CheckHintTokenExpired, 500, "server_error"),
	},
	{
		"hint-token-expired-code", "CIBA-13-LHT-EXPIRED", "an expired login_hint_token is expired_token",
		startErrorsOf("expired_login_hint_token", edit.Member("error", "expired_token")),
	},
	{"hint-token-unverified", "CIBA-14-LHT-BAD-SIGNATURE", "a forged login_hint_token is accepted", unverifiedHintToken(edit.Always)},
	{"hint-token-somebody", "CIBA-7.2-LHT-UNKNOWN-USER", "a login_hint_token for nobody is the first user", nobodyIsFirstUser(edit.Always)},
	{
		"hint-token-any-user", "CIBA-7.2-LHT-UNKNOWN-USER", "a login_hint_token for nobody is invalid_scope",
		edit.Answering(refop.CheckUserKnown, 400, "invalid_scope"),
	},
}

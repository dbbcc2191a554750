package faults

import (
	"strings"
	"time"

	"github.com/cibatest/cibatest/internal/jose"
	"github.com/cibatest/cibatest/internal/refop"
	"github.com/cibatest/cibatest/internal/refop/edit"
)

// PushTokens are the defects of what is pushed, to whom and how often; CIBA Core 10.3.1.
var PushTokens = []Fault{
	{"push-unsigned", "CIBA-10.3-PUSH-IDT-SIGNED", "alg of pushed ID Tokens is none", pushedSigned(unsigned("none"))},
	{"push-unsigned-oddly", "CIBA-10.3-PUSH-IDT-SIGNED", "alg of pushed ID Tokens is nOnE", pushedSigned(unsigned("nOnE"))},
	{"push-signature-flipped", "CIBA-10.3-PUSH-IDT-SIGNED", "a bit of the signature is wrong", pushedSigned(flip)},
	{
		"push-signature-empty", "CIBA-10.3-PUSH-IDT-SIGNED", "the signature is left out",
		pushedSigned(func(token string) string { return token[:strings.LastIndex(token, ".")+1] }),
	},
	{
		"push-changed-after-signing", "CIBA-10.3-PUSH-IDT-SIGNED", "a claim is added after signing",
		pushedSigned(retold(func(claims map[string]any) { claims["amr"] = []any{"ciba"} })),
	},
	{
		"push-foreign-key", "CIBA-10.3-PUSH-IDT-SIGNED", "pushed ID Tokens are signed by a key that is not published",
		pushedDraft(func(_ *refop.Call, d *refop.Draft) {
			d.Key = edit.NewKey(d.Key.Alg(), d.Key.KID())
		}),
	},

	{
		"push-no-rt-hash", "CIBA-10.3-PUSH-RT-HASH", "a pushed ID Token has no rt_hash",
		pushedClaims(func(claims map[string]any) { delete(claims, refop.ClaimRTHash) }),
	},
	{
		"push-other-rt-hash", "CIBA-10.3-PUSH-RT-HASH", "rt_hash is of another token",
		pushedClaims(hashed(func() string { return refop.RandomID(16) })),
	},
	{"push-rt-hash-short", "CIBA-10.3-PUSH-RT-HASH", "the claim is called rt_hash", pushedClaims(func(claims map[string]any) {
		claims["rt_hash"] = claims[refop.ClaimRTHash]
		delete(claims, refop.ClaimRTHash)
	})},
	{
		"push-rt-hash-of-access", "CIBA-10.3-PUSH-RT-HASH", "rt_hash is at_hash",
		pushedClaims(func(claims map[string]any) { claims[refop.ClaimRTHash] = claims["at_hash"] }),
	},
	{
		"push-rt-hash-sha512", "CIBA-10.3-PUSH-RT-HASH", "rt_hash is made with SHA-512 whatever alg is",
		pushedDraft(func(c *refop.Call, d *refop.Draft) {
			if c.RefreshToken != "" {
				d.Claims[refop.ClaimRTHash], _ = jose.LeftHalfHash("RS512", c.RefreshToken)
			}
		}),
	},
	{
		"push-rt-hash-for-rs256", "CIBA-10.3-PUSH-RT-HASH", "rt_hash is missing where alg is not RS256",
		pushedDraft(func(_ *refop.Call, d *refop.Draft) {
			if d.Key.Alg() != "RS256" {
				delete(d.Claims, refop.ClaimRTHash)
			}
		}),
	},
	{
		"push-stray-rt-hash", "CIBA-10.3-PUSH-NO-STRAY-RT-HASH", "rt_hash is there without a refresh token",
		pushedDraft(func(c *refop.Call, d *refop.Draft) {
			if c.RefreshToken == "" {
				d.Claims[refop.ClaimRTHash] = refop.RandomID(16)
			}
		}),
	},
	{
		"push-rt-hash-of-nothing", "CIBA-10.3-PUSH-NO-STRAY-RT-HASH", "rt_hash is of an empty text without a refresh token",
		pushedDraft(func(c *refop.Call, d *refop.Draft) {
			if c.RefreshToken == "" {
				d.Claims[refop.ClaimRTHash], _ = jose.LeftHalfHash(d.Key.Alg(), "")
			}
		}),
	},

	{"push-twice", "CIBA-10.3-PUSH-200-OK", "each push comes twice", pushedAgain(3*time.Second, refop.Approved)},
	{"push-again-after-20s", "CIBA-10.3-PUSH-200-OK", "each push comes again after 20 s", pushedAgain(20*time.Second, refop.Approved)},
	{
		"push-until-204", "CIBA-10.3-PUSH-200-OK", "a push is tried again until it is answered 204",
		pushedUntil(func(r refop.Receipt) bool { return r.Status == 204 }, 4, time.Second),
	},
	{
		"push-answer-read", "CIBA-10.3-PUSH-200-OK", "a push is tried again when the answer has an error in it",
		pushedUntil(func(r refop.Receipt) bool { return !strings.Contains(string(r.Body), "error") }, 3, time.Second),
	},
	{
		"push-revoked-by-answer", "CIBA-10.3-PUSH-200-OK", "the tokens are revoked when the answer has an error in it",
		pushesTried(func(op *refop.OP, n *refop.Notification, r refop.Receipt, _ error) {
			if strings.Contains(string(r.Body), "error") {
				op.Revoke(n.Flow)
			}
		}),
	},

	{
		"push-tried-for-ever", "CIBA-10.3-PUSH-4XX-5XX", "a push is tried every 2 s for good",
		pushedUntil(func(r refop.Receipt) bool { return r.Status < 300 }, 100, 2*time.Second),
	},
	{
		"push-retry-new-id", "CIBA-10.3-PUSH-MEMBERS", "the second try is for an id of its own",
		pushedThen(func(n *refop.Notification) { n.Body["auth_req_id"] = refop.RandomID(32) }),
	},
	{"push-retry-without-id", "CIBA-10.3-PUSH-MEMBERS", "the second try does not say for which request", pushedThen(lacking("auth_req_id"))},
	{
		"push-retry-access-token-only", "CIBA-10.3-PUSH-4XX-5XX", "the second try has another access token",
		pushedThen(func(n *refop.Notification) { n.Body["access_token"] = refop.RandomID(32) }),
	},

	{"push-at-once", "CIBA-10.3-PUSH-DELIVERY", "the tokens are pushed when the request is accepted", toldWhenAccepted(refop.Approved)},
	{
		"push-pending", "CIBA-10.3-PUSH-DELIVERY", "a push says that the request is pending",
		edit.All(toldWhenAccepted(refop.Pending), pushes(func(n *refop.Notification) {
			n.Body = map[string]any{"auth_req_id": n.Flow.ID, "error": "authorization_pending"}
		}, refop.Pending)),
	},
	{
		"push-for-siblings", "CIBA-10.3-PUSH-DELIVERY", "an approval pushes tokens for all open requests of the user",
		toldToSiblings(refop.Approved),
	},
	{
		"push-to-the-last", "CIBA-10.3-PUSH-DELIVERY", "a push carries the token of the client's last request",
		withLastToken(refop.DeliveryPush),
	},
	{
		"push-to-the-first", "CIBA-10.3-PUSH-DELIVERY", "a push carries the token of the client's first request",
		withFirstToken(refop.DeliveryPush),
	},
	{"push-id-in-url", "CIBA-10.3-PUSH-DELIVERY", "auth_req_id is in the URL, too", pushes(inURL("auth_req_id"))},
	{"push-access-token-in-url", "CIBA-10.3-PUSH-DELIVERY", "the access token is in the URL, too", pushes(inURL("access_token"))},
	{"push-id-token-in-url", "CIBA-10.3-PUSH-DELIVERY", "the ID Token is in the URL, too", pushes(inURL("id_token"))},
	{"push-bearer-in-url", "CIBA-10.3-PUSH-DELIVERY", "the token of the request is in the URL, too", pushes(func(n *refop.Notification) {
		n.URL += "?token=" + n.Flow.NotificationToken
	})},
	{
		"push-id-of-the-last", "CIBA-10.3-PUSH-MEMBERS", "a push is for the client's last request",
		ofLast(func(n *refop.Notification, last *refop.Flow) { n.Body["auth_req_id"] = last.ID }),
	},
	{
		"push-same-access-token", "CIBA-10.3-PUSH-MEMBERS", "a client is pushed one access token for all its requests",
		sameAsFirst("access_token"),
	},
	{
		"push-same-refresh-token", "CIBA-10.3-PUSH-MEMBERS", "a client is pushed one refresh token for all its requests",
		sameAsFirst("refresh_token"),
	},
	{"push-same-id-token", "CIBA-10.3-PUSH-ARID-CLAIM", "a client is pushed one ID Token for all its requests", sameAsFirst("id_token")},

	{
		"push-token-unknown", "RFC7662-2.2-ACTIVE", "nobody knows the pushed access token",
		pushes(func(n *refop.Notification) { n.Body["access_token"] = refop.RandomID(32) }, refop.Approved),
	},
	{
		"push-token-dead", "RFC7662-2.2-ACTIVE", "the pushed access token has expired",
		pushedGrants(func(_ *refop.Call, g *refop.Grant) { g.Expires = g.Issued }),
	},
	{
		"push-token-of-another-client", "RFC7662-2.2-ACTIVE", "the pushed access token is another client's",
		pushedGrants(func(c *refop.Call, g *refop.Grant) {
			g.Client = &c.OP.Registration().Clients[0]
		}),
	},
	{
		"push-token-of-another-user", "OIDC-5.3-USERINFO", "the pushed access token is another user's",
		pushedGrants(func(c *refop.Call, g *refop.Grant) { g.User = otherUser(c) }),
	},
	{
		"push-token-unusable", "OIDC-5.3-USERINFO", "UserInfo does not know the pushed access token",
		pushes(func(n *refop.Notification) { n.Body["access_token"] = refop.RandomID(32) }, refop.Approved),
	},
	{
		"push-sub-of-another-user", "CIBA-7.1-HINT-SUBJECT-MATCH", "the pushed ID Token is another user's",
		pushedDraft(func(c *refop.Call, d *refop.Draft) {
			d.Claims["sub"] = c.OP.Rules().Subject(c.Client, otherUser(c))
		}),
	},

	{"push-details-gone", "RFC9396-PUSH", "authorization_details are not pushed", pushedDetails(edit.Gone)},
	{"push-details-empty", "RFC9396-PUSH", "authorization_details are pushed empty", pushedDetails(func([]any) any { return []any{} })},
	{
		"push-details-object", "RFC9396-PUSH", "the first object is pushed in place of the array",
		pushedDetails(func(list []any) any { return list[0] }),
	},
	{
		"push-details-text", "RFC9396-PUSH", "authorization_details are pushed as a text",
		pushedDetails(func(list []any) any { return jsonText(list) }),
	},
	{
		"push-details-changed", "RFC9396-PUSH", "another amount is pushed than was approved",
		pushedDetails(edit.AtMember("instructedAmount.amount", edit.Becomes("9999.00"))),
	},
	{
		"push-details-types-lost", "RFC9396-PUSH", "the objects are pushed without type",
		pushedDetails(edit.AtMember("type", edit.Becomes(nil))),
	},
}

package faults

import (
	"time"

	"github.com/cibatest/cibatest/internal/refop"
	"github.com/cibatest/cibatest/internal/refop/edit"
)

// Push are the defects of calls in push mode; CIBA Core 10.3 and 12.
var Push = []Fault{
	{"push-never", "CIBA-10.3-PUSH-DELIVERY", "nothing is pushed after an approval", edit.NotNotifying(refop.DeliveryPush, refop.Approved)},
	{"push-after-20s", "CIBA-10.3-PUSH-DELIVERY", "a push takes 20 s", lateBy(refop.DeliveryPush, 20*time.Second)},
	{"push-put", "CIBA-10.3-PUSH-DELIVERY", "a push is a PUT", pushes(calledBy("PUT"))},
	{"push-form", "CIBA-10.3-PUSH-DELIVERY", "a push is a form", pushes(asForm)},
	{"push-text", "CIBA-10.3-PUSH-DELIVERY", "a push is text/plain", pushes(headed("Content-Type", "text/plain"))},

	{"push-no-token", "CIBA-10.3-PUSH-BEARER", "a push carries no token of the request", pushes(headed("Authorization", ""))},
	{"push-token-in-url", "CIBA-10.3-PUSH-BEARER", "a push carries the token in its URL", pushes(tokenInURL)},
	{
		"push-bearer-lower-case", "CIBA-10.3-PUSH-BEARER", "the scheme is bearer",
		pushes(credited(func(token string) string { return "bearer " + token })),
	},
	{
		"push-access-token-as-bearer", "CIBA-10.3-PUSH-BEARER", "a push carries the access token as its credential",
		pushes(func(n *refop.Notification) {
			if token, ok := n.Body["access_token"].(string); ok {
				n.Header.Set("Authorization", "Bearer "+token)
			}
		}),
	},

	{
		"push-redirected", "CIBA-10.3-PUSH-NO-REDIRECT", "a push follows redirects",
		followingRedirects(refop.DeliveryPush, 301, 302, 303, 307, 308),
	},
	{
		"push-redirected-307", "CIBA-10.3-PUSH-NO-REDIRECT", "a push follows a temporary redirect",
		followingRedirects(refop.DeliveryPush, 307),
	},
	{
		"push-interval", "CIBA-7.3-INTERVAL-NOT-IN-PUSH", "who is pushed to is told an interval",
		startsThat(edit.OfMode(refop.DeliveryPush), func(_ *refop.Call, r *refop.Reply) {
			if r.Kind == refop.ReplyAcknowledgement {
				r.Body["interval"] = 5
			}
		}),
	},

	{"push-denial-never", "CIBA-12-PUSH-DENIED", "nothing is pushed after a denial", edit.NotNotifying(refop.DeliveryPush, refop.Denied)},
	{
		"push-denial-expired", "CIBA-12-PUSH-DENIED", "a denial is pushed as expired_token",
		pushes(member("error", "expired_token"), refop.Denied),
	},
	{
		"push-denial-with-token", "CIBA-12-PUSH-DENIED", "a denial is pushed with an access token",
		pushes(func(n *refop.Notification) { n.Body["access_token"] = refop.RandomID(32) }, refop.Denied),
	},
	{
		"push-denial-without-id", "CIBA-12-PUSH-DENIED", "the push of a denial does not say for which request",
		pushes(lacking("auth_req_id"), refop.Denied),
	},
	{
		"push-error-other-id", "CIBA-12-PUSH-ERROR-FORMAT", "the push of a denial is for an id of its own",
		pushes(func(n *refop.Notification) { n.Body["auth_req_id"] = refop.RandomID(32) }, refop.Denied),
	},
	{
		"push-error-no-token", "CIBA-12-PUSH-ERROR-FORMAT", "the push of a denial carries no token of the request",
		pushes(headed("Authorization", ""), refop.Denied),
	},
	{"push-error-form", "CIBA-12-PUSH-ERROR-FORMAT", "the push of a denial is a form", pushes(asForm, refop.Denied)},
	{
		"push-error-quotes", "CIBA-12-PUSH-ERROR-FORMAT", "error_description has quotes",
		pushes(member("error_description", `the user said "no"`), refop.Denied),
	},
	{
		"push-error-user", "CIBA-12-PUSH-ERROR-FORMAT", "the push of a denial names the user, too",
		pushes(func(n *refop.Notification) { n.Body["sub"] = n.Flow.User.Sub }, refop.Denied),
	},
	{"push-error-named-code", "CIBA-12-PUSH-ERROR-FORMAT", "the error is called code", pushes(named("error", "code"), refop.Denied)},
	{
		"push-error-own-code", "CIBA-12-PUSH-ERROR-CODES", "a denial is pushed with a code of the OP's own",
		pushes(member("error", "user_cancelled"), refop.Denied),
	},

	{"push-no-auth-req-id", "CIBA-10.3-PUSH-MEMBERS", "a push does not say for which request", pushes(lacking("auth_req_id"))},
	{
		"push-other-auth-req-id", "CIBA-10.3-PUSH-MEMBERS", "a push is for an id of its own",
		pushes(func(n *refop.Notification) { n.Body["auth_req_id"] = refop.RandomID(32) }),
	},
	{"push-no-access-token", "CIBA-10.3-PUSH-MEMBERS", "a push has no access token", pushes(lacking("access_token"))},
	{"push-no-token-type", "CIBA-10.3-PUSH-MEMBERS", "a push has no token_type", pushes(lacking("token_type"))},
	{"push-no-id-token", "CIBA-10.3-PUSH-MEMBERS", "a push has no ID Token", pushes(lacking("id_token"))},
	{"push-expires-in-words", "CIBA-10.3-PUSH-MEMBERS", "expires_in is a text", pushes(member("expires_in", "ten minutes"))},
	{"push-nested", "CIBA-10.3-PUSH-MEMBERS", "the tokens are an object in the push", pushes(nested)},

	{
		"push-no-at-hash", "CIBA-10.3-PUSH-AT-HASH", "a pushed ID Token has no at_hash",
		pushedClaims(func(claims map[string]any) { delete(claims, "at_hash") }),
	},
	{
		"push-other-at-hash", "CIBA-10.3-PUSH-AT-HASH", "at_hash is of another token",
		pushedClaims(func(claims map[string]any) { claims["at_hash"] = refop.RandomID(16) }),
	},
	{
		"push-no-arid-claim", "CIBA-10.3-PUSH-ARID-CLAIM", "a pushed ID Token is for no request",
		pushedClaims(func(claims map[string]any) { delete(claims, refop.ClaimAuthReqID) }),
	},
	{
		"push-other-arid-claim", "CIBA-10.3-PUSH-ARID-CLAIM", "a pushed ID Token is for another request",
		pushedClaims(func(claims map[string]any) { claims[refop.ClaimAuthReqID] = refop.RandomID(32) }),
	},
	{"push-short-arid-claim", "CIBA-10.3-PUSH-ARID-CLAIM", "the claim is called auth_req_id", pushedClaims(func(claims map[string]any) {
		claims["auth_req_id"] = claims[refop.ClaimAuthReqID]
		delete(claims, refop.ClaimAuthReqID)
	})},

	{"push-and-poll", "CIBA-11-PUSH-CLIENT-REFUSED", "who is pushed to may poll as well", edit.Without(refop.CheckPollMode)},
	{
		"push-poll-invalid-request", "CIBA-11-PUSH-CLIENT-REFUSED", "who is pushed to is told invalid_request",
		edit.Answering(refop.CheckPollMode, 400, "invalid_request"),
	},
	{
		"push-poll-invalid-grant", "CIBA-11-PUSH-CLIENT-REFUSED", "who is pushed to is told invalid_grant",
		edit.Answering(refop.CheckPollMode, 400, "invalid_grant"),
	},
	{
		"push-poll-pending", "CIBA-11-PUSH-CLIENT-REFUSED", "who is pushed to is told to wait",
		edit.Answering(refop.CheckPollMode, 400, "authorization_pending"),
	},
	{
		"push-fetched-once", "CIBA-10-REGISTERED-MODE-ONLY", "after the push the token endpoint gives tokens, too",
		edit.All(edit.Without(refop.CheckPollMode), edit.SeenAsWhen(refop.Used, refop.Approved, func(c *refop.Call, _ *refop.Flow) bool {
			return edit.OfMode(refop.DeliveryPush)(c)
		})),
	},
}

// nested puts what is pushed into an object of its own.
func nested(n *refop.Notification) {
	tokens := map[string]any{}
	for name, value := range n.Body {
		if name != "auth_req_id" {
			tokens[name] = value
			delete(n.Body, name)
		}
	}
	n.Body["tokens"] = tokens
}

// pushedClaims edits the claims of ID Tokens that are pushed.
func pushedClaims(change func(claims map[string]any)) edit.Change {
	return func(p *refop.Plan) {
		p.EditIDTokens(func(c *refop.Call, d *refop.Draft) {
			if edit.OfMode(refop.DeliveryPush)(c) {
				change(d.Claims)
			}
		})
	}
}

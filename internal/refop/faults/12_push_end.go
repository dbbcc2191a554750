package faults

import (
	"time"

	"github.com/cibatest/cibatest/internal/refop"
	"github.com/cibatest/cibatest/internal/refop/edit"
)

// PushEnds are the defects of push mode about requests that ended otherwise than by tokens;
// CIBA Core 11 and 12.
var PushEnds = []Fault{
	{"push-expiry-twice", "CIBA-12-PUSH-EXPIRED", "an expiry is pushed twice", pushedAgain(3*time.Second, refop.Expired)},
	{
		"push-expiry-pending", "CIBA-12-PUSH-EXPIRED", "an expiry is pushed as authorization_pending",
		pushes(member("error", "authorization_pending"), refop.Expired),
	},
	{
		"push-expiry-with-tokens", "CIBA-12-PUSH-EXPIRED", "a request that nobody decided brings tokens when it expires",
		edit.Notifications(refop.DeliveryPush, func(c *refop.Call, n *refop.Notification) {
			*n = *c.OP.Rules().NotificationFor(c, n.Flow, refop.Approved)
		}, refop.Expired),
	},
	{
		"push-expiry-no-token", "CIBA-12-PUSH-EXPIRED", "the push of an expiry carries no token of the request",
		pushes(headed("Authorization", ""), refop.Expired),
	},
	{
		"push-expiry-without-id", "CIBA-12-PUSH-ERROR-FORMAT", "the push of an expiry does not say for which request",
		pushes(lacking("auth_req_id"), refop.Expired),
	},
	{"push-expiry-form", "CIBA-12-PUSH-ERROR-FORMAT", "the push of an expiry is a form", pushes(asForm, refop.Expired)},
	{
		"push-expiry-tabs", "CIBA-12-PUSH-ERROR-FORMAT", "the push of an expiry has a tab in error_description",
		pushes(member("error_description", "too\tlate"), refop.Expired),
	},

	{"push-late", "CIBA-12-PUSH-NO-LATE-TOKENS", "an approval after the expiry pushes tokens", decidedIn(refop.Expired)},

	{"push-denial-then-tokens", "CIBA-12-PUSH-DENIED", "tokens are pushed 3 s after a denial", alsoTold(refop.Denied, refop.Approved)},
	{"push-second-thoughts", "CIBA-12-PUSH-DENIED", "an approval after a denial pushes tokens", decidedIn(refop.Denied)},
	{"push-tokens-then-denial", "CIBA-12-PUSH-DENIED", "access_denied is pushed 3 s after tokens", alsoTold(refop.Approved, refop.Denied)},
	{"push-denial-after-tokens", "CIBA-12-PUSH-DENIED", "a denial after the tokens is pushed, too", decidedIn(refop.Used)},
	{
		"push-denial-for-siblings", "CIBA-12-PUSH-DENIED", "a denial is pushed for all open requests of the user",
		toldToSiblings(refop.Denied),
	},
	{
		"push-denial-of-the-last", "CIBA-12-PUSH-DENIED", "a denial is pushed for the client's last request",
		ofLast(func(n *refop.Notification, last *refop.Flow) { n.Body["auth_req_id"] = last.ID }, refop.Denied),
	},
	{
		"push-denial-after-20s", "CIBA-12-PUSH-DENIED", "the push of a denial takes 20 s",
		edit.NotifyingBy(func(op *refop.OP, n *refop.Notification, call func()) {
			if n.Flow.Client.DeliveryMode == refop.DeliveryPush && n.End == refop.Denied {
				op.Wait(20 * time.Second)
			}
			call()
		}),
	},

	{"push-error-number", "CIBA-12-PUSH-ERROR-FORMAT", "error is a number", pushes(member("error", 403), refop.Denied)},
	{
		"push-error-object", "CIBA-12-PUSH-ERROR-FORMAT", "error is an object",
		pushes(member("error", map[string]any{"code": "access_denied"}), refop.Denied),
	},
	{
		"push-error-umlauts", "CIBA-12-PUSH-ERROR-FORMAT", "error_description has umlauts",
		pushes(member("error_description", "Der Nutzer möchte nicht"), refop.Denied),
	},
	{
		"push-error-list", "CIBA-12-PUSH-ERROR-FORMAT", "error_description is a list",
		pushes(member("error_description", []any{"denied"}), refop.Denied),
	},
	{
		"push-error-text", "CIBA-12-PUSH-ERROR-FORMAT", "the push of a denial is text/plain",
		pushes(headed("Content-Type", "text/plain"), refop.Denied),
	},
	{
		"push-error-upper-case", "CIBA-12-PUSH-ERROR-CODES", "a denial is pushed as ACCESS_DENIED",
		pushes(member("error", "ACCESS_DENIED"), refop.Denied),
	},
	{
		"push-error-words", "CIBA-12-PUSH-ERROR-CODES", "a denial is pushed as access denied",
		pushes(member("error", "access denied"), refop.Denied),
	},

	{"push-lost-fetched", "CIBA-11-PUSH-CLIENT-REFUSED", "what could not be pushed can be fetched", lostIsFetched},
	{"push-denied-pending", "CIBA-11-PUSH-CLIENT-REFUSED", "who is pushed to is told to wait after a denial", func(p *refop.Plan) {
		p.Wrap(refop.CheckPollMode, func(inner refop.CheckFunc) refop.CheckFunc {
			return func(c *refop.Call) *refop.OAuthError {
				err := inner(c)
				if err != nil && c.Flow != nil && c.Flow.State == refop.Denied {
					return refop.Refusal("authorization_pending", "wait")
				}
				return err
			}
		})
	}},
	{"push-refused-crash", "CIBA-11-PUSH-CLIENT-REFUSED", "a poll after the push breaks", func(p *refop.Plan) {
		p.Wrap(refop.CheckPollMode, func(inner refop.CheckFunc) refop.CheckFunc {
			return func(c *refop.Call) *refop.OAuthError {
				err := inner(c)
				if err != nil && c.Flow != nil && c.Flow.State == refop.Used {
					return &refop.OAuthError{Status: 500, Code: "server_error"}
				}
				return err
			}
		})
	}},
}

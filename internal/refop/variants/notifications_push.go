package variants

import (
	"sync"
	"time"

	"github.com/cibatest/cibatest/internal/refop"
	"github.com/cibatest/cibatest/internal/refop/edit"
)

// Push are other ways to push; CIBA Core 10.3 and 12.
var Push = []Variant{
	{
		"push-expiry-untold", "CIBA Core 12: a client knows expires_in, and need not be told",
		edit.NotNotifying(refop.DeliveryPush, refop.Expired),
	},
	{"push-expiry-denied", "CIBA Core 12: an OP may count silence as a refusal", pushes(withError("access_denied"), refop.Expired)},
	{
		"push-expiry-after-9s", "CIBA Core 12 sets no time: an OP may look for what has expired now and then",
		pushedAfter(9*time.Second, refop.Expired),
	},
	{"push-errors-terse", "CIBA Core 12: error_description is optional", pushes(without("error_description"))},
	{"push-after-2s", "CIBA Core 10.3 sets no time: calls may wait in an outbox", pushedAfter(2 * time.Second)},
	{"push-after-10s", "CIBA Core 10.3 sets no time: calls may wait in a queue", pushedAfter(10 * time.Second)},
	{"push-tried-once", "CIBA Core 10.3.1: retries are out of its scope", func(p *refop.Plan) { p.Policy.NotifyTries = 1 }},
	{
		"push-tried-whatever-the-error", "CIBA Core 10.3.1: retries are out of its scope",
		edit.TryingAgain(func(r refop.Receipt, err error) bool { return err != nil || r.Status >= 300 }, 5, time.Second),
	},
	{
		"push-tried-at-intervals", "CIBA Core 10.3.1: retries are out of its scope",
		edit.TryingAgain(func(r refop.Receipt, err error) bool { return err != nil || r.Status/100 == 5 }, 4, 8*time.Second),
	},
	{"push-failure-told", "CIBA Core 12: what could not be completed may be told as transaction_failed", failureTold},
	{"push-no-expires-in", "CIBA Core 10.3.1: expires_in is optional", pushes(without("expires_in"))},
	{"push-no-scope", "CIBA Core 10.3.1: scope is optional when it is as requested", pushes(without("scope"))},
	{
		"push-no-refresh", "CIBA Core 10.3.1: a refresh token is optional",
		edit.All(pushes(without("refresh_token")), pushedClaims(func(claims map[string]any) {
			delete(claims, refop.ClaimRTHash)
		})),
	},
	{"push-token-type-lower-case", "RFC 6749 5.1: token_type is case-insensitive", pushes(func(n *refop.Notification) {
		if n.End == refop.Approved {
			n.Body["token_type"] = "bearer"
		}
	})},
	{"push-more-members", "RFC 6749 5.1: clients ignore unknown members", pushes(func(n *refop.Notification) {
		n.Body["session_state"], n.Body["issued_at"], n.Body["interval"] = refop.RandomID(8), 1, nil
	}, refop.Approved)},
	{"push-charset", "RFC 9110 8.3.1: a media type may have parameters, and no case", pushes(func(n *refop.Notification) {
		n.Header.Set("Content-Type", "Application/JSON; charset=UTF-8")
	})},
	{"push-more-headers", "RFC 9110 5.1: unknown headers are ignored", pushes(func(n *refop.Notification) {
		n.Header.Set("User-Agent", "op/1.0")
		n.Header.Set("Accept", "*/*")
		n.Header.Set("Traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	})},
	{"push-aud-list", "OIDC Core 2: aud may be an array, and azp the client", pushedClaims(func(claims map[string]any) {
		claims["azp"], claims["aud"] = claims["aud"], []any{claims["aud"]}
	})},
	{"push-extra-claims", "OIDC Core 2: further claims are allowed", pushedClaims(func(claims map[string]any) {
		claims["amr"], claims["sid"] = []any{"swk"}, refop.RandomID(8)
	})},
	{"push-token-opaque", "RFC 6749 1.4: an access token is opaque to the client", func(p *refop.Plan) {
		inner := p.Rules.AccessToken
		p.Rules.AccessToken = func(c *refop.Call, g *refop.Grant) string {
			if edit.OfMode(refop.DeliveryPush)(c) {
				return refop.RandomID(32)
			}
			return inner(c, g)
		}
	}},
	{"push-details-reordered", "RFC 9396 7: the order of the array says nothing", pushes(func(n *refop.Notification) {
		list, _ := n.Body["authorization_details"].([]any)
		for i, j := 0, len(list)-1; i < j; i, j = i+1, j-1 {
			list[i], list[j] = list[j], list[i]
		}
	}, refop.Approved)},
	{"push-state-first", "CIBA Core 11 sets no order: an OP may look at the request before it looks at the client", stateFirst},
}

// pushes edits the calls of push mode; without ends those about any end of a flow.
func pushes(change func(*refop.Notification), ends ...refop.State) edit.Change {
	return edit.Notifications(refop.DeliveryPush, func(_ *refop.Call, n *refop.Notification) { change(n) }, ends...)
}

// without takes members of a call away.
func without(names ...string) func(*refop.Notification) {
	return func(n *refop.Notification) {
		for _, name := range names {
			delete(n.Body, name)
		}
	}
}

// withError gives a call another code, and no description.
func withError(code string) func(*refop.Notification) {
	return func(n *refop.Notification) {
		n.Body["error"] = code
		delete(n.Body, "error_description")
	}
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

// pushedAfter pushes a while after there is something to push; without ends that is any end.
func pushedAfter(d time.Duration, ends ...refop.State) edit.Change {
	return edit.NotifyingBy(func(op *refop.OP, n *refop.Notification, call func()) {
		due := len(ends) == 0
		for _, end := range ends {
			due = due || n.End == end
		}
		if n.Flow.Client.DeliveryMode == refop.DeliveryPush && due {
			op.Wait(d)
		}
		call()
	})
}

// failureTold sends transaction_failed when a push of tokens was not taken, whose tokens are
// no good then.
func failureTold(p *refop.Plan) {
	var told sync.Map // *refop.Flow
	edit.NotifyingBy(func(op *refop.OP, n *refop.Notification, call func()) {
		call()
		if _, failed := told.Load(n.Flow); !failed || n.End != refop.Approved {
			return
		}
		op.Revoke(n.Flow)
		n.Body = map[string]any{"auth_req_id": n.Flow.ID, "error": "transaction_failed"}
		op.Wait(2 * time.Second)
		_, _ = op.Rules().Deliver(op, n)
	})(p)
	edit.Delivering(func(_ *refop.OP, n *refop.Notification, try func() (refop.Receipt, error)) (refop.Receipt, error) {
		receipt, err := try()
		if told.Delete(n.Flow); n.Flow.Client.DeliveryMode == refop.DeliveryPush && (err != nil || receipt.Status >= 300) {
			told.Store(n.Flow, true)
		}
		return receipt, err
	})(p)
}

// stateFirst tells a push client that asks about a request which has ended how that was.
func stateFirst(p *refop.Plan) {
	p.Wrap(refop.CheckPollMode, func(inner refop.CheckFunc) refop.CheckFunc {
		return func(c *refop.Call) *refop.OAuthError {
			err := inner(c)
			if err == nil || c.Flow == nil {
				return err
			}
			switch c.Flow.StateAt(c.Now) {
			case refop.Denied:
				return refop.Refusal("access_denied", "denied")
			case refop.Expired:
				return refop.Refusal("expired_token", "expired")
			case refop.Used:
				return refop.Refusal("invalid_grant", "used")
			default:
				return err
			}
		}
	})
}

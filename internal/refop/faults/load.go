package faults

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/cibatest/cibatest/internal/refop"
	"github.com/cibatest/cibatest/internal/refop/edit"
)

// Load are defects that a handful of flows does not show: they come now and then,
// after the OP has been busy for a while. The load generator's tests catch each of
// them.
var Load = []Fault{
	{"load-double-redemption", "CIBA-10.1.1-REUSE-RACE", "now and then two polls at once are both given tokens", func(p *refop.Plan) {
		now := edit.Every(3)
		pausing(func() time.Duration {
			if now() {
				return 20 * time.Millisecond
			}
			return 0
		})(p)
	}},
	{"load-reuse", "CIBA-10.1.1-REUSE", "now and then a redeemed auth_req_id gives tokens again", nowAndThenApproved(refop.Used, 5)},
	{"load-id-repeated", "CIBA-7.3-ARID-UNIQUE", "now and then an auth_req_id is given out again", func(p *refop.Plan) {
		now := edit.Every(50)
		var last atomic.Pointer[string]
		p.Rules.RequestID = func() string {
			if before := last.Load(); before != nil && now() {
				return *before
			}
			id := refop.RandomID(32)
			last.Store(&id)
			return id
		}
	}},
	{"load-id-guessable", "CIBA-7.3-ARID-ENTROPY", "auth_req_ids are a counter in a long dress", func(p *refop.Plan) {
		var n atomic.Int64
		p.Rules.RequestID = func() string { return "request-" + counterID(n.Add(1)) }
	}},
	{"load-subject-mixed", "CIBA-7.1-HINT-SUBJECT-MATCH", "now and then an ID Token is another user's", func(p *refop.Plan) {
		now := edit.Every(20)
		var before atomic.Pointer[refop.User]
		p.EditIDTokens(func(_ *refop.Call, d *refop.Draft) {
			if other := before.Swap(d.Flow.User); other != nil && now() {
				d.Claims["sub"] = other.Sub
			}
		})
	}},
	{"load-details-mixed", "RFC9396-7-FAITHFUL", "now and then the authorization_details are another request's", func(p *refop.Plan) {
		now := edit.Every(20)
		var mu sync.Mutex
		var before any
		edit.Tokens(func(r *refop.Reply) {
			mu.Lock()
			defer mu.Unlock()
			mine := r.Body["authorization_details"]
			if before != nil && now() {
				r.Body["authorization_details"] = before
			}
			before = mine
		})(p)
	}},
	{"load-early-expiry", "CIBA-7.3-EXPIRES-IN-TRUE", "now and then a request expires long before its end", func(p *refop.Plan) {
		now := edit.Every(10)
		p.EditFlows(func(c *refop.Call, f *refop.Flow) {
			if now() {
				f.Expires = f.Created.Add(c.Expiry / 4)
			}
		})
	}},
	{"load-late-expiry", "CIBA-11-EXPIRED-TOKEN", "now and then a request outlives its end", func(p *refop.Plan) {
		now := edit.Every(10)
		p.EditFlows(func(c *refop.Call, f *refop.Flow) {
			if now() {
				f.Expires = f.Created.Add(4 * c.Expiry)
			}
		})
	}},
	{"load-denied-redeemed", "CIBA-11-DENIED-FINAL", "now and then a denied request gives tokens", nowAndThenApproved(refop.Denied, 5)},
	{
		"load-undecided-redeemed", "CIBA-11-PENDING", "now and then a request gives tokens that nobody has approved",
		nowAndThenApproved(refop.Pending, 30),
	},
	{"load-ping-lost", "CIBA-10.2-PING-ON-SUCCESS", "now and then nobody is pinged", nowAndThenCalled(refop.DeliveryPing, notCalled)},
	{"load-ping-twice", "CIBA-10.2-PING-204", "now and then a ping comes twice", nowAndThenCalled(refop.DeliveryPing, calledTwice)},
	{
		"load-ping-mixed", "CIBA-10.2-PING-BEARER", "now and then a ping carries the token of another request",
		nowAndThenMixed(refop.DeliveryPing),
	},
	{"load-push-lost", "CIBA-10.3-PUSH-DELIVERY", "now and then nothing is pushed", nowAndThenCalled(refop.DeliveryPush, notCalled)},
	{"load-push-twice", "CIBA-10.3-PUSH-DELIVERY", "now and then a push comes twice", nowAndThenCalled(refop.DeliveryPush, calledTwice)},
	{
		"load-push-mixed", "CIBA-10.3-PUSH-BEARER", "now and then a push carries the token of another request",
		nowAndThenMixed(refop.DeliveryPush),
	},
}

// oneCallIn is how seldom a call goes wrong.
const oneCallIn = 10

// nowAndThenCalled makes one call of a mode in ten in another way.
func nowAndThenCalled(mode string, otherwise func(op *refop.OP, call func())) edit.Change {
	return func(p *refop.Plan) {
		now := edit.Every(oneCallIn)
		edit.NotifyingBy(func(op *refop.OP, n *refop.Notification, call func()) {
			if n.Flow.Client.DeliveryMode == mode && now() {
				otherwise(op, call)
				return
			}
			call()
		})(p)
	}
}

func calledTwice(_ *refop.OP, call func()) {
	call()
	call()
}

func notCalled(*refop.OP, func()) {}

// nowAndThenMixed makes one call of a mode in ten with the token of the one before.
func nowAndThenMixed(mode string) edit.Change {
	return func(p *refop.Plan) {
		now := edit.Every(oneCallIn)
		var before atomic.Pointer[string]
		edit.Notifications(mode, func(_ *refop.Call, n *refop.Notification) {
			mine := n.Header.Get("Authorization")
			if other := before.Swap(&mine); other != nil && now() {
				n.Header.Set("Authorization", *other)
			}
		})(p)
	}
}

// nowAndThenApproved makes each nth poll see a state as an approval.
func nowAndThenApproved(state refop.State, n int64) edit.Change {
	return func(p *refop.Plan) {
		now := edit.Every(n)
		p.EditStates(func(_ *refop.Call, _ *refop.Flow, at refop.State) refop.State {
			if at == state && now() {
				return refop.Approved
			}
			return at
		})
	}
}

// counterID is a number as 32 letters.
func counterID(n int64) string {
	digits := make([]byte, 32)
	for i := len(digits) - 1; i >= 0; i-- {
		digits[i] = byte('a' + n%16)
		n /= 16
	}
	return string(digits)
}

package refop

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// loadFaults are defects that a handful of flows does not show: they come now
// and then, after the OP has been busy for a while. The load generator's tests
// catch each of them.
var loadFaults = []Fault{
	{"load-double-redemption", "CIBA-10.1.1-REUSE-RACE", "now and then two polls at once are both given tokens", func(b *behaviour) {
		now := every(3)
		b.redeemPause = func() time.Duration {
			if now() {
				return 20 * time.Millisecond
			}
			return 0
		}
	}},
	{"load-reuse", "CIBA-10.1.1-REUSE", "now and then a redeemed auth_req_id gives tokens again", func(b *behaviour) {
		now := every(5)
		b.state(func(_ *call, _ *flow, at state) state {
			if at == used && now() {
				return approved
			}
			return at
		})
	}},
	{"load-id-repeated", "CIBA-7.3-ARID-UNIQUE", "now and then an auth_req_id is given out again", func(b *behaviour) {
		now := every(50)
		var last atomic.Pointer[string]
		b.authReqID = func(*OP) string {
			if before := last.Load(); before != nil && now() {
				return *before
			}
			id := randomID(32)
			last.Store(&id)
			return id
		}
	}},
	{"load-id-guessable", "CIBA-7.3-ARID-ENTROPY", "auth_req_ids are a counter in a long dress", func(b *behaviour) {
		var n atomic.Int64
		b.authReqID = func(*OP) string { return "request-" + counterID(n.Add(1)) }
	}},
	{"load-subject-mixed", "CIBA-7.1-HINT-SUBJECT-MATCH", "now and then an ID Token is another user's", func(b *behaviour) {
		now := every(20)
		var before atomic.Pointer[User]
		b.onDraft = append(b.onDraft, func(_ *call, d *draft) {
			if other := before.Swap(d.flow.user); other != nil && now() {
				d.claims["sub"] = other.Sub
			}
		})
	}},
	{"load-details-mixed", "RFC9396-7-FAITHFUL", "now and then the authorization_details are another request's", func(b *behaviour) {
		now := every(20)
		var mu sync.Mutex
		var before any
		b.reply("token", "tokens", func(r *reply) {
			mu.Lock()
			defer mu.Unlock()
			mine := r.body["authorization_details"]
			if before != nil && now() {
				r.body["authorization_details"] = before
			}
			before = mine
		})
	}},
	{"load-early-expiry", "CIBA-7.3-EXPIRES-IN-TRUE", "now and then a request expires long before its end", func(b *behaviour) {
		now := every(10)
		b.onFlow = append(b.onFlow, func(c *call, f *flow) {
			if now() {
				f.expires = f.created.Add(c.expiry / 4)
			}
		})
	}},
	{"load-late-expiry", "CIBA-11-EXPIRED-TOKEN", "now and then a request outlives its end", func(b *behaviour) {
		now := every(10)
		b.onFlow = append(b.onFlow, func(c *call, f *flow) {
			if now() {
				f.expires = f.created.Add(4 * c.expiry)
			}
		})
	}},
	{"load-denied-redeemed", "CIBA-11-DENIED-FINAL", "now and then a denied request gives tokens", func(b *behaviour) {
		now := every(5)
		b.state(func(_ *call, _ *flow, at state) state {
			if at == denied && now() {
				return approved
			}
			return at
		})
	}},
	{"load-undecided-redeemed", "CIBA-11-PENDING", "now and then a request gives tokens that nobody has approved", func(b *behaviour) {
		now := every(30)
		b.state(func(_ *call, _ *flow, at state) state {
			if at == pending && now() {
				return approved
			}
			return at
		})
	}},
}

// busyAfter is how many times a load fault does nothing at first.
const busyAfter = 20

// every makes a counter that says yes each nth time, once the OP has been busy.
func every(n int64) func() bool {
	var count atomic.Int64
	return func() bool {
		at := count.Add(1)
		return at > busyAfter && at%n == 0
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

// LoadFaults are the defects that only load can show.
func LoadFaults() []Fault { return slices.Clone(loadFaults) }

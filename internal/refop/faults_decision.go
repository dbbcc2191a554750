package refop

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// remembers makes a fault that knows what was decided before.
func remembers(name, breaks, sees string, do func(b *behaviour, before *decisions)) Fault {
	return Fault{name, breaks, sees, func(b *behaviour) {
		before := &decisions{}
		b.onFlow = append(b.onFlow, before.number)
		b.onGrant = append(b.onGrant, before.add)
		do(b, before)
	}}
}

// spills makes a fault of decisions that count for other requests of the same
// user, too, where spill says so.
func spills(name, sees string, decided state, spill func(before *decisions, other, f *flow) bool) Fault {
	return remembers(name, "CIBA-8-ISOLATION", sees, func(b *behaviour, before *decisions) {
		b.state(func(_ *call, f *flow, at state) state {
			if at == pending && before.any(decided, f.user, func(other *flow) bool { return spill(before, other, f) }) {
				return decided
			}
			return at
		})
	})
}

// decisions are the decided flows, and the order in which all were started.
type decisions struct {
	order sync.Map // auth_req_id -> number
	count atomic.Int64

	mu      sync.Mutex
	decided map[state]map[*User][]*flow
	last    *flow // approved
}

func (d *decisions) number(_ *call, f *flow) { d.order.Store(f.id, d.count.Add(1)) }

// earlier says whether a flow was started before another, also within one tick.
func (d *decisions) earlier(a, b *flow) bool {
	first, _ := d.order.Load(a.id)
	second, _ := d.order.Load(b.id)
	return first.(int64) < second.(int64)
}

func (d *decisions) add(f *flow) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.decided == nil {
		d.decided = map[state]map[*User][]*flow{approved: {}, denied: {}}
	}
	d.decided[f.state][f.user] = append(d.decided[f.state][f.user], f)
	if f.state == approved {
		d.last = f
	}
}

func (d *decisions) any(as state, of *User, match func(*flow) bool) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.ContainsFunc(d.decided[as][of], match)
}

func (d *decisions) lastAllowed() *flow {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.last
}

var _ = plant(
	seen("approval-ignored", "CIBA-10.1.1-TOKENS", "an approved request stays pending", asIf(approved, pending)),
	seen("approval-is-denial", "CIBA-10.1.1-TOKENS", "an approved request is denied", asIf(approved, denied)),
	seen("approval-late", "CIBA-10.1.1-TOKENS", "an approval takes 40 s to show", func(c *call, f *flow, at state) state {
		if at == approved && c.now.Sub(f.decided) < 40*time.Second {
			return pending
		}
		return at
	}),
	swap("approval-201", "CIBA-10.1.1-TOKENS", "tokens come with 201", "token", "tokens", func(r *reply) { r.status = 201 }),
	swap("approval-no-access-token", "CIBA-10.1.1-TOKENS", "there is no access token", "token", "tokens", func(r *reply) { delete(r.body, "access_token") }),
	swap("approval-no-id-token", "CIBA-10.1.1-TOKENS", "there is no ID token", "token", "tokens", func(r *reply) { delete(r.body, "id_token") }),
	swap("approval-no-token-type", "CIBA-10.1.1-TOKENS", "there is no token_type", "token", "tokens", func(r *reply) { delete(r.body, "token_type") }),
	seen("tokens-without-decision", "CIBA-8-NO-TOKENS-BEFORE-DECISION", "every first poll gets tokens", asIf(pending, approved)),
	remembers("tokens-after-approval", "CIBA-8-NO-TOKENS-BEFORE-DECISION", "who has approved once is not asked again", func(b *behaviour, before *decisions) {
		b.state(func(_ *call, f *flow, at state) state {
			if at == pending && before.any(approved, f.user, func(other *flow) bool { return other.client == f.client && !other.decided.After(f.created) }) {
				return approved
			}
			return at
		})
	}),
	seen("tokens-after-20s", "CIBA-8-NO-TOKENS-BEFORE-DECISION", "after 20 s without a decision there are tokens", func(c *call, f *flow, at state) state {
		if at == pending && c.now.Sub(f.created) > 20*time.Second {
			return approved
		}
		return at
	}),
	spills("approval-of-user", "an approval counts for everything this client has asked the user", approved, func(_ *decisions, other, f *flow) bool {
		return other.client == f.client && other.decided.After(f.created)
	}),
	spills("approval-of-latest", "an approval counts for the user's later requests, too", approved, func(before *decisions, other, f *flow) bool {
		return other.client == f.client && before.earlier(other, f) && other.decided.After(f.created)
	}),
	spills("approval-of-earlier", "an approval counts for the user's earlier requests, too", approved, func(before *decisions, other, f *flow) bool {
		return other.client == f.client && before.earlier(f, other)
	}),
	spills("approval-across-clients", "an approval counts for another client's request", approved, func(_ *decisions, other, f *flow) bool {
		return other.client != f.client && other.decided.After(f.created)
	}),
	spills("denial-of-everything", "a denial counts for all open requests", denied, func(_ *decisions, other, f *flow) bool {
		return other.client == f.client && other.decided.After(f.created)
	}),
	remembers("parallel-last-decides", "CIBA-8-MANY-PARALLEL", "of decisions within a tenth of a second the last approval counts for all", func(b *behaviour, before *decisions) {
		b.state(func(_ *call, f *flow, at state) state {
			if other := before.lastAllowed(); at == denied && other != nil && other.decided.Sub(f.decided).Abs() < 100*time.Millisecond {
				return approved
			}
			return at
		})
	}),
	remembers("parallel-last-subject", "CIBA-8-MANY-PARALLEL", "the ID token names whoever decided last", func(b *behaviour, before *decisions) {
		b.idToken(func(d *draft) {
			if other := before.lastAllowed(); other != nil {
				d.claims["sub"] = other.user.Sub
			}
		})
	}),
	remembers("parallel-first-userinfo", "CIBA-8-MANY-PARALLEL", "UserInfo tells every client about whom it asked first", func(b *behaviour, _ *decisions) {
		var first sync.Map
		b.onFlow = append(b.onFlow, func(c *call, f *flow) { first.LoadOrStore(c.client, f.user) })
		b.onReply = append(b.onReply, func(c *call, r *reply) {
			if r.kind != "userinfo" {
				return
			}
			if user, ok := first.Load(c.flow.client); ok {
				r.body["sub"] = c.op.subject(c.flow.client, user.(*User))
			}
		})
	}),
	Fault{"decision-lost-in-poll", "CIBA-10.1.1-DECISION-DURING-POLL", "a decision during a poll is overwritten", func(b *behaviour) { b.writeBack = 150 * time.Millisecond }},
	seen("approval-lost-after-poll", "CIBA-10.1.1-DECISION-DURING-POLL", "an approval within a quarter of a second of a poll is a denial", func(_ *call, f *flow, at state) state {
		if at == approved && !f.lastPoll.IsZero() && f.decided.Sub(f.lastPoll) < 250*time.Millisecond {
			return denied
		}
		return at
	}),

	in(denied, "denial-invalid-grant", "CIBA-11-DENIED", "a denial is invalid_grant", 400, "invalid_grant"),
	in(denied, "denial-401", "CIBA-11-DENIED", "a denial is 401", 401, "access_denied"),
	in(denied, "denial-403", "CIBA-11-DENIED", "a denial is 403", 403, "access_denied"),
	in(denied, "denial-spelling", "CIBA-11-DENIED", "a denial is authorization_declined", 400, "authorization_declined"),
	in(denied, "denial-500", "CIBA-11-DENIED", "a denial crashes the OP", 500, "server_error"),
	seen("denial-is-approval", "CIBA-11-DENIED", "a denied request brings tokens", asIf(denied, approved)),
	seen("denial-never-shows", "CIBA-11-DENIED-NO-PENDING", "a denied request stays pending until it expires", asIf(denied, pending)),
	seen("denial-late", "CIBA-11-DENIED-NO-PENDING", "a denial takes 40 s to show", func(c *call, f *flow, at state) state {
		if at == denied && c.now.Sub(f.decided) < 40*time.Second {
			return pending
		}
		return at
	}),
	Fault{"denial-overruled", "CIBA-11-DENIED-FINAL", "an approval after the denial counts", func(b *behaviour) { b.decideAgain = true }},
	seen("denial-forgotten", "CIBA-11-DENIED-FINAL", "a denial is told once, then the request is pending", func(_ *call, f *flow, at state) state {
		if at == denied && f.told {
			return pending
		}
		f.told = f.told || at == denied
		return at
	}),
	seen("denial-once", "CIBA-11-DENIED-FINAL", "the second poll after a denial gets tokens", func(_ *call, f *flow, at state) state {
		if at == denied && f.told {
			return approved
		}
		f.told = f.told || at == denied
		return at
	}),
	in(denied, "denial-final-odd", "CIBA-11-DENIED-FINAL", "a denial is unauthorized_client", 400, "unauthorized_client"),
)

// CIBA Core says nothing about how fast a decision has to show and how long a
// decided request is remembered.
var _ = allow(
	Variant{"denial-removed", "CIBA Core 11: how long a denied request is remembered is open", func(b *behaviour) {
		b.state(func(_ *call, f *flow, at state) state {
			if at == denied && f.told {
				return forgotten
			}
			f.told = f.told || at == denied
			return at
		})
	}},
	Variant{"decisions-take-8s", "no text says how fast a decision shows", func(b *behaviour) {
		b.state(func(c *call, f *flow, at state) state {
			if (at == approved || at == denied) && c.now.Sub(f.decided) < 8*time.Second {
				return pending
			}
			return at
		})
	}},
	Variant{"approval-withdrawn", "no text forbids that a user withdraws an approval nobody has redeemed", func(b *behaviour) {
		b.decideAgain = true
		b.onGrant = append(b.onGrant, func(f *flow) {
			f.refused = f.refused || f.state == denied
			if f.refused {
				f.state = denied
			}
		})
	}},
)

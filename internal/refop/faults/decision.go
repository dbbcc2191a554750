package faults

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cibatest/cibatest/internal/refop"
	"github.com/cibatest/cibatest/internal/refop/edit"
)

// Decision are the defects of what becomes of a decision; CIBA Core 8 and 11.
var Decision = []Fault{
	{"approval-ignored", "CIBA-10.1.1-TOKENS", "an approved request stays pending", edit.SeenAs(refop.Approved, refop.Pending)},
	{"approval-is-denial", "CIBA-10.1.1-TOKENS", "an approved request is denied", edit.SeenAs(refop.Approved, refop.Denied)},
	{
		"approval-late", "CIBA-10.1.1-TOKENS", "an approval takes 40 s to show",
		edit.SeenAsWhen(refop.Approved, refop.Pending, func(c *refop.Call, f *refop.Flow) bool { return c.Now.Sub(f.Decided) < 40*time.Second }),
	},
	{
		"approval-201", "CIBA-10.1.1-TOKENS", "tokens come with 201",
		edit.Tokens(edit.Status(201)),
	},
	{
		"approval-no-access-token", "CIBA-10.1.1-TOKENS", "there is no access token",
		edit.Tokens(edit.WithoutMember("access_token")),
	},
	{
		"approval-no-id-token", "CIBA-10.1.1-TOKENS", "there is no ID token",
		edit.Tokens(edit.WithoutMember("id_token")),
	},
	{
		"approval-no-token-type", "CIBA-10.1.1-TOKENS", "there is no token_type",
		edit.Tokens(edit.WithoutMember("token_type")),
	},
	{
		"tokens-without-decision", "CIBA-8-NO-TOKENS-BEFORE-DECISION", "every first poll gets tokens",
		edit.SeenAs(refop.Pending, refop.Approved),
	},
	{
		"tokens-after-approval", "CIBA-8-NO-TOKENS-BEFORE-DECISION", "who has approved once is not asked again",
		remembering(func(p *refop.Plan, before *decisions) {
			p.EditStates(func(_ *refop.Call, f *refop.Flow, at refop.State) refop.State {
				approvedBefore := func(other *refop.Flow) bool { return other.Client == f.Client && !other.Decided.After(f.Created) }
				if at == refop.Pending && before.any(refop.Approved, f.User, approvedBefore) {
					return refop.Approved
				}
				return at
			})
		}),
	},
	{
		"tokens-after-20s", "CIBA-8-NO-TOKENS-BEFORE-DECISION", "after 20 s without a decision there are tokens",
		edit.SeenAsWhen(refop.Pending, refop.Approved, func(c *refop.Call, f *refop.Flow) bool { return c.Now.Sub(f.Created) > 20*time.Second }),
	},
	{
		"approval-of-user", "CIBA-8-ISOLATION", "an approval counts for everything this client has asked the user",
		spilling(refop.Approved, func(_ *decisions, other, f *refop.Flow) bool {
			return other.Client == f.Client && other.Decided.After(f.Created)
		}),
	},
	{
		"approval-of-latest", "CIBA-8-ISOLATION", "an approval counts for the user's later requests, too",
		spilling(refop.Approved, func(before *decisions, other, f *refop.Flow) bool {
			return other.Client == f.Client && before.earlier(other, f) && other.Decided.After(f.Created)
		}),
	},
	{
		"approval-of-earlier", "CIBA-8-ISOLATION", "an approval counts for the user's earlier requests, too",
		spilling(refop.Approved, func(before *decisions, other, f *refop.Flow) bool {
			return other.Client == f.Client && before.earlier(f, other)
		}),
	},
	{
		"approval-across-clients", "CIBA-8-ISOLATION", "an approval counts for another client's request",
		spilling(refop.Approved, func(_ *decisions, other, f *refop.Flow) bool {
			return other.Client != f.Client && other.Decided.After(f.Created)
		}),
	},
	{
		"denial-of-everything", "CIBA-8-ISOLATION", "a denial counts for all open requests",
		spilling(refop.Denied, func(_ *decisions, other, f *refop.Flow) bool {
			return other.Client == f.Client && other.Decided.After(f.Created)
		}),
	},
	{
		"parallel-last-decides", "CIBA-8-MANY-PARALLEL", "of decisions within a tenth of a second the last approval counts for all",
		remembering(func(p *refop.Plan, before *decisions) {
			p.EditStates(func(_ *refop.Call, f *refop.Flow, at refop.State) refop.State {
				if other := before.lastAllowed(); at == refop.Denied && other != nil && other.Decided.Sub(f.Decided).Abs() < 100*time.Millisecond {
					return refop.Approved
				}
				return at
			})
		}),
	},
	{
		"parallel-last-subject", "CIBA-8-MANY-PARALLEL", "the ID token names whoever decided last",
		remembering(func(p *refop.Plan, before *decisions) {
			p.EditIDTokens(func(_ *refop.Call, d *refop.Draft) {
				if other := before.lastAllowed(); other != nil {
					d.Claims["sub"] = other.User.Sub
				}
			})
		}),
	},
	{
		"parallel-first-userinfo", "CIBA-8-MANY-PARALLEL", "UserInfo tells every client about whom it asked first",
		remembering(func(p *refop.Plan, _ *decisions) {
			var first sync.Map
			p.EditFlows(func(c *refop.Call, f *refop.Flow) { first.LoadOrStore(c.Client, f.User) })
			p.EditReplies(func(c *refop.Call, r *refop.Reply) {
				if r.Kind != refop.ReplyUserInfo {
					return
				}
				if user, ok := first.Load(c.Flow.Client); ok {
					r.Body["sub"] = c.OP.Rules().Subject(c.Flow.Client, user.(*refop.User))
				}
			})
		}),
	},
	{
		"decision-404-alive", "CIBA-7.3-NOT-EARLY", "each second request cannot be decided, although polls call it pending",
		refusingDecisionsOf(2, 404),
	},
	{
		"decision-410-alive", "CIBA-7.3-NOT-EARLY", "each second request is gone for its user, although polls call it pending",
		refusingDecisionsOf(2, 410),
	},
	{
		"decision-lost-in-poll", "CIBA-10.1.1-DECISION-DURING-POLL", "a decision during a poll is overwritten",
		overwritingDecisions(150 * time.Millisecond),
	},
	{
		"approval-lost-after-poll", "CIBA-10.1.1-DECISION-DURING-POLL", "an approval within a quarter of a second of a poll is a denial",
		edit.SeenAsWhen(refop.Approved, refop.Denied, func(_ *refop.Call, f *refop.Flow) bool {
			return !f.LastPoll.IsZero() && f.Decided.Sub(f.LastPoll) < 250*time.Millisecond
		}),
	},
	{"denial-invalid-grant", "CIBA-11-DENIED", "a denial is invalid_grant", pollAnswer(refop.Denied, 400, "invalid_grant")},
	{"denial-401", "CIBA-11-DENIED", "a denial is 401", pollAnswer(refop.Denied, 401, "access_denied")},
	{"denial-403", "CIBA-11-DENIED", "a denial is 403", pollAnswer(refop.Denied, 403, "access_denied")},
	{
		"denial-spelling", "CIBA-11-DENIED", "a denial is authorization_declined",
		pollAnswer(refop.Denied, 400, "authorization_declined"),
	},
	{"denial-500", "CIBA-11-DENIED", "a denial crashes the OP", pollAnswer(refop.Denied, 500, "server_error")},
	{"denial-is-approval", "CIBA-11-DENIED", "a denied request brings tokens", edit.SeenAs(refop.Denied, refop.Approved)},
	{
		"denial-never-shows", "CIBA-11-DENIED-NO-PENDING", "a denied request stays pending until it expires",
		edit.SeenAs(refop.Denied, refop.Pending),
	},
	{
		"denial-late", "CIBA-11-DENIED-NO-PENDING", "a denial takes 40 s to show",
		edit.SeenAsWhen(refop.Denied, refop.Pending, func(c *refop.Call, f *refop.Flow) bool { return c.Now.Sub(f.Decided) < 40*time.Second }),
	},
	{"denial-overruled", "CIBA-11-DENIED-FINAL", "an approval after the denial counts", edit.DecidingAgain()},
	{"denial-forgotten", "CIBA-11-DENIED-FINAL", "a denial is told once, then the request is pending", toldOnce(refop.Pending)},
	{"denial-once", "CIBA-11-DENIED-FINAL", "the second poll after a denial gets tokens", toldOnce(refop.Approved)},
	{
		"denial-final-odd", "CIBA-11-DENIED-FINAL", "a denial is unauthorized_client",
		pollAnswer(refop.Denied, 400, "unauthorized_client"),
	},
}

// remembering makes a change that knows what was decided before.
func remembering(do func(p *refop.Plan, before *decisions)) edit.Change {
	return func(p *refop.Plan) {
		before := &decisions{decided: map[refop.State]map[*refop.User][]*refop.Flow{refop.Approved: {}, refop.Denied: {}}}
		p.EditFlows(before.number)
		p.EditDecisions(before.add)
		do(p, before)
	}
}

// spilling makes decisions count for other requests of the same user, too, where
// spill says so.
func spilling(decided refop.State, spill func(before *decisions, other, f *refop.Flow) bool) edit.Change {
	return remembering(func(p *refop.Plan, before *decisions) {
		p.EditStates(func(_ *refop.Call, f *refop.Flow, at refop.State) refop.State {
			if at == refop.Pending && before.any(decided, f.User, func(other *refop.Flow) bool { return spill(before, other, f) }) {
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
	decided map[refop.State]map[*refop.User][]*refop.Flow
	last    *refop.Flow // approved
}

func (d *decisions) number(_ *refop.Call, f *refop.Flow) { d.order.Store(f.ID, d.count.Add(1)) }

// earlier reports whether a flow was started before another, also within one tick.
func (d *decisions) earlier(a, b *refop.Flow) bool {
	first, _ := d.order.Load(a.ID)
	second, _ := d.order.Load(b.ID)
	return first.(int64) < second.(int64)
}

func (d *decisions) add(f *refop.Flow) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.decided[f.State][f.User] = append(d.decided[f.State][f.User], f)
	if f.State == refop.Approved {
		d.last = f
	}
}

func (d *decisions) any(as refop.State, of *refop.User, match func(*refop.Flow) bool) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.ContainsFunc(d.decided[as][of], match)
}

func (d *decisions) lastAllowed() *refop.Flow {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.last
}

// overwritingDecisions writes the state that a pending poll saw back after a while,
// whatever happened meanwhile.
func overwritingDecisions(after time.Duration) edit.Change {
	return func(p *refop.Plan) {
		p.Policy.HoldPolls = after
		p.Rules.AwaitDecision = func(c *refop.Call, f *refop.Flow) {
			c.OP.Wait(after)
			c.OP.Locked(f, func() { f.State = "" })
		}
	}
}

// toldOnce tells a denial once, and then shows another state.
func toldOnce(later refop.State) edit.Change { return edit.ToldOnce(refop.Denied, later) }

// refusingDecisionsOf refuses all decisions about each nth request.
func refusingDecisionsOf(n int64, status int) edit.Change {
	return func(p *refop.Plan) {
		var made atomic.Int64
		var undecidable sync.Map
		p.EditFlows(func(_ *refop.Call, f *refop.Flow) {
			if at := made.Add(1); at > edit.BusyAfter && at%n == 0 { // the first ones show that the set-up works
				undecidable.Store(f, true)
			}
		})
		inner := p.Rules.RefuseDecision
		p.Rules.RefuseDecision = func(f *refop.Flow, at, decision refop.State) (int, string) {
			if _, refused := undecidable.Load(f); refused {
				return status, "unknown request"
			}
			return inner(f, at, decision)
		}
	}
}

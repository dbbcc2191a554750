package variants

import (
	"slices"
	"sync"
	"time"

	"github.com/cibatest/cibatest/internal/refop"
	"github.com/cibatest/cibatest/internal/refop/edit"
)

// Polling are other ways to deal with polls. CIBA Core 11 leaves pace keeping, the retention
// of what has ended and the holding of polls to the OP.
var Polling = []Variant{
	{
		"never-slow-down", "CIBA Core 11: nothing obliges an OP to watch the pace",
		edit.Pace(func(*refop.Call, *refop.Flow) *refop.OAuthError { return nil }),
	},
	{
		"slow-down-first-poll", "CIBA Core 7.3: whether the interval separates the acknowledgement from the first poll is open",
		func(p *refop.Plan) { p.EditFlows(func(c *refop.Call, f *refop.Flow) { f.LastPoll = c.Now }) },
	},
	{
		"slow-down-constant", "CIBA Core 11: the client adds 5 s, the OP need not ask for more than the interval",
		func(p *refop.Plan) { p.Policy.PaceStep = 0 },
	},
	{
		"slow-down-keeps-window", "CIBA Core 7.3: which poll begins the interval is open",
		func(p *refop.Plan) { p.Policy.PaceWindowStays = true },
	},
	{"slow-down-told", "CIBA Core 11: an interval member of the error tells how long to wait", func(p *refop.Plan) {
		p.Policy.PaceStep = 9 * time.Second
		inner := p.Rules.Pace
		p.Rules.Pace = func(c *refop.Call, f *refop.Flow) *refop.OAuthError {
			err := inner(c, f)
			if err != nil {
				err.RetryAfter, err.Members = f.Interval, map[string]any{"interval": int(f.Interval / time.Second)}
			}
			return err
		}
	}},
	{"slow-down-hides-end", "CIBA Core 11: slow_down may come in any state", func(p *refop.Plan) { p.Policy.PaceInEveryState = true }},
	{"slow-down-hides-end-keeps-window", "CIBA Core 11: slow_down may come in any state", func(p *refop.Plan) {
		p.Policy.PaceInEveryState, p.Policy.PaceWindowStays, p.Policy.PaceStep = true, true, 0
	}},
	{"overload-503", "CIBA Core 10.1: 503 with Retry-After", overload(503)},
	{"overload-429", "RFC 6585 4: 429 is load control, not a judgement of the request", overload(429)},
	{
		"over-polling-fatal", "CIBA Core 11: a client that keeps polling too fast may be told invalid_request and lose its request",
		func(p *refop.Plan) {
			early := edit.EarlyPolls(p)
			edit.Polls(func(c *refop.Call, r *refop.Reply) {
				if c.Flow != nil && r.Kind == refop.ReplyError && early.Of(c.Flow) > 2 {
					edit.Failing(400, "invalid_request")(r)
				}
			})(p)
		},
	},
	{
		"long-poll-30", "CIBA Core 10.1: a poll may be held for up to 30 s",
		func(p *refop.Plan) { p.Policy.HoldPolls = 30 * time.Second },
	},
	{"long-poll-8", "CIBA Core 10.1: a poll may be held", func(p *refop.Plan) { p.Policy.HoldPolls = 8 * time.Second }},
	{
		"interval-absent", "CIBA Core 7.3: interval is optional and 5 s by default",
		edit.Acknowledgements(edit.WithoutMember("interval")),
	},
	{"interval-one", "CIBA Core 7.3: any positive interval", interval(1)},
	{"interval-twelve", "CIBA Core 7.3: any positive interval", interval(12)},
	{
		"replay-revokes", "RFC 6749 4.1.2 and CIBA Core 10.1.1: a replay may end the tokens of the grant",
		func(p *refop.Plan) { p.Policy.RevokeOnReplay = true },
	},
	{"one-request-supersedes", "CIBA Core 7: how many requests of a user are open at once is the OP's choice", supersedingRequests},
	{"one-request-refuses", "CIBA Core 13: access_denied for a request the OP will not take on", openRequests(1, 403)},
	{
		"token-wider-scope-refused", "RFC 6749 5.2: a scope that exceeds the one that was granted is invalid_scope",
		widerScopeEnds,
	},
	{"unknown-id-slow", "no text limits how long a refusal takes", edit.Replies(func(c *refop.Call, r *refop.Reply) {
		if c.Endpoint == refop.EndpointToken && c.Flow == nil && r.Body["error"] == "invalid_grant" {
			c.OP.Wait(10 * time.Second)
		}
	})},
}

// interval is another one than the registration has, in seconds.
func interval(seconds int) edit.Change {
	told := edit.Acknowledgements(func(r *refop.Reply) {
		if _, polls := r.Body["interval"]; polls { // a push client is told none; CIBA Core 7.3
			r.Body["interval"] = seconds
		}
	})
	return edit.All(told, func(p *refop.Plan) {
		p.EditFlows(func(_ *refop.Call, f *refop.Flow) { f.Interval = time.Duration(seconds) * time.Second })
	})
}

// overload answers early polls by a status and Retry-After.
func overload(status int) edit.Change {
	return edit.All(func(p *refop.Plan) { p.Policy.PaceStep = 0 }, edit.Pace(func(_ *refop.Call, f *refop.Flow) *refop.OAuthError {
		return &refop.OAuthError{Status: status, Code: "temporarily_unavailable", Description: "refused", RetryAfter: f.Interval}
	}))
}

// openFlows are the open requests of users, in the order in which they came.
type openFlows struct {
	mu     sync.Mutex
	byUser map[string][]*refop.Flow
}

// still are the flows of a user that nobody has decided about. The caller holds the
// lock.
func (o *openFlows) still(c *refop.Call, user *refop.User) []*refop.Flow {
	list := slices.DeleteFunc(o.byUser[user.Sub], func(f *refop.Flow) bool {
		decided := false
		c.OP.Locked(f, func() { decided = f.StateAt(c.Now) != refop.Pending })
		return decided
	})
	o.byUser[user.Sub] = list
	return list
}

// openRequests refuses requests of a user who has so many open.
func openRequests(most, status int) edit.Change {
	return func(p *refop.Plan) {
		open := &openFlows{byUser: map[string][]*refop.Flow{}}
		p.Rules.AcceptFlow = func(c *refop.Call, f *refop.Flow) *refop.OAuthError {
			open.mu.Lock()
			defer open.mu.Unlock()
			list := open.still(c, f.User)
			if len(list) >= most {
				return &refop.OAuthError{Status: status, Code: "access_denied", Description: "the user has enough open requests"}
			}
			open.byUser[f.User.Sub] = append(list, f)
			return nil
		}
	}
}

// supersedingRequests ends the open request of a user when another one comes.
func supersedingRequests(p *refop.Plan) {
	open := &openFlows{byUser: map[string][]*refop.Flow{}}
	p.Rules.AcceptFlow = func(c *refop.Call, f *refop.Flow) *refop.OAuthError {
		open.mu.Lock()
		defer open.mu.Unlock()
		for _, previous := range open.still(c, f.User) {
			c.OP.Locked(previous, func() { previous.State = refop.Denied })
		}
		open.byUser[f.User.Sub] = []*refop.Flow{f}
		return nil
	}
}

// widerScopeEnds refuses token requests that name another scope than was approved, and
// ends what they ask for.
func widerScopeEnds(p *refop.Plan) {
	inner := p.Rules.PollAnswer
	p.Rules.PollAnswer = func(c *refop.Call, f *refop.Flow, at refop.State) *refop.OAuthError {
		if scope := c.Value("scope"); at == refop.Approved && scope != "" && scope != f.Scope {
			f.State = refop.Used
			return refop.Refusal("invalid_scope", "scope goes beyond what was approved")
		}
		return inner(c, f, at)
	}
}

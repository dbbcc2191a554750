package faults

import (
	"net/http"
	"time"

	"github.com/cibatest/cibatest/internal/refop"
	"github.com/cibatest/cibatest/internal/refop/edit"
)

// Polling are the defects of pace, long polls and pending answers; CIBA Core 10.1 and 11.
var Polling = []Fault{
	{"poll-pending-200", "CIBA-11-PENDING", "a pending poll is answered 200", pollAnswer(refop.Pending, 200, "authorization_pending")},
	{"poll-pending-202", "CIBA-11-PENDING", "a pending poll is answered 202", pollAnswer(refop.Pending, 202, "authorization_pending")},
	{"poll-pending-403", "CIBA-11-PENDING", "a pending poll is answered 403", pollAnswer(refop.Pending, 403, "authorization_pending")},
	{"poll-pending-spelling", "CIBA-11-PENDING", "the code is pending", pollAnswer(refop.Pending, 400, "pending")},
	{"poll-pending-invalid-grant", "CIBA-11-PENDING", "a pending id is invalid_grant", pollAnswer(refop.Pending, 400, "invalid_grant")},
	{"poll-pending-500", "CIBA-11-PENDING", "a pending poll crashes the OP", pollAnswer(refop.Pending, 500, "server_error")},
	{
		"poll-pending-always-slow-down", "CIBA-11-PENDING", "every pending poll is slow_down",
		pollAnswer(refop.Pending, 400, "slow_down"),
	},
	{
		"poll-error-text", "CIBA-11-ERROR-FORMAT", "errors of polls are plain text",
		pollErrors("authorization_pending", edit.Media("text/plain")),
	},
	{"poll-error-cached", "CIBA-11-ERROR-NO-STORE", "errors of polls may be cached", edit.Polls(func(_ *refop.Call, r *refop.Reply) {
		if r.Kind == refop.ReplyError {
			r.Header.Del("Cache-Control")
		}
	})},
	{
		"poll-denied-cached", "CIBA-11-ERROR-NO-STORE", "a denial may be cached",
		pollErrors("access_denied", edit.WithoutHeader("Cache-Control")),
	},
	{
		"poll-denied-empty", "CIBA-11-ERROR-FORMAT", "a denial has no body",
		pollErrors("access_denied", func(r *refop.Reply) { r.Raw = []byte{} }),
	},
	{"poll-slow-down-text", "CIBA-11-ERROR-FORMAT", "slow_down is called text/plain", pollErrors("slow_down", edit.Media("text/plain"))},
	{"poll-expired-text", "CIBA-11-ERROR-FORMAT", "an expiry is called text/html", pollErrors("expired_token", edit.Media("text/html"))},
	{
		"poll-unknown-parameter", "RFC6749-3.2-TOKEN-UNKNOWN-PARAM", "an unknown parameter of a poll is refused",
		tokenRequestsThat(edit.Sent("x_unknown"), refused("invalid_request")),
	},
	{
		"interval-untrue", "CIBA-7.3-INTERVAL-SUFFICIENT", "the interval is 8 s, 5 s is announced",
		actsOn(func(_ *refop.Call, f *refop.Flow) { f.Interval = 8 * time.Second }),
	},
	{
		"interval-a-little-longer", "CIBA-7.3-INTERVAL-SUFFICIENT", "the interval is 5.3 s, 5 s is announced",
		actsOn(func(_ *refop.Call, f *refop.Flow) { f.Interval = 5300 * time.Millisecond }),
	},
	{
		"interval-default-a-little-longer", "CIBA-7.3-INTERVAL-DEFAULT", "no interval is announced, 5.3 s are demanded",
		edit.All(edit.Acknowledgements(edit.WithoutMember("interval")), actsOn(func(_ *refop.Call, f *refop.Flow) {
			f.Interval = 5300 * time.Millisecond
		})),
	},
	{
		"slow-down-a-little-longer", "CIBA-11-SLOWDOWN-INCREMENT", "after slow_down 5.3 s more are demanded",
		func(p *refop.Plan) { p.Policy.PaceStep = 5300 * time.Millisecond },
	},
	{"interval-untrue-400", "CIBA-7.3-INTERVAL-SUFFICIENT", "the third paced poll is invalid_request", nthPoll(3, "invalid_request")},
	{"interval-now-and-then", "CIBA-7.3-INTERVAL-SUFFICIENT", "the fourth paced poll is slow_down", nthPoll(4, "slow_down")},
	{
		"poll-ninth-dead", "CIBA-11-PENDING", "from the ninth poll on a pending id is invalid_grant",
		fromNinthPoll(func(refop.State) *refop.OAuthError { return refop.Refusal("invalid_grant", "unknown auth_req_id") }),
	},
	{
		"poll-ninth-throttled", "CIBA-11-PENDING", "from the ninth poll on every poll is slow_down, whatever the user decides",
		fromNinthPoll(func(refop.State) *refop.OAuthError { return refop.Refusal("slow_down", "wait longer between polls") }),
	},
	{
		"poll-ninth-throttled-pending", "CIBA-11-PENDING", "from the ninth poll on a pending poll is slow_down, at any pace",
		fromNinthPoll(func(at refop.State) *refop.OAuthError {
			if at == refop.Pending {
				return refop.Refusal("slow_down", "wait longer between polls")
			}
			return nil
		}),
	},
	{
		"poll-ninth-undecidable", "CIBA-11-PENDING", "an approval that comes after nine polls is lost",
		fromNinthPoll(func(at refop.State) *refop.OAuthError {
			if at == refop.Approved {
				return refop.Refusal("authorization_pending", "the end-user has not decided yet")
			}
			return nil
		}),
	},
	{
		"interval-default-untrue", "CIBA-7.3-INTERVAL-DEFAULT", "no interval is announced, 10 s are demanded",
		edit.All(edit.Acknowledgements(edit.WithoutMember("interval")), actsOn(func(_ *refop.Call, f *refop.Flow) {
			f.Interval = 10 * time.Second
		})),
	},
	{
		"interval-from-answer", "CIBA-10.1-INTERVAL-FROM-SEND", "the interval runs from the answer of a held poll",
		edit.All(holding(8*time.Second), pacedFromAnswer),
	},
	{"poll-held-long", "CIBA-10.1-LONGPOLL-MAX", "polls are held for 40 s", holding(40 * time.Second)},
	{"poll-held-forever", "CIBA-10.1-LONGPOLL-MAX", "polls are held until the request expires", holding(time.Hour)},
	{"poll-held-deaf", "CIBA-10.1-LONGPOLL-WAKE", "a held poll does not notice the decision", deaf(25 * time.Second)},
	{
		"poll-first-at-once-refused", "CIBA-10.1-FIRST-POLL-AT-ONCE", "a poll within a second of the acknowledgement is invalid_request",
		edit.Polls(func(c *refop.Call, r *refop.Reply) {
			if c.Flow != nil && c.Now.Sub(c.Flow.Created) < time.Second && r.Body["error"] == "authorization_pending" {
				r.Body["error"] = "invalid_request"
			}
		}),
	},
	{"fast-poll-500", "CIBA-11-FAST-POLL-NO-TOKENS", "fast polls crash the OP", edit.EarlyPollsAre(500, "server_error")},
	{"fast-poll-invalid-grant", "CIBA-11-FAST-POLL", "fast polls are invalid_grant", edit.EarlyPollsAre(400, "invalid_grant")},
	{"fast-poll-denied", "CIBA-11-FAST-POLL", "fast polls are access_denied", edit.EarlyPollsAre(400, "access_denied")},
	{"fast-poll-403", "CIBA-11-FAST-POLL", "fast polls are 403 slow_down", edit.EarlyPollsAre(403, "slow_down")},
	{
		"fast-poll-tokens", "CIBA-11-FAST-POLL-NO-TOKENS", "who polls fast enough gets tokens",
		afterEarlyPolls(3, func(at refop.State) refop.State {
			if at == refop.Pending {
				return refop.Approved
			}
			return at
		}),
	},
	{
		"slow-down-kills", "CIBA-11-SLOWDOWN-STILL-PENDING", "slow_down ends the request",
		afterEarlyPolls(1, func(at refop.State) refop.State {
			if at == refop.Pending || at == refop.Approved {
				return refop.Forgotten
			}
			return at
		}),
	},
	{
		"slow-down-cancels", "CIBA-11-SLOWDOWN-STILL-PENDING", "slow_down cancels the request, at the user's, too",
		cancelledBy(func(_ *refop.Call, _ *refop.Flow, r *refop.Reply) bool {
			return r.Body["error"] == "slow_down"
		}),
	},
	{
		"slow-down-undecidable", "CIBA-11-SLOWDOWN-STILL-PENDING", "after slow_down no decision counts",
		afterEarlyPolls(1, func(at refop.State) refop.State {
			if at == refop.Approved {
				return refop.Pending
			}
			return at
		}),
	},
	{
		"slow-down-insatiable", "CIBA-11-SLOWDOWN-INCREMENT", "after slow_down 20 s more are demanded",
		func(p *refop.Plan) { p.Policy.PaceStep = 20 * time.Second },
	},
	{"slow-down-doubles", "CIBA-11-SLOWDOWN-CUMULATIVE", "a second slow_down costs more than 10 s", secondSlowDown(40 * time.Second)},
	{"fast-poll-fatal-odd", "CIBA-11-INVALID-REQUEST-TERMINAL", "after over-polling the id is unauthorized_client", fatalOverPolling},
	{"overload-mute", "CIBA-10.1-503-RETRY-AFTER", "503 without Retry-After", edit.EarlyPollsAre(503, "temporarily_unavailable")},
	{
		"overload-words", "CIBA-10.1-503-RETRY-AFTER", "Retry-After is neither seconds nor a date",
		edit.All(edit.EarlyPollsAre(503, "temporarily_unavailable"), edit.Answers(refop.EndpointToken, refop.ReplyError, func(r *refop.Reply) {
			if r.Status == 503 {
				r.Header.Set("Retry-After", "in a moment")
			}
		})),
	},
}

// holding holds polls for longer than it should.
func holding(most time.Duration) edit.Change {
	return func(p *refop.Plan) { p.Policy.HoldPolls = most }
}

// deaf holds polls and does not notice the decision.
func deaf(most time.Duration) edit.Change {
	return func(p *refop.Plan) {
		p.Policy.HoldPolls = most
		p.Rules.AwaitDecision = func(c *refop.Call, _ *refop.Flow) { c.OP.Wait(most) }
	}
}

// pacedFromAnswer lets the interval run from the answer of a held poll.
func pacedFromAnswer(p *refop.Plan) {
	inner := p.Rules.AwaitDecision
	p.Rules.AwaitDecision = func(c *refop.Call, f *refop.Flow) {
		inner(c, f)
		c.OP.Locked(f, func() { f.LastPoll = c.OP.Now() })
	}
}

// nthPoll answers one pending poll of a flow with another error, by its number.
func nthPoll(n int, code string) edit.Change {
	return func(p *refop.Plan) {
		polls := &edit.Counts{}
		inner := p.Rules.PollAnswer
		p.Rules.PollAnswer = func(c *refop.Call, f *refop.Flow, at refop.State) *refop.OAuthError {
			err := inner(c, f, at)
			if err != nil {
				polls.Add(f)
			}
			if err != nil && err.Code == "authorization_pending" && polls.Of(f) == n {
				err.Code = code
			}
			return err
		}
	}
}

// manyPolls is how many polls of a flow are answered well by an OP whose counter, column
// or window is too small for more.
const manyPolls = 8

// fromNinthPoll answers the ninth poll of a flow, and all after it, by an error that its
// state decides; nil leaves the answer as it is.
func fromNinthPoll(answer func(refop.State) *refop.OAuthError) edit.Change {
	return func(p *refop.Plan) {
		polls := &edit.Counts{}
		inner := p.Rules.PollAnswer
		p.Rules.PollAnswer = func(c *refop.Call, f *refop.Flow, at refop.State) *refop.OAuthError {
			err := inner(c, f, at)
			if polls.Add(f); polls.Of(f) <= manyPolls {
				return err
			}
			if other := answer(at); other != nil {
				return other
			}
			return err
		}
	}
}

// afterEarlyPolls changes the state of flows that were polled too early so many
// times.
func afterEarlyPolls(n int, change func(refop.State) refop.State) edit.Change {
	return func(p *refop.Plan) {
		early := edit.EarlyPolls(p)
		p.EditStates(func(_ *refop.Call, f *refop.Flow, at refop.State) refop.State {
			if early.Of(f) >= n {
				return change(at)
			}
			return at
		})
	}
}

// secondSlowDown sets the interval once a flow has been told twice to slow down.
func secondSlowDown(interval time.Duration) edit.Change {
	return func(p *refop.Plan) {
		early := edit.EarlyPolls(p)
		p.EditStates(func(_ *refop.Call, f *refop.Flow, at refop.State) refop.State {
			if early.Of(f) == 2 {
				f.Interval = interval
			}
			return at
		})
	}
}

// fatalOverPolling ends flows that are polled too fast, and says so oddly.
func fatalOverPolling(p *refop.Plan) {
	early := edit.EarlyPolls(p)
	edit.EarlyPollsAre(http.StatusBadRequest, "invalid_request")(p)
	edit.Polls(func(c *refop.Call, r *refop.Reply) {
		if c.Flow != nil && early.Of(c.Flow) > 0 && r.Body["error"] == "authorization_pending" {
			r.Body["error"] = "unauthorized_client"
		}
	})(p)
}

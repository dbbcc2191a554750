package loadgen

import (
	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/reports/result"
)

// redeemed takes a token response. The first one of a flow is its success; any other
// is one too many.
func (e *engine) redeemed(x *exchange) {
	f := x.f
	f.redemptions++
	if f.redemptions > 1 {
		e.checks.twice(e, x)
	}
	if f.redemptions == 1 {
		e.checks.tokens(e, x)
		e.askAbout(x)
		if f.decided > 0 {
			e.now.record(classDecisionToToken, x.done-f.decided)
		}
		if e.plan.pings() {
			if told := e.notified.book(f.serial).told; told > 0 {
				e.now.record(classNotifyToToken, x.done-told)
			}
		}
		e.now.record(classFlow, x.done-f.started)
	}
	if f.inFlight == 0 && f.state != over {
		e.succeed(x)
	}
}

// succeed ends a flow in tokens. Where the plan wants it, the auth_req_id is used once
// more, which must fail.
func (e *engine) succeed(x *exchange) {
	e.conclude(x, result.CountApproved)
	if f := x.f; f.has(repeats) {
		f.inFlight = 1
		e.outbox.urgent = append(e.outbox.urgent, job{kind: jobReplay, flow: x.flow})
		e.wakePacer()
	}
}

// concludeDenied takes access_denied. Some OPs have it for expired requests, too.
func (e *engine) concludeDenied(x *exchange) {
	f := x.f
	if f.hasExpired(x.done) {
		e.conclude(x, result.CountExpired)
		return
	}
	e.askAbout(x)
	switch {
	case f.intent == approves && f.has(decided):
		e.fail(x, "access_denied although approved")
	default:
		e.conclude(x, result.CountDenied)
	}
}

// concludeRefused takes any other error. An OP may have forgotten an expired request, and
// one that was redeemed by a poll whose answer did not come or was an error of the server.
func (e *engine) concludeRefused(x *exchange) {
	f, unknown := x.f, x.code == string(ciba.InvalidGrant)
	switch {
	case unknown && f.hasExpired(x.done):
		e.conclude(x, result.CountExpired)
	case unknown && f.has(lost):
		e.fail(x, "invalid_grant after a poll without an answer or with a 5xx")
	case unknown:
		e.checks.early(e, x)
		e.fail(x, x.code)
	default:
		e.fail(x, x.code)
	}
}

// fail ends a flow that went wrong, with a reason that is counted by itself.
func (e *engine) fail(x *exchange, reason string) {
	e.now.failed(reason)
	e.conclude(x, result.CountFailed)
}

// outcomeOf is the outcome that a user's decision leads to.
var outcomeOf = [...]string{approves: result.CountApproved, denies: result.CountDenied, ignores: result.CountExpired}

// conclude ends a flow in one outcome.
func (e *engine) conclude(x *exchange, outcome string) {
	f := x.f
	if outcome == result.CountExpired {
		e.endSilently(x.flow, outcome, x.done)
	} else {
		e.settle(f, outcome, x.done)
	}
	if !e.plan.pushes() {
		e.now.record(classPolls, int64(f.polls))
	}
	e.end(f, x.done)
}

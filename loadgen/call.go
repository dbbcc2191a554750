package loadgen

import (
	"fmt"
	"net/http"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/reports/result"
)

// callWithin is what an OP may take from a decision until it calls the client: what the
// suites wait for a call, see CIBA-10.2-PING-ON-SUCCESS and CIBA-10.3-PUSH-DELIVERY.
const callWithin = 15 * time.Second

// call is one request to the notification endpoint.
type call struct {
	*answer        // what its body says, where it is a push
	at      int64  // when it had been read, in ns since the start of the run
	serial  uint32 // of the flow whose token it carries; 0: no flow's
	id      string // the auth_req_id that it names; empty: none
	request ciba.Incoming
}

// called does the bookkeeping of one call. The lock is held.
func (e *engine) called(c *call) {
	n := &e.notified
	name := e.checks.seen.hash(c.id)
	if c.serial == 0 || c.serial > e.starts.serials {
		e.strange(c, name)
		return
	}
	e.now.count(result.CountCalls, 1)
	e.now.answer(answerKey{called: true, code: c.says(e.plan.Client.DeliveryMode)})
	b := n.book(c.serial)
	switch {
	case c.id != "" && b.id != 0 && name != b.id && e.checks.seen.holds(name):
		e.checks.foreign(e, c, fmt.Sprintf("it carries the token of flow %d, and names another request", c.serial))
	case b.told > 0:
		e.checks.again(e, c, rounded(c.at-b.told))
	default:
		b.told = max(c.at, 1)
		e.now.count(result.CountNotified, 1)
		e.tell(c, b, name)
	}
}

// strange takes a call without the token of any request. It is held against the OP only
// where it names a request of this run: what else comes may be anybody's.
func (e *engine) strange(c *call, name uint64) {
	if c.id != "" && e.checks.seen.holds(name) {
		e.now.count(result.CountCalls, 1)
		e.checks.foreign(e, c, "it names a request of this run, and carries no token of one")
		return
	}
	e.now.count(result.CountStrangers, 1)
}

// tell gives the first call about a request to its flow. One that comes before the
// acknowledgement waits for it.
func (e *engine) tell(c *call, b *booking, name uint64) {
	f := e.flows.at(b.flow)
	switch {
	case f.serial != c.serial || f.state == over:
		e.toldAfterwards(c)
		return
	case f.state == starting:
		e.notified.early[c.serial] = c
		return
	case c.id != "" && name != b.id, c.id == "":
		e.checks.misnamed(e, e.exchangeOf(c, b.flow))
	}
	if e.hear(c, b.flow); f.state == over && f.inFlight == 0 {
		e.flows.arena.release(b.flow)
	}
}

// hear has the client act on a call: after a ping it fetches the result, keeping the
// interval where it has polled before; a push is the result. CIBA Core 10.2, 10.3.
func (e *engine) hear(c *call, i uint32) {
	f := e.flows.at(i)
	if f.decided > 0 {
		e.now.record(classNotify, c.at-f.decided)
	}
	if f.has(decided) && c.at > f.taken()+int64(callWithin) {
		f.marks |= belated
		e.checks.lateCall(e, e.exchangeOf(c, i), f.intent, rounded(c.at-f.taken()))
	}
	if e.plan.pushes() {
		e.pushed(e.exchangeOf(c, i))
		return
	}
	if !f.has(polling) {
		e.pollAt(i, e.elapsed())
	}
}

// pollAt begins the polls of a flow.
func (e *engine) pollAt(i uint32, due int64) {
	f := e.flows.at(i)
	f.marks |= polling
	f.due = due
	e.flows.ring.push(&e.flows.arena, i)
	e.wakePacer()
}

// pushed takes the tokens or the error that a push client is sent.
func (e *engine) pushed(x *exchange) {
	switch x.answer.kind {
	case tokens:
		e.redeemed(x)
	case denied:
		e.concludeDenied(x)
	case expired:
		e.checks.early(e, x)
		e.conclude(x, result.CountExpired)
	case refused:
		if !ciba.ErrorCode(x.code).Known() {
			e.checks.report(e, x, pushUnknown, "the error code is %q", x.code)
		}
		e.fail(x, x.code)
	default:
		e.checks.report(e, x, pushUnread, "the push has neither tokens nor an error: %s", x.code)
		e.fail(x, "push: "+x.code)
	}
}

// says is what a call is counted as.
func (c *call) says(mode string) string {
	switch {
	case mode == deliveryPing:
		return "ping"
	case c.kind == tokens:
		return "tokens"
	}
	return c.code
}

// exchangeOf is a call in the form of an answer to its flow, which a push is.
func (e *engine) exchangeOf(c *call, i uint32) *exchange {
	f := e.flows.at(i)
	if f.serial != c.serial {
		f = &flow{serial: c.serial}
	}
	return &exchange{
		job: job{kind: jobCalled, flow: i}, answer: c.answer, f: f, sent: c.at, done: c.at, call: c,
		result: &vegeta.Result{Code: http.StatusOK, Headers: c.request.Header, Body: c.request.Body},
	}
}

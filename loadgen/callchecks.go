package loadgen

import (
	"fmt"
	"net/http"
	"time"

	"github.com/cibatest/cibatest/reports/result"
)

// The breaches that are looked for in the calls of an OP.
var (
	pingMissed       = breach{"missed_ping", "CIBA-10.2-PING-ON-SUCCESS", "an approval was never pinged"}
	pingDenialMissed = breach{"missed_ping_of_denial", "CIBA-10.2-PING-ON-DENIAL", "a denial was never pinged"}
	pingLate         = breach{"late_ping", "CIBA-10.2-PING-ON-SUCCESS", "an approval was pinged too late"}
	pingDenialLate   = breach{"late_ping_of_denial", "CIBA-10.2-PING-ON-DENIAL", "a denial was pinged too late"}
	pingAgain        = breach{"repeated_ping", "CIBA-10.2-PING-204", "a ping that was answered with 204 came again"}
	pingForeign      = breach{"foreign_ping", "CIBA-10.2-PING-BEARER", "a ping carries another token than that of the request it names"}
	pingMisnamed     = breach{"misnamed_ping", "CIBA-10.2-PING-BODY", "a ping names another auth_req_id than that of its request, or none"}
	pingUnready      = breach{"unready_ping", "CIBA-10.2-PING-READY", "a ping came, and its result could not be fetched"}

	pushMissed       = breach{"missed_push", "CIBA-10.3-PUSH-DELIVERY", "an approval was never pushed"}
	pushDenialMissed = breach{"missed_push_of_denial", "CIBA-12-PUSH-DENIED", "a denial was never pushed"}
	pushLate         = breach{"late_push", "CIBA-10.3-PUSH-DELIVERY", "an approval was pushed too late"}
	pushDenialLate   = breach{"late_push_of_denial", "CIBA-12-PUSH-DENIED", "a denial was pushed too late"}
	pushAgain        = breach{"repeated_push", "CIBA-10.3-PUSH-DELIVERY", "a push that was answered with 204 came again"}
	pushForeign      = breach{"foreign_push", "CIBA-10.3-PUSH-BEARER", "a push carries another token than that of the request it names"}
	pushMisnamed     = breach{"misnamed_push", "CIBA-10.3-PUSH-MEMBERS", "a push names another auth_req_id than that of its request, or none"}
	pushUnread       = breach{"unreadable_push", "CIBA-10.3-PUSH-MEMBERS", "a push has neither tokens nor an error"}
	pushUnknown      = breach{"unknown_push_error", "CIBA-12-PUSH-ERROR-CODES", "a push has an error that the specifications do not know"}
)

// ofMode is one of two breaches, by the delivery mode.
func (e *engine) ofMode(ping, push breach) breach {
	if e.plan.pushes() {
		return push
	}
	return ping
}

// again judges a second call about one request, which was answered with 204 the first time.
func (c *checks) again(e *engine, k *call, since time.Duration) {
	c.report(e, e.exchangeOf(k, e.notified.book(k.serial).flow), e.ofMode(pingAgain, pushAgain), "the first one was answered %s before", since)
}

// foreign judges a call about one request that carries what belongs to another, or to none.
func (c *checks) foreign(e *engine, k *call, text string) {
	x := e.exchangeOf(k, e.placeOf(k.serial))
	c.report(e, x, e.ofMode(pingForeign, pushForeign), "%s", text)
}

// placeOf is where the flow of a token is or was, 0 where there is none.
func (e *engine) placeOf(serial uint32) uint32 {
	if serial == 0 {
		return 0
	}
	return e.notified.book(serial).flow
}

// misnamed judges a call with the right token that does not name its request.
func (c *checks) misnamed(e *engine, x *exchange) {
	text := "it names another auth_req_id"
	if x.call.id == "" {
		text = "it names no auth_req_id"
	}
	c.report(e, x, e.ofMode(pingMisnamed, pushMisnamed), "%s", text)
}

// lateCall judges a call that came too late.
func (c *checks) lateCall(e *engine, x *exchange, of intent, after time.Duration) {
	b := e.ofMode(pingLate, pushLate)
	if of == denies {
		b = e.ofMode(pingDenialLate, pushDenialLate)
	}
	e.now.count(result.CountLateCalls, 1)
	c.report(e, x, b, "it came %s after the OP had taken the decision", after)
}

// missedCall judges a call that never came. There is nothing to show but the request.
func (c *checks) missedCall(e *engine, serial uint32, d debt, now int64) {
	b := e.ofMode(pingMissed, pushMissed)
	if d.intent == denies {
		b = e.ofMode(pingDenialMissed, pushDenialMissed)
	}
	e.now.count(result.CountMissedCalls, 1)
	e.now.record(classNotify, now-d.taken) // so long at least: who is never called must not make the rest look better
	v := c.note(e, b)
	if len(v.Evidence) < mostEvidence {
		v.Evidence = append(v.Evidence, c.evidence.missing(e, serial,
			fmt.Sprintf("no call came in %s after the OP had taken the decision", rounded(now-d.taken))))
	}
}

// unready judges a poll after a ping that is answered pending. The first may have met a
// race within the OP; one at the ordinary pace after it must not, as in
// CIBA-10.2-PING-READY.
func (c *checks) unready(e *engine, x *exchange) {
	if !e.plan.pings() {
		return
	}
	b := e.notified.book(x.f.serial)
	if b.told == 0 || x.sent < b.told || b.unready > 1 {
		return
	}
	if b.unready++; b.unready == 1 {
		e.now.count(result.CountUnready, 1)
		return
	}
	c.report(e, x, pingUnready, "polled %s after the ping, it was still pending", rounded(x.sent-b.told))
}

// answerToCalls is what every call is answered with; CIBA Core 10.2.
const answerToCalls = http.StatusNoContent

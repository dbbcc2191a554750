package loadgen

import (
	"errors"
	"net/http"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/reports/result"
)

// exchange is a request and its answer on the way through the bookkeeping.
type exchange struct {
	job
	*answer
	f          *flow
	sent, done int64
	result     *vegeta.Result
	call       *call // of the OP to the client; nil: an answer to a request
}

// results reads what Vegeta hands over until it is through.
func (e *engine) results(list <-chan *vegeta.Result) {
	for r := range list {
		j, ok := referred(r.URL)
		if !ok {
			continue // the targeter had nothing: the run is over
		}
		undecodable := decode(r)
		a := e.reader.read(j.kind == jobStart, int(r.Code), r.Headers, r.Body, r.End())
		switch {
		case r.Error != "" && r.Code == 0:
			a.kind, a.code = fault, faultText(r.Error)
		case undecodable != "":
			a.kind, a.code = broken, undecodable
		}
		e.mu.Lock()
		e.take(j, &a, r)
		e.mu.Unlock()
	}
}

// decode undoes the content coding of an answer, which nobody asked for. It returns why that
// cannot be done, in one of a few words, or nothing.
func decode(r *vegeta.Result) string {
	if len(r.Headers["Content-Encoding"]) == 0 {
		return ""
	}
	body, err := ciba.Decode(r.Headers, r.Body, maxAnswer)
	r.Body = body
	switch {
	case err == nil:
		return ""
	case errors.Is(err, ciba.ErrUnknownCoding):
		return "unknown content coding"
	}
	return "broken content coding"
}

// take does the bookkeeping of one answer.
func (e *engine) take(j job, a *answer, r *vegeta.Result) {
	sent := int64(r.Timestamp.Sub(e.began))
	x := &exchange{job: j, answer: a, f: e.flows.at(j.flow), sent: sent, done: sent + int64(r.Latency), result: r}
	e.outbox.underWay--
	e.measure(x)
	x.f.inFlight--
	if j.kind == jobStart {
		e.acknowledge(x)
	} else {
		e.polled(x)
	}
	if x.f.state == over && x.f.inFlight == 0 {
		e.flows.arena.release(j.flow)
	}
}

// measure records how long the answer took and counts it. Second polls on purpose
// have no intended time, and so neither lag nor corrected latency.
func (e *engine) measure(x *exchange) {
	starts := x.job.kind == jobStart
	c := classOf(starts, x.answer.kind)
	e.now.record(c, x.done-x.sent)
	if starts || x.job.kind == jobPoll {
		e.now.record(c+1, x.done-x.f.due)
		lag := classLagPoll
		if starts {
			lag = classLagInitiate
		}
		e.now.record(lag, x.sent-x.f.due)
	}
	e.now.count(result.CountRequests, 1)
	e.now.count(result.CountBytesIn, int64(x.result.BytesIn))   //nolint:gosec // bounded by the body limit
	e.now.count(result.CountBytesOut, int64(x.result.BytesOut)) //nolint:gosec // our own bodies
	e.now.answer(answerKey{starts: starts, status: x.status, code: x.code})
	switch x.answer.kind {
	case fault, broken:
		e.now.count(result.CountErrors, 1)
	case refused:
		if starts {
			e.now.count(result.CountStartErrors, 1)
		}
	case slowDown:
		e.now.count(result.CountSlowDown, 1)
		if x.job.kind == jobPoll && x.f.has(spaced) && !x.f.has(twinned) {
			e.now.count(result.CountUnprovoked, 1)
			e.checks.slowed(e, x)
		}
	default: // what a healthy OP answers counts with its flow
	}
}

// What an OP can make a flow wait is bounded, so that one number of it does not keep
// a run from ending.
const (
	longestInterval = time.Hour
	longestExpiry   = 1000 * time.Hour
)

// acknowledge takes the answer to a backchannel request.
func (e *engine) acknowledge(x *exchange) {
	e.checks.code(e, x)
	if x.answer.kind != acknowledged {
		e.now.count(result.CountRefused, 1)
		e.now.failed("backchannel request: " + x.code)
		delete(e.notified.early, x.f.serial)
		if e.starts.refusal == "" {
			e.starts.refusal = e.checks.evidence.wordsOf(x)
		}
		e.endThen(x.f, x.done, max(e.plan.Pause, x.retryAfter, e.starts.backoff(e.plan.Agents)))
		return
	}
	f := x.f
	e.starts.spurned = 0
	e.now.count(result.CountAcknowledged, 1)
	e.checks.identifier(e, x)
	e.checks.acknowledged(x)
	f.state = waiting
	f.ackDelay = shortly(x.done - x.sent)
	e.flows.arena.setID(x.flow, escape(x.id))
	f.interval = uint32(millis(int64(min(orDefault(x.interval, ciba.DefaultInterval), longestInterval)))) //nolint:gosec // an hour
	if x.expiresIn > 0 {
		f.lifetime = moment(x.sent + int64(min(x.expiresIn, longestExpiry)))
	}
	if e.plan.Client.Notified() {
		e.await(x)
	} else {
		e.schedule(x, 0)
	}
	e.decideLater(x.flow)
}

// schedule plans the next poll. A quick answer is followed by the whole interval,
// counted from its arrival, since nobody knows when the OP looked at its clock. An
// answer that was held for longer than the interval was a long poll, and the next may
// follow at once; CIBA Core 7.3.
func (e *engine) schedule(x *exchange, atLeast time.Duration) {
	f := x.f
	interval := int64(f.interval) * int64(time.Millisecond)
	due := x.done + interval
	f.marks |= spaced
	if x.job.kind != jobStart && x.done-x.sent >= interval && x.answer.kind == pending {
		due = x.done
		f.marks &^= spaced
	}
	due = max(due, x.done+int64(atLeast))
	f.due = e.plan.Pollers.spread(due, e.random.Float64())
	e.flows.ring.push(&e.flows.arena, x.flow)
	e.wakePacer()
}

// polled takes the answer to a token request.
func (e *engine) polled(x *exchange) {
	f := x.f
	e.checks.code(e, x)
	if x.answer.kind == tokens {
		e.redeemed(x)
		return
	}
	if x.answer.kind == fault && !x.putOff() {
		f.marks |= lost // even if the twin decides: the OP may have used the id up with it
	}
	switch {
	case f.inFlight > 0 || f.state == over: // the twin decides, or all is decided
	case f.redemptions > 0:
		e.succeed(x)
	default:
		e.follow(x)
	}
}

// putOff reports whether an answer says that the request was not looked at.
func (x *exchange) putOff() bool { return x.status == http.StatusTooManyRequests }

// follow takes an answer without tokens.
func (e *engine) follow(x *exchange) {
	switch x.answer.kind {
	case pending, slowDown:
		e.followPending(x)
	case fault:
		e.followFault(x)
	case denied:
		e.concludeDenied(x)
	case expired:
		e.checks.early(e, x)
		e.conclude(x, result.CountExpired)
	case refused:
		e.concludeRefused(x)
	default:
		e.fail(x, x.code)
	}
}

// followPending takes pending and slow_down: the flow goes on, unless its end is long
// past.
func (e *engine) followPending(x *exchange) {
	x.f.faults = 0
	if x.answer.kind == pending {
		x.f.lastPending = moment(x.sent)
	}
	e.checks.stillPending(x)
	e.checks.unready(e, x)
	if e.checks.pendingTooLong(e, x) {
		e.fail(x, "still pending after expires_in")
		return
	}
	if x.answer.kind == slowDown {
		e.slow(x)
	}
	e.schedule(x, x.retryAfter)
}

// mostDoublings bounds the waiting after lost answers; RFC 8628 3.5.
const mostDoublings = 4

// followFault polls again later, the interval doubled with every answer that was lost
// in a row.
func (e *engine) followFault(x *exchange) {
	f := x.f
	if f.expires() > 0 && x.done > f.expires()+int64(lateExpiry) {
		e.fail(x, "no answer until expires_in had passed")
		return
	}
	f.faults = min(f.faults+1, mostDoublings)
	backoff := time.Duration(f.interval) * time.Millisecond << f.faults
	e.schedule(x, max(backoff, x.retryAfter))
}

// slow makes the interval longer after slow_down: by 5 s, or to what the OP names.
// CIBA Core 11.
func (e *engine) slow(x *exchange) {
	longer := time.Duration(x.f.interval)*time.Millisecond + ciba.SlowDownStep
	longer = min(max(longer, x.interval), longestInterval)
	x.f.interval = uint32(longer.Milliseconds()) //nolint:gosec // an hour
}

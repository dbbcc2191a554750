package loadgen

import (
	"context"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/reports/result"
)

// The kinds of requests. They travel as the first letter of the URL fragment,
// which never goes on the wire and comes back with the result.
const (
	jobStart  = 's'
	jobPoll   = 'p'
	jobTwin   = 't' // second of two polls at once
	jobReplay = 'r' // after the tokens were received
)

// job is a request that is to be sent now.
type job struct {
	kind        byte
	flow        uint32
	credentials []byte
}

// engine drives one run. Vegeta paces and sends: its one pacing goroutine calls
// Pace, its workers call target, and one goroutine of ours reads the results.
type engine struct {
	o        Options
	plan     *Plan
	requests *requests
	began    time.Time
	wake     chan struct{} // something became due earlier than the pacer knows

	ctx    context.Context // ends: no more starts
	closed context.Context // ends: nothing more is sent

	mu            sync.Mutex // guards all below
	arena         arena
	ring          ring
	queue         []job // taken by the targeter
	head          int
	extra         []job // go out before anything else
	live          int64 // flows without an outcome
	peakLive      int64
	underWay      int64
	peak          int64
	serials       uint32
	rota          *rota
	random        *rand.Rand
	idle          []int64 // closed loop: when agents became free
	nextAt        int64   // intended time of the next start
	hasNext       bool
	noMore        bool   // starts are over
	now           *tally // of this window
	checks        *checks
	fatal         error
	until         int64 // end of the drain, once starts are over
	deciding      chan struct{}
	lastUndecided error

	asking          sync.WaitGroup // questions to the witness
	witnesses       chan struct{}
	lastUnwitnessed error

	reader reader // of the goroutine that reads results
	wait   sync.WaitGroup
}

func (e *engine) elapsed() int64 { return int64(time.Since(e.began)) }

// Pace implements [vegeta.Pacer]. It returns when a request is to leave at once:
// polls first, as they are promises already made, then starts. All waiting
// happens here, because Vegeta's clock for a request runs from its targeter on.
func (e *engine) Pace(time.Duration, uint64) (time.Duration, bool) {
	for {
		j, ok, sleep := e.nextJob()
		if ok {
			return 0, !e.hand(j)
		}
		if sleep < 0 || !e.sleep(sleep) {
			return 0, true
		}
	}
}

// Rate implements [vegeta.Pacer]; it is for display only.
func (e *engine) Rate(at time.Duration) float64 {
	if e.plan.Arrivals == nil {
		return 0
	}
	return e.plan.Arrivals.RateAt(at)
}

// nextJob is the request that is to leave now, or how long there is none; a
// negative time says that the run is over.
func (e *engine) nextJob() (job, bool, time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := e.elapsed()
	if e.over(now) { // asked first, because behind schedule there is always something due
		return job{}, false, -1
	}
	if n := len(e.extra); n > 0 {
		j := e.extra[n-1]
		e.extra = e.extra[:n-1]
		return j, true, 0
	}
	if i, ok := e.ring.pop(&e.arena, now); ok {
		return e.pollOf(i, now), true, 0
	}
	if i, ok := e.startAt(now); ok {
		return job{kind: jobStart, flow: i}, true, 0
	}
	return job{}, false, e.pause(now)
}

// over says whether nothing is left to do.
func (e *engine) over(now int64) bool {
	if !e.noMore && (e.ctx.Err() != nil || now > int64(e.plan.Duration+e.plan.MaxLag)) { // the last start may be a little late, as any other
		e.drop(now)
	}
	if e.noMore && e.until == 0 {
		e.until = now + int64(e.plan.Drain)
	}
	idle := e.live == 0 && e.underWay == 0 && len(e.extra) == 0
	return e.closed.Err() != nil || e.noMore && (idle || now > e.until)
}

// longestPause bounds a sleep, so that the end of the run is noticed.
const longestPause = 50 * time.Millisecond

// pause is how long nothing is due.
func (e *engine) pause(now int64) time.Duration {
	until := now + int64(longestPause)
	if at, ok := e.ring.first(); ok {
		until = min(until, at*1_000_000)
	}
	if e.hasNext {
		until = min(until, max(e.nextAt, now))
	}
	return time.Duration(until - now)
}

func (e *engine) sleep(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-e.wake:
	case <-e.closed.Done():
		return false
	}
	return true
}

// rouse ends the pacer's sleep.
func (e *engine) rouse() {
	select {
	case e.wake <- struct{}{}:
	default:
	}
}

// hand gives a job to the targeter, with fresh credentials. It is false when the
// run cannot go on.
func (e *engine) hand(j job) bool {
	at := &e.requests.token
	if j.kind == jobStart {
		at = &e.requests.start
	}
	if at.signer != nil {
		credentials, err := at.signer.take(e.closed)
		if err != nil {
			e.mu.Lock()
			e.fatal = err
			e.mu.Unlock()
			return false
		}
		j.credentials = credentials
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.queue = append(e.queue, j)
	e.underWay++
	e.peak = max(e.peak, e.underWay)
	return true
}

// target implements [vegeta.Targeter]. It never waits: for every tick of the
// pacer there is a job.
func (e *engine) target(t *vegeta.Target) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.head == len(e.queue) {
		return vegeta.ErrNoTargets
	}
	j := e.queue[e.head]
	e.queue[e.head] = job{}
	if e.head++; e.head == len(e.queue) {
		e.queue, e.head = e.queue[:0], 0
	}
	e.fill(t, j)
	return nil
}

func (e *engine) fill(t *vegeta.Target, j job) {
	t.Method = "POST"
	if j.kind == jobStart {
		f := e.arena.at(j.flow)
		t.URL = reference(e.requests.start.url, j)
		t.Body = e.requests.startBody(f.user, f.serial, j.credentials)
		return
	}
	t.URL = reference(e.requests.token.url, j)
	t.Body = e.tokenBody(j)
}

func (e *engine) tokenBody(j job) []byte {
	begin := e.requests.token.begin
	body := make([]byte, 0, len(begin)+len("&auth_req_id=")+inlineID+len(j.credentials))
	body = append(append(body, begin...), "&auth_req_id="...)
	return append(e.arena.appendID(body, j.flow), j.credentials...)
}

// reference is the URL with the job as its fragment.
func reference(url string, j job) string {
	buffer := make([]byte, 0, len(url)+12)
	buffer = append(append(buffer, url...), '#', j.kind)
	return string(strconv.AppendUint(buffer, uint64(j.flow), 10))
}

// referred reads what reference wrote.
func referred(url string) (job, bool) {
	at := strings.LastIndexByte(url, '#')
	if at < 0 || at+2 > len(url) {
		return job{}, false
	}
	index, err := strconv.ParseUint(url[at+2:], 10, 32)
	return job{kind: url[at+1], flow: uint32(index)}, err == nil
}

// pollOf makes the poll of a flow that is due, and its twin where the flow is to
// be redeemed twice and the OP is known to hold the approval.
func (e *engine) pollOf(i uint32, now int64) job {
	f := e.arena.at(i)
	if f.due > now {
		e.now.count(result.CountEarlyPolls, 1)
	}
	f.polls++
	f.inFlight = 1
	if f.has(racing) && f.has(decided) && f.want == approves && !f.has(twinned) {
		f.marks |= twinned
		f.inFlight = 2
		e.extra = append(e.extra, job{kind: jobTwin, flow: i})
		e.now.count(result.CountTwins, 1)
	}
	return job{kind: jobPoll, flow: i}
}

// startAt begins a flow when one is due.
func (e *engine) startAt(now int64) (uint32, bool) {
	for e.findNext() && e.nextAt <= now {
		at := e.rota.when(e.nextAt)
		if at > now {
			e.now.count(result.CountHeldBack, 1)
			e.nextAt = at
			return 0, false
		}
		e.hasNext = false
		e.now.count(result.CountOffered, 1)
		if e.live >= int64(e.plan.MaxPending) {
			e.now.count(result.CountDropped, 1)
			continue
		}
		return e.begin(at), true
	}
	return 0, false
}

// findNext finds the intended time of the next start.
func (e *engine) findNext() bool {
	if e.noMore || e.hasNext {
		return e.hasNext
	}
	at, ok := e.nextArrival()
	switch {
	case !ok && e.plan.Arrivals != nil, at > int64(e.plan.Duration):
		e.noMore = true
	case ok:
		e.nextAt, e.hasNext = at, true
	}
	return e.hasNext
}

// drop ends the starts and gives up those that were offered and did not get
// their turn.
func (e *engine) drop(now int64) {
	end := min(now, int64(e.plan.Duration))
	at, ok := e.nextAt, e.hasNext
	for e.plan.Arrivals != nil {
		if !ok {
			at, ok = e.nextArrival()
		}
		if !ok || at > end {
			break
		}
		e.now.count(result.CountOffered, 1)
		e.now.count(result.CountDropped, 1)
		ok = false
	}
	e.noMore, e.hasNext = true, false
}

func (e *engine) nextArrival() (int64, bool) {
	if e.plan.Arrivals != nil {
		at, ok := e.plan.Arrivals.Next()
		return int64(at), ok
	}
	if len(e.idle) == 0 {
		return 0, false
	}
	at := e.idle[0]
	e.idle = e.idle[1:]
	return at, true
}

func (e *engine) begin(at int64) uint32 {
	i := e.arena.take()
	f := e.arena.at(i)
	e.serials++
	f.serial, f.started, f.due, f.user = e.serials, at, at, e.rota.take(at)
	f.want = e.plan.Mix.draw(e.random.Float64())
	f.inFlight = 1
	if e.random.Float64() < e.plan.Probes {
		f.marks |= e.probe()
	}
	e.live++
	e.now.count(result.CountStarted, 1)
	return i
}

// probe is how a flow is tried to be redeemed twice. A race needs the moment of
// the decision; without it, only a repetition is left.
func (e *engine) probe() marks {
	if e.o.Decider != nil && e.random.Float64() < 0.5 {
		return racing
	}
	return repeats
}

// results reads what Vegeta hands over until it is through.
func (e *engine) results(list <-chan *vegeta.Result) {
	for r := range list {
		j, ok := referred(r.URL)
		if !ok {
			continue // the targeter had nothing: the run is over
		}
		starts := j.kind == jobStart
		a := e.reader.read(starts, int(r.Code), r.Headers, r.Body, r.End())
		if r.Error != "" && r.Code == 0 {
			a.kind, a.code = fault, faultText(r.Error)
		}
		e.mu.Lock()
		e.take(j, &a, r)
		e.mu.Unlock()
	}
}

// exchange is a request and its answer on the way through the bookkeeping.
type exchange struct {
	job
	*answer
	f          *flow
	sent, done int64
	result     *vegeta.Result
}

// take does the bookkeeping of one answer.
func (e *engine) take(j job, a *answer, r *vegeta.Result) {
	sent := int64(r.Timestamp.Sub(e.began))
	x := &exchange{job: j, answer: a, f: e.arena.at(j.flow), sent: sent, done: sent + int64(r.Latency), result: r}
	e.underWay--
	e.measure(x)
	x.f.inFlight--
	if j.kind == jobStart {
		e.acknowledge(x)
	} else {
		e.polled(x)
	}
	if x.f.state == over && x.f.inFlight == 0 {
		e.arena.release(j.flow)
	}
}

func (e *engine) measure(x *exchange) {
	starts := x.job.kind == jobStart
	c := classOf(starts, x.answer.kind)
	e.now.record(c, x.done-x.sent)
	if x.job.kind == jobStart || x.job.kind == jobPoll {
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
	e.now.answer(answerKey{starts, x.status, x.code})
	switch x.answer.kind {
	case fault, broken:
		e.now.count(result.CountErrors, 1)
	case slowDown:
		e.now.count(result.CountSlowDown, 1)
		if x.job.kind == jobPoll && x.f.has(spaced) && !x.f.has(twinned) {
			e.now.count(result.CountUnprovoked, 1)
		}
	}
}

// longestInterval bounds what an OP can make a flow wait.
const longestInterval = time.Hour

// acknowledge takes the answer to a backchannel request.
func (e *engine) acknowledge(x *exchange) {
	e.checks.code(e, x)
	if x.answer.kind != acknowledged {
		e.now.count(result.CountRefused, 1)
		e.now.failed("backchannel request: " + x.code)
		e.end(x.f, x.done)
		return
	}
	f := x.f
	e.now.count(result.CountAcknowledged, 1)
	e.checks.identifier(e, x)
	e.checks.acknowledged(x)
	f.state = waiting
	f.took = uint16(min((x.done-x.sent)/10_000_000+1, math.MaxUint16)) //nolint:gosec // bounded
	e.arena.setID(x.flow, escape(x.id))
	f.interval = uint32(millis(int64(min(orDefault(x.interval, ciba.DefaultInterval), longestInterval)))) //nolint:gosec // an hour
	if x.expiresIn > 0 {
		f.expires = x.sent + int64(min(x.expiresIn, maxExpiry))
	}
	e.schedule(x, 0)
	e.decideLater(x.flow)
}

const maxExpiry = 1000 * time.Hour

// schedule plans the next poll. A quick answer is followed by the whole interval,
// counted from its arrival, since nobody knows when the OP looked at its clock. An
// answer that was held for longer than the interval was a long poll, and the
// next may follow at once; CIBA Core 7.3.
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
	e.ring.push(&e.arena, x.flow)
	e.rouse()
}

// polled takes the answer to a token request.
func (e *engine) polled(x *exchange) {
	f := x.f
	e.checks.code(e, x)
	if x.answer.kind == tokens {
		e.redeemed(x)
		return
	}
	switch {
	case f.inFlight > 0 || f.state == over: // the twin decides, or all is decided
	case f.won > 0:
		e.succeed(x)
	default:
		e.follow(x)
	}
}

// follow takes an answer without tokens.
func (e *engine) follow(x *exchange) {
	f := x.f
	switch x.answer.kind {
	case pending, slowDown:
		f.faults = 0
		e.checks.alive(x)
		if e.checks.undead(e, x) {
			e.fail(x, "still pending after expires_in")
			return
		}
		e.slow(x)
		e.schedule(x, x.retryAfter)
	case fault:
		f.marks |= lost
		if f.expires > 0 && x.done > f.expires+int64(lateExpiry) {
			e.fail(x, "no answer until expires_in had passed")
			return
		}
		f.faults = min(f.faults+1, mostBackoff)
		backoff := time.Duration(f.interval) * time.Millisecond << f.faults
		e.schedule(x, max(backoff, x.retryAfter))
	case denied:
		e.ask(x)
		e.concludeDenied(x)
	case expired:
		e.checks.early(e, x)
		e.count(x, result.CountExpired)
	case refused:
		e.concludeRefused(x)
	default:
		e.fail(x, x.code)
	}
}

// mostBackoff bounds the doubling after lost answers; RFC 8628 3.5.
const mostBackoff = 4

// slow makes the interval longer after slow_down: by 5 s, or to what the OP says.
func (e *engine) slow(x *exchange) {
	if x.answer.kind != slowDown {
		return
	}
	longer := time.Duration(x.f.interval)*time.Millisecond + ciba.SlowDownStep
	longer = min(max(longer, x.interval), longestInterval)
	x.f.interval = uint32(longer.Milliseconds()) //nolint:gosec // an hour
}

func (e *engine) concludeDenied(x *exchange) {
	f := x.f
	switch {
	case f.expires > 0 && x.done > f.expires: // some OPs have one code for both
		e.count(x, result.CountExpired)
	case f.want == approves && f.has(decided):
		e.fail(x, "access_denied although approved")
	default:
		e.count(x, result.CountDenied)
	}
}

func (e *engine) concludeRefused(x *exchange) {
	f := x.f
	switch {
	case x.code == string(ciba.InvalidGrant) && f.expires > 0 && x.done > f.expires: // the record may be gone
		e.count(x, result.CountExpired)
	case x.code == string(ciba.InvalidGrant) && f.has(lost):
		e.fail(x, "invalid_grant after an answer was lost")
	default:
		e.fail(x, x.code)
	}
}

// redeemed takes a token response.
func (e *engine) redeemed(x *exchange) {
	f := x.f
	f.won++
	if f.won > 1 {
		e.checks.twice(e, x)
	}
	if f.won == 1 {
		e.checks.tokens(e, x)
		e.ask(x)
		if f.decided > 0 {
			e.now.record(classDecisionToToken, x.done-f.decided)
		}
		e.now.record(classFlow, x.done-f.started)
	}
	if f.inFlight == 0 && f.state != over {
		e.succeed(x)
	}
}

func (e *engine) succeed(x *exchange) {
	e.count(x, result.CountApproved)
	if f := x.f; f.has(repeats) {
		f.inFlight = 1
		e.extra = append(e.extra, job{kind: jobReplay, flow: x.flow})
		e.rouse()
	}
}

func (e *engine) fail(x *exchange, reason string) {
	e.now.failed(reason)
	e.count(x, result.CountFailed)
}

// wanted is the outcome that a user's decision leads to.
var wanted = [...]string{approves: result.CountApproved, denies: result.CountDenied, ignores: result.CountExpired}

// count ends a flow in one outcome.
func (e *engine) count(x *exchange, outcome string) {
	f := x.f
	e.now.count(outcome, 1)
	if outcome == wanted[f.want] || e.o.Decider == nil && outcome != result.CountFailed {
		e.now.count(result.CountAsWanted, 1)
	}
	e.now.record(classPolls, int64(f.polls))
	e.end(f, x.done)
}

func (e *engine) end(f *flow, at int64) {
	f.state = over
	e.live--
	if e.plan.Arrivals == nil {
		e.idle = append(e.idle, at+int64(e.plan.Pause))
		e.rouse()
	}
}

// abandon counts the flows that the end of the run left behind.
func (e *engine) abandon() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for i := range e.arena.used {
		f := e.arena.at(uint32(i))
		switch {
		case f.serial == 0 || f.state == over:
		case f.state == starting: // was handed out, but Vegeta did not send it any more
			e.now.count(result.CountRefused, 1)
			e.now.failed("backchannel request: the run ended first")
			e.end(f, 0)
		default:
			e.now.count(result.CountAbandoned, 1)
			e.end(f, 0)
		}
	}
}

package loadgen

import (
	"strconv"
	"strings"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/cibatest/cibatest/reports/result"
)

// The kinds of requests. They travel as the first letter of the URL fragment, which
// never goes on the wire and comes back with the result.
const (
	jobStart  = 's'
	jobPoll   = 'p'
	jobTwin   = 't' // second of two polls at once
	jobReplay = 'r' // after the tokens were received
	jobCalled = 'c' // not sent: what the OP called the client with
)

// job is a request that is to be sent now.
type job struct {
	kind        byte
	flow        uint32
	credentials []byte
}

// outbox is what lies between the pacer, which decides what leaves, and Vegeta's
// workers, which send it.
type outbox struct {
	urgent   []job // leave before anything else
	ready    []job // for the workers, from head on
	head     int
	underWay int64 // requests without an answer yet
	peak     int64 // most of them at once
}

// takeUrgent is the latest request that must not wait for its turn: the second of two at
// the same moment, or one that follows tokens.
func (o *outbox) takeUrgent() (job, bool) {
	n := len(o.urgent)
	if n == 0 {
		return job{}, false
	}
	j := o.urgent[n-1]
	o.urgent = o.urgent[:n-1]
	return j, true
}

// put makes a request ready. It counts as under way from here, whether or not a worker
// is free, so that the end of the run waits for it.
func (o *outbox) put(j job) {
	o.ready = append(o.ready, j)
	o.underWay++
	o.peak = max(o.peak, o.underWay)
}

// take is the request that was made ready first. The memory is used again once the queue
// is empty, which at any sane rate is at every moment.
func (o *outbox) take() (job, bool) {
	if o.head == len(o.ready) {
		return job{}, false
	}
	j := o.ready[o.head]
	o.ready[o.head] = job{}
	if o.head++; o.head == len(o.ready) {
		o.ready, o.head = o.ready[:0], 0
	}
	return j, true
}

// Pace implements [vegeta.Pacer]. It returns when a request is to leave at once:
// polls first, as they are promises already made, then starts. All waiting happens
// here, because Vegeta's clock for a request runs from its targeter on.
func (e *engine) Pace(time.Duration, uint64) (time.Duration, bool) {
	for {
		j, ok, pause := e.nextJob()
		if ok {
			return 0, !e.dispatch(j)
		}
		if pause < 0 || !e.sleep(pause) {
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

// nextJob is the request that is to leave now, or how long there is none; a negative
// time means that the run is over.
func (e *engine) nextJob() (job, bool, time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := e.elapsed()
	if e.finished(now) { // asked first, because behind schedule there is always something due
		return job{}, false, -1
	}
	if j, ok := e.outbox.takeUrgent(); ok {
		return j, true, 0
	}
	e.endVigils(now)
	if i, ok := e.flows.ring.pop(&e.flows.arena, now); ok {
		return e.pollOf(i, now), true, 0
	}
	if i, ok := e.startDue(now); ok {
		return job{kind: jobStart, flow: i}, true, 0
	}
	return job{}, false, e.pause(now)
}

// finished reports whether nothing is left to do. Starts end with the plan, and the
// last one may be a little late, as any other; then flows may still end until the
// drain is over.
func (e *engine) finished(now int64) bool {
	if !e.starts.ended && (e.ctx.Err() != nil || now > int64(e.plan.Duration+e.plan.MaxLag)) {
		e.endStarts(now)
	}
	if e.starts.ended && e.drained == 0 {
		e.drained = now
	}
	idle := e.flows.live == 0 && e.outbox.underWay == 0 && len(e.outbox.urgent) == 0
	return e.closed.Err() != nil || e.starts.ended && (idle || e.drainOver(time.Duration(now-e.drained)))
}

// drainOver reports whether the run ends although flows are pending.
func (e *engine) drainOver(lasts time.Duration) bool { return lasts > e.mostDrain() }

// mostDrain is after how long the drain ends, as things stand. Unless the plan sets the time,
// nobody who decided is left alone before the OP ends the request by itself; users who ignore
// it are not waited for as long.
func (e *engine) mostDrain() time.Duration {
	switch {
	case e.plan.Drain > 0:
		return e.plan.Drain
	case e.flows.owed > 0:
		return MostDrain
	}
	return LeastDrain
}

// longestPause bounds a sleep, so that the end of the run is noticed.
const longestPause = 50 * time.Millisecond

// pause is how long nothing is due.
func (e *engine) pause(now int64) time.Duration {
	until := now + int64(longestPause)
	if at, ok := e.flows.ring.first(); ok {
		until = min(until, at*1_000_000)
	}
	if list := e.notified.vigils; len(list) > 0 {
		until = min(until, max(list[0].until, now))
	}
	if e.starts.hasNext {
		until = min(until, max(e.starts.next, now))
	}
	return time.Duration(until - now)
}

// sleep waits for a while or until something else is due. It is false when the run
// has ended.
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

// wakePacer ends the pacer's sleep.
func (e *engine) wakePacer() {
	select {
	case e.wake <- struct{}{}:
	default:
	}
}

// dispatch gives a job to the workers, with fresh credentials. It is false when the
// run cannot go on.
func (e *engine) dispatch(j job) bool {
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
	e.outbox.put(j)
	return true
}

// pollOf makes the poll of a flow that is due, and its twin where the flow is to be
// redeemed twice and the OP is known to hold the approval.
func (e *engine) pollOf(i uint32, now int64) job {
	f := e.flows.at(i)
	if f.due > now {
		e.now.count(result.CountEarlyPolls, 1)
	}
	f.polls++
	f.inFlight = 1
	if f.has(racing) && (f.has(decided) || e.toldOf(f)) && f.intent == approves && !f.has(twinned) {
		f.marks |= twinned
		f.inFlight = 2
		e.outbox.urgent = append(e.outbox.urgent, job{kind: jobTwin, flow: i})
		e.now.count(result.CountTwins, 1)
	}
	return job{kind: jobPoll, flow: i}
}

// target implements [vegeta.Targeter]. It never waits: for every tick of the pacer
// there is a job.
func (e *engine) target(t *vegeta.Target) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	j, ok := e.outbox.take()
	if !ok {
		return vegeta.ErrNoTargets
	}
	e.fill(t, j)
	return nil
}

// fill writes a request. Method, URL and body are all that differs between requests of a
// run: the transport sets the header.
func (e *engine) fill(t *vegeta.Target, j job) {
	t.Method = "POST"
	if j.kind == jobStart {
		f := e.flows.at(j.flow)
		t.URL = reference(e.requests.start.url, j)
		t.Body = e.startBody(f, j.credentials)
		return
	}
	t.URL = reference(e.requests.token.url, j)
	t.Body = e.tokenBody(j)
}

// startBody is the body of the backchannel request of a flow.
func (e *engine) startBody(f *flow, credentials []byte) []byte {
	body := e.requests.startBody(f.user, f.serial, credentials)
	if e.plan.Client.Notified() {
		body = append(append(body, "&client_notification_token="...), e.notified.token(f.serial)...)
	}
	return body
}

// tokenBody is written with a single allocation, since most requests of a run are polls.
func (e *engine) tokenBody(j job) []byte {
	begin := e.requests.token.begin
	body := make([]byte, 0, len(begin)+len("&auth_req_id=")+inlineID+len(j.credentials))
	body = append(append(body, begin...), "&auth_req_id="...)
	return append(e.flows.arena.appendID(body, j.flow), j.credentials...)
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

package suites

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/cibatest/cibatest/internal/ciba"
)

// How the OP's load control is met: 503 and 429 say nothing about a clause, so a
// call is repeated when the OP says it may be.
const (
	repeats     = 5               // of one call: more than a minute, if Retry-After says nothing
	pauseUnsaid = 2 * time.Second // the first pause where it says nothing; each further one is twice as long
	longestRest = time.Minute     // of what Retry-After tells
	hopeless    = 3               // calls in a row that no repeat helped
)

func overloaded(resp *ciba.Response) bool {
	return resp.Status == http.StatusServiceUnavailable || resp.Status == http.StatusTooManyRequests
}

// turnstile lets the calls to an endpoint pass one by one while the OP says it has
// too many: all of them coming again at the same moment would never end.
type turnstile struct {
	pass chan struct{} // holds one token while nobody passes

	mu     sync.Mutex
	queue  int       // calls that wait or pass
	until  time.Time // when the OP wants to be asked again
	failed int       // calls in a row that went away refused
}

func newTurnstile() *turnstile {
	t := &turnstile{pass: make(chan struct{}, 1)}
	t.pass <- struct{}{}
	return t
}

// closed says whether calls have to queue.
func (g *turnstile) closed() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.queue > 0
}

// useless says whether queueing was no help to several calls, so that it is not
// worth the time of others.
func (g *turnstile) useless() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.failed >= hopeless
}

// told notes a refusal, and the OP's word on when to come again or else, and
// whenever that was not enough, our own.
func (g *turnstile) told(resp *ciba.Response, own time.Duration, again bool) {
	pause, said := resp.RetryAfter()
	if !said || again {
		pause = max(pause, own)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if until := resp.Received.Add(min(pause, longestRest)); until.After(g.until) {
		g.until = until
	}
}

// enter waits for a call's turn, or until ctx ends.
func (g *turnstile) enter(ctx context.Context) {
	g.count(1)
	select {
	case <-g.pass:
	case <-ctx.Done():
		<-g.pass // whoever passes notices the end of the run, too
	}
}

func (g *turnstile) leave(resp *ciba.Response) {
	g.tried(resp)
	g.count(-1)
	g.pass <- struct{}{}
}

// tried notes how a call went away.
func (g *turnstile) tried(resp *ciba.Response) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.failed++
	if resp != nil && !overloaded(resp) {
		g.failed = 0
	}
}

func (g *turnstile) count(n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.queue += n
}

func (g *turnstile) opens() time.Time {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.until
}

// turnstile is that of an endpoint.
func (s *Session) turnstile(url string) *turnstile {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.turnstiles[url] == nil {
		s.turnstiles[url] = newTurnstile()
	}
	return s.turnstiles[url]
}

// Send is [T.Do] for calls whose subject is not the OP's load control: 503 and
// 429 are waited out, which does not count against the case's time limit. A 429
// that stays ends the case as error.
func (t *T) Send(call ciba.Call) *ciba.Response { return t.sendPaced(call, 0) }

// sendPaced is [T.Send] for a poll, which is not repeated before its pace allows
// it. If it is refused again, Retry-After alone counts: others wait behind it.
func (t *T) sendPaced(call ciba.Call, pace time.Duration) *ciba.Response {
	gate := t.session.turnstile(call.URL)
	var resp *ciba.Response
	switch {
	case gate.useless():
		if resp = t.Do(call); overloaded(resp) {
			t.Wait(max(pauseUnsaid, pace))
			resp = t.Do(call)
		}
		gate.tried(resp)
	case gate.closed():
		resp = t.sendInTurn(gate, call)
	default:
		if resp = t.Do(call); overloaded(resp) {
			gate.told(resp, pauseUnsaid, false)
			t.waitOut(resp, pace)
			resp = t.sendInTurn(gate, call)
		}
	}
	if resp.Status == http.StatusTooManyRequests {
		t.Abort("the OP limits how often it is asked, and waiting did not help: %s", resp.Summary())
	}
	return resp
}

// waitOut waits until one pace after the sending of a refused poll.
func (t *T) waitOut(resp *ciba.Response, pace time.Duration) {
	defer t.limit.pause()()
	t.WaitUntil(resp.Sent.Add(pace))
}

// sendInTurn sends when it is the call's turn, and again while the OP refuses it.
func (t *T) sendInTurn(gate *turnstile, call ciba.Call) (resp *ciba.Response) {
	defer t.limit.pause()()
	gate.enter(t.ctx)
	defer func() { gate.leave(resp) }()
	for n := range repeats {
		t.WaitUntil(gate.opens())
		if resp = t.Do(call); !overloaded(resp) {
			return resp
		}
		gate.told(resp, pauseUnsaid<<(n+1), n > 0)
	}
	return resp
}

// limit is the time a case may take. It stands still while the case waits for
// something that is not its own: the OP's load control, or another case. What slow
// answers take is added.
type limit struct {
	mu     sync.Mutex
	timer  *time.Timer
	end    time.Time
	paused int
	left   time.Duration
}

func newLimit(d time.Duration, over func()) *limit {
	return &limit{timer: time.AfterFunc(d, over), end: time.Now().Add(d)}
}

// pause stops the time until the function it returns is called. Without a limit
// it does nothing.
func (l *limit) pause() (resume func()) {
	if l == nil {
		return func() {}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.paused == 0 {
		l.timer.Stop()
		l.left = time.Until(l.end)
	}
	l.paused++
	return l.resume
}

func (l *limit) resume() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.paused--; l.paused == 0 {
		l.end = time.Now().Add(l.left)
		l.timer.Reset(max(0, l.left))
	}
}

// slowAnswer is how long an answer may take before the case gets more time for it.
const slowAnswer = 2 * time.Second

// extend gives the case the time that an answer has taken, if there is one.
func (l *limit) extend(resp *ciba.Response) {
	took := resp.Received.Sub(resp.Sent)
	if l == nil || resp.Err != nil || took < slowAnswer {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.paused > 0 {
		l.left += took
		return
	}
	l.end = l.end.Add(took)
	l.timer.Reset(max(0, time.Until(l.end)))
}

func (l *limit) stop() { l.timer.Stop() }

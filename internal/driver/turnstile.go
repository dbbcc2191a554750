package driver

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/cibatest/cibatest/internal/ciba"
)

// How the OP's load control is met: 503 and 429 say nothing about a clause, so a
// request is repeated when the OP says it may be.
const (
	repeats         = 5               // of one request: more than a minute, if Retry-After says nothing
	unannouncedRest = 2 * time.Second // the first pause where it says nothing; each further one is twice as long
	longestRest     = time.Minute     // of what Retry-After asks for
	givenUpAfter    = 3               // requests in a row that no repeat helped
)

// Overloaded reports whether the OP says that it has too much to do.
func Overloaded(resp *ciba.Response) bool {
	return resp.Status == http.StatusServiceUnavailable || resp.Status == http.StatusTooManyRequests
}

func (d *Driver) throughTurnstile(ctx context.Context, r Request, next sender) (*ciba.Response, error) {
	gate := d.run.turnstile.of(r.URL)
	switch {
	case gate.givenUp():
		return d.onceMore(ctx, r, gate, next)
	case gate.closed():
		return d.queued(ctx, r, gate, next)
	}
	resp, err := next(ctx, r)
	if err != nil || !Overloaded(resp) {
		return resp, err
	}
	gate.refused(resp, unannouncedRest, false)
	if err := d.waitOut(ctx, r, resp); err != nil {
		return nil, err
	}
	return d.queued(ctx, r, gate, next)
}

// onceMore repeats a single time: where queueing helped nobody, it is not worth the
// time of others.
func (d *Driver) onceMore(ctx context.Context, r Request, gate *turnstile, next sender) (resp *ciba.Response, err error) {
	defer func() { gate.wentAway(resp) }()
	resp, err = next(ctx, r)
	if err != nil || !Overloaded(resp) {
		return resp, err
	}
	if err := d.pause(ctx, max(unannouncedRest, r.pace())); err != nil {
		return nil, err
	}
	return next(ctx, r)
}

// waitOut waits until one pace after a poll that was refused; nothing where no poll was.
func (d *Driver) waitOut(ctx context.Context, r Request, resp *ciba.Response) error {
	if r.Flow == nil {
		return nil
	}
	defer d.holdUp()()
	return d.WaitUntil(ctx, r.Flow.counted(resp).Add(r.pace()), ForTurn)
}

// queued sends when it is the request's turn, and again while the OP refuses it. A poll
// lets others pass until its pace allows another, whatever Retry-After says. Refused once more it
// stays, and only Retry-After counts: where the OP takes few, it would never have its turn.
func (d *Driver) queued(ctx context.Context, r Request, gate *turnstile, next sender) (resp *ciba.Response, err error) {
	defer d.holdUp()()
	gate.enter(ctx)
	defer func() { gate.leave(resp) }()
	for n := range repeats {
		if err := d.WaitUntil(ctx, gate.opens(), ForRoom); err != nil {
			return nil, err
		}
		resp, err = next(ctx, r)
		if err != nil || !Overloaded(resp) {
			return resp, err
		}
		gate.refused(resp, unannouncedRest<<(n+1), n > 0)
		if r.Flow != nil && n == 0 {
			if err := gate.aside(ctx, func() error { return d.waitOut(ctx, r, resp) }); err != nil {
				return nil, err
			}
		}
	}
	return resp, nil
}

// turnstiles are those of all endpoints, made when they are first needed.
type turnstiles struct {
	mu  sync.Mutex
	all map[string]*turnstile
}

func (t *turnstiles) of(url string) *turnstile {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.all[url] == nil {
		if t.all == nil {
			t.all = map[string]*turnstile{}
		}
		t.all[url] = newTurnstile()
	}
	return t.all[url]
}

// turnstile lets the requests to an endpoint pass one by one while the OP says it has
// too many.
type turnstile struct {
	pass chan struct{} // holds one token while nobody passes

	mu     sync.Mutex
	queue  int       // requests that wait or pass
	until  time.Time // when the OP wants to be asked again
	failed int       // requests in a row that went away refused
}

func newTurnstile() *turnstile {
	t := &turnstile{pass: make(chan struct{}, 1)}
	t.pass <- struct{}{}
	return t
}

// closed reports whether requests have to queue.
func (t *turnstile) closed() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.queue > 0
}

// givenUp reports whether queueing was no help to several requests.
func (t *turnstile) givenUp() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.failed >= givenUpAfter
}

// refused notes when the OP wants to be asked again: as it says itself, or else after
// our own pause, which also counts whenever its word was not enough.
func (t *turnstile) refused(resp *ciba.Response, own time.Duration, again bool) {
	pause, announced := resp.RetryAfter()
	if !announced || again {
		pause = max(pause, own)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if until := resp.Received.Add(min(pause, longestRest)); until.After(t.until) {
		t.until = until
	}
}

// enter waits for a request's turn, or until ctx ends.
func (t *turnstile) enter(ctx context.Context) {
	t.count(1)
	t.take(ctx)
}

// aside lets others pass while a request waits for something else.
func (t *turnstile) aside(ctx context.Context, wait func() error) error {
	t.pass <- struct{}{}
	defer t.take(ctx)
	return wait()
}

func (t *turnstile) take(ctx context.Context) {
	select {
	case <-t.pass:
	case <-ctx.Done():
		<-t.pass // whoever passes notices the end of the run, too
	}
}

func (t *turnstile) leave(resp *ciba.Response) {
	t.wentAway(resp)
	t.count(-1)
	t.pass <- struct{}{}
}

// wentAway notes how a request fared; without an answer it counts as refused.
func (t *turnstile) wentAway(resp *ciba.Response) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.failed++
	if resp != nil && !Overloaded(resp) {
		t.failed = 0
	}
}

func (t *turnstile) count(n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.queue += n
}

func (t *turnstile) opens() time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.until
}

package driver

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cibatest/cibatest/internal/ciba"
)

// An OP has to protect itself against guessing of secrets (RFC 6749 2.3.1), and may lock a
// client, or an address, that sends wrong ones. Cases have to send wrong ones. What the lock
// then refuses says nothing, neither of right credentials nor of wrong ones.

// lockPauses are how long a locked client waits before it looks again whether it is let in.
var lockPauses = []time.Duration{
	5 * time.Second, 10 * time.Second, 15 * time.Second, 15 * time.Second, 20 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute,
}

// lockouts is what a run knows of such locks. Use [newLockouts].
type lockouts struct {
	wrong atomic.Bool // wrong credentials were sent
	seen  atomic.Bool // a lock was seen: from now on wrong credentials are sent one by one
	wide  atomic.Bool // a lock was seen that was for all clients, as one of the address is
	given sync.Map    // *Client -> struct{}: the client was not let in again
	turns sync.Map    // *Client, nil for all of them -> chan struct{} that holds one token while nobody has the turn
}

func newLockouts() *lockouts { return &lockouts{} }

// take waits for the turn to send wrong credentials of a client, or to wait for the end of its
// lock; leave gives it back.
func (l *lockouts) take(ctx context.Context, c *Client) (leave func(), err error) {
	if l.wide.Load() {
		c = nil
	}
	fresh := make(chan struct{}, 1)
	fresh <- struct{}{}
	known, _ := l.turns.LoadOrStore(c, fresh)
	turn := known.(chan struct{})
	select {
	case <-turn:
		return func() { turn <- struct{}{} }, nil
	case <-ctx.Done():
		return nil, interrupted(ctx)
	}
}

// lockTries is how often a request is sent that meets one lock after the other.
const lockTries = 5

// unlocked looks, after wrong credentials, whether the right ones are still let in, and waits
// until they are. What was refused meanwhile is sent again: it is not known what it would
// have been told without a lock. Where the lock lasts, the refusal is returned as it came.
func (d *Driver) unlocked(next sender) sender {
	return func(ctx context.Context, r Request) (*ciba.Response, error) {
		if r.Client == nil || !r.Client.provesItself() {
			return next(ctx, r)
		}
		for try := 1; ; try++ {
			resp, was, err := d.sendUnlocked(ctx, r, next)
			if err == nil && was == notLocked && refused(r, resp) && !d.run.lockouts.seen.Load() {
				d.refusedUnlocked(r, resp)
			}
			mayHaveEnded := was == notLocked && try == 1 && !r.Forged && d.run.lockouts.wrong.Load()
			switch {
			case err != nil:
				return nil, err
			case !RefusesClient(resp), was != lockEnded && !mayHaveEnded, try == lockTries:
				return resp, nil
			}
			d.troubles.add(resp, r.Client.lockedOut())
		}
	}
}

// sendUnlocked sends a request and, where it is refused after wrong credentials, looks for a
// lock. Once there was one, wrong credentials are sent one by one, and none while somebody
// waits for the end of a lock, which they might renew.
func (d *Driver) sendUnlocked(ctx context.Context, r Request, next sender) (*ciba.Response, lockState, error) {
	locks := d.run.lockouts
	held := false
	if r.Forged && locks.seen.Load() {
		leave, err := d.takeTurn(ctx, r.Client)
		if err != nil {
			return nil, notLocked, err
		}
		defer leave()
		held = true
	}
	resp, err := next(ctx, r)
	if err != nil || !RefusesClient(resp) {
		return resp, notLocked, err
	}
	if r.Forged {
		locks.wrong.Store(true)
	}
	if !locks.wrong.Load() {
		return resp, notLocked, nil
	}
	if !held {
		leave, err := d.takeTurn(ctx, r.Client)
		if err != nil {
			return nil, notLocked, err
		}
		defer leave()
	}
	was, err := d.waitOutLock(ctx, r.Client)
	return resp, was, err
}

// witness is the client that shows whether there is a lock: the client itself or, where the OP
// did not let it in before, another one, which a lock of the address keeps out as well. A
// client that is none of the OP's, or may not do this, is refused for good. nil: nobody was
// let in.
func (d *Driver) witness(c *Client) *Client {
	if c.isLetIn() {
		return c
	}
	i := slices.IndexFunc(d.run.clients, (*Client).isLetIn)
	if i < 0 {
		return nil
	}
	return d.run.clients[i]
}

// lockedOut is why an answer to the client says nothing.
func (c *Client) lockedOut() string {
	return "client " + c.Name + " was locked out after wrong credentials of this run"
}

// lockState is what a look at a lock came to.
type lockState int

const (
	notLocked lockState = iota // the client is let in
	lockEnded                  // it was not, and is now
	lockStays
)

// takeTurn waits for the turn of a client, which does not count against the clock.
func (d *Driver) takeTurn(ctx context.Context, c *Client) (leave func(), err error) {
	defer d.holdUp()()
	return d.run.lockouts.take(ctx, c)
}

// waitOutLock returns when the client, or its witness, is let in with its right credentials, or when that
// takes too long. It does not count against the clock of the case.
func (d *Driver) waitOutLock(ctx context.Context, c *Client) (lockState, error) {
	defer d.holdUp()()
	if c = d.witness(c); c == nil {
		return notLocked, nil
	}
	if _, given := d.run.lockouts.given.Load(c); given {
		return lockStays, nil
	}
	began := time.Now()
	for n, pause := range lockPauses {
		refused, err := d.refusedNow(ctx, c)
		switch {
		case err != nil:
			return lockStays, err
		case !refused && n == 0:
			return notLocked, nil
		case !refused:
			d.run.Note("client %s was locked out after wrong credentials of this run, as RFC 6749 2.3.1 has it; "+
				"what it had to send waited until it was let in again", c.Name)
			return lockEnded, nil
		}
		if n == 0 {
			d.noteLock(ctx, c)
		}
		if err := d.pause(ctx, pause); err != nil {
			return lockStays, err
		}
	}
	d.run.lockouts.given.Store(c, struct{}{})
	d.run.Note("client %s is refused since this run sent wrong credentials, and still was %s later; "+
		"what needs it after that could not be judged", c.Name, time.Since(began).Round(time.Second))
	return lockStays, nil
}

// noteLock notes that a client is locked, and whether others are as well.
func (d *Driver) noteLock(ctx context.Context, c *Client) {
	d.run.lockouts.seen.Store(true)
	for _, other := range d.run.clients {
		if other == c || !other.isLetIn() {
			continue
		}
		if refused, err := d.refusedNow(ctx, other); err == nil && refused {
			d.run.lockouts.wide.Store(true)
		}
		return
	}
}

// refusedNow reports whether the client is refused with its right credentials. The request has
// no hint, so that no user is asked; it leaves no trace in evidence and memory.
func (d *Driver) refusedNow(ctx context.Context, c *Client) (bool, error) {
	own := *d
	own.recorder, own.troubles = nil, &troubles{}
	resp, err := own.inTurn(own.authenticated(own.exchange))(ctx, d.run.Start(c, ciba.P("scope", d.run.target.Scope)))
	if err != nil {
		return false, err
	}
	return RefusesClient(resp), nil
}

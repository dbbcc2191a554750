package driver

import (
	"context"
	"errors"
	"net/http"

	"github.com/cibatest/cibatest/internal/ciba"
)

// sender sends a request and returns the answer, or the [*Stop] that kept it from
// one. The answer is never nil where the error is.
type sender func(context.Context, Request) (*ciba.Response, error)

// Send is what every request goes through, outermost layer first; see the package
// comment. What went wrong below HTTP is in the answer's Err. The error is a [*Stop].
func (d *Driver) Send(ctx context.Context, r Request) (*ciba.Response, error) {
	if r.Untouched {
		return d.sentOnce(d.within(d.authenticated(d.remembered(d.exchange))))(ctx, r)
	}
	return d.paced(
		d.admitted( // access_denied as a matter of the moment: ask again later
			d.credentialed( // the audience that the endpoint wants
				d.unlocked( // a lock-out after wrong credentials: wait until it is over
					d.within( // what the OP takes for one user within a minute
						d.inTurn( // 503 and 429, one by one
							d.authenticated(
								d.remembered( // acknowledgements and answers that cases judge as a whole
									d.exchange))))))))(ctx, r)
}

// sentOnce learns from the refusal of a client, where nobody may look for a lock.
func (d *Driver) sentOnce(next sender) sender {
	return func(ctx context.Context, r Request) (*ciba.Response, error) {
		resp, err := next(ctx, r)
		switch {
		case err != nil || !refused(r, resp):
		case d.run.lockouts.seen.Load():
			d.troubles.add(resp, r.Client.lockedOut())
		default:
			d.refusedUnlocked(r, resp)
		}
		return resp, err
	}
}

// paced waits until a poll is due, and learns the pace from the answer.
func (d *Driver) paced(next sender) sender {
	return func(ctx context.Context, r Request) (*ciba.Response, error) {
		if r.Flow == nil {
			return next(ctx, r)
		}
		if !r.AtOnce {
			if err := d.WaitUntil(ctx, r.Flow.NextPoll(), ForTurn); err != nil {
				return nil, err
			}
		}
		resp, err := next(ctx, r)
		if err == nil {
			r.Flow.Learn(resp)
		}
		return resp, err
	}
}

// admitted repeats a backchannel request that was denied for the moment only. Any
// other answer is returned as it came.
func (d *Driver) admitted(next sender) sender {
	return func(ctx context.Context, r Request) (*ciba.Response, error) {
		resp, err := next(ctx, r)
		if err != nil || !d.run.starts(r) || r.Client == nil || !deniedByPolicy(resp) {
			return resp, err
		}
		momentary, err := d.deniedForNow(ctx, r, resp, next)
		if err == nil && !momentary { // there may be room since a moment ago
			if resp, err = next(ctx, r); err == nil {
				momentary, err = d.deniedForNow(ctx, r, resp, next)
			}
		}
		switch {
		case err != nil:
			return nil, err
		case momentary:
			return d.askLater(ctx, r, next)
		}
		return resp, nil
	}
}

// credentialed finds out which audience an endpoint wants in client assertions. Where
// one addressed to the issuer is refused, the endpoint's own URL is tried once and kept
// if it works. The refusal is a finding of the cases about audiences alone; all others
// would fail for it.
func (d *Driver) credentialed(next sender) sender {
	return func(ctx context.Context, r Request) (*ciba.Response, error) {
		resp, err := next(ctx, r)
		if err != nil || r.Client == nil || r.Forged || !r.Client.UsesAssertion() {
			return resp, err
		}
		if !RefusesClient(resp) || r.Client.hasAudience(r.URL) {
			return resp, nil
		}
		r.audience = r.URL // for this request only, until it is known to work
		again, err := next(ctx, r)
		if err != nil {
			return nil, err
		}
		if RefusesClient(again) {
			return resp, nil
		}
		r.Client.keepAudience(r.URL)
		d.run.Note("%s refuses client assertions whose audience is the issuer; its own URL is used as audience there", r.Label)
		return again, nil
	}
}

// inTurn waits out 503 and 429, which does not count against the case's clock. While
// an endpoint refuses, the requests to it queue and pass one by one; all of them coming
// again at the same moment would never end. A 429 that stays is a [*Stop].
//
// A poll is not repeated before its pace allows it, and others do not wait behind it. If it is
// refused again, only Retry-After counts, because then they do.
func (d *Driver) inTurn(next sender) sender {
	return func(ctx context.Context, r Request) (*ciba.Response, error) {
		resp, err := d.throughTurnstile(ctx, r, next)
		if err == nil && resp.Status == http.StatusTooManyRequests {
			return nil, &Stop{Reason: "the OP limits how often it is asked, and waiting did not help: " + resp.Summary()}
		}
		return resp, err
	}
}

// remembered keeps what came back: for the cases that judge everything a run has
// seen, for a device that is told the binding_message only, and for closing what is
// left open at the end.
func (d *Driver) remembered(next sender) sender {
	return func(ctx context.Context, r Request) (*ciba.Response, error) {
		resp, err := next(ctx, r)
		if err != nil || d.troubles.has(resp) || refused(r, resp) {
			return resp, err
		}
		d.rememberForm(r, resp)
		if d.run.starts(r) {
			d.rememberStart(r, resp)
		}
		d.rememberPoll(r, resp)
		return resp, nil
	}
}

// authenticated adds the client's credential. It stands below everything that may
// send a request again, since each sending needs an assertion of its own.
func (d *Driver) authenticated(next sender) sender {
	return func(ctx context.Context, r Request) (*ciba.Response, error) {
		if r.Client != nil && !r.Forged {
			r.Auth = r.Client.Auth(r.URL, d.run.target.Issuer)
			if r.audience != "" {
				r.Auth = r.Client.auth(r.audience)
			}
			r.Certificate = r.Client.certificate
		}
		return next(ctx, r)
	}
}

// exchange sends exactly once and records the exchange. Where a user may have one
// open request only, those that this driver has left open for the user are closed
// before.
func (d *Driver) exchange(ctx context.Context, r Request) (*ciba.Response, error) {
	if d.run.starts(r) {
		d.makeRoomFor(ctx, r)
		d.run.expectCalls(r)
	}
	call, err := d.run.sealed(r)
	if err != nil {
		return nil, &Stop{Reason: "the request cannot be signed: " + err.Error()}
	}
	if r.Client != nil && r.Client.certificate != nil { // with it and without, where certificates are asked for
		call.URL = d.run.target.ForCertificates(call.URL)
	}
	place, err := d.enter(ctx, r)
	if err != nil {
		return nil, err
	}
	answered := func() {}
	if r.Flow != nil {
		answered = place.releaseIfHeld()
	}
	if r.Client != nil {
		call.Client = r.Client.Name
	}
	resp := d.run.http.Do(ctx, d.recorder, call)
	answered()
	place.release()
	if ctx.Err() != nil {
		return nil, interrupted(ctx)
	}
	d.clock.extend(resp)
	d.learnStrain(r, resp, place.beside)
	return resp, nil
}

// enter waits until the OP bears one more request, which does not count against the case's
// clock. What has to be sent at its moment is not held up.
func (d *Driver) enter(ctx context.Context, r Request) (*slot, error) {
	defer d.holdUp()()
	return d.run.strain.enter(ctx, r.Untouched || r.AtOnce)
}

// outOfTime reports whether the clock of the case ended the context.
func outOfTime(ctx context.Context) bool {
	return errors.Is(context.Cause(ctx), context.DeadlineExceeded)
}

package driver

import (
	"context"
	"errors"

	"github.com/cibatest/cibatest/internal/ciba"
)

// sender sends a request and returns the answer, or the [*Stop] that kept it from
// one. The answer is never nil where the error is.
type sender func(context.Context, Request) (*ciba.Response, error)

// Send is what every request goes through, outermost layer first; see the package
// comment. What went wrong below HTTP is in the answer's Err. The error is a [*Stop].
func (d *Driver) Send(ctx context.Context, r Request) (*ciba.Response, error) {
	if r.Untouched {
		return d.authenticated(d.remembered(d.exchange))(ctx, r)
	}
	return d.paced(
		d.admitted( // access_denied as a matter of the moment: ask again later
			d.credentialed( // the audience that the endpoint wants
				d.inTurn( // 503 and 429, one by one
					d.authenticated(
						d.remembered( // acknowledgements and answers that cases judge as a whole
							d.exchange))))))(ctx, r)
}

// authenticated adds the client's credential. It stands below everything that may
// send a request again, since each sending needs an assertion of its own.
func (d *Driver) authenticated(next sender) sender {
	return func(ctx context.Context, r Request) (*ciba.Response, error) {
		if r.Client != nil && !r.Forged {
			r.Auth = r.Client.Auth(r.URL, d.run.target.Issuer)
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
	}
	resp := d.run.http.Do(ctx, d.recorder, r.Call)
	if ctx.Err() != nil {
		return nil, interrupted(ctx)
	}
	d.clock.extend(resp)
	return resp, nil
}

// outOfTime reports whether the clock of the case ended the context.
func outOfTime(ctx context.Context) bool {
	return errors.Is(context.Cause(ctx), context.DeadlineExceeded)
}

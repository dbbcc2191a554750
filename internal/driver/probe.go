package driver

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/internal/targetfile"
)

// probeLimit bounds each of the questions that are asked before the first case.
const probeLimit = time.Minute

// probe is the driver for those questions.
func (r *Run) probe() *Driver { return r.Driver(Options{Name: "probe", User: r.firstUser()}) }

// firstUser is nobody where the target file has no users.
func (r *Run) firstUser() targetfile.User {
	if len(r.target.Users) == 0 {
		return targetfile.User{}
	}
	return r.target.Users[0]
}

// question is a driver for one of those questions, with a context that bounds it. For how
// long the OP's limits keep it waiting does not count. The function has to be called when the
// question is answered.
func (r *Run) question(ctx context.Context, o Options) (context.Context, *Driver, func()) {
	ctx, clock, over := WithClock(ctx, probeLimit, 0)
	o.Clock, o.Likely = clock, 1
	return ctx, r.Driver(o), over
}

// TryCredentials finds out which of the clients the OP does not know as the target
// file has them, so that they spoil only the cases about their way of authenticating.
// No user is asked: a request without hint and a poll for an id that was never issued
// are refused for that, unless the client is refused before.
func (r *Run) TryCredentials(ctx context.Context, clients []*Client) {
	ctx, cancel := context.WithTimeout(ctx, probeLimit)
	defer cancel()
	var wg sync.WaitGroup
	for _, c := range clients {
		wg.Go(func() { c.reject(r.rejectionOf(ctx, c)) })
	}
	wg.Wait()
	for _, c := range clients {
		if c.Rejection() != "" { // it may have been too much at once
			c.reject(r.rejectionOf(ctx, c))
		}
	}
}

// rejectionOf says how the OP refuses a client, or returns nothing. An OP that follows
// RFC 10070 lets in assertions with a JWT type only, which others do not look at.
func (r *Run) rejectionOf(ctx context.Context, c *Client) string {
	rejection := r.probe().rejection(ctx, c)
	if rejection == "" || !c.UsesAssertion() {
		return rejection
	}
	c.strict = true
	if r.probe().rejection(ctx, c) == "" {
		r.Note("client %s is let in with assertions that have a JWT type and nbf, and not without", c.Name)
		return ""
	}
	c.strict = false
	return rejection
}

// rejection says how the client is refused at either endpoint, or returns nothing.
func (d *Driver) rejection(ctx context.Context, c *Client) string {
	start, err := d.Send(ctx, d.run.Start(c, ciba.P("scope", d.run.target.Scope)))
	if err != nil {
		return ""
	}
	if RefusesClient(start) {
		return "a backchannel authentication request is answered " + InItsWords(start)
	}
	if c.DeliveryMode == targetfile.DeliveryPush { // which has no business at the token endpoint
		return ""
	}
	poll, err := d.Send(ctx, d.run.PollFor(c, d.random.Text()))
	if err == nil && refusesPoller(poll) {
		return "a token request is answered " + InItsWords(poll)
	}
	return ""
}

// refusesPoller reports whether the client is refused at the token endpoint as such.
func refusesPoller(resp *ciba.Response) bool {
	return RefusesClient(resp) || resp.Is(ciba.UnauthorizedClient)
}

// TryAssertions lets one client of either assertion method go on to a poll of a real
// request. An OP that lets an assertion in at one endpoint only would spoil every case
// that happens to use such a client.
func (r *Run) TryAssertions(ctx context.Context, clients []*Client) {
	for _, method := range []string{targetfile.AuthPrivateKeyJWT, targetfile.AuthClientSecretJWT} {
		of := slices.DeleteFunc(slices.Clone(clients), func(c *Client) bool { return c.AuthMethod != method || c.Rejection() != "" })
		if len(of) == 0 || len(r.target.Users) == 0 {
			continue
		}
		how := r.probe().refusedPoll(ctx, of[0])
		if how == "" {
			continue
		}
		r.Note("clients that authenticate by %s are refused: %s; they serve the cases about that method only", method, how)
		for _, c := range of {
			c.reject(how)
		}
	}
}

// refusedPoll says how the client is refused when it polls a request of its own. A
// poll that is held is not refused. The request is closed at once: it is not known yet
// whether its user may have others.
func (d *Driver) refusedPoll(ctx context.Context, c *Client) string {
	flow := d.start(ctx, c)
	if flow == nil {
		return ""
	}
	defer func() { d.deny(ctx, d.open.take(anyRequest)) }()
	poll := d.run.Poll(flow).Unpaced()
	poll.Timeout = heldLongest
	resp, err := d.Send(ctx, poll)
	if err == nil && refusesPoller(resp) {
		return "a poll is answered " + resp.Summary()
	}
	return ""
}

// start begins a flow for the driver's user, or returns nil when that does not work.
func (d *Driver) start(ctx context.Context, c *Client) *Flow {
	resp, err := d.Send(ctx, d.run.Start(c, d.GoodStart(c, d.user)))
	if err != nil || resp.Err != nil || resp.Status/100 != 2 {
		return nil
	}
	flow, err := NewFlow(c, d.user, resp)
	if err != nil {
		return nil
	}
	return flow
}

// ProbeExpiry is the expires_in of a good request that asks for a short life, zero where
// such a request is not accepted or its life cannot be read.
func (r *Run) ProbeExpiry(ctx context.Context, c *Client, asked time.Duration) time.Duration {
	ctx, d, over := r.question(ctx, Options{Name: "probe", User: r.firstUser()})
	defer over()
	defer func() { d.deny(ctx, d.open.take(anyRequest)) }()
	p := d.GoodStart(c, d.user).With("requested_expiry", strconv.Itoa(int(asked/time.Second)))
	resp, err := d.Send(ctx, r.Start(c, p))
	if err != nil {
		return 0
	}
	ack, err := resp.Started()
	if err != nil {
		return 0
	}
	return ack.ExpiresIn
}

// ProbeParallel finds out whether the OP keeps two open requests of one user alive. An
// OP may refuse the second or drop the first. It says how, or returns nothing when both
// live or when the probe itself does not work. Where it says something, the run is
// limited to one request for each user.
func (r *Run) ProbeParallel(ctx context.Context, c *Client) string {
	ctx, d, over := r.question(ctx, Options{Name: "probe", User: r.firstUser()})
	defer over()
	verdict := d.secondEndsFirst(ctx, c)
	if verdict == "" {
		return ""
	}
	r.LimitToOnePerUser()
	d.Close(ctx)
	r.Note("this OP allows one open request for each user: %s", verdict)
	return verdict
}

func (d *Driver) secondEndsFirst(ctx context.Context, c *Client) string {
	first := d.start(ctx, c)
	if first == nil {
		return ""
	}
	second, err := d.startDespiteLimits(ctx, c)
	if err != nil {
		return ""
	}
	if second.Status != http.StatusOK {
		return "a second request of the same user is answered " + second.Summary()
	}
	poll, err := d.Send(ctx, d.run.Poll(first).Now())
	if err != nil || !poll.Is(ciba.AccessDenied, ciba.ExpiredToken, ciba.InvalidGrant) {
		return ""
	}
	if !d.isPending(ctx, c, second) {
		return "" // whatever is wrong, it is not that there are two
	}
	return "after a second request of the same user the first is answered " + InItsWords(poll)
}

func (d *Driver) isPending(ctx context.Context, c *Client, ack *ciba.Response) bool {
	flow, err := NewFlow(c, d.user, ack)
	if err != nil {
		return false
	}
	resp, err := d.Send(ctx, d.run.Poll(flow).Now())
	return err == nil && Undecided(resp)
}

// startDespiteLimits gives the OP a few seconds where it answers 429 or 503: that may
// be about how fast requests come, and not about how many are open.
func (d *Driver) startDespiteLimits(ctx context.Context, c *Client) (*ciba.Response, error) {
	const tries, longest = 3, 15 * time.Second
	for try := 1; ; try++ {
		resp, err := d.Send(ctx, d.run.Start(c, d.GoodStart(c, d.user)).Once())
		if err != nil || !Overloaded(resp) || try == tries {
			return resp, err
		}
		pause, announced := resp.RetryAfter()
		if !announced {
			pause = unannouncedRest
		}
		if err := d.pause(ctx, min(pause, longest)); err != nil {
			return nil, err
		}
	}
}

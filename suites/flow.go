package suites

import (
	"crypto/rand"
	"errors"
	"time"

	"github.com/cibatest/cibatest/internal/approve"
	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/internal/targetfile"
)

// Timing of the harness, from the catalogue's constants.
const (
	defaultInterval = ciba.DefaultInterval
	paceMargin      = 500 * time.Millisecond // on top of the interval
	slowDownStep    = ciba.SlowDownStep
	decisionGrace   = 10 * time.Second // on top of the interval, for a decision to take effect
	expiryEarly     = 3 * time.Second  // still pending this long before expires_in
	expiryLate      = 2 * time.Second  // expired this long after
	expiryLatest    = 10 * time.Second // at the latest
)

// Flow is one auth_req_id and the pace it is polled at.
type Flow struct {
	ciba.AuthAck
	Client   *Client
	User     targetfile.User
	interval time.Duration  // what the OP announced, plus what slow_down added
	last     time.Time      // when the last poll, or the request itself, was sent
	final    *ciba.Response // the end that came before the decision; see approveAlive
	ending   bool           // its end is what the case waits for, or has been told already
}

// Pace is the spacing of polls: the interval, a margin, and 5 s for every
// slow_down so far.
func (f *Flow) Pace() time.Duration { return f.interval + paceMargin }

// Expires is when the auth_req_id ends, counted from sending the request. It is
// the moment of sending when the OP's expires_in cannot be read.
func (f *Flow) Expires() time.Time { return f.Sent.Add(f.ExpiresIn) }

// over says whether an answer came when the flow had expired meanwhile, so that
// it tells nothing about the moment the request was sent.
func (f *Flow) over(resp *ciba.Response) bool { return !resp.Received.Before(f.Expires()) }

// Request is a good backchannel request of this case's client for its user.
func (t *T) Request() ciba.Params { return t.RequestFor(t.client, t.User()) }

// RequestFor is a good backchannel request of a client for a user.
func (t *T) RequestFor(c *Client, u targetfile.User) ciba.Params {
	scope := t.session.target.Scope
	if c.Scope != "" {
		scope = c.Scope
	}
	p := ciba.P("scope", scope)
	p = append(p, hintOf(u)...)
	switch message := t.session.target.BindingMessage; {
	case t.session.approver.TellsByMessage():
		p = p.With("binding_message", rand.Text()[:8])
	case message != "":
		p = p.With("binding_message", message)
	}
	if c.UserCode && u.UserCode != "" {
		p = p.With("user_code", u.UserCode.Reveal())
	}
	for _, name := range sortedKeys(t.session.target.StartParams) {
		p = p.With(name, t.session.target.StartParams[name])
	}
	return p
}

// hintOf is the user's hint as a parameter.
func hintOf(u targetfile.User) ciba.Params { return ciba.P(u.Hint()) }

// StartCall is a backchannel authentication request, ready to be altered.
func (t *T) StartCall(p ciba.Params) ciba.Call { return t.StartCallAs(t.client, p) }

// StartCallAs is [T.StartCall] with another client's credentials.
func (t *T) StartCallAs(c *Client, p ciba.Params) ciba.Call {
	url := t.session.target.Endpoints.BackchannelAuthentication
	return ciba.Call{Label: "backchannel authentication request", URL: url, Form: p, Auth: c.Auth(url, t.session.target.Issuer)}
}

// Start sends a backchannel authentication request and returns whatever came.
func (t *T) Start(p ciba.Params) *ciba.Response { return t.StartAs(t.client, p) }

// StartAs is [T.Start] with another client's credentials.
func (t *T) StartAs(c *Client, p ciba.Params) *ciba.Response {
	return t.whenCrowded(c, hintIn(p), func() *ciba.Response {
		return t.sendAuthenticated(c, func() ciba.Call { return t.StartCallAs(c, p) })
	})
}

// MustStart starts a flow that has to be accepted, or ends the case as error.
func (t *T) MustStart(p ciba.Params) *Flow { return t.MustStartAs(t.client, t.User(), p) }

// MustStartAs is [T.MustStart] with another client and user. The user is only
// remembered for the decision; p names the hint.
func (t *T) MustStartAs(c *Client, u targetfile.User, p ciba.Params) *Flow {
	resp := t.MustAccept("a backchannel authentication request that should be accepted", t.StartAs(c, p))
	return t.FlowOf(c, u, resp)
}

// FlowOf makes a flow of an accepted request.
func (t *T) FlowOf(c *Client, u targetfile.User, resp *ciba.Response) *Flow {
	ack, err := resp.Started()
	if err != nil {
		t.Abort("the acknowledgement cannot be used: %v", err)
	}
	f := &Flow{AuthAck: ack, Client: c, User: u, interval: ack.Interval, last: ack.Received}
	if f.interval == 0 {
		f.interval = defaultInterval
	}
	return f
}

// PollCall is a token request for the flow, ready to be altered.
func (t *T) PollCall(f *Flow) ciba.Call { return t.PollCallAs(f.Client, f) }

// PollCallAs is [T.PollCall] with another client's credentials.
func (t *T) PollCallAs(c *Client, f *Flow) ciba.Call {
	return t.TokenCallAs(c, ciba.P("grant_type", ciba.GrantTypeCIBA, "auth_req_id", f.AuthReqID))
}

// TokenCallAs is any request to the token endpoint.
func (t *T) TokenCallAs(c *Client, p ciba.Params) ciba.Call {
	url := t.session.target.Endpoints.Token
	return ciba.Call{Label: "token request", URL: url, Form: p, Auth: c.Auth(url, t.session.target.Issuer)}
}

// Poll waits until the flow may be polled again and polls it once. Load control
// (503, 429) is waited out and slow_down lengthens the pace; the answer is
// returned as it came.
func (t *T) Poll(f *Flow) *ciba.Response {
	t.WaitUntil(f.last.Add(f.Pace()))
	return t.PollNow(f)
}

// PollNow polls without waiting.
func (t *T) PollNow(f *Flow) *ciba.Response {
	return t.poll(f, func() ciba.Call { return t.PollCall(f) })
}

// PollWith is [T.Poll] with a request the case has altered.
func (t *T) PollWith(f *Flow, call func() ciba.Call) *ciba.Response {
	t.WaitUntil(f.last.Add(f.Pace()))
	return t.poll(f, call)
}

func (t *T) poll(f *Flow, call func() ciba.Call) *ciba.Response {
	resp := t.sendAuthenticatedPaced(f.Client, f.Pace(), call)
	f.noteAnswer(resp)
	if resp.Is(ciba.ExpiredToken, ciba.InvalidGrant, ciba.AccessDenied) {
		if !f.ending {
			t.missed(f, resp.Received)
		}
		f.ending = true
	}
	if tokens, err := resp.Tokens(); err == nil {
		t.session.rememberTokens(f, tokens)
		f.ending = true
	}
	return resp
}

// missed ends the case when its flow was over before it was done with it: where the
// OP is slow, or its interval is long, expires_in may not leave the time.
func (t *T) missed(f *Flow, now time.Time) {
	if now.After(f.Expires().Add(-expiryEarly)) {
		t.Skip("short_expiry: the request expired before the case was done with it; expires_in is %s", f.ExpiresIn)
	}
}

// noteAnswer keeps the flow's pace: spacing counts from sending, and slow_down
// adds 5 s for good, or the interval of that answer if it is larger.
func (f *Flow) noteAnswer(resp *ciba.Response) {
	f.last = resp.Sent
	if took := resp.Received.Sub(resp.Sent); took > f.interval {
		f.last = resp.Received.Add(-f.Pace()) // after a long poll the next one may follow at once
	}
	if e, ok := resp.OAuthError(); ok && e.Code == string(ciba.SlowDown) {
		f.interval += slowDownStep
		if told := intervalIn(resp); told > f.interval {
			f.interval = told
		}
	}
}

// PollPending polls at the flow's pace until the answer is not slow_down, for
// observations that slow_down only delays. The repeated answer is returned.
func (t *T) PollPending(f *Flow) *ciba.Response {
	resp := t.Poll(f)
	for range 3 {
		if !isError(resp, ciba.SlowDown) {
			break
		}
		resp = t.Poll(f)
	}
	return resp
}

// Approve lets the user approve the flow, no earlier than one pace after the
// acknowledgement, so that the redeeming poll may follow at once.
func (t *T) Approve(f *Flow) {
	t.WaitUntil(f.last.Add(f.Pace()))
	t.Decide(f, approve.Decision{Allow: true})
}

// approveAlive approves a flow that has to have outlived what the case did to it.
// When the decision is refused, a poll tells why: a final answer is what
// [T.PollDecided] returns, for the case to judge.
func (t *T) approveAlive(f *Flow) {
	t.WaitUntil(f.last.Add(f.Pace()))
	err := t.session.approver.Decide(t.ctx, approve.Decision{AuthReqID: f.AuthReqID, User: f.User, Allow: true})
	if err == nil {
		return
	}
	resp := t.MustAnswer(t.Poll(f))
	if undecided(resp) {
		t.abortPassing("the decision could not be made: %v", err)
	}
	f.final = resp
}

// Deny lets the user deny the flow.
func (t *T) Deny(f *Flow) {
	t.Decide(f, approve.Decision{})
}

// Overrule sends a decision about a flow that was decided, or has ended, before.
// The error says why it could not be sent or that the OP refused it.
func (t *T) Overrule(f *Flow, allow bool) error {
	if !t.session.approver.CanRepeat() {
		return errors.New("the way of deciding has no second decision")
	}
	return t.session.approver.Decide(t.ctx, approve.Decision{AuthReqID: f.AuthReqID, User: f.User, Allow: allow, Again: true})
}

// PollDecided polls at the flow's pace until the answer is neither pending nor
// slow_down, or until the time an OP has for a decision to take effect is over.
// The last answer is returned.
func (t *T) PollDecided(f *Flow) *ciba.Response {
	return t.PollDecidedWith(f, func() ciba.Call { return t.PollCall(f) })
}

// PollDecidedWith is [T.PollDecided] with a request the case has altered.
func (t *T) PollDecidedWith(f *Flow, call func() ciba.Call) *ciba.Response {
	if f.final != nil {
		return f.final
	}
	patience := time.Now().Add(f.decisionWindow())
	for {
		resp := t.PollWith(f, call)
		if !undecided(resp) || time.Now().After(patience) {
			return resp
		}
		if isError(resp, ciba.SlowDown) {
			patience = patience.Add(slowDownStep)
		}
	}
}

// decisionWindow is how long a decision may take until polls show it.
func (f *Flow) decisionWindow() time.Duration {
	return max(f.interval, defaultInterval) + decisionGrace
}

// undecided says whether a poll was answered that the user has not decided.
func undecided(resp *ciba.Response) bool {
	return resp.Is(ciba.AuthorizationPending, ciba.SlowDown)
}

// MustRedeem approves the flow and polls until it has the tokens, or ends the
// case as error. The raw answer comes along.
func (t *T) MustRedeem(f *Flow) (ciba.TokenResponse, *ciba.Response) {
	t.Approve(f)
	return t.MustTokens(t.PollDecided(f))
}

// MustTokens reads a token response, or ends the case as error.
func (t *T) MustTokens(resp *ciba.Response) (ciba.TokenResponse, *ciba.Response) {
	t.MustSucceed("the token request of an approved authentication", resp)
	tokens, err := resp.Tokens()
	if err != nil {
		t.Abort("the token response cannot be used: %v", err)
	}
	return tokens, resp
}

// Redeemed is an approved flow and what it brought.
type Redeemed struct {
	Flow     *Flow
	Ack      *ciba.Response
	Tokens   ciba.TokenResponse
	Response *ciba.Response
}

// Redeemed is the shared approved flow of this case's client: one approval
// serves every clause that only reads its result. Do not consume its tokens in
// ways that may revoke them.
func (t *T) Redeemed() Redeemed {
	r := t.Redeeming()
	r.Tokens, _ = t.MustTokens(r.Response)
	return r
}

// Redeeming is [T.Redeemed] for cases about the form of the token response,
// which may be unusable: it is a 200, and Tokens is left empty.
func (t *T) Redeeming() Redeemed {
	return Observe(t, "redeemed", func(t *T) Redeemed {
		ack := t.MustAccept("a backchannel authentication request that should be accepted", t.Start(t.Request()))
		f := t.FlowOf(t.client, t.User(), ack)
		t.Approve(f)
		resp := t.MustSucceed("the token request of an approved authentication", t.PollDecided(f))
		return Redeemed{Flow: f, Ack: ack, Response: resp}
	})
}

// Acknowledged is the shared answer to a good backchannel request.
func (t *T) Acknowledged() *ciba.Response {
	return Observe(t, "acknowledged", func(t *T) *ciba.Response { return t.MustAnswer(t.Start(t.Request())) })
}

// WaitPrompt waits until the device was shown the flow, for at most d.
func (t *T) WaitPrompt(match func(approve.Prompt) bool, d time.Duration) (approve.Prompt, bool) {
	ctx, cancel := contextWithin(t.ctx, d)
	defer cancel()
	p, err := t.session.approver.WaitPrompt(ctx, match)
	return p, err == nil
}

// Prompts are the prompts the device has been shown so far that match.
func (t *T) Prompts(match func(approve.Prompt) bool) []approve.Prompt {
	return t.session.approver.Prompts(match)
}

// MustPrompt is the prompt of a flow, or an error.
func (t *T) MustPrompt(f *Flow) approve.Prompt {
	p, ok := t.WaitPrompt(func(p approve.Prompt) bool { return p.AuthReqID == f.AuthReqID }, decisionGrace)
	if !ok {
		t.Abort("the device was shown nothing for this auth_req_id within %s", decisionGrace)
	}
	return p
}

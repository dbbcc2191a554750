package harness

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/cibatest/cibatest/internal/approve"
	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/internal/driver"
	"github.com/cibatest/cibatest/internal/targetfile"
	"github.com/cibatest/cibatest/reports/result"
)

// When a request has to be pending and when it has to be over, counted from its
// expires_in.
const (
	ExpiryEarly  = 3 * time.Second  // still pending this long before
	ExpiryLate   = 2 * time.Second  // expired this long after
	ExpiryLatest = 10 * time.Second // at the latest
)

// Send sends a request as a well-behaved client does and returns whatever came; the
// request says what it wants to be spared from. What went wrong below HTTP is in the
// answer's Err. A poll that finds its flow over because time ran out on the case,
// which happens where the OP is slow, ends the case as untestable.
func (t *T) Send(r Request) *ciba.Response {
	resp, err := t.driver.Send(t.ctx, r)
	if err != nil {
		endOn(t, err)
	}
	keepOdd(t, r, resp)
	ordinaryPoll := r.Flow != nil && !r.Forged && !r.Untouched
	if ordinaryPoll && r.Flow.Surprising(resp) {
		skipIfOver(t, r.Flow, resp.Received)
	}
	return resp
}

// skipIfOver ends the case when its flow was over before it was done with it: where the
// OP is slow, or its interval is long, expires_in may not leave the time.
func skipIfOver(t *T, f *Flow, now time.Time) {
	if now.After(f.Expires().Add(-ExpiryEarly)) {
		if held := t.driver.HeldUp(); held >= ciba.DefaultInterval {
			t.Skip("short_expiry: the OP's limits (429, 503, a lock, what it bears at once) held the case up for %s; expires_in is %s",
				held.Round(time.Second), f.ExpiresIn)
		}
		t.Skip("short_expiry: the request expired before the case was done with it; expires_in is %s", f.ExpiresIn)
	}
}

// Request are the parameters of a good backchannel request of this case's client for
// its user.
func (t *T) Request() ciba.Params { return t.RequestFor(t.client, t.User()) }

// RequestFor are the parameters of a good backchannel request of a client for a user.
func (t *T) RequestFor(c *Client, u targetfile.User) ciba.Params { return t.driver.GoodStart(c, u) }

// StartRequest is a backchannel authentication request, ready to be altered.
func (t *T) StartRequest(p ciba.Params) Request { return t.session.run.Start(t.client, p) }

// Written is a request with its client's credential put into header and form, to be
// moved elsewhere by the case.
func Written(t *T, r Request) Request {
	written, err := t.session.run.Written(r)
	if err != nil {
		t.Abort("%v", err)
	}
	return written
}

// Start sends a backchannel authentication request and returns whatever came.
func (t *T) Start(p ciba.Params) *ciba.Response { return t.StartAs(t.client, p) }

// StartAs is [T.Start] of another client.
func (t *T) StartAs(c *Client, p ciba.Params) *ciba.Response { return t.Send(t.StartRequest(p).As(c)) }

// StartAuthenticatedBy sends a good request of a client with a credential of the
// case's making.
func StartAuthenticatedBy(t *T, c *Client, a ciba.Authenticator) *ciba.Response {
	return t.Send(t.StartRequest(t.RequestFor(c, t.User())).As(c).AuthenticatedBy(a))
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
	flow, err := driver.NewFlow(c, u, resp)
	if err != nil {
		t.Abort("the acknowledgement cannot be used: %v", err)
	}
	return flow
}

// PollRequest is a token request for the flow, ready to be altered.
func (t *T) PollRequest(f *Flow) Request { return t.session.run.Poll(f) }

// TokenRequest is any request to the token endpoint.
func (t *T) TokenRequest(c *Client, p ciba.Params) Request {
	return t.session.run.TokenRequest(c, p)
}

// Poll waits until the flow may be polled again and polls it once. Load control
// (503, 429) is waited out and slow_down lengthens the pace; the answer is
// returned as it came.
func (t *T) Poll(f *Flow) *ciba.Response { return t.Send(t.PollRequest(f)) }

// PollNow polls without waiting.
func (t *T) PollNow(f *Flow) *ciba.Response { return t.Send(t.PollRequest(f).Now()) }

// PollAuthenticatedBy polls at once with a credential of the case's making.
func PollAuthenticatedBy(t *T, f *Flow, a ciba.Authenticator) *ciba.Response {
	return t.Send(t.PollRequest(f).Now().AuthenticatedBy(a))
}

// PollPending polls at the flow's pace until the answer is not slow_down, for
// observations that slow_down only delays. The repeated answer is returned.
func PollPending(t *T, f *Flow) *ciba.Response {
	resp := t.Poll(f)
	for range 3 {
		if !resp.Is(ciba.SlowDown) {
			break
		}
		resp = t.Poll(f)
	}
	return resp
}

// PollDecided is the result of a flow that was decided, in the way its client gets it. A poll
// client polls at the flow's pace until the answer is neither pending nor slow_down, or
// until the time an OP has for a decision to take effect is over; the last answer is
// returned. A ping client does so once it was called, or if it was not. A push client's
// result is what it was called with.
func (t *T) PollDecided(f *Flow) *ciba.Response {
	switch f.Client.DeliveryMode {
	case targetfile.DeliveryPush:
		return MustBeNotified(t, f).Payload
	case targetfile.DeliveryPing:
		if !EndedBefore(t, f) && t.session.run.Inbox(f) != nil { // without a receiver it polls, as it may
			Notified(t, f)
		}
	}
	if resp := EndOf(t, f); resp != nil {
		return resp
	}
	return t.PollDecidedWith(t.PollRequest(f))
}

// PollDecidedWith is [T.PollDecided] with a request the case has altered. Where a usual one has
// fetched the result already, nothing is left to judge.
func (t *T) PollDecidedWith(r Request) *ciba.Response {
	if resp := EndOf(t, r.Flow); resp != nil {
		if EndedBefore(t, r.Flow) {
			return resp
		}
		t.Skip("the OP refused a decision that counts, and the result was fetched to find that out")
	}
	patience := time.Now().Add(r.Flow.DecisionWindow())
	for {
		resp := t.Send(r)
		if !driver.Undecided(resp) || time.Now().After(patience) {
			return resp
		}
		if resp.Is(ciba.SlowDown) {
			patience = patience.Add(ciba.SlowDownStep)
		}
	}
}

// Decide makes the end-user's decision about a flow. One that the OP refuses is no trouble
// that passes: polls tell whether the request still lives.
func (t *T) Decide(f *Flow, d approve.Decision) {
	err := TryDecide(t, f, d)
	if err == nil {
		return
	}
	skipIfOver(t, f, time.Now())
	if _, refused := errors.AsType[*approve.RefusedError](err); !refused {
		abortTransient("the decision could not be made: %v", err)
	}
	decideRefused(t, f, d, err)
}

// decideRefused judges a request whose decision was refused before its end. It may count all the
// same, as where the OP has trouble with what it does upon it. The user may have been asked a
// little later than the decision came, so a pending one is decided once more.
func decideRefused(t *T, f *Flow, d approve.Decision, first error) {
	if f.Client.DeliveryMode == targetfile.DeliveryPush { // which cannot ask
		if _, came := Notified(t, f); !came {
			t.Abort("the decision could not be made: %v", first)
		}
		return
	}
	alive := Clause(t, "CIBA-7.3-NOT-EARLY")
	resp := t.MustAnswer(t.Poll(f))
	t.At(resp)
	if d.Allow && resp.HasTokens() || !d.Allow && resp.Is(ciba.AccessDenied) {
		t.ends.Store(f, end{resp, false})
		return
	}
	if !driver.Undecided(resp) {
		t.Record(alive, OutcomeOf(alive, resp), "a request that nobody has decided lives until its expires_in",
			fmt.Sprintf("%v, and the next poll is answered %s", first, resp.Summary()))
		t.Abort("the decision could not be made: %v", first)
	}
	t.Wait(driver.DecisionGrace)
	skipIfOver(t, f, time.Now())
	if err := TryDecide(t, f, d); err != nil {
		t.Record(alive, result.Warn, "a request that polls call pending can be decided",
			fmt.Sprintf("%v, and again %s later", first, driver.DecisionGrace))
		t.Abort("the decision could not be made: %v", err)
	}
}

// TryDecide is [T.Decide] for a decision that the OP may refuse, or the way of deciding may not
// have. The error says why it was not made.
func TryDecide(t *T, f *Flow, d approve.Decision) error {
	d.AuthReqID, d.User = f.AuthReqID, f.User
	return t.Approver().Decide(t.ctx, d)
}

// Approve lets the user approve the flow, no earlier than one pace after the
// acknowledgement, so that the redeeming poll may follow at once.
func (t *T) Approve(f *Flow) {
	t.WaitTurn(f)
	t.Decide(f, approve.Decision{Allow: true})
}

// ApproveAlive approves a flow that has to have outlived what the case did to it.
// When the decision is refused, a poll tells why: a final answer is what
// [T.PollDecided] returns, for the case to judge.
func (t *T) ApproveAlive(f *Flow) {
	t.WaitTurn(f)
	err := TryDecide(t, f, approve.Decision{Allow: true})
	if err == nil {
		return
	}
	resp := t.MustAnswer(t.Poll(f))
	if driver.Undecided(resp) {
		abortTransient("the decision could not be made: %v", err)
	}
	t.ends.Store(f, end{resp, tellsOfAnEnd(err)})
}

// tellsOfAnEnd reports whether the answer to a decision says that the request was over: it is
// gone, or in another state. RFC 9110 15.5.
func tellsOfAnEnd(err error) bool {
	refused, ok := errors.AsType[*approve.RefusedError](err)
	return ok && slices.Contains([]int{http.StatusNotFound, http.StatusConflict, http.StatusGone}, refused.Status)
}

// EndOf is what a flow came to whose decision seemed to fail, as it was told when that was
// looked at; nil for any other, and once it was asked for.
func EndOf(t *T, f *Flow) *ciba.Response {
	kept, there := t.ends.Load(f)
	if !there {
		return nil
	}
	e := kept.(end)
	t.ends.Store(f, end{before: e.before})
	return e.resp
}

// EndedBefore reports whether a flow was over before [T.ApproveAlive] could approve it. An
// approval that the OP may have taken may well have ended it.
func EndedBefore(t *T, f *Flow) bool {
	kept, there := t.ends.Load(f)
	return there && kept.(end).before
}

// end is what a poll after a decision that seemed to fail was answered, which the OP may not
// say again.
type end struct {
	resp   *ciba.Response // nil when it was asked for
	before bool           // the decision was not made
}

// WithLocked takes steps while the case's user is locked at the OP. The user is unlocked in any
// case; where that does not work, others would suffer from it, which a note says.
func WithLocked(t *T, steps func()) {
	user, run := t.User(), t.session.run
	if err := run.LockUser(t.ctx, user, true); err != nil {
		t.Abort("user %s could not be locked: %v", user.Name, err)
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.ctx), unlockPatience)
		defer cancel()
		if err := run.LockUser(ctx, user, false); err != nil {
			t.Note("user %s could not be unlocked after the case %s: %v", user.Name, t.def.ID, err)
		}
	}()
	steps()
}

// unlockPatience is how long the unlocking of a user may take, also when the case is out of time.
const unlockPatience = 30 * time.Second

// Deny lets the user deny the flow.
func (t *T) Deny(f *Flow) { t.Decide(f, approve.Decision{}) }

// Overrule sends a decision about a flow that was decided, or has ended, before.
// The error says why it could not be sent or that the OP refused it.
func Overrule(t *T, f *Flow, allow bool) error {
	if !t.Approver().CanRepeat() {
		return errors.New("the way of deciding has no second decision")
	}
	return TryDecide(t, f, approve.Decision{Allow: allow, Again: true})
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
	r := Redeeming(t)
	r.Tokens, _ = t.MustTokens(r.Response)
	return r
}

// Redeeming is [T.Redeemed] for cases about the form of the token response,
// which may be unusable: it is a 200, and Tokens is left empty.
func Redeeming(t *T) Redeemed {
	return Observe(t, "redeemed", func(t *T) Redeemed {
		ack := t.MustAccept("a backchannel authentication request that should be accepted", t.Start(t.Request()))
		f := t.FlowOf(t.client, t.User(), ack)
		t.Approve(f)
		resp := t.MustSucceed("the token request of an approved authentication", t.PollDecided(f))
		return Redeemed{Flow: f, Ack: ack, Response: resp}
	})
}

// Acknowledged is the shared answer to a good backchannel request.
func Acknowledged(t *T) *ciba.Response {
	return Observe(t, "acknowledged", func(t *T) *ciba.Response { return t.MustAnswer(t.Start(t.Request())) })
}

// WaitPrompt waits until the device was shown a prompt that matches, for at most d.
func WaitPrompt(t *T, match func(approve.Prompt) bool, d time.Duration) (approve.Prompt, bool) {
	ctx, cancel := context.WithTimeout(t.ctx, d)
	defer cancel()
	p, err := t.Approver().WaitPrompt(ctx, match)
	return p, err == nil
}

// MustPrompt is the prompt of a flow, or an error.
func MustPrompt(t *T, f *Flow) approve.Prompt {
	p, ok := WaitPrompt(t, func(p approve.Prompt) bool { return p.AuthReqID == f.AuthReqID }, driver.DecisionGrace)
	if !ok {
		t.Abort("the device was shown nothing for this auth_req_id within %s", driver.DecisionGrace)
	}
	return p
}

// Assertion is the client's assertion for the issuer, to be altered by a case.
func Assertion(t *T, c *Client) ciba.Assertion { return c.Assertion(t.Target().Issuer) }

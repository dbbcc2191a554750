package refop

import (
	"time"
)

// pollChecks are the steps before the state of the flow counts. They run while the
// lock of the flow is held, if there is one.
var pollChecks = []check{
	{CheckPollCIBA, (*Call).needCIBAClient},
	{CheckPollMode, func(c *Call) *OAuthError { // CIBA Core 10.1, 11: who is pushed to has nothing to fetch
		if c.Client.DeliveryMode == DeliveryPush {
			return Refusal("unauthorized_client", "the tokens are pushed to this client")
		}
		return nil
	}},
	{CheckPollMissing, func(c *Call) *OAuthError {
		if c.Value("auth_req_id") == "" {
			return Refusal("invalid_request", "auth_req_id is missing")
		}
		return nil
	}},
	{CheckPollKnown, func(c *Call) *OAuthError {
		if c.Flow == nil {
			return unknownID()
		}
		return nil
	}},
	{CheckPollOwn, func(c *Call) *OAuthError { // CIBA Core 11: as if it did not exist
		if c.Flow.Client.ID != c.Client.ID {
			return unknownID()
		}
		return nil
	}},
	{CheckPollBound, (*Call).needCertificate},
}

func unknownID() *OAuthError { return Refusal("invalid_grant", "unknown auth_req_id") }

func polledID(c *Call) string { return c.Value("auth_req_id") }

// Poll answers a poll of a client that has been authenticated; CIBA Core 10.1.
// Looking at the state and using it up happen under one lock, so that of two polls
// at the same moment only one gets the tokens.
func (op *OP) Poll(c *Call) *Reply {
	f, s := op.find(op.plan.Rules.PolledID(c))
	c.Flow = f
	at, err := op.judgePoll(c, f)
	if err == nil {
		op.plan.Rules.Redeem(c, f)
	}
	s.mu.Unlock()
	if err == nil {
		return op.issue(c, f)
	}
	if at == Used && op.plan.Policy.RevokeOnReplay {
		op.Revoke(f)
	}
	return Failure(err)
}

// judgePoll is the state in which a poll finds its flow, and the error it gets.
// Without an error the tokens are due, with the details of the call.
func (op *OP) judgePoll(c *Call, f *Flow) (State, *OAuthError) {
	if err := c.run(op.checks.poll); err != nil {
		return "", err
	}
	rules := op.Rules()
	at := rules.StateOf(c, f)
	err := rules.PollAnswer(c, f, at)
	if at == Pending && err != nil && err.Code == "authorization_pending" && op.plan.Policy.HoldPolls > 0 {
		op.Unlocked(f, func() { rules.AwaitDecision(c, f) })
		c.Now = op.now()
		if at = rules.StateOf(c, f); at != Pending {
			err = rules.PollAnswer(c, f, at)
		}
	}
	if err == nil {
		err = rules.RefuseLocked(c, f.User)
	}
	if err == nil {
		c.Details, err = rules.NarrowDetails(c, f.Granted)
	}
	return at, err
}

// pollAnswer is CIBA Core 11, state by state. Only a flow that nobody has decided
// about has a pace to keep: who comes early for tokens or a refusal gets them.
func pollAnswer(c *Call, f *Flow, at State) *OAuthError {
	op := c.OP
	if at == Pending || op.plan.Policy.PaceInEveryState {
		if early := op.plan.Rules.Pace(c, f); early != nil {
			return early
		}
	}
	switch at {
	case Pending:
		return Refusal("authorization_pending", "the end-user has not decided yet")
	case Denied:
		return Refusal("access_denied", "the end-user denied the request")
	case Expired:
		return Refusal("expired_token", "the auth_req_id has expired")
	case Used:
		return Refusal("invalid_grant", "the auth_req_id was used before")
	case Forgotten:
		return unknownID()
	case Approved: // nothing stands between the client and its tokens
	}
	return nil
}

// pace answers polls that come before the interval has passed and makes the
// interval longer, as CIBA Core 11 tells the client to. The first poll is never
// early.
func pace(c *Call, f *Flow) *OAuthError {
	policy := &c.OP.plan.Policy
	early := !f.LastPoll.IsZero() && c.Now.Sub(f.LastPoll) < f.Interval
	if !early || !policy.PaceWindowStays {
		f.LastPoll = c.Now
	}
	if !early {
		return nil
	}
	f.Interval += policy.PaceStep
	return Refusal("slow_down", "wait longer between polls")
}

// awaitDecision ends with the flow at the latest, so that its expiry is told.
func awaitDecision(c *Call, f *Flow) {
	timer := time.NewTimer(min(c.OP.plan.Policy.HoldPolls, max(0, f.Expires.Sub(c.Now))))
	defer timer.Stop()
	select {
	case <-f.woken:
	case <-timer.C:
	case <-c.OP.ctx.Done():
	}
}

func redeem(c *Call, f *Flow) { f.State, f.Redeemed = Used, c.Now }

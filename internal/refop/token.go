package refop

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

const grantCIBA = "urn:openid:params:grant-type:ciba"

// token is the token endpoint: RFC 6749 3.2, CIBA Core 10.1.
func (op *OP) token(c *call) *reply {
	if err := c.run(clientChecks); err != nil {
		return failure(err)
	}
	if c.client == nil {
		c.client = &op.reg.Clients[0]
	}
	if named := op.clients[c.value("client_id")]; named != nil && c.skipsHere("client-id-agrees", "") {
		c.client = named
	}
	switch grantType := c.value("grant_type"); {
	case grantType == grantCIBA, op.b.skipped["grant-type"]:
		return op.redeem(c)
	case grantType == "refresh_token":
		return op.refresh(c)
	case grantType == "":
		return failure(refusal("invalid_request", "grant_type is missing"))
	}
	return failure(refusal("unsupported_grant_type", "this grant type is not supported"))
}

// pollChecks are the steps before the state of the flow counts.
var pollChecks = []check{
	{"grant-ciba", func(c *call) *oauthError {
		if c.client.NoCIBA {
			return refusal("unauthorized_client", "the client is not registered for CIBA")
		}
		return nil
	}},
	{"id-missing", func(c *call) *oauthError {
		if c.value("auth_req_id") == "" {
			return refusal("invalid_request", "auth_req_id is missing")
		}
		return nil
	}},
	{"id-known", func(c *call) *oauthError {
		if c.flow == nil {
			return refusal("invalid_grant", "unknown auth_req_id")
		}
		return nil
	}},
	{"id-own", func(c *call) *oauthError {
		if c.flow != nil && c.flow.client != c.client && !c.op.foreignAllowed(c) {
			return refusal("invalid_grant", "unknown auth_req_id")
		}
		return nil
	}},
}

// foreignAllowed lets a fault open flows of other clients in one state only.
func (op *OP) foreignAllowed(c *call) bool {
	return op.b.skipped["id-own-"+string(c.flow.stateAt(c.now))]
}

// redeem answers one poll. Looking at the state and using it up happen under one
// lock, so that of two polls at the same moment only one gets the tokens.
func (op *OP) redeem(c *call) *reply {
	id := c.value("auth_req_id")
	if op.b.lookUp != nil {
		id = op.b.lookUp(id)
	}
	f, s := op.find(id)
	c.flow = f
	if err := c.run(pollChecks); err != nil || f == nil {
		s.mu.Unlock()
		if err == nil {
			err = refusal("invalid_grant", "unknown auth_req_id")
		}
		return failure(op.consumed(c, err))
	}
	at := op.stateSeenBy(c, f)
	err := op.answerTo(c, f, at)
	if at == pending && err != nil && err.code == "authorization_pending" {
		if at = op.held(c, f, s); at != pending {
			err = op.answerTo(c, f, at)
		}
	}
	details := f.granted
	if err == nil {
		details, err = c.narrowed(f.granted)
	}
	if err != nil {
		f.polls++
		s.mu.Unlock()
		if at == used && op.b.revokeOnReplay {
			op.revoke(f)
		}
		return failure(err)
	}
	if op.b.redeemPause != nil { // a fault: between the look and the mark anything may happen
		s.mu.Unlock()
		op.wait(op.b.redeemPause())
		s.mu.Lock()
	}
	f.state, f.redeemed = used, c.now
	c.details = details
	s.mu.Unlock()
	return op.issue(c, f)
}

// stateSeenBy is the state as a poll sees it.
func (op *OP) stateSeenBy(c *call, f *flow) state {
	at := f.stateAt(c.now)
	for _, change := range op.b.onState {
		at = change(c, f, at)
	}
	return at
}

// held keeps a pending poll waiting for the decision, where this OP does so, and
// returns the state after that. The lock of the flow is given back meanwhile.
func (op *OP) held(c *call, f *flow, s *shard) state {
	if op.b.writeBack > 0 { // a fault: what happens meanwhile is overwritten
		before := f.state
		s.mu.Unlock()
		op.wait(op.b.writeBack)
		s.mu.Lock()
		f.state = before
		return pending
	}
	if op.b.hold == 0 {
		return pending
	}
	wake := f.woken
	if op.b.deaf {
		wake = nil
	}
	s.mu.Unlock()
	timer := time.NewTimer(min(op.b.hold, max(0, f.expires.Sub(c.now))))
	defer timer.Stop()
	select {
	case <-wake:
	case <-timer.C:
	case <-op.ctx.Done():
	}
	s.mu.Lock()
	c.now = op.now()
	if op.b.clockAtAnswer {
		f.lastPoll = c.now
	}
	return op.stateSeenBy(c, f)
}

// consumed lets a fault use a flow up on a refused poll.
func (op *OP) consumed(c *call, err *oauthError) *oauthError {
	if op.b.consume != nil && c.flow != nil && op.b.consume(c, err) {
		s := op.shardOf(c.flow.id)
		s.mu.Lock()
		c.flow.state = used
		s.mu.Unlock()
	}
	return err
}

// answerTo is the error a poll gets in a state, nil when the tokens are due.
func (op *OP) answerTo(c *call, f *flow, at state) *oauthError {
	answer := func(code, description string) *oauthError {
		if other := op.b.instead["poll-"+string(at)]; other != nil {
			return other
		}
		return refusal(code, description)
	}
	if op.b.throttleFirst {
		if early := op.throttle(c, f); early != nil {
			return early
		}
	}
	switch at {
	case forgotten:
		return refusal("invalid_grant", "unknown auth_req_id")
	case expired:
		return answer("expired_token", "the auth_req_id has expired")
	case used:
		return answer("invalid_grant", "the auth_req_id was used before")
	case denied:
		return answer("access_denied", "the end-user denied the request")
	case pending:
		if !op.b.throttleFirst {
			if early := op.throttle(c, f); early != nil {
				return early
			}
		}
		return answer("authorization_pending", "the end-user has not decided yet")
	}
	return nil
}

// throttle answers polls that come before the interval has passed and makes the
// interval longer, as CIBA Core 11 tells the client to.
func (op *OP) throttle(c *call, f *flow) *oauthError {
	early := !f.lastPoll.IsZero() && c.now.Sub(f.lastPoll) < f.interval
	if !early || !op.b.keepWindow {
		f.lastPoll = c.now
	}
	if !early || op.b.skipped["throttle"] {
		return nil
	}
	f.early++
	f.interval += op.b.throttleStep
	c.told = f.interval
	if other := op.b.instead["throttle"]; other != nil {
		return other
	}
	return refusal("slow_down", "wait longer between polls")
}

// narrowed reads authorization_details of a token request; RFC 9396 6.
func (c *call) narrowed(granted []any) ([]any, *oauthError) {
	if c.skips("rar-narrowing") {
		return granted, nil
	}
	if c.form["authorization_details"] != nil && c.skips("rar-narrow-nothing") {
		return nil, badDetails("a grant is not divisible")
	}
	asked, err := c.detailsIn("authorization_details")
	if err != nil {
		return nil, err
	}
	if c.form["authorization_details"] == nil || asked == nil {
		return granted, nil
	}
	if !within(asked, granted) && !c.mayExceed(asked, granted) {
		if other := c.op.b.instead["rar-exceed"]; other != nil {
			return nil, other
		}
		return nil, badDetails("authorization_details go beyond the grant")
	}
	return asked, nil
}

// mayExceed lets a fault grant more than the user did.
func (c *call) mayExceed(asked, granted []any) bool {
	return c.skips("rar-exceed") || c.skips("rar-exceed-refresh") && c.value("grant_type") == "refresh_token" ||
		c.skips("rar-exceed-nothing") && granted == nil || c.skips("rar-exceed-account") && sameAmounts(asked, granted) ||
		c.skips("rar-exceed-list") && sameButLists(asked, granted) || c.skips("rar-exceed-value") && sameTypes(asked, granted)
}

// refresh is RFC 6749 6 with rotation; a used refresh token revokes its family.
func (op *OP) refresh(c *call) *reply {
	g, s := op.findGrant(c.value("refresh_token"))
	switch {
	case g == nil || g.kind != "refresh" || g.dead(c.now):
		s.mu.Unlock()
		if g != nil && g.replaced {
			op.revoke(g.flow)
		}
		return failure(refusal("invalid_grant", "unknown refresh token"))
	case g.client != c.client && !op.b.skipped["refresh-bound"]:
		s.mu.Unlock()
		return failure(refusal("invalid_grant", "unknown refresh token"))
	}
	details, err := c.narrowed(g.details)
	scope := g.scope
	if asked := strings.Fields(c.value("scope")); len(asked) > 0 {
		for _, name := range asked {
			if !slices.Contains(strings.Fields(g.scope), name) && !op.b.skipped["refresh-scope"] {
				err = refusal("invalid_scope", "scope goes beyond the grant")
			}
		}
		scope = strings.Join(asked, " ")
	}
	if err != nil {
		s.mu.Unlock()
		return failure(err)
	}
	if !op.b.skipped["refresh-rotation"] {
		g.replaced = true
	}
	s.mu.Unlock()
	c.flow, c.details = g.flow, details
	return op.issueRefreshed(c, g, scope)
}

// methodNotAllowed is for endpoints that look at the method themselves.
func methodNotAllowed(allow string) *reply {
	r := failure(&oauthError{http.StatusMethodNotAllowed, "invalid_request", "the method is not supported here", ""})
	r.header.Set("Allow", allow)
	return r
}

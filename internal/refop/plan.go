package refop

import (
	"time"

	"github.com/cibatest/cibatest/internal/jose"
)

// Plan is everything that an OP decides: its checks, its rules and its policy.
// [New] makes the usual one and gives it to the options, which may change it until
// New returns. A plan belongs to one OP; what a change remembers is remembered for
// that OP alone.
type Plan struct {
	Rules  Rules
	Policy Policy

	// Paths are where the endpoints lie below the issuer.
	Paths Paths

	// SigningKeys sign tokens and are published in this order; the first signs for
	// clients that registered no algorithm that another key has. They come from the
	// registration. Without any, New fails.
	SigningKeys []jose.Key

	// Declared are capabilities, by their names in a target file, that the operator of
	// this OP has to declare because a registration does not tell them.
	Declared map[string]bool

	wraps map[CheckName][]func(CheckFunc) CheckFunc
}

// Policy holds what the texts leave to an OP. The zero value is the usual policy,
// but for PaceStep and the times of notifications.
type Policy struct {
	// HoldPolls is for how long a pending poll is held for the decision. 0: it is
	// answered at once. CIBA Core 10.1 (long polling, 30 s at most).
	HoldPolls time.Duration

	// PaceStep is what a poll that comes too early adds to the interval of its flow;
	// 5 s as a rule, which is what the client adds. CIBA Core 11 (slow_down).
	PaceStep time.Duration

	// PaceWindowStays makes an early poll leave the interval that is running alone. As
	// a rule each poll begins a new one. CIBA Core 7.3 leaves this open.
	PaceWindowStays bool

	// PaceInEveryState looks at the pace before the state of the flow, and not only
	// while it is pending. CIBA Core 11 sets no order.
	PaceInEveryState bool

	// RevokeOnReplay ends the tokens of a flow when its auth_req_id is used again.
	// RFC 6749 4.1.2 advises it for codes.
	RevokeOnReplay bool

	// KeepRefreshToken leaves a refresh token as it is when it is used. As a rule it
	// is replaced, and its next use ends the whole family. RFC 6749 6, RFC 9700 4.14.
	KeepRefreshToken bool

	// AlwaysRefresh issues refresh tokens to clients that did not ask for offline_access.
	// RFC 6749 1.5 leaves it to the OP.
	AlwaysRefresh bool

	// RefreshIDToken adds an ID Token to the answer to a refresh. OIDC Core 12.2.
	RefreshIDToken bool

	// NotifyTries is how often a call to a client is tried at most, and NotifyPause how long
	// after the first try the second comes; each further pause is twice as long. CIBA Core
	// 10.2 leaves both open. 0 tries: the client is not called.
	NotifyTries int
	NotifyPause time.Duration

	// NotifyTimeout bounds one try.
	NotifyTimeout time.Duration

	// IDTokenAlg signs the ID Tokens of clients that registered no algorithm. Empty:
	// that of the first signing key. OIDC Registration 2 says RS256.
	IDTokenAlg string
}

func newPlan(reg Registration) *Plan {
	return &Plan{
		Rules: usualRules(), Paths: usualPaths, SigningKeys: append([]jose.Key(nil), reg.signing...),
		Policy:   Policy{PaceStep: 5 * time.Second, NotifyTries: 3, NotifyPause: time.Second, NotifyTimeout: 10 * time.Second},
		Declared: map[string]bool{}, wraps: map[CheckName][]func(CheckFunc) CheckFunc{},
	}
}

// Wrap puts a function around a check: it is given the check as it is by now and
// returns what runs in its place. The last wrapping is the outermost. It is called once
// for each table that has the check: those of the client stand in two. A name that no
// table has makes [New] fail.
func (p *Plan) Wrap(name CheckName, wrap func(inner CheckFunc) CheckFunc) {
	p.wraps[name] = append(p.wraps[name], wrap)
}

// Wrapped counts the wrappings of each check that has any.
func (p *Plan) Wrapped() map[CheckName]int {
	count := map[CheckName]int{}
	for name, wraps := range p.wraps {
		count[name] = len(wraps)
	}
	return count
}

// Declare adds what the operator of such an OP would write into a target file.
func (p *Plan) Declare(capability string, has bool) { p.Declared[capability] = has }

// The edits below wrap the rule that makes something, and change what it made.
// Several edits of one thing happen in the order in which they were added.

// EditReplies changes answers before they are written; headers are set by then.
func (p *Plan) EditReplies(edit func(*Call, *Reply)) {
	inner := p.Rules.Finish
	p.Rules.Finish = func(c *Call, r *Reply) { inner(c, r); edit(c, r) }
}

// EditFlows changes new flows. What the acknowledgement says has been settled by
// then, so that a flow can differ from it.
func (p *Plan) EditFlows(edit func(*Call, *Flow)) {
	inner := p.Rules.NewFlow
	p.Rules.NewFlow = func(c *Call) *Flow {
		f := inner(c)
		edit(c, f)
		return f
	}
}

// EditPrompts changes what the device is told about a flow.
func (p *Plan) EditPrompts(edit func(f *Flow, prompt map[string]any)) {
	inner := p.Rules.Prompt
	p.Rules.Prompt = func(op *OP, f *Flow) map[string]any {
		prompt := inner(op, f)
		edit(f, prompt)
		return prompt
	}
}

// EditNotifications changes calls to clients before they are sent.
func (p *Plan) EditNotifications(edit func(*Call, *Notification)) {
	inner := p.Rules.NotificationFor
	p.Rules.NotificationFor = func(c *Call, f *Flow, end State) *Notification {
		n := inner(c, f, end)
		if n != nil {
			edit(c, n)
		}
		return n
	}
}

// EditDecisions changes flows that were decided, under the lock of the flow.
func (p *Plan) EditDecisions(edit func(*Flow)) {
	inner := p.Rules.RecordDecision
	p.Rules.RecordDecision = func(f *Flow, as State, now time.Time) { inner(f, as, now); edit(f) }
}

// EditStates changes the state that a poll sees, under the lock of the flow.
func (p *Plan) EditStates(change func(*Call, *Flow, State) State) {
	inner := p.Rules.StateOf
	p.Rules.StateOf = func(c *Call, f *Flow) State { return change(c, f, inner(c, f)) }
}

// EditGrants changes what an access token is good for, before it is made.
func (p *Plan) EditGrants(edit func(*Call, *Grant)) {
	inner := p.Rules.NewGrant
	p.Rules.NewGrant = func(c *Call, f *Flow, scope string) *Grant {
		g := inner(c, f, scope)
		edit(c, g)
		return g
	}
}

// EditAccessTokens changes JWT access tokens before they are signed.
func (p *Plan) EditAccessTokens(edit func(*Call, *Draft)) {
	inner := p.Rules.DraftAccessToken
	p.Rules.DraftAccessToken = func(c *Call, g *Grant) *Draft {
		d := inner(c, g)
		edit(c, d)
		return d
	}
}

// EditIDTokens changes ID Tokens before they are signed.
func (p *Plan) EditIDTokens(edit func(*Call, *Draft)) {
	inner := p.Rules.DraftIDToken
	p.Rules.DraftIDToken = func(c *Call, f *Flow, accessToken string) (*Draft, error) {
		d, err := inner(c, f, accessToken)
		if err == nil {
			edit(c, d)
		}
		return d, err
	}
}

// EditSignedIDTokens changes ID Tokens after they were signed.
func (p *Plan) EditSignedIDTokens(edit func(c *Call, d *Draft, token string) string) {
	inner := p.Rules.SignIDToken
	p.Rules.SignIDToken = func(c *Call, d *Draft) (string, error) {
		token, err := inner(c, d)
		if err != nil {
			return "", err
		}
		return edit(c, d, token), nil
	}
}

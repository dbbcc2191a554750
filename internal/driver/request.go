package driver

import (
	"maps"
	"slices"

	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/internal/targetfile"
)

// Request is a call of a client and what the driver is not to do with it. The zero
// value of each exception is the ordinary, well-behaved way.
type Request struct {
	ciba.Call

	// Client is whose request it is. The driver authenticates it, unless Forged is
	// set. A request without a client goes out as it stands.
	Client *Client
	// Forged says that Auth of the call is used as it stands, nil for none at all.
	Forged bool
	// Object is how the parameters of a backchannel request are signed; nil: as the client is
	// registered to, which may be not at all.
	Object *ciba.RequestObject
	// Outside are parameters that stand beside the signed ones. Those of the client's
	// authentication need not be named.
	Outside ciba.Params
	// Plain says that the parameters are not signed, whatever the client is registered for.
	Plain bool
	// Flow is the flow that is polled: the request waits for its turn, and the answer
	// changes the pace. It is nil for anything that is no poll.
	Flow *Flow
	// AtOnce says that a poll does not wait for its turn.
	AtOnce bool
	// Untouched says that the request is sent exactly once, whatever the answer is.
	Untouched bool

	audience string // of an assertion that is tried; empty: as the client has it
}

// With is the request with one form parameter set.
func (r Request) With(name, value string) Request {
	r.Call = r.Call.With(name, value)
	return r
}

// Without is the request without some form parameters.
func (r Request) Without(names ...string) Request {
	r.Call = r.Call.Without(names...)
	return r
}

// mode is the delivery mode of the client whose request it is, empty for nobody's.
func (r Request) mode() string {
	if r.Client == nil {
		return ""
	}
	return r.Client.DeliveryMode
}

// As is the request of another client.
func (r Request) As(c *Client) Request {
	r.Client = c
	return r
}

// AuthenticatedBy is the request with a credential of the caller's own making, nil
// for none.
func (r Request) AuthenticatedBy(a ciba.Authenticator) Request {
	r.Auth, r.Forged = a, true
	return r
}

// Unpaced is a poll that neither waits for its turn nor counts as one: it is refused
// before the pace matters.
func (r Request) Unpaced() Request {
	r.Flow = nil
	return r
}

// Now is the poll sent at once.
func (r Request) Now() Request {
	r.AtOnce = true
	return r
}

// Once is the request sent exactly once.
func (r Request) Once() Request {
	r.Untouched = true
	return r
}

// GoodStart are the parameters of a good backchannel request of a client for a user.
// CIBA Core 7.1.
func (d *Driver) GoodStart(c *Client, u targetfile.User) ciba.Params {
	switch {
	case d.run.usual.noMessage:
		return d.run.goodStart(c, u, "")
	case d.run.approver.TellsByMessage():
		return d.run.goodStart(c, u, d.random.Text()[:8])
	}
	return d.run.goodStart(c, u, d.run.target.BindingMessage)
}

// goodStart is a good request with a binding_message, empty for none.
func (r *Run) goodStart(c *Client, u targetfile.User, message string) ciba.Params {
	t := r.target
	scope := t.Scope
	if c.Scope != "" {
		scope = c.Scope
	}
	p := ciba.P("scope", scope)
	p = append(p, ciba.P(r.hintFor(u))...)
	if message != "" {
		p = p.With("binding_message", message)
	}
	if c.UserCode && u.UserCode != "" {
		p = p.With("user_code", u.UserCode.Reveal())
	}
	if c.Notified() {
		p = p.With(notificationToken, newNotificationToken())
	}
	for _, name := range slices.Sorted(maps.Keys(t.StartParams)) {
		p = p.With(name, t.StartParams[name])
	}
	return p
}

// hintIn is what a request says about its user, in all forms together.
func hintIn(p ciba.Params) string {
	return p.Get("login_hint") + " " + p.Get("login_hint_token") + " " + p.Get("id_token_hint")
}

// StartLabel is how backchannel authentication requests are called in evidence.
const StartLabel = "backchannel authentication request"

// Start is a backchannel authentication request with these parameters.
func (r *Run) Start(c *Client, p ciba.Params) Request {
	return Request{Client: c, Call: ciba.Call{
		Label: StartLabel,
		URL:   r.target.Endpoints.BackchannelAuthentication,
		Form:  p,
	}}
}

// TokenRequest is any request to the token endpoint.
func (r *Run) TokenRequest(c *Client, p ciba.Params) Request {
	return Request{Client: c, Call: ciba.Call{Label: "token request", URL: r.target.Endpoints.Token, Form: p}}
}

// PollFor is a token request for an auth_req_id, without a thought for its pace.
func (r *Run) PollFor(c *Client, authReqID string) Request {
	return r.TokenRequest(c, ciba.P("grant_type", ciba.GrantTypeCIBA, "auth_req_id", authReqID))
}

// Poll is a token request for a flow, by the client that started it.
func (r *Run) Poll(f *Flow) Request {
	poll := r.PollFor(f.Client, f.AuthReqID)
	poll.Flow = f
	return poll
}

// Written is the request, signed where its client does so, with its client's credential put
// into header and form, for callers that move these to places of their own.
func (r *Run) Written(q Request) (Request, error) {
	var err error
	if q.Call, err = r.sealed(q); err != nil {
		return q, err
	}
	auth := q.Client.Auth(q.URL, r.target.Issuer)
	err = auth.Authenticate(&q.Call)
	return q.AuthenticatedBy(nil), err
}

// starts reports whether a request goes to the backchannel authentication endpoint.
func (r *Run) starts(q Request) bool { return q.URL == r.target.Endpoints.BackchannelAuthentication }

// Package push has the cases of push mode: CIBA Core 10.3 and 12, and what the rest of the
// text says about clients that are pushed to. Their clients have the delivery mode push,
// and the tokens arrive at the notification endpoint of the run.
//
// What is pushed has not come from the token endpoint over a connection that the client
// has opened. The client knows it by the token of the request, and by the ID Token, which
// signs the rest of it.
package push

import (
	"github.com/cibatest/cibatest/internal/approve"
	"github.com/cibatest/cibatest/internal/ciba"
	. "github.com/cibatest/cibatest/suites/harness"
)

// Cases are the cases of this package.
var Cases = NewFamily("push")

// pushed is an approved request and the call about it.
type pushed struct {
	flow   *Flow
	call   Notification // with the token of the request
	came   bool
	misled []Notification // without it
}

// approved is the shared approved request of the case's client.
func approved(t *T) pushed {
	return Observe(t, "pushed", func(t *T) pushed { return carriedThrough(t, t.MustStart(t.Request())) })
}

// carriedThrough lets a request be approved and waits for the call about it. As nobody polls,
// there is no interval to keep.
func carriedThrough(t *T, flow *Flow) pushed {
	t.Decide(flow, approve.Decision{Allow: true})
	return outcomeOf(t, flow)
}

// outcomeOf waits for the call about an approved request.
func outcomeOf(t *T, flow *Flow) pushed {
	p := pushed{flow: flow}
	p.call, p.came = Notified(t, flow)
	p.misled = Misled(t, flow)
	return p
}

// mustCall is the call, be it without the token, or ends the case as error: that no call
// comes is what other cases judge.
func (p pushed) mustCall(t *T) Notification {
	switch {
	case p.came:
		return p.call
	case len(p.misled) > 0:
		return p.misled[0]
	}
	t.Abort("the OP did not call the notification endpoint of client %s within %s", p.flow.Client.Name, CallbackWindow)
	return Notification{}
}

// mustTokens are the pushed tokens, or an end of the case as error.
func (p pushed) mustTokens(t *T) (ciba.TokenResponse, Notification) {
	call := p.mustCall(t)
	tokens, _ := t.MustTokens(call.Payload)
	return tokens, call
}

// Package ping has the cases of ping mode: CIBA Core 10.2, and what the rest of the text
// says about clients that are pinged. Their clients have the delivery mode ping, and the
// OP's calls arrive at the notification endpoint of the run.
//
// A call is the client's only sign that there is a result, and anybody can call: the
// client knows the OP by the token of the request, and learns the result from the token
// endpoint alone. What the cases look at is therefore that the call comes, what it shows,
// and that nothing that happens to it costs the result.
package ping

import (
	"github.com/cibatest/cibatest/internal/ciba"
	. "github.com/cibatest/cibatest/suites/harness"
)

// Cases are the cases of this package.
var Cases = NewFamily("ping")

// pinged is an approved request, the call about it and what was redeemed right after it.
type pinged struct {
	flow     *Flow
	call     Notification // with the token of the request
	came     bool
	misled   []Notification // without it
	redeemed *ciba.Response // nil without a call, as a rule
}

// approved is the shared approved request of the case's client. Nothing was polled before
// the call, so that the poll that follows it at once is no early one.
func approved(t *T) pinged {
	return Observe(t, "pinged", func(t *T) pinged {
		p := pinged{flow: t.MustStart(t.Request())}
		t.Approve(p.flow)
		p.call, p.came = Notified(t, p.flow)
		if p.redeemed = EndOf(t, p.flow); p.came && p.redeemed == nil {
			p.redeemed = t.PollNow(p.flow)
		}
		p.misled = Misled(t, p.flow)
		return p
	})
}

// mustCall is the call, be it without the token, or ends the case as error: that no call
// comes is what other cases judge.
func (p pinged) mustCall(t *T) Notification {
	switch {
	case p.came:
		return p.call
	case len(p.misled) > 0:
		return p.misled[0]
	}
	t.Abort("the OP did not call the notification endpoint of client %s within %s", p.flow.Client.Name, CallbackWindow)
	return Notification{}
}

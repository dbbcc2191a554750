package core

import (
	"github.com/cibatest/cibatest/internal/catalogue"
	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/internal/targetfile"
	. "github.com/cibatest/cibatest/suites/harness"
)

// CIBA Core 10.1 and 11: the client that authenticates is the one whose auth_req_id may be
// redeemed. An OP that takes the client from client_id in the form, after it has looked at
// somebody else's credential, hands the tokens of one client to another.
var _ = Cases.Describe("Client switch", func() {
	Case("client-switch", "by client_id in the form does not work",
		Judges("CIBA-11-NO-TOKEN-ON-CLIENT-SWITCH").
			Methods(targetfile.AuthClientSecretBasic, targetfile.AuthPrivateKeyJWT, targetfile.AuthClientSecretJWT), judgeClientSwitch)
})

// judgeClientSwitch has one client poll in the name of the owner of a request, before and
// after the approval, and lets the owner poll what the other one started in its name. The
// owner's own request is the owner's to redeem at last.
// The methods are those whose credential says who the client is without client_id.
func judgeClientSwitch(t *T) {
	owner := t.Second()
	flow := t.MustStartAs(owner, t.User(), t.RequestFor(owner, t.User()))
	misnamed := startInNameOf(t, owner)
	t.WaitTurn(flow)
	if misnamed != nil {
		t.JudgeVariant("a request that was started in its name", t.Poll(misnamed))
	}
	pollInNameOfOwner := func() *ciba.Response {
		return t.Send(t.PollRequest(flow).As(t.Client()).Unpaced().With("client_id", owner.ClientID))
	}
	pending := pollInNameOfOwner()
	flow.Learn(pending)
	t.JudgeVariant("pending", pending)
	t.ApproveAlive(flow)
	t.JudgeVariant("approved", pollInNameOfOwner())
	if !t.Failed() {
		judgeOwner(t, t.PollDecided(flow), HaveTokens(), "the owner still gets the tokens")
	}
}

// startInNameOf starts a request whose form names another client than the credential. It
// is nil where the OP refuses the contradiction, or keeps one open request for a user.
func startInNameOf(t *T, other *Client) *Flow {
	if !t.Has(catalogue.NeedParallel) {
		return nil
	}
	resp := t.MustAnswer(startEdited(t, func(r *Request) { r.Form = r.Form.Add("client_id", other.ClientID) }))
	if _, err := resp.Started(); err != nil {
		return nil
	}
	return t.FlowOf(other, t.User(), resp)
}

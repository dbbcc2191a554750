package core

import (
	"slices"

	"github.com/cibatest/cibatest/internal/catalogue"
	"github.com/cibatest/cibatest/internal/targetfile"
	. "github.com/cibatest/cibatest/suites/harness"
)

// CIBA Core 10.1 and 11: the client that authenticates is the one whose auth_req_id may be
// redeemed. An OP that takes the client from client_id in the form, after it has looked at
// somebody else's credential, hands the tokens of one client to another.
var _ = Cases.Describe("Client switch", func() {
	Case("client-switch", "by client_id in the form does not work",
		Judges("CIBA-11-NO-TOKEN-ON-CLIENT-SWITCH").
			Methods(switchMethods...), judgeClientSwitch)
})

// switchMethods are those whose credential says who the client is without client_id.
var switchMethods = []string{targetfile.AuthClientSecretBasic, targetfile.AuthPrivateKeyJWT, targetfile.AuthClientSecretJWT}

// judgeClientSwitch has one client of each method poll in the name of the owner of a
// request, before and after the approval, and lets the owner poll what they started in
// its name. The owner's own request is the owner's to redeem at last.
func judgeClientSwitch(t *T) {
	owner := t.Second()
	thieves := slices.DeleteFunc(ClientPerMethod(t), func(c *Client) bool {
		return c.Rejection() != "" || c.ClientID == owner.ClientID || !slices.Contains(switchMethods, c.AuthMethod)
	})
	flow := t.MustStartAs(owner, t.User(), t.RequestFor(owner, t.User()))
	var misnamed []*Flow
	for _, thief := range thieves {
		t.As(thief, func() { misnamed = append(misnamed, startInNameOf(t, owner)...) })
	}
	t.WaitTurn(flow)
	for _, f := range misnamed {
		t.JudgeVariant("a request that was started in its name", t.Poll(f))
	}
	judgePollsInNameOf(t, thieves, flow, "pending")
	t.ApproveAlive(flow)
	judgePollsInNameOf(t, thieves, flow, "approved")
	if !t.Failed() {
		judgeOwner(t, t.PollDecided(flow), HaveTokens(), "the owner still gets the tokens")
	}
}

// judgePollsInNameOf has clients poll a request under the client_id of its owner.
func judgePollsInNameOf(t *T, thieves []*Client, f *Flow, state string) {
	for _, thief := range thieves {
		resp := t.Send(misnaming(t, t.PollRequest(f).As(thief).Unpaced(), f.Client))
		f.Polled(resp)
		t.JudgeVariant(state+", by a "+thief.AuthMethod+" client", resp)
	}
}

// startInNameOf starts a request whose form names another client than the credential. There
// is none where the OP refuses the contradiction, or keeps one open request for a user.
func startInNameOf(t *T, other *Client) []*Flow {
	if !t.Has(catalogue.NeedParallel) {
		return nil
	}
	resp := t.MustAnswer(t.Send(misnaming(t, t.StartRequest(t.Request()), other)))
	if _, err := resp.Started(); err != nil {
		return nil
	}
	return []*Flow{t.FlowOf(other, t.User(), resp)}
}

// misnaming is a request with the good credential of its client and the client_id of
// another one. That it is refused tells nothing about the credential, which other cases
// use meanwhile, so the driver is not to look for a better one.
func misnaming(t *T, r Request, other *Client) Request {
	r = r.AuthenticatedBy(r.Client.Auth(r.URL, t.Target().Issuer))
	r.Form = r.Form.With("client_id", other.ClientID)
	return r
}

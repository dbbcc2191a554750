package core

import (
	"github.com/cibatest/cibatest/internal/targetfile"
	. "github.com/cibatest/cibatest/suites/harness"
)

// CIBA Core 10.1: the client that authenticates is the one whose auth_req_id may
// be redeemed.
var _ = Cases.Describe("Client switch", func() {
	Case("client-switch", "by client_id in the form does not work",
		Judges("CIBA-11-NO-TOKEN-ON-CLIENT-SWITCH").
			Methods(targetfile.AuthClientSecretBasic, targetfile.AuthPrivateKeyJWT, targetfile.AuthClientSecretJWT), func(t *T) {
			owner := t.Second()
			flow := t.MustStartAs(owner, t.User(), t.RequestFor(owner, t.User()))
			var misnamed *Flow
			if t.Has("parallel") {
				start := t.MustAnswer(startEdited(t, func(call *Request) { call.Form = call.Form.Add("client_id", owner.ClientID) }))
				if _, err := start.Started(); err == nil { // else refused, as a contradiction
					misnamed = t.FlowOf(owner, t.User(), start)
				}
			}
			t.WaitTurn(flow)
			if misnamed != nil {
				t.JudgeVariant("a request that was started in its name", t.Poll(misnamed))
			}
			call := func() Request { return t.PollRequest(flow).As(t.Client()).Unpaced().With("client_id", owner.ClientID) }
			pending := t.Send(call())
			flow.Learn(pending)
			t.JudgeVariant("pending", pending)
			t.ApproveAlive(flow)
			t.JudgeVariant("approved", t.Send(call()))
		})
})

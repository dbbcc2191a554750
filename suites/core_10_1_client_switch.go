package suites

import (
	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/internal/target"
	. "github.com/onsi/ginkgo/v2"
)

// CIBA Core 10.1: the client that authenticates is the one whose auth_req_id may
// be redeemed.
var _ = Describe("Client switch", func() {
	Case("client-switch", "by client_id in the form does not work",
		Requirements("CIBA-11-NO-TOKEN-ON-CLIENT-SWITCH").
			Methods(target.AuthClientSecretBasic, target.AuthPrivateKeyJWT, target.AuthClientSecretJWT), func(t *T) {
			owner := t.Second()
			flow := t.MustStartAs(owner, t.User(), t.RequestFor(owner, t.User()))
			t.WaitUntil(flow.last.Add(flow.Pace()))
			call := func() ciba.Call { return t.PollCallAs(t.Client(), flow).With("client_id", owner.ClientID) }
			pending := t.Send(call())
			flow.noteAnswer(pending)
			t.JudgeVariant("pending", pending)
			t.approveAlive(flow)
			t.JudgeVariant("approved", t.Send(call()))
		})
})

package push

import (
	"strings"
	"time"

	"github.com/cibatest/cibatest/internal/catalogue"
	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/internal/jose"
	. "github.com/cibatest/cibatest/suites/harness"
)

// CIBA Core 10.3.1: after the approval the OP sends the client what the token endpoint
// would answer a client in another mode, and with it the auth_req_id.
var _ = Cases.Describe("Push", func() {
	Case("push-delivery", "comes after the approval, as a POST of JSON", Judges("CIBA-10.3-PUSH-DELIVERY").Smoke(), func(t *T) {
		p := approved(t)
		if !t.Check(p.came || len(p.misled) > 0, "a call to the notification endpoint within "+CallbackWindow.String(), "no call came") {
			return
		}
		call := p.mustCall(t)
		t.At(call.Payload)
		t.Check(call.Method == "POST", "POST", "%s", ciba.Printable(call.Method))
		t.Expect(call.Payload).To(BeJSON())
	})
	Case("push-bearer", "carries the client_notification_token of the request", Judges("CIBA-10.3-PUSH-BEARER").Smoke(), func(t *T) {
		p := approved(t)
		call := p.mustCall(t)
		t.At(call.Payload)
		if t.Check(p.came, "Authorization: Bearer with the token of the request", "another credential, or none") {
			if scheme, _ := call.Bearer(); scheme != "Bearer" { // names of schemes have no case; RFC 9110 11.1
				t.Warn("the scheme Bearer", "%s", ciba.Printable(scheme))
			}
		}
	})
	Case("push-no-redirect", "follows no redirect", Judges("CIBA-10.3-PUSH-NO-REDIRECT").About(20*time.Second), func(t *T) {
		JudgeNoRedirect(t)
	})
	Case("push-members", "has auth_req_id, access_token, token_type and id_token", Judges("CIBA-10.3-PUSH-MEMBERS").Smoke(), judgeMembers)
})

// CIBA Core 10.3.1: the ID Token binds what is pushed together, so that none of it can be
// exchanged on its way.
var _ = Cases.Describe("Pushed ID Token", func() {
	Case("push-at-hash", "has the hash of the access token", Judges("CIBA-10.3-PUSH-AT-HASH"), func(t *T) {
		tokens, call := approved(t).mustTokens(t)
		judgeHash(t, call, IDTokenIn(t, tokens), "at_hash", tokens.AccessToken)
	})
	Case("push-arid-claim", "is for the auth_req_id of the request", Judges("CIBA-10.3-PUSH-ARID-CLAIM"), func(t *T) {
		p := approved(t)
		tokens, call := p.mustTokens(t)
		t.At(call.Payload)
		claim, there := IDTokenIn(t, tokens).Claims[aridClaim]
		if t.Check(there, "the claim "+aridClaim, "none") {
			t.Check(claim == p.flow.AuthReqID, "the auth_req_id of the acknowledgement", "another value, of type %T", claim)
		}
	})
})

// CIBA Core 7.3: who does not poll has no interval to keep.
var _ = Cases.Describe("Acknowledgement of a push client", func() {
	Case("push-no-interval", "has no interval", Judges("CIBA-7.3-INTERVAL-NOT-IN-PUSH"), func(t *T) {
		ack := Acknowledged(t)
		t.MustAccept("a backchannel authentication request that should be accepted", ack)
		t.Expect(ack).NotTo(HaveMember("interval", nil), "no interval")
	})
})

// CIBA Core 10.1 and 11: a client that is pushed to gets nothing from the token endpoint,
// before the decision or after it.
var _ = Cases.Describe("Token endpoint", func() {
	Case("push-registered-mode", "has no tokens for a client that was pushed to", Judges("CIBA-10-REGISTERED-MODE-ONLY").As(Push), func(t *T) {
		p := approved(t)
		p.mustCall(t)
		t.Expect(t.Send(t.PollRequest(p.flow).Now())).NotTo(HaveTokens(), "no tokens")
	})
	Case("push-client-refused", "refuses a client that is pushed to", Judges("CIBA-11-PUSH-CLIENT-REFUSED").Smoke(), func(t *T) {
		flow := t.MustStart(t.Request())
		t.JudgeVariant("pending", t.Send(t.PollRequest(flow).Now()))
		if !t.Has(catalogue.NeedApprove) || !t.Has(catalogue.NeedNotificationReceiver) {
			return
		}
		t.Approve(flow)
		if _, came := Notified(t, flow); came {
			judgeRefusedAtTheEnd(t, "pushed", flow)
			return
		}
		t.JudgeVariant("approved", t.Send(t.PollRequest(flow).Now()))
	})
})

// aridClaim is the claim that binds an ID Token to a request; CIBA Core 10.3.1.
const aridClaim = "urn:openid:params:jwt:claim:auth_req_id"

// judgeMembers wants the members that make a client able to use what it is sent. Any
// others are the OP's own.
func judgeMembers(t *T) {
	p := approved(t)
	call := p.mustCall(t)
	t.At(call.Payload)
	object, err := call.Payload.Object()
	if !t.Check(err == nil, "a JSON object", "%v", err) {
		return
	}
	for _, name := range []string{"auth_req_id", "access_token", "token_type", "id_token"} {
		t.Expect(call.Payload).To(HaveMember(name, isText))
	}
	for _, name := range []string{"refresh_token", "scope"} {
		if _, there := object[name]; there {
			t.Expect(call.Payload).To(HaveMember(name, isText))
		}
	}
	if expires, there := object["expires_in"]; there {
		_, err := ciba.Seconds(expires)
		t.Check(err == nil, "expires_in in seconds", "it %v", err)
	}
	if id, ok := object["auth_req_id"].(string); ok {
		t.Check(id == p.flow.AuthReqID, "the auth_req_id of the acknowledgement", "another one")
	}
}

func isText(value any) bool {
	text, ok := value.(string)
	return ok && strings.TrimSpace(text) != ""
}

// judgeHash compares a hash claim with the token that it is about; OIDC Core 3.1.3.6.
func judgeHash(t *T, call Notification, token IDToken, claim, of string) {
	t.At(call.Payload)
	want, err := jose.LeftHalfHash(token.Alg(), of)
	if err != nil {
		t.Skip("the ID Token is signed by %.20q, whose hash is not known here", token.Alg())
	}
	got, there := token.Claims[claim]
	if t.Check(there, "the claim "+claim, "none") {
		t.Check(got == want, claim+" with the left half of the hash", "another value, of type %T", got)
	}
}

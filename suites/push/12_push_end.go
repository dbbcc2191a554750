package push

import (
	"time"

	"github.com/cibatest/cibatest/internal/catalogue"
	"github.com/cibatest/cibatest/internal/ciba"
	. "github.com/cibatest/cibatest/suites/harness"
)

// expiryAsked is requested where a case waits for an expiry: long enough for a decision at the
// default interval, short enough not to keep anybody waiting.
const expiryAsked = "20"

// expiryWatch is how long after an expiry calls are looked for.
const expiryWatch = 30 * time.Second

// CIBA Core 7.3 and 12: a request ends once. An OP may tell a client that it has expired, and
// nothing good may come of it afterwards.
var _ = Cases.Describe("Push after the expiry", func() {
	Case("push-expiry", "says expired_token once, or does not come",
		Judges("CIBA-12-PUSH-EXPIRED", "CIBA-12-PUSH-ERROR-FORMAT").WaitsForExpiry().About(50*time.Second), func(t *T) {
			flow := mustStartShort(t)
			WaitPastExpiry(t, flow, expiryWatch)
			calls := NotifiedTimes(t, flow, 1, 0)
			judgeNoTokens(t, "nobody approved", calls)
			for _, call := range calls {
				t.At(call.Payload)
				t.Expect(call.Payload).To(BeOAuthError(ciba.ExpiredToken), "expired_token")
				judgeErrorCall(t, Clause(t, "CIBA-12-PUSH-ERROR-FORMAT"), flow, call)
			}
			t.Check(len(calls) < 2, "one call at most", "%d calls", len(calls))
			judgeNotMisled(t, flow)
		})
	Case("push-late-approval", "has no tokens for an approval that came too late",
		Judges("CIBA-12-PUSH-NO-LATE-TOKENS").WaitsForExpiry().About(50*time.Second), func(t *T) {
			flow := mustStartShort(t)
			WaitPastExpiry(t, flow, ExpiryLatest)
			_ = Overrule(t, flow, true) // a device that no longer offers the prompt is right, too
			t.Wait(CallbackWindow)
			judgeNoTokens(t, "the approval came after the expiry", NotifiedTimes(t, flow, 1, 0))
		})
})

// CIBA Core 12: after one end there is no other. A client that has shown its user a failure
// does not look at what comes later, and what it is given then nobody watches.
var _ = Cases.Describe("Push after a denial", func() {
	Case("push-denied-final", "is the last, whatever the user does then",
		Judges("CIBA-12-PUSH-DENIED").Needs(catalogue.NeedDeny).About(CallbackWindow), func(t *T) {
			flow := t.MustStart(t.Request())
			t.Deny(flow)
			MustBeNotified(t, flow)
			_ = Overrule(t, flow, true)
			t.Wait(CallbackWindow)
			judgeNoTokens(t, "the user has denied", append(NotifiedTimes(t, flow, 1, 0), Misled(t, flow)...))
		})
	Case("push-approved-final", "does not come after the tokens",
		Judges("CIBA-12-PUSH-DENIED").Needs(catalogue.NeedApprove, catalogue.NeedDeny).About(CallbackWindow), func(t *T) {
			p := carriedThrough(t, t.MustStart(t.Request()))
			p.mustTokens(t)
			_ = Overrule(t, p.flow, false)
			t.Wait(CallbackWindow)
			for _, call := range NotifiedTimes(t, p.flow, 1, 0)[1:] {
				t.At(call.Payload)
				t.Check(!HasErrorMember(call.Payload), "tokens or an error for a request", "an error after the tokens: %s", call.Payload.Summary())
			}
		})
	Case("push-denied-isolated", "is about the request that was denied, and no other of the user",
		Judges("CIBA-12-PUSH-DENIED").Needs(catalogue.NeedApprove, catalogue.NeedParallel).About(CallbackWindow), func(t *T) {
			denied, open := t.MustStart(t.Request()), t.MustStart(t.Request())
			t.Deny(denied)
			call := MustBeNotified(t, denied)
			t.At(call.Payload)
			t.Check(textIn(call, "auth_req_id") == denied.AuthReqID, "the auth_req_id that was denied", "another one, or none")
			for _, other := range NotNotified(t, open, early) { // a user may have one way to refuse all that is open
				t.At(other.Payload)
				t.Warn("no call about the other request of the user", "%s", other.Payload.Summary())
			}
		})
})

// mustStartShort starts a flow that expires within the time budget.
func mustStartShort(t *T) *Flow {
	flow := t.MustStart(t.Request().With("requested_expiry", expiryAsked))
	if budget := t.Target().Budgets.ExpiryMax; flow.ExpiresIn > budget {
		t.Skip("short_expiry: expires_in is %s although %s s were asked for, and budgets.expiry_max is %s", flow.ExpiresIn, expiryAsked, budget)
	}
	flow.EndAwaited = true
	return flow
}

// judgeNoTokens judges that calls about a request bring no tokens.
func judgeNoTokens(t *T, because string, calls []Notification) {
	if call, there := tokensIn(calls); there {
		t.At(call.Payload)
		t.Fail("no tokens, as "+because, "tokens are pushed")
	}
}

// judgeNotMisled judges that no call about a request came without its token.
func judgeNotMisled(t *T, flow *Flow) {
	for _, call := range Misled(t, flow) {
		t.At(call.Payload)
		t.Check(false, "calls with the client_notification_token of the request", "one without it")
	}
}

package ping

import (
	"fmt"
	"time"

	"github.com/cibatest/cibatest/internal/catalogue"
	. "github.com/cibatest/cibatest/suites/harness"
)

// watch is how long a case looks for further calls about a request: retries are commonly
// some seconds apart, and each pause is longer than the one before.
const watch = 30 * time.Second

// mostCalls is beyond which an OP is said not to stop.
const mostCalls = 10

// CIBA Core 10.2: with 204, or 200 and anything in it, a ping has reached its client. How
// often an OP tries otherwise is its own affair, as long as it comes to an end.
var _ = Cases.Describe("Answer to a ping", func() {
	Case("ping-204", "of 204 completes it", Judges("CIBA-10.2-PING-204").Needs(catalogue.NeedDeny).About(watch), func(t *T) {
		approved := t.MustStart(t.Request())
		t.MustRedeem(approved)
		denied := t.MustStart(t.Request()) // after the other, as a user may have one open request only
		t.Deny(denied)
		MustBeNotified(t, denied)
		judgeOnce(t, "of an approval", approved)
		judgeOnce(t, "of a denial", denied)
	})
	Case("ping-200-body", "of 200 completes it, whatever it says", Judges("CIBA-10.2-PING-200-BODY").About(watch), func(t *T) {
		flows := make([]*Flow, len(bodies))
		for i, body := range bodies {
			flows[i] = t.MustStart(t.Request())
			AnswerWith(t, flows[i], body.answer)
			t.Approve(flows[i])
			MustBeNotified(t, flows[i])
			t.Wait(2 * time.Second) // until the OP has made something of the answer
			t.JudgeVariant("after "+body.what, t.PollDecided(flows[i]))
		}
		for i, body := range bodies {
			judgeOnce(t, "answered with "+body.what, flows[i])
		}
	})
	Case("ping-retries", "of 500 is repeated a bounded number of times, or never",
		Judges("CIBA-10.2-PING-RETRY-BOUNDED").About(watch), func(t *T) {
			flow := t.MustStart(t.Request())
			AnswerWith(t, flow, CallAnswer{Status: 500})
			ApproveUncalled(t, flow)
			MustBeNotified(t, flow)
			calls := NotifiedTimes(t, flow, mostCalls+1, watch)
			if len(calls) > mostCalls {
				t.At(calls[len(calls)-1].Payload)
				t.Warn(fmt.Sprintf("%d calls within %s at most", mostCalls, watch), "%d, the last after %s", len(calls), spent(calls))
			}
			for _, c := range calls[1:] {
				t.At(c.Payload)
				t.Check(authReqID(c) == authReqID(calls[0]), "the same auth_req_id at every try", "another one")
			}
		})
})

// bodies are answers with 200, whose contents are nobody's business.
var bodies = []struct {
	what   string
	answer CallAnswer
}{
	{"HTML", CallAnswer{Status: 200, ContentType: "text/html", Body: "<!doctype html><title>Thank you</title>"}},
	{"a JSON error", CallAnswer{Status: 200, ContentType: "application/json", Body: `{"error":"invalid_request"}`}},
}

// judgeOnce judges that no second call comes about a request whose first was taken.
func judgeOnce(t *T, what string, flow *Flow) {
	calls := NotifiedTimes(t, flow, 2, time.Until(flow.Received.Add(flow.Pace()+watch)))
	if len(calls) > 1 {
		t.At(calls[1].Payload)
	}
	t.Check(len(calls) < 2, "one call "+what, "another one %s after the first", spent(calls))
}

// spent is the time between the first and the last of some calls.
func spent(calls []Notification) time.Duration {
	if len(calls) == 0 {
		return 0
	}
	return calls[len(calls)-1].At.Sub(calls[0].At).Round(time.Millisecond)
}

// CIBA Core 10.1: a ping client may poll. What becomes of the call cannot cost it the result.
var _ = Cases.Describe("Result of a ping that does not arrive", func() {
	Case("ping-cut", "is fetched after the connection was cut", Judges("CIBA-10.2-PING-UNREACHABLE").About(15*time.Second), func(t *T) {
		flow := t.MustStart(t.Request())
		AnswerWith(t, flow, CallAnswer{Cut: true})
		ApproveUncalled(t, flow)
		MustBeNotified(t, flow)
		t.Wait(2 * time.Second) // until the OP has made something of it
		t.Judge(t.PollDecided(flow))
	})
	Case("ping-unreachable", "is fetched when nobody listens",
		Judges("CIBA-10.2-PING-UNREACHABLE").AfterAll().About(15*time.Second), func(t *T) {
			HoldingEndpoints(t, func() {
				flow := t.MustStart(t.Request())
				Unreachable(t, func() {
					t.WaitTurn(flow)
					ApproveUncalled(t, flow)
					t.Wait(2 * time.Second)
					t.Judge(t.PollDecidedWith(t.PollRequest(flow)))
				})
			})
		})
})

// CIBA Core 10.2: success and failure of the authentication are told. That a request has
// merely expired the client knows by itself.
var _ = Cases.Describe("Ping of an expiry", func() {
	Case("ping-expiry", "comes once at most", Judges("CIBA-10.2-PING-EXPIRY-OPTIONAL").WaitsForExpiry().About(45*time.Second), func(t *T) {
		flow := t.MustStart(t.Request().With("requested_expiry", "20"))
		if budget := t.Target().Budgets.ExpiryMax; flow.ExpiresIn > budget {
			t.Skip("short_expiry: expires_in is %s although 20s were asked for, and budgets.expiry_max is %s", flow.ExpiresIn, budget)
		}
		WaitPastExpiry(t, flow, CallbackWindow)
		calls := NotifiedTimes(t, flow, 1, 0)
		if len(calls) > 1 {
			t.At(calls[1].Payload)
		}
		t.Check(len(calls) < 2, "one call at most", "%d calls", len(calls))
	})
})

// CIBA Core 10 and 10.1.1: how a result is delivered is registered, and it is delivered once.
var _ = Cases.Describe("Delivery to a ping client", func() {
	Case("ping-single-use", "is over with the first redemption",
		Judges("CIBA-10.1.1-PING-SINGLE-USE").AloneForClient().LastForClient().About(13*time.Second), func(t *T) {
			flow := t.MustStart(t.Request())
			t.MustRedeem(flow)
			t.Judge(t.PollDecidedWith(t.PollRequest(flow)))
		})
	Case("ping-registered-mode", "is at the token endpoint alone", Judges("CIBA-10-REGISTERED-MODE-ONLY").As(Ping).About(watch), func(t *T) {
		p := approved(t)
		p.mustCall(t)
		t.MustTokens(p.redeemed)
		for _, call := range append(NotifiedTimes(t, p.flow, 2, CallbackWindow), p.misled...) {
			t.At(call.Payload)
			t.Check(!call.Payload.HasTokens(), "calls without tokens", "tokens in a call to a ping client")
		}
	})
})

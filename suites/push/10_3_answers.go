package push

import (
	"fmt"
	"time"

	"github.com/cibatest/cibatest/internal/catalogue"
	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/reports/result"
	. "github.com/cibatest/cibatest/suites/harness"
)

// watch is how long a case looks for further calls about a request: retries are commonly
// some seconds apart, and each pause is longer than the one before.
const watch = 30 * time.Second

// mostCalls is beyond which an OP is said not to stop.
const mostCalls = 10

// CIBA Core 10.3.1: with 204, or 200 and anything in it, a push has reached its client. How
// often an OP tries otherwise is its own affair; what it tries again is for the same request.
var _ = Cases.Describe("Answer to a push", func() {
	Case("push-taken", "of 204 or 200 completes it, whatever it says", Judges("CIBA-10.3-PUSH-200-OK").About(watch), func(t *T) {
		list := make([]pushed, len(taken))
		for i, how := range taken {
			flow := t.MustStart(t.Request())
			AnswerWith(t, flow, how.answer)
			list[i] = carriedThrough(t, flow)
		}
		for i, how := range taken {
			judgeTaken(t, how.what, list[i])
		}
	})
	Case("push-retries", "of an error is followed by the same tokens, or by nothing",
		Judges("CIBA-10.3-PUSH-4XX-5XX", "CIBA-10.3-PUSH-MEMBERS").About(watch), func(t *T) {
			list := make([]pushed, len(refused))
			for i, answer := range refused {
				flow := t.MustStart(t.Request())
				AnswerWith(t, flow, answer, answer, CallAnswer{})
				ApproveUncalled(t, flow)
				list[i] = outcomeOf(t, flow)
			}
			for i, answer := range refused {
				judgeRetries(t, fmt.Sprintf("after %d", answer.Code()), list[i])
			}
		})
	Case("push-retries-bounded", "of 500 is repeated a bounded number of times, or never",
		Judges("CIBA-10.3-PUSH-4XX-5XX").About(watch), func(t *T) {
			flow := t.MustStart(t.Request())
			AnswerWith(t, flow, CallAnswer{Status: 500})
			ApproveUncalled(t, flow)
			outcomeOf(t, flow).mustCall(t)
			calls := NotifiedTimes(t, flow, mostCalls+1, watch)
			if len(calls) > mostCalls {
				t.At(calls[len(calls)-1].Payload)
				t.Warn(fmt.Sprintf("%d calls within %s at most", mostCalls, watch), "%d, the last after %s", len(calls), spent(calls))
			}
		})
})

// taken are answers with which a push has reached its client.
var taken = []struct {
	what   string
	answer CallAnswer
}{
	{"204", CallAnswer{}},
	{"HTML", CallAnswer{Status: 200, ContentType: "text/html", Body: "<!doctype html><title>Thank you</title>"}},
	{"a JSON error", CallAnswer{Status: 200, ContentType: "application/json", Body: `{"error":"invalid_request"}`}},
	{"nothing", CallAnswer{Status: 200}},
}

// refused are answers with which it has not.
var refused = []CallAnswer{{Status: 400}, {Status: 401}, {Status: 403}, {Status: 404}, {Status: 500}, {Status: 503}}

// judgeTaken judges that no second call comes after one that was taken, and that its access
// token is still good.
func judgeTaken(t *T, what string, p pushed) {
	tokens, call := p.mustTokens(t)
	calls := NotifiedTimes(t, p.flow, 2, time.Until(call.At.Add(watch)))
	if len(calls) > 1 {
		t.At(calls[1].Payload)
		t.Check(false, "one call where the answer is "+what, "another one %s after the first", spent(calls))
	}
	if IntrospectedActive(t, tokens.AccessToken) == false {
		t.Check(false, "an access token that is good where the answer is "+what, "introspection says that it is not active")
	}
}

// judgeRetries judges the calls after one that was not taken: a client that has put the first
// one away must not be given another request's tokens, nor be told that it has none.
func judgeRetries(t *T, what string, p pushed) {
	first, _ := p.mustTokens(t)
	calls := NotifiedTimes(t, p.flow, 3, time.Until(p.call.At.Add(watch)))
	members := Clause(t, "CIBA-10.3-PUSH-MEMBERS")
	for _, call := range calls[1:] {
		t.At(call.Payload)
		if id := textIn(call, "auth_req_id"); id != p.flow.AuthReqID {
			t.Record(members, result.Fail, what+": the auth_req_id of the first try", "another one, or none")
		}
		again, err := call.Payload.Tokens()
		switch {
		case err != nil:
			t.Info(what+": the tokens of the first try", "%s", call.Payload.Summary())
		case again.AccessToken != first.AccessToken:
			t.Info(what+": the tokens of the first try", "another access token")
			judgeFreshRetry(t, what, again, call, p)
		}
	}
}

// judgeFreshRetry judges new tokens at a later try, which are still those of the request.
func judgeFreshRetry(t *T, what string, again ciba.TokenResponse, call Notification, p pushed) {
	t.At(call.Payload)
	if claim := IDTokenIn(t, again).Claims[aridClaim]; claim != p.flow.AuthReqID {
		t.Record(Clause(t, "CIBA-10.3-PUSH-ARID-CLAIM"), result.Fail, what+": an ID Token for the auth_req_id", "one for another")
	}
}

// textIn is a member of a call that is a text, empty where it is none.
func textIn(call Notification, name string) string {
	object, err := call.Payload.Object()
	if err != nil {
		return ""
	}
	text, _ := object[name].(string)
	return text
}

// spent is the time between the first and the last of some calls.
func spent(calls []Notification) time.Duration {
	return calls[len(calls)-1].At.Sub(calls[0].At).Round(time.Millisecond)
}

// CIBA Core 11: a client that is pushed to gets nothing from the token endpoint, however its
// request ended.
var _ = Cases.Describe("Token endpoint", func() {
	Case("push-client-refused-ended", "refuses a client that is pushed to after a denial and after a push that was lost",
		Judges("CIBA-11-PUSH-CLIENT-REFUSED").Needs(catalogue.NeedApprove, catalogue.NeedDeny), func(t *T) {
			lost := t.MustStart(t.Request())
			AnswerWith(t, lost, CallAnswer{Cut: true})
			ApproveUncalled(t, lost)
			outcomeOf(t, lost).mustCall(t)
			t.Wait(2 * time.Second) // until the OP has made something of it
			judgeRefusedAtTheEnd(t, "after a push that was lost", lost)
			judgeRefusedAtTheEnd(t, "after a denial", denied(t).flow)
		})
})

// judgeRefusedAtTheEnd polls a request that is over. CIBA Core 11 sets no order: an OP that
// looks at the request before it looks at the client says how that ended, which is no more
// than it has pushed.
func judgeRefusedAtTheEnd(t *T, what string, flow *Flow) {
	resp := t.Send(t.PollRequest(flow).Now())
	if resp.Is(ciba.AccessDenied, ciba.ExpiredToken, ciba.InvalidGrant) && !resp.HasTokens() {
		t.At(resp)
		t.Info(what+": unauthorized_client", "%s", resp.Summary())
		return
	}
	t.JudgeVariant(what, resp)
}

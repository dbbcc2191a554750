package ping

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/internal/driver"
	. "github.com/cibatest/cibatest/suites/harness"
	"github.com/onsi/gomega"
)

// CIBA Core 10.2: the OP tells the client that the authentication is over, be it with
// success or without. A client that hears nothing waits until the request has expired.
var _ = Cases.Describe("Ping", func() {
	Case("ping-on-success", "comes after the approval", Judges("CIBA-10.2-PING-ON-SUCCESS").Smoke(), func(t *T) {
		p := approved(t)
		t.Check(p.came || len(p.misled) > 0, "a call to the notification endpoint within "+CallbackWindow.String(), "no call came")
	})
	Case("ping-on-denial", "comes after the denial", Judges("CIBA-10.2-PING-ON-DENIAL").Smoke(), func(t *T) {
		flow := t.MustStart(t.Request())
		t.Deny(flow)
		call, came := Notified(t, flow)
		if misled := Misled(t, flow); !came && len(misled) > 0 {
			call, came = misled[0], true
		}
		if t.Check(came, "a call to the notification endpoint within "+CallbackWindow.String(), "no call came") {
			judgeBody(t, flow, call)
		}
		t.Judge(t.PollDecided(flow))
	})
	Case("ping-post-json", "is a POST of JSON", Judges("CIBA-10.2-PING-POST-JSON"), func(t *T) {
		call := approved(t).mustCall(t)
		t.At(call.Payload)
		t.Check(call.Method == "POST", "POST", "%s", ciba.Printable(call.Method))
		t.Expect(call.Payload).To(BeJSON())
	})
	Case("ping-body", "holds the auth_req_id and nothing else", Judges("CIBA-10.2-PING-BODY").Smoke(), func(t *T) {
		p := approved(t)
		judgeBody(t, p.flow, p.mustCall(t))
	})
	Case("ping-not-before-result", "does not come before the user has decided", Judges("CIBA-10.2-PING-NOT-BEFORE-RESULT"), func(t *T) {
		flow := t.MustStart(t.Request())
		end := min(3*flow.Spacing(), time.Until(flow.Expires())-ExpiryEarly)
		early := append(NotNotified(t, flow, end), Misled(t, flow)...)
		if len(early) > 0 {
			t.At(early[0].Payload)
		}
		t.Check(len(early) == 0, "no call while the user is undecided", "a call after %s", sinceStart(flow, early))
	})
	Case("ping-no-redirect", "follows no redirect", Judges("CIBA-10.2-PING-NO-REDIRECT").About(20*time.Second), func(t *T) {
		JudgeNoRedirect(t)
	})
	Case("ping-ready", "comes when the result can be fetched", Judges("CIBA-10.2-PING-READY"), func(t *T) {
		p := approved(t)
		p.mustCall(t)
		if p.redeemed == nil {
			t.Abort("the call came without the token of the request, so nothing was fetched upon it")
		}
		judgeReady(t, p)
	})
})

// CIBA Core 10.2: the call carries the client_notification_token of the request as bearer
// token. It is all that tells the client who calls, and about what.
var _ = Cases.Describe("Bearer token of a ping", func() {
	Case("ping-bearer", "is the client_notification_token of the request", Judges("CIBA-10.2-PING-BEARER").Smoke(), func(t *T) {
		p := approved(t)
		call := p.mustCall(t)
		t.At(call.Payload)
		if t.Check(p.came, "Authorization: Bearer with the token of the request", "%s", credential(call)) {
			scheme, _ := call.Bearer()
			if scheme != "Bearer" { // names of schemes have no case; RFC 9110 11.1
				t.Warn("the scheme Bearer", "%s", ciba.Printable(scheme))
			}
		}
	})
	Case("ping-token-per-request", "is each request's own", Judges("CIBA-10.2-PING-TOKEN-PER-REQUEST").About(20*time.Second), func(t *T) {
		flows := []*Flow{t.MustStart(t.Request()), t.MustStart(t.Request()), t.MustStart(t.Request())}
		for _, i := range []int{1, 2, 0} {
			t.Approve(flows[i])
		}
		for i, flow := range flows {
			call, came := Notified(t, flow)
			if !came {
				judgeMisled(t, i, Misled(t, flow))
				continue
			}
			t.At(call.Payload)
			t.Check(authReqID(call) == flow.AuthReqID, fmt.Sprintf("the auth_req_id of request %d with its token", i+1), "another auth_req_id")
		}
	})
})

// CIBA Core 10.2 leaves open what an OP makes of a client that does not take its call. The
// client may poll all the same, so that the result is not lost by it.
var _ = Cases.Describe("Result of a ping that is not taken", func() {
	Case("ping-4xx-5xx", "is fetched after a refusal or an error", Judges("CIBA-10.2-PING-4XX-5XX").About(30*time.Second), func(t *T) {
		for _, status := range []int{401, 403, 500, 503} {
			flow := t.MustStart(t.Request())
			AnswerWith(t, flow, CallAnswer{Status: status})
			ApproveUncalled(t, flow)
			MustBeNotified(t, flow)
			t.Wait(2 * time.Second) // until the OP has made something of the answer
			t.JudgeVariant(fmt.Sprintf("after %d", status), t.PollDecided(flow))
		}
	})
	Case("ping-slow-receiver", "is fetched while the client has not answered",
		Judges("CIBA-10.2-PING-SLOW-RECEIVER").About(15*time.Second), func(t *T) {
			flow := t.MustStart(t.Request())
			AnswerWith(t, flow, CallAnswer{After: slowReceiver})
			var resp *ciba.Response
			var inTime bool
			t.Together(2, func(part int) {
				if part == 0 {
					ApproveUncalled(t, flow)
				} else {
					resp, inTime = fetchDuringCall(t, flow)
				}
			})
			if !inTime {
				SkipIfHeldUp(t, "no poll was answered in time")
			}
			t.Check(inTime, "tokens while the call is not answered", "%s before the call was answered", "none came")
			t.Judge(resp)
		})
})

// fetchDuringCall polls until there is a result or the call about it was answered.
func fetchDuringCall(t *T, flow *Flow) (resp *ciba.Response, inTime bool) {
	call := MustBeNotified(t, flow)
	resp = t.Poll(flow)
	for driver.Undecided(resp) && time.Since(call.At) < slowReceiver {
		resp = t.Poll(flow)
	}
	return resp, time.Since(call.At) < slowReceiver
}

// slowReceiver is how long a call is left without an answer.
const slowReceiver = 30 * time.Second

// CIBA Core 10.1: a ping client need not wait for the call, and polls as any other.
var _ = Cases.Describe("Poll of a ping client", func() {
	Case("ping-may-poll", "is answered as that of a poll client", Judges("CIBA-10.1-PING-MAY-POLL").About(15*time.Second), func(t *T) {
		flow := t.MustStart(t.Request())
		t.Expect(PollPending(t, flow)).To(BePending(), "pending before the decision")
		t.Approve(flow)
		t.Expect(t.PollDecided(flow)).To(gomega.And(HaveStatus(200), HaveTokens()), "tokens after it")
	})
})

// sinceStart tells how long after its acknowledgement a flow was called about.
func sinceStart(flow *Flow, calls []Notification) time.Duration {
	if len(calls) == 0 {
		return 0
	}
	return calls[0].At.Sub(flow.Received).Round(time.Millisecond)
}

// judgeMisled judges the calls about a request that came with another token. That none
// came at all is no matter of tokens.
func judgeMisled(t *T, i int, calls []Notification) {
	if len(calls) == 0 {
		t.Abort("the OP did not call the notification endpoint within %s", CallbackWindow)
	}
	t.At(calls[0].Payload)
	t.Check(false, fmt.Sprintf("the token of request %d with its auth_req_id", i+1), "%s", credential(calls[0]))
}

// credential says in words what a call without the right token has in its place.
func credential(call Notification) string {
	scheme, token := call.Bearer()
	value := call.Header.Get("Authorization")
	switch {
	case token != "":
		return scheme + " with another token"
	case value == "":
		return "no Authorization header"
	}
	scheme, _, found := strings.Cut(value, " ")
	if !found {
		return "Authorization without a scheme"
	}
	return "Authorization of the scheme " + ciba.Printable(scheme)
}

// authReqID is the auth_req_id that a call names, empty for none.
func authReqID(call Notification) string {
	object, err := call.Payload.Object()
	if err != nil {
		return ""
	}
	id, _ := object["auth_req_id"].(string)
	return id
}

// judgeBody judges what a call says. A member more is harmless, as clients ignore what they
// do not know, unless it gives away what has to be fetched: anybody may have registered
// the endpoint, and what is sent there is in its logs.
func judgeBody(t *T, flow *Flow, call Notification) {
	t.At(call.Payload)
	object, err := call.Payload.Object()
	if !t.Check(err == nil, "a JSON object with auth_req_id", "%v", err) {
		return
	}
	t.Check(authReqID(call) == flow.AuthReqID, "the auth_req_id of the acknowledgement", "%s", otherID(object))
	for _, name := range slices.Sorted(maps.Keys(object)) {
		switch {
		case name == "auth_req_id":
		case tells(t, object[name], name):
			t.Check(false, "auth_req_id alone", "a member %s, which tells of tokens or of the user", ciba.Printable(name))
		default:
			t.Warn("auth_req_id alone", "a member %s, too", ciba.Printable(name))
		}
	}
}

func otherID(object map[string]any) string {
	if value, there := object["auth_req_id"]; there {
		if _, isText := value.(string); isText {
			return "another one"
		}
		return fmt.Sprintf("auth_req_id is %T", value)
	}
	return "no auth_req_id"
}

// tells reports whether a member is a token or says who the user is.
func tells(t *T, value any, name string) bool {
	lower := strings.ToLower(name)
	if strings.Contains(lower, "token") || strings.HasPrefix(fmt.Sprint(value), "eyJ") {
		return true
	}
	user := t.User()
	return slices.Contains([]string{"sub", "login_hint", "email", "phone_number", "name"}, lower) ||
		value != "" && (value == user.Sub || value == user.LoginHint)
}

// judgeReady judges the poll right after the call. An OP that still says pending has called
// too early, which a second poll makes up for.
func judgeReady(t *T, p pinged) {
	if t.MustAnswer(p.redeemed).Is(ciba.AuthorizationPending) {
		if again := t.Poll(p.flow); !driver.Undecided(again) {
			t.At(p.redeemed)
			t.Warn("tokens right after the call", "%s, and %s an interval later", p.redeemed.Summary(), again.Summary())
			return
		}
	}
	t.Judge(p.redeemed)
}

package push

import (
	"fmt"
	"regexp"

	"github.com/cibatest/cibatest/internal/catalogue"
	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/reports/result"
	. "github.com/cibatest/cibatest/suites/harness"
)

// CIBA Core 12: a client that is pushed to learns of a denial by a push, too, as it has
// nowhere to ask.
var _ = Cases.Describe("Push after a denial", func() {
	Case("push-denied", "says access_denied", Judges("CIBA-12-PUSH-DENIED").Smoke(), func(t *T) {
		p := denied(t)
		if !t.Check(p.came || len(p.misled) > 0, "a call to the notification endpoint within "+CallbackWindow.String(), "no call came") {
			return
		}
		call := p.mustCall(t)
		t.Expect(call.Payload).To(BeOAuthError(ciba.AccessDenied))
		t.Expect(call.Payload).NotTo(HaveTokens(), "no tokens")
		t.Expect(call.Payload).To(HaveMember("auth_req_id", isText))
	})
	Case("push-error-format", "has error, auth_req_id and perhaps error_description", Judges("CIBA-12-PUSH-ERROR-FORMAT"), judgeErrorFormat)
	Case("push-error-codes", "has a code that the text knows", Judges("CIBA-12-PUSH-ERROR-CODES"), func(t *T) {
		t.Expect(denied(t).mustCall(t).Payload).To(BeOAuthError(ciba.AccessDenied, ciba.ExpiredToken, "transaction_failed"))
	})
})

// denied is the shared denied request of the case's client.
func denied(t *T) pushed {
	return Observe(t, "push denied", func(t *T) pushed {
		p := pushed{flow: t.MustStart(t.Request())}
		t.Deny(p.flow)
		p.call, p.came = Notified(t, p.flow)
		p.misled = Misled(t, p.flow)
		return p
	})
}

// descriptionSyntax are the characters of error_description; CIBA Core 12.
var descriptionSyntax = regexp.MustCompile(`^[\x20-\x21\x23-\x5B\x5D-\x7E]*$`)

func judgeErrorFormat(t *T) {
	p := denied(t)
	call := p.mustCall(t)
	t.At(call.Payload)
	t.Check(p.came, "Authorization: Bearer with the token of the request", "another credential, or none")
	judgeErrorCall(t, t.Requirement(), p.flow, call)
}

// judgeErrorCall judges the form of a call with an error by a clause.
func judgeErrorCall(t *T, clause catalogue.Requirement, flow *Flow, call Notification) {
	check := func(ok bool, expected, actual string) {
		if !ok {
			t.Record(clause, result.Outcome(clause.Verdict), expected, actual)
		}
	}
	t.At(call.Payload)
	object, err := call.Payload.Object()
	if media := call.Payload.MediaType(); media != "application/json" {
		check(false, "application/json", ciba.Printable(media))
	}
	if err != nil {
		check(false, "a JSON object", err.Error())
		return
	}
	check(isText(object["error"]), "error, a text", "none")
	check(object["auth_req_id"] == flow.AuthReqID, "the auth_req_id of the acknowledgement", "another one, or none")
	if description, there := object["error_description"]; there {
		text, ok := description.(string)
		isPlain := ok && descriptionSyntax.MatchString(text)
		check(isPlain, "error_description of printable ASCII without quote and backslash", fmt.Sprintf("%.60q", description))
	}
	for name := range object {
		if name != "error" && name != "auth_req_id" && name != "error_description" {
			t.Record(clause, result.Warn, "error, auth_req_id and error_description alone", "a member "+ciba.Printable(name)+", too")
		}
	}
}

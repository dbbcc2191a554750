package core

import (
	"strings"

	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/internal/targetfile"
	. "github.com/cibatest/cibatest/suites/harness"
)

// notificationToken is the parameter with the token that the OP has to call with.
const notificationToken = "client_notification_token"

// CIBA Core 7.1: a client that the OP calls gives it a bearer token for that. The OP sends
// it in a header, so that what is no bearer token would be the way into another header,
// and a call without one could be anybody's.
var _ = Cases.Describe("client_notification_token", func() {
	for _, mode := range []string{targetfile.DeliveryPing, targetfile.DeliveryPush} {
		client := "of a " + mode + " client "
		Case(mode+"-token-missing", client+"has to be sent", Judges("CIBA-7.1-CNT-MISSING").As(mode).Smoke(), func(t *T) {
			t.Judge(t.Start(t.Request().Without(notificationToken)))
		})
		Case(mode+"-token-too-long", client+"has 1024 characters at most", Judges("CIBA-7.1-CNT-TOO-LONG").As(mode), func(t *T) {
			t.Judge(t.Start(withToken(t, padded(t, 1025))))
		})
		Case(mode+"-token-syntax", client+"is a bearer token", Judges("CIBA-7.1-CNT-SYNTAX").As(mode), judgeTokenSyntax)
		Case(mode+"-token-short", client+"may be weak", Judges("CIBA-7.1-CNT-SHORT").As(mode), func(t *T) {
			t.Judge(t.Start(withToken(t, "a")))
		})
		Case(mode+"-token-longest", client+"comes back whole with 1024 characters", Judges("CIBA-7.1-CNT-MAX-OK").As(mode), func(t *T) {
			judgeComesBack(t, "a token of 1024 characters", padded(t, 1024))
		})
		Case(mode+"-token-alphabet", client+"comes back with every legal character", Judges("CIBA-7.1-CNT-FULL-ALPHABET").As(mode), func(t *T) {
			judgeComesBack(t, "a token with - . _ ~ + / and =", t.Request().Get(notificationToken)+"-._~+/==")
		})
	}
})

func withToken(t *T, token string) ciba.Params { return t.Request().With(notificationToken, token) }

// padded is a token that nobody can guess, of some characters.
func padded(t *T, length int) string {
	token := t.Request().Get(notificationToken)
	return token + strings.Repeat("x", length-len(token))
}

// judgeTokenSyntax sends tokens that no header may have as a credential. A line break that
// is accepted is a failure, since headers can be added by it; for the others acceptance is
// a warning.
func judgeTokenSyntax(t *T) {
	token := t.Request().Get(notificationToken)
	for _, v := range []struct{ what, value string }{
		{"a space", token + " x"}, {"a comma", token + ",x"}, {"a letter beyond ASCII", token + "ä"}, {"a line break", token + "\r\nX-Added: 1"},
	} {
		resp := t.MustAnswer(t.Start(withToken(t, v.value)))
		if _, err := resp.Started(); err == nil && v.what != "a line break" {
			t.At(resp)
			t.Warn("with "+v.what+": a refusal", "%s", resp.Summary())
			continue
		}
		t.JudgeVariant("with "+v.what, resp)
	}
}

// judgeComesBack carries a request with a legal token to the OP's call.
func judgeComesBack(t *T, what, token string) {
	resp := t.Start(withToken(t, token))
	t.JudgeAck(what, resp)
	if t.Failed() {
		return
	}
	flow := t.FlowOf(t.Client(), t.User(), resp)
	t.Approve(flow)
	if _, came := Notified(t, flow); came { // by this token the call was known
		return
	}
	misled := Misled(t, flow)
	if len(misled) == 0 {
		t.Abort("the OP did not call the notification endpoint of client %s within %s", flow.Client.Name, CallbackWindow)
	}
	t.At(misled[0].Payload)
	t.Check(false, what+" in the call", "another one, or none")
}

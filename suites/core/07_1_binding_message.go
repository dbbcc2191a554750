package core

import (
	"net/http"
	"strings"

	"github.com/cibatest/cibatest/internal/catalogue"
	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/internal/driver"
	. "github.com/cibatest/cibatest/suites/harness"
)

// CIBA Core 7.1: binding_message interlocks the two devices. The user compares the
// message on the authentication device with that on the consumption device, and so
// notices a request that somebody else started. A message that arrives altered breaks the
// comparison, so the OP shows it as it was sent or refuses it with
// invalid_binding_message. Which characters and lengths it takes is its own choice (N-18).
var _ = Cases.Describe("Binding message", func() {
	Case("binding-short", "may be a short code", Judges("CIBA-7.1-BM-SHORT-OK").AlsoAs(Ping, Push).Smoke(), func(t *T) {
		t.JudgeAck("binding_message=W4SCT", t.Start(t.Request().With("binding_message", "W4SCT")))
	})
	Case("binding-shown", "is shown unchanged", Judges("CIBA-7.1-BM-SHOWN").AlsoAs(Ping, Push).AloneForUser(), func(t *T) {
		for _, message := range []string{t.Random().Text()[:8], "0012"} { // the second is no number, but a text
			resp := t.Start(t.Request().With("binding_message", message))
			if message == "0012" && resp.Status/100 == 4 {
				continue // an OP may want letters
			}
			prompt, shown := PromptOf(t, t.FlowOf(t.Client(), t.User(), resp))
			if !shown {
				t.Abort("the device was shown nothing within %s", driver.DecisionGrace)
			}
			t.At(resp)
			t.Check(prompt.BindingMessage == message, "the device shows "+message, "it shows %.100q", prompt.BindingMessage)
		}
	})
	// A user who is shown the message of another request approves that one instead.
	Case("binding-shown-each", "is shown with its own request, also of many at the same time",
		Judges("CIBA-7.1-BM-SHOWN").AlsoAs(Ping, Push).Needs(catalogue.NeedParallel).AloneForUser(), judgeMessagesTogether)
	Case("binding-unsuitable", "is refused when it cannot be shown",
		Judges("CIBA-13-BM-UNSUITABLE").AlsoAs(Ping, Push).AloneForUser(), func(t *T) {
			for _, message := range []string{
				strings.Repeat("認証🔐取引💶", 84), // many bytes in each character
				strings.Repeat("AB12CD34", 6),
				strings.Repeat("AB12CD34", 40),
			} {
				judgeMessageShown(t, t.Requirement(), message)
			}
		})
	// Two parts of an OP that both decode the form turn a plus sign into a space.
	Case("binding-decoded", "is decoded once, and shown whole", Judges("CIBA-13-BM-UNSUITABLE").AlsoAs(Ping, Push).AloneForUser(), func(t *T) {
		for _, message := range []string{"AB+CD-12", "AB+CD-12345678901234", "AB %41+CD"} { // %41 would be an A
			judgeMessageShown(t, t.Requirement(), message)
		}
	})
	// FAPI-CIBA 5.2.2 has an OP ask for the message. The target file says where one does.
	Case("binding-optional", "is optional", Judges("CIBA-7.1-BM-OPTIONAL").AlsoAs(Ping, Push), func(t *T) {
		resp := t.Start(t.Request().Without("binding_message"))
		asksFor := t.Target().BindingMessageRequired && resp.Status == http.StatusBadRequest
		if asksFor && resp.Is(ciba.InvalidBindingMessage, ciba.InvalidRequest) {
			return
		}
		t.JudgeAck("no binding_message", resp)
	})
	Case("binding-utf8", "is read as UTF-8", Judges("CIBA-7.1-BM-UTF8").AlsoAs(Ping, Push).AloneForUser(), func(t *T) {
		r := Tolerating(t.Requirement(), ciba.InvalidRequest) // only a garbled display fails
		for _, message := range []string{"ÉTÉ-42", "取引🔐42"} { // the second has a character of four bytes
			judgeMessageShown(t, r, message)
		}
	})
	// What a client sends is shown in an app, a message or a terminal that trusts the OP.
	Case("binding-injection", "is neutralised", Judges("CIBA-7.1-BM-INJECTION").AloneForUser().AfterAll(), func(t *T) {
		for _, message := range Injections {
			resp := t.Start(t.Request().With("binding_message", message))
			t.JudgeVariant(strings.Trim(OneLine(message), `"`), resp)
			if resp.Status != 200 {
				continue
			}
			flow := t.FlowOf(t.Client(), t.User(), resp)
			prompt, shown := PromptOf(t, flow)
			t.Check(!shown || !strings.ContainsAny(prompt.BindingMessage, ControlCharacters),
				"control characters do not reach the device", "the device shows %.60q", prompt.BindingMessage)
		}
	})
})

// judgeMessagesTogether starts several requests of one user at the same moment. A device
// that names no request cannot tell whose message it shows.
func judgeMessagesTogether(t *T) {
	if t.Approver().Nameless() {
		t.Skip("the device does not say which request a prompt is about")
	}
	const requests = 4
	messages, answers := make([]string, requests), make([]*ciba.Response, requests)
	t.Together(requests, func(i int) {
		messages[i] = t.Random().Text()[:6]
		answers[i] = t.Start(t.Request().With("binding_message", messages[i]))
	})
	for i, resp := range answers {
		if _, err := resp.Started(); err != nil {
			continue // an OP may limit the open requests of a user
		}
		prompt := MustPrompt(t, t.FlowOf(t.Client(), t.User(), resp))
		t.At(resp)
		t.Check(prompt.BindingMessage == messages[i], "the device shows "+messages[i], "it shows %.100q", prompt.BindingMessage)
	}
}

// judgeMessageShown accepts a refusal, or a message that is shown as it was sent.
func judgeMessageShown(t *T, r catalogue.Requirement, message string) {
	resp := t.Start(t.Request().With("binding_message", message))
	t.JudgeBy(r, resp)
	if resp.Status/100 != 2 || !t.Has(catalogue.NeedDeviceObserver) {
		return
	}
	prompt, shown := PromptOf(t, t.FlowOf(t.Client(), t.User(), resp))
	if !shown {
		t.Info("the device shows the message as it was sent", "no prompt was seen within %s", driver.DecisionGrace)
		return
	}
	t.Check(prompt.BindingMessage == message, "the device shows the message as it was sent", "it shows %.100q", prompt.BindingMessage)
}

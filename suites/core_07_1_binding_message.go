package suites

import (
	"crypto/rand"
	"strings"
	"time"

	"github.com/cibatest/cibatest/internal/approve"
	. "github.com/onsi/ginkgo/v2"
)

// CIBA Core 7.1: binding_message interlocks the two devices.
var _ = Describe("Binding message", func() {
	Case("binding-short", "may be a short code", Requirements("CIBA-7.1-BM-SHORT-OK").Smoke(), func(t *T) {
		t.JudgeAck("binding_message=W4SCT", t.Start(t.Request().With("binding_message", "W4SCT")))
	})
	Case("binding-shown", "is shown unchanged", Requirements("CIBA-7.1-BM-SHOWN"), func(t *T) {
		message := rand.Text()[:6]
		flow := t.MustStart(t.Request().With("binding_message", message))
		prompt := t.MustPrompt(flow)
		t.Check(prompt.BindingMessage == message, "the device shows "+message, "it shows %.100q", prompt.BindingMessage)
	})
	Case("binding-unsuitable", "is refused when it cannot be shown", Requirements("CIBA-13-BM-UNSUITABLE"), func(t *T) {
		judgeShown(t, strings.Repeat("認証🔐取引💶", 84))
	})
	Case("binding-optional", "is optional", Requirements("CIBA-7.1-BM-OPTIONAL"), func(t *T) {
		t.JudgeAck("no binding_message", t.Start(t.Request().Without("binding_message")))
	})
	Case("binding-utf8", "is read as UTF-8", Requirements("CIBA-7.1-BM-UTF8"), func(t *T) {
		judgeShown(t, "ÉTÉ-42")
	})
	Case("binding-injection", "is neutralised", Requirements("CIBA-7.1-BM-INJECTION").AfterAll(), func(t *T) {
		for _, message := range injections {
			resp := t.Start(t.Request().With("binding_message", message))
			t.JudgeVariant(strings.Trim(oneLine(message), `"`), resp)
			if resp.Status != 200 {
				continue
			}
			flow := t.FlowOf(t.Client(), t.User(), resp)
			prompt, shown := promptOf(t, flow)
			t.Check(!shown || !strings.ContainsAny(prompt.BindingMessage, controls),
				"control characters do not reach the device", "the device shows %.60q", prompt.BindingMessage)
		}
	})
})

// injections are texts that could do harm where they are shown: markup, line
// breaks, reversed reading order, an early end. Controls are what of them must
// not reach a device.
var injections = []string{"<img src=x>", "A\r\nB", "AB\u202eCD", "A\x00B"}

const controls = "\r\n\x00\u202e"

// judgeShown accepts a refusal, or a message that is shown as it was sent.
func judgeShown(t *T, message string) {
	resp := t.Start(t.Request().With("binding_message", message))
	t.Judge(resp)
	if resp.Status != 200 || !t.Has("device_observer") {
		return
	}
	prompt, shown := promptOf(t, t.FlowOf(t.Client(), t.User(), resp))
	t.Check(shown && prompt.BindingMessage == message, "the device shows the message as it was sent", "it shows %.100q", prompt.BindingMessage)
}

func promptOf(t *T, f *Flow) (approve.Prompt, bool) {
	return t.WaitPrompt(func(p approve.Prompt) bool { return p.AuthReqID == f.AuthReqID }, 5*time.Second)
}

package harness

import (
	"github.com/cibatest/cibatest/internal/approve"
	"github.com/cibatest/cibatest/internal/driver"
)

// Injections are texts that could do harm where they are shown: markup, line breaks,
// reversed reading order, an early end, commands to a terminal.
var Injections = []string{"<img src=x>", "A\r\nB", "AB\u202eCD", "A\x00B", "A\x1b[2KB\u2067C"}

// Controls are the characters of [Injections] that must not reach a device.
const Controls = "\r\n\x00\u202e\x1b\u2067"

// PromptOf waits for the prompt of a flow, for as long as an OP has to show one, and reports
// whether it came. A prompt that does not say which flow it is about, such as one known by a
// message that was garbled, is known by its user: the case has to be the only one that asks
// that user meanwhile.
func PromptOf(t *T, f *Flow) (approve.Prompt, bool) {
	return WaitPrompt(t, func(p approve.Prompt) bool {
		unnamed := p.AuthReqID == "" && ForCaseUser(t, p) && !p.ReceivedAt.Before(f.Sent)
		return p.AuthReqID == f.AuthReqID || unnamed
	}, driver.DecisionGrace)
}

// ForCaseUser reports whether a prompt is for the user of this case, by login_hint or sub.
func ForCaseUser(t *T, p approve.Prompt) bool {
	u := t.User()
	return u.LoginHint != "" && p.LoginHint == u.LoginHint || u.Sub != "" && p.Sub == u.Sub
}

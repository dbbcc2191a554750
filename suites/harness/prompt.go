package harness

import (
	"github.com/cibatest/cibatest/internal/approve"
	"github.com/cibatest/cibatest/internal/driver"
)

// Injections are texts that could do harm where they are shown: markup, line
// breaks, reversed reading order, an early end, commands to a terminal. Controls
// are what of them must not reach a device.
var Injections = []string{"<img src=x>", "A\r\nB", "AB\u202eCD", "A\x00B", "A\x1b[2KB\u2067C"}

const Controls = "\r\n\x00\u202e\x1b\u2067"

// PromptOf waits for the prompt of a flow. One that does not say which flow it
// is about, such as one known by a message that was garbled, is told by its user:
// no other case asks that user meanwhile.
func PromptOf(t *T, f *Flow) (approve.Prompt, bool) {
	return WaitPrompt(t, func(p approve.Prompt) bool {
		unnamed := p.AuthReqID == "" && ForCaseUser(t, p) && !p.ReceivedAt.Before(f.Sent)
		return p.AuthReqID == f.AuthReqID || unnamed
	}, driver.DecisionGrace)
}

// ForCaseUser reports whether a prompt is for the user of this case.
func ForCaseUser(t *T, p approve.Prompt) bool {
	u := t.User()
	return u.LoginHint != "" && p.LoginHint == u.LoginHint || u.Sub != "" && p.Sub == u.Sub
}

package selftest

import (
	"testing"

	"github.com/cibatest/cibatest/internal/lab"
	"github.com/cibatest/cibatest/reports/result"
)

// Where an acknowledgement cannot be read, or has another status of success, that is a finding
// of the cases about acknowledgements. No acceptance is taken for an error without a code, and
// no prompt for that of a refused request.
func TestAcceptedInOtherWays(t *testing.T) {
	t.Parallel()
	cases := []string{
		"request-no-side-effect", "user-code-no-prompt", "user-code-missing", "user-code-wrong", "error-json", "error-json-everywhere", "error-status", "error-codes",
		"error-charset", "error-no-redirect", "hint-unknown-user", "hint-odd-characters", "request-scope-unknown", "request-acr-unknown",
		"request-scope-no-openid", "request-notification-token", "requested-expiry-influence", "requested-expiry-huge", "rar-unsupported", "binding-unsuitable",
		"binding-decoded", "rar-client-type", "user-code-opt-out", "request-unknown-parameter",
	}
	variants := []string{"token-scope-unknown-ignored", "hint-unknown-accepted", "binding-any-text"}
	healthy := judgeLab(t, lab.Options{Variants: variants}, selecting(cases...))
	for _, fault := range []string{"ack-201", "ack-202", "ack-no-id", "ack-id-null", "ack-id-number", "ack-201-and-empty"} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			run := judgeLab(t, lab.Options{Faults: []string{fault}, Variants: variants}, selecting(cases...))
			for i, c := range run.Cases {
				if (c.Outcome == result.Fail || c.Outcome == result.Warn) && c.Outcome != healthy.Cases[i].Outcome {
					t.Errorf("%s: %s: %s", c.ID, c.Outcome, c.Message)
				}
			}
		})
	}
}

// A prompt of a refused request is known by its message also where acknowledgements cannot be
// read.
func TestPromptOfRefusedRequest(t *testing.T) {
	t.Parallel()
	for fault, id := range map[string]string{"user-code-prompt": "user-code-no-prompt", "start-prompt-always": "request-no-side-effect"} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			run := judgeLab(t, lab.Options{Faults: []string{fault, "ack-201-and-empty"}}, selecting(id))
			if c := run.Cases[0]; c.Outcome != result.Fail {
				t.Errorf("%s: %s %s %s", c.ID, c.Outcome, c.Message, c.Reason)
			}
		})
	}
}

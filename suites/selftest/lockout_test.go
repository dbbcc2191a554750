package selftest

import (
	"strings"
	"testing"
	"time"

	"github.com/cibatest/cibatest/internal/lab"
)

// An OP that locks whoever sends wrong secrets is judged as if it did not, within bounds, and
// a note tells of the wait.
func TestLockedOutForWrongSecrets(t *testing.T) {
	t.Parallel()
	for variant, most := range map[string]time.Duration{"wrong-secrets-lock": 30 * time.Minute, "wrong-secrets-lock-address": time.Hour} {
		t.Run(variant, func(t *testing.T) {
			t.Parallel()
			healthy := judgeLab(t, lab.Options{})
			run := judgeLab(t, lab.Options{Variants: []string{variant}})
			for i, c := range run.Cases {
				heldUp := strings.Contains(c.Reason, "the OP's limits (429, 503, a lock, what it bears at once) held the case up for ")
				if want := healthy.Cases[i]; c.Outcome != want.Outcome && !heldUp && c.ID != "ack-id-no-leak" { // a random id may hold a short name
					t.Errorf("%s: %s %s %s, want %s as without a lock", c.ID, c.Outcome, c.Message, c.Reason, want.Outcome)
				}
			}
			if !strings.Contains(strings.Join(run.Notes, "\n"), "was locked out after wrong credentials of this run, as RFC 6749 2.3.1 has it") {
				t.Errorf("no note tells of the lock: %q", run.Notes)
			}
			if took := time.Duration(run.DurationMS) * time.Millisecond; took > most {
				t.Errorf("the run took %s", took)
			} else {
				t.Logf("%s", took)
			}
		})
	}
}

// A client that may not use CIBA is refused for good, and nobody waits for the end of a lock
// that is none.
func TestRefusedForGood(t *testing.T) {
	t.Parallel()
	run := judgeLab(t, lab.Options{Variants: []string{"start-client-invalid-client"}})
	for _, note := range run.Notes {
		if strings.Contains(note, "sent wrong credentials") {
			t.Errorf("a note tells of a lock: %s", note)
		}
	}
	if took := time.Duration(run.DurationMS) * time.Millisecond; took > 2*time.Minute {
		t.Errorf("the run took %s", took)
	}
}

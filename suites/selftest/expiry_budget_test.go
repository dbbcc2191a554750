package selftest

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cibatest/cibatest/internal/lab"
	"github.com/cibatest/cibatest/internal/targetfile"
	"github.com/cibatest/cibatest/reports/result"
)

// An OP whose requests live for longer than a run waits is told which budget to set. With
// that, all cases about the expiry are judged; without it, those that can look at the
// beginning do.
func TestLivesBeyondTheBudget(t *testing.T) {
	t.Parallel()
	o := lab.Options{Variants: []string{"expiry-always-300s"}}
	run := judgeLab(t, o, selecting("expiry"))
	if !slices.ContainsFunc(run.Notes, func(note string) bool { return strings.Contains(note, "budgets.expiry_max: 300s") }) {
		t.Errorf("no note tells the budget: %q", run.Notes)
	}
	for _, c := range run.Cases {
		seen := c.ID == "expiry-not-early" || c.ID == "expiry-late-approval"
		if seen && c.Outcome != result.Info {
			t.Errorf("%s: %s %s %s, want what was seen of it", c.ID, c.Outcome, c.Message, c.Reason)
		}
	}
	run = judgeLab(t, o, selecting("expiry"), describing(func(tgt *targetfile.Target) { tgt.Budgets.ExpiryMax = 300 * time.Second }))
	for _, c := range run.Cases {
		if c.Outcome == result.Skip || c.Outcome.WorseThan(result.Info) {
			t.Errorf("with the budget, %s: %s %s %s", c.ID, c.Outcome, c.Message, c.Reason)
		}
	}
}

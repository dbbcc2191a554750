package selftest

import (
	"strings"
	"testing"

	"github.com/cibatest/cibatest/internal/lab"
	"github.com/cibatest/cibatest/reports/result"
	"github.com/cibatest/cibatest/suites"
)

// promptsOf is a run with a budget, and how often users were asked in it.
func promptsOf(t *testing.T, budget int, o lab.Options) (run result.Run, prompts int) {
	t.Helper()
	watch := &suites.Watch{}
	run = judgeLab(t, o, func(o *suites.Options) { o.Select.Budget, o.Watch = budget, watch })
	return run, watch.Prompts()
}

// A budget is kept, spent on what tells most, and what was left out is said. More prompts
// never tell less.
func TestBudget(t *testing.T) {
	t.Parallel()
	if *onlyCase != "" {
		t.Skip("a budget chooses among all cases")
	}
	before := 0
	for _, budget := range []int{1, 3, 5, 20} {
		run, prompts := promptsOf(t, budget, lab.Options{})
		if prompts > budget {
			t.Errorf("with a budget of %d users were asked %d times", budget, prompts)
		}
		judged := 0
		for _, c := range run.Cases {
			if c.Outcome.Judged() {
				judged++
			}
			if c.Outcome == result.Fail || c.Outcome == result.Error {
				t.Errorf("budget %d: %s: %s: %s %s", budget, c.ID, c.Outcome, c.Message, c.Reason)
			}
		}
		if judged <= before {
			t.Errorf("a budget of %d has %d cases judged, and a smaller one %d", budget, judged, before)
		}
		before = judged
		if notes := strings.Join(run.Notes, "\n"); !strings.Contains(notes, "Left out were ") {
			t.Errorf("budget %d: the notes say %q", budget, notes)
		}
		t.Logf("a budget of %d: %d prompts, %d cases judged", budget, prompts, judged)
	}
	if before < 140 {
		t.Errorf("20 prompts have %d cases judged", before)
	}
}

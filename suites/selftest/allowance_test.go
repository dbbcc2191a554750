package selftest

import (
	"net/http"
	"testing"
	"time"

	"github.com/cibatest/cibatest/internal/lab"
	"github.com/cibatest/cibatest/internal/targetfile"
	"github.com/cibatest/cibatest/reports/result"
	"github.com/cibatest/cibatest/suites"
	"github.com/cibatest/cibatest/suites/harness"
)

// tooOften are the cases whose requests were too many for the OP.
func tooOften(run result.Run) (ids []string) {
	for _, c := range run.Cases {
		for _, e := range c.Exchanges {
			if e.Response != nil && e.Response.Status == http.StatusTooManyRequests {
				ids = append(ids, c.ID)
			}
		}
	}
	return ids
}

// A run that knows what an OP takes for one user within a minute keeps to it: not one request
// is refused, and nothing is judged otherwise than at an OP that takes any number. A case that
// asks for much more than one minute allows may find that its first requests are over.
func TestLimitsOfUsers(t *testing.T) {
	t.Parallel()
	if *onlyCase != "" {
		t.Skip("few cases meet no limit")
	}
	const perMinute = 5
	life := lab.Options{ExpiresIn: 5 * time.Minute}
	healthy := judgeLab(t, life)
	life.Variants = []string{"limit-starts-of-user"}
	run := judgeLab(t, life, func(o *suites.Options) {
		o.Target.Budgets.PerUserMinute = targetfile.PerUserMinute{Notifications: perMinute, UserInfo: perMinute}
	})
	if ids := tooOften(run); len(ids) > 0 {
		t.Errorf("requests were too many in %q", ids)
	}
	for i, c := range run.Cases {
		large := harness.UsualCosts().Of(c.ID).Prompts > perMinute && c.Outcome == result.Skip
		if want := healthy.Cases[i]; c.Outcome != want.Outcome && !large {
			t.Errorf("%s: %s, %s where there is no limit: %s %s", c.ID, c.Outcome, want.Outcome, c.Message, c.Reason)
		}
	}
	t.Logf("the run took %d s, and %d s without limits", run.Timing.WallMS/1000, healthy.Timing.WallMS/1000)
	if took := time.Duration(run.Timing.WallMS) * time.Millisecond; took < 10*time.Minute || took > 90*time.Minute {
		t.Errorf("the run took %s", took)
	}
}

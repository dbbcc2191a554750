package selftest

import (
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cibatest/cibatest/internal/lab"
	"github.com/cibatest/cibatest/internal/targetfile"
	"github.com/cibatest/cibatest/reports/result"
	"github.com/cibatest/cibatest/suites"
	"github.com/cibatest/cibatest/suites/harness"
)

// tooOften counts how often an OP said that it was asked too often.
type tooOften struct {
	http.RoundTripper
	refused atomic.Int64
}

func (c *tooOften) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := c.RoundTripper.RoundTrip(r)
	if err == nil && resp.StatusCode == http.StatusTooManyRequests {
		c.refused.Add(1)
	}
	return resp, err
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
	healthy, count := judgeLab(t, life), &tooOften{}
	life.Variants = []string{"limit-starts-of-user"}
	run := judgeLab(t, life, func(o *suites.Options) {
		o.Target.Budgets.PerUserMinute = targetfile.PerUserMinute{Notifications: perMinute, UserInfo: perMinute}
		count.RoundTripper, o.RoundTripper = o.RoundTripper, count
	})
	if n := count.refused.Load(); n > 0 {
		t.Errorf("%d requests were too many", n)
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

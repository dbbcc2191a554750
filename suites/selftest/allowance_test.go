package selftest

import (
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/cibatest/cibatest/internal/lab"
	"github.com/cibatest/cibatest/internal/targetfile"
	"github.com/cibatest/cibatest/reports/result"
	"github.com/cibatest/cibatest/suites"
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
// is refused, and nothing is judged otherwise than at an OP that takes any number.
func TestLimitsOfUsers(t *testing.T) {
	t.Parallel()
	healthy := judgeLab(t, lab.Options{})
	count := &tooOften{}
	run := judgeLab(t, lab.Options{Variants: []string{"limit-starts-of-user"}}, func(o *suites.Options) {
		o.Target.Budgets.PerUserMinute = targetfile.PerUserMinute{Notifications: 5, UserInfo: 5}
		count.RoundTripper, o.RoundTripper = o.RoundTripper, count
	})
	if n := count.refused.Load(); n > 0 {
		t.Errorf("%d requests were too many", n)
	}
	for i, c := range run.Cases {
		if want := healthy.Cases[i]; c.Outcome != want.Outcome {
			t.Errorf("%s: %s, %s where there is no limit: %s %s", c.ID, c.Outcome, want.Outcome, c.Message, c.Reason)
		}
	}
	if run.Verdict != result.Conformant {
		t.Errorf("the run is %s", run.Verdict)
	}
	t.Logf("the run took %d s, and %d s without limits", run.Timing.WallMS/1000, healthy.Timing.WallMS/1000)
}

package selftest

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/cibatest/cibatest/internal/approve"
	"github.com/cibatest/cibatest/internal/lab"
	"github.com/cibatest/cibatest/internal/targetfile"
	"github.com/cibatest/cibatest/reports/result"
	"github.com/cibatest/cibatest/suites"
)

// losingAnswers carries all requests to a hook and loses each nth answer.
type losingAnswers struct {
	next http.RoundTripper
	nth  int64
	n    atomic.Int64
}

func (l *losingAnswers) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := l.next.RoundTrip(r)
	if err != nil || l.n.Add(1)%l.nth != 0 {
		return resp, err
	}
	_ = resp.Body.Close()
	return nil, context.DeadlineExceeded
}

// byControl lets decisions go to the control of the lab, through a transport.
func byControl(t *testing.T, through func(http.RoundTripper) http.RoundTripper) func(*suites.Options) {
	return func(o *suites.Options) {
		o.Target.Approval = targetfile.Approval{
			Kind: "url", URL: "http://127.0.0.1:9002/decision?auth_req_id={auth_req_id}&action={action}", Method: "POST",
			Actions: targetfile.Actions{Allow: "allow", Deny: "deny"},
		}
		var err error
		if o.Approver, err = approve.New(o.Target.Approval, approve.Options{RoundTripper: through(o.RoundTripper)}); err != nil {
			t.Fatal(err)
		}
	}
}

// A decision whose answer is lost may have been made: tokens that follow are nobody's
// fault, and no kind of decision is given up for one of them.
func TestDecisionOfWhichNobodyKnows(t *testing.T) {
	t.Parallel()
	for _, nth := range []int64{2, 3} {
		lossy := func(next http.RoundTripper) http.RoundTripper { return &losingAnswers{next: next, nth: nth} }
		run := judgeLab(t, lab.Options{}, selecting("CIBA-8-ISOLATION", "CIBA-10.1.1-TOKENS"), byControl(t, lossy))
		for _, c := range run.Cases {
			if c.Outcome == result.Fail || c.Outcome == result.Warn || strings.Contains(c.Reason, "before the first case") {
				t.Errorf("each answer no. %d lost: %s: %s %s %s", nth, c.ID, c.Outcome, c.Message, c.Reason)
			}
		}
	}
}

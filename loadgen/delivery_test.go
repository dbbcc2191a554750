package loadgen

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/cibatest/cibatest/reports/result"
)

// decidedAtOnce is an option for againstWith: decisions that the OP takes at once, and makes
// of them what its script says.
func decidedAtOnce(ctx context.Context, o *Options) context.Context {
	o.Decider = late{}
	return ctx
}

// after answers pending until a poll of a flow that comes so many polls later.
func after(polls int, then func(http.ResponseWriter)) func(int, http.ResponseWriter, *http.Request) {
	return func(n int, w http.ResponseWriter, _ *http.Request) {
		if n <= polls {
			reply(w, 400, pendingText)
			return
		}
		then(w)
	}
}

var (
	deniedText  = wait(`{"error":"access_denied"}`)
	expiredText = wait(`{"error":"expired_token"}`)
)

// What the OP has taken and does not let the client hear of is a failure of its own. It
// must not vanish among the flows that ended for want of time.
func TestDecisionsArrive(t *testing.T) {
	t.Parallel()
	arrived := map[string]int64{result.CountSettled: 3, result.CountDelivered: 3, result.CountAsWanted: 3}
	late := map[string]int64{result.CountSettled: 3, result.CountLate: 3}
	never := map[string]int64{result.CountSettled: 3}
	untold := after(24, expiredText) // polls come every 5 s
	for _, c := range []struct {
		name   string
		token  func(int, http.ResponseWriter, *http.Request)
		mix    Mix
		drain  time.Duration
		funnel result.Funnel
		counts map[string]int64
		wait   int64 // p50 of decision_to_token in seconds
	}{
		{"approved, told at the next poll", after(0, grant), Mix{Approve: 1}, 0, result.Funnel{Approved: 3}, arrived, 4},
		{"approved, told within the time to spread", after(3, grant), Mix{Approve: 1}, 0, result.Funnel{Approved: 3}, arrived, 19},
		{"approved, told after 40 s", after(8, grant), Mix{Approve: 1}, 0, result.Funnel{Approved: 3}, late, 44},
		{"approved, never told", untold, Mix{Approve: 1}, 0, result.Funnel{Undelivered: 3}, never, 124},
		{"approved, not told while the run lasts", untold, Mix{Approve: 1}, 30 * time.Second, result.Funnel{Undelivered: 3}, never, 30},
		{"denied, told at the next poll", after(0, deniedText), Mix{Deny: 1}, 0, result.Funnel{Denied: 3}, arrived, 0},
		{"denied, never told", untold, Mix{Deny: 1}, 0, result.Funnel{Undelivered: 3}, never, 0},
		{
			"the run ends before anything can be known", untold,
			Mix{Approve: 1},
			8 * time.Second,
			result.Funnel{Abandoned: 3},
			map[string]int64{result.CountCutShort: 3},
			0,
		},
		{
			"nobody decides", untold,
			Mix{Ignore: 1},
			3 * time.Minute,
			result.Funnel{Expired: 3},
			map[string]int64{result.CountAsWanted: 3},
			0,
		},
		{"nobody decides, and nobody waits for that", untold, Mix{Ignore: 1}, 0, result.Funnel{Abandoned: 3}, nil, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := &scripted{ack: `"interval":5,"expires_in":120`, token: c.token}
			againstWith(t, s, func(p *Plan) {
				p.Mix, p.Drain, p.Think.Median = c.mix, c.drain, time.Second
			}, decidedAtOnce, func(t *testing.T, l result.Load) {
				c.funnel.Offered, c.funnel.Started, c.funnel.Acknowledged = 3, 3, 3
				if l.Funnel != c.funnel {
					t.Errorf("funnel %+v, want %+v", l.Funnel, c.funnel)
				}
				for _, name := range []string{result.CountSettled, result.CountDelivered, result.CountLate, result.CountCutShort, result.CountAsWanted} {
					if l.Counters[name] != c.counts[name] {
						t.Errorf("%s is %d, want %d", name, l.Counters[name], c.counts[name])
					}
				}
				if got := latency(l, result.DecisionToToken).P50; (got+900_000)/1_000_000 != c.wait && got/1_000_000 != c.wait {
					t.Errorf("half of the users waited up to %d us, want %d s", got, c.wait)
				}
			})
		})
	}
}

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
	for _, c := range []struct {
		name   string
		token  func(int, http.ResponseWriter, *http.Request) // polls come every 5 s
		mix    Mix
		drain  time.Duration
		funnel result.Funnel
		counts map[string]int64
		wait   int64 // p50 of decision_to_token in seconds
	}{
		{
			name: "approved and told at the next poll", token: after(0, grant), mix: Mix{Approve: 1},
			funnel: result.Funnel{Approved: 3},
			counts: map[string]int64{result.CountSettled: 3, result.CountDelivered: 3, result.CountAsWanted: 3}, wait: 4,
		},
		{
			name: "approved and told within the time to spread", token: after(3, grant), mix: Mix{Approve: 1},
			funnel: result.Funnel{Approved: 3},
			counts: map[string]int64{result.CountSettled: 3, result.CountDelivered: 3, result.CountAsWanted: 3}, wait: 19,
		},
		{
			name: "approved and told after 40 s", token: after(8, grant), mix: Mix{Approve: 1},
			funnel: result.Funnel{Approved: 3},
			counts: map[string]int64{result.CountSettled: 3, result.CountLate: 3}, wait: 44,
		},
		{
			name: "approved and never told", token: after(24, expiredText), mix: Mix{Approve: 1},
			funnel: result.Funnel{Undelivered: 3},
			counts: map[string]int64{result.CountSettled: 3}, wait: 124,
		},
		{
			name: "approved and not told while the run lasted", token: after(24, expiredText), mix: Mix{Approve: 1}, drain: 30 * time.Second,
			funnel: result.Funnel{Undelivered: 3},
			counts: map[string]int64{result.CountSettled: 3}, wait: 30,
		},
		{
			name: "denied and never told", token: after(24, expiredText), mix: Mix{Deny: 1},
			funnel: result.Funnel{Undelivered: 3},
			counts: map[string]int64{result.CountSettled: 3},
		},
		{
			name: "denied and told", token: after(0, deniedText), mix: Mix{Deny: 1},
			funnel: result.Funnel{Denied: 3},
			counts: map[string]int64{result.CountSettled: 3, result.CountDelivered: 3, result.CountAsWanted: 3},
		},
		{
			name: "the run ended before anything could be known", token: after(24, expiredText), mix: Mix{Approve: 1}, drain: 8 * time.Second,
			funnel: result.Funnel{Abandoned: 3},
			counts: map[string]int64{result.CountCutShort: 3},
		},
		{
			name: "nobody decided", token: after(24, expiredText), mix: Mix{Ignore: 1}, drain: 3 * time.Minute,
			funnel: result.Funnel{Expired: 3},
			counts: map[string]int64{result.CountAsWanted: 3},
		},
		{
			name: "nobody decided, and nobody waits for that", token: after(24, expiredText), mix: Mix{Ignore: 1},
			funnel: result.Funnel{Abandoned: 3},
		},
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

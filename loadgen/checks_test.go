package loadgen

import (
	"net/http"
	"testing"
	"time"

	"github.com/cibatest/cibatest/internal/targetfile"
	"github.com/cibatest/cibatest/reports/result"
)

// series answers the polls of a flow one after the other; the last answer goes on.
func series(answers ...func(http.ResponseWriter)) func(int, http.ResponseWriter, *http.Request) {
	return func(n int, w http.ResponseWriter, _ *http.Request) { answers[min(n, len(answers))-1](w) }
}

// A request lives until its end, and who keeps the interval is not told to slow down.
// What may have another reason is nobody's violation.
func TestLiveRequestsAreKept(t *testing.T) {
	t.Parallel()
	pends, slows, forgets := wait(pendingText), wait(`{"error":"slow_down"}`), wait(`{"error":"invalid_grant"}`)
	for _, c := range []struct {
		name, ack string
		mix       Mix
		token     func(int, http.ResponseWriter, *http.Request)
		breach    string // empty: none
		count     int64
	}{
		{"forgotten", `"interval":5,"expires_in":120`, Mix{Approve: 1}, series(pends, forgets), "forgotten_id", 3},
		{"forgotten at the first poll", `"interval":5,"expires_in":120`, Mix{Ignore: 1}, series(forgets), "forgotten_id", 2}, // the other one may have been replaced
		{"expired early", `"interval":5,"expires_in":120`, Mix{Ignore: 1}, series(pends, expiredText), "early_expiry", 3},
		{"denied, and forgotten instead of told", `"interval":5,"expires_in":120`, Mix{Deny: 1}, series(pends, forgets), "unsaid_denial", 3},
		{"forgotten at the end", `"interval":5,"expires_in":12`, Mix{Ignore: 1}, series(pends, forgets), "", 0},
		{"no end was announced", `"interval":5`, Mix{Ignore: 1}, series(pends, forgets), "", 0},
		{"an answer was lost", `"interval":5,"expires_in":120`, Mix{Approve: 1}, series(pends, abort, forgets), "", 0},
		{"an answer was an error of the server", `"interval":5,"expires_in":120`, Mix{Approve: 1}, series(pends, later("", 500, ""), forgets), "", 0},
		{"a poll was put off", `"interval":5,"expires_in":120`, Mix{Approve: 1}, series(pends, later("9", 429, ""), forgets), "forgotten_id", 3},
		{"slowed down for no reason", `"interval":5,"expires_in":120`, Mix{Approve: 1}, series(pends, slows, grant), "unprovoked_slow_down", 1}, // the third of three
		{"slowed down at once", `"interval":5,"expires_in":120`, Mix{Approve: 1}, series(slows, grant), "", 0},
		{"slowed down at the end", `"interval":5,"expires_in":12`, Mix{Ignore: 1}, series(pends, slows, expiredText), "", 0},
		{"slowed down after a long poll", `"interval":5,"expires_in":120`, Mix{Approve: 1}, series(held(8*time.Second), slows, grant), "", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := &scripted{ack: c.ack, token: c.token}
			againstWith(t, s, func(p *Plan) { p.Mix, p.Think.Median = c.mix, time.Second }, decidedAtOnce, func(t *testing.T, l result.Load) {
				switch {
				case c.breach == "" && len(l.Violations) != 0:
					t.Errorf("accused of %+v", l.Violations)
				case c.breach != "" && (len(l.Violations) != 1 || l.Violations[0].Kind != c.breach || l.Violations[0].Count != c.count || l.Verdict != result.Missed):
					t.Errorf("verdict %s, violations %+v, want %d of %s", l.Verdict, l.Violations, c.count, c.breach)
				}
			})
		})
	}
}

// Why a flow failed is told as it was: a server error is no lost answer.
func TestReasonAfterAFault(t *testing.T) {
	t.Parallel()
	forgets := wait(`{"error":"invalid_grant"}`)
	for name, c := range map[string]struct {
		answer func(http.ResponseWriter)
		reason string
	}{
		"no answer": {abort, "invalid_grant after a poll without an answer or with a 5xx"},
		"500":       {later("", 500, ""), "invalid_grant after a poll without an answer or with a 5xx"},
		"429":       {later("9", 429, ""), "invalid_grant"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &scripted{ack: `"interval":5,"expires_in":120`, token: series(c.answer, forgets)}
			againstWith(t, s, func(p *Plan) { p.Mix = Mix{Approve: 1} }, decidedAtOnce, func(t *testing.T, l result.Load) {
				if got := l.FailedFor; len(got) != 1 || got[c.reason] == 0 {
					t.Errorf("flows failed for %v, want %q", got, c.reason)
				}
			})
		})
	}
}

// Of two polls at once, one may have used up the request and lost its answer.
func TestLostTwinIsNotForgotten(t *testing.T) {
	t.Parallel()
	s := &scripted{ack: `"interval":5,"expires_in":120`, token: func(n int, w http.ResponseWriter, _ *http.Request) {
		if n == 1 {
			abort(w)
		}
		time.Sleep(time.Second)
		reply(w, 400, `{"error":"invalid_grant"}`)
	}}
	againstWith(t, s, func(p *Plan) {
		p.Probes = 1
		p.Users = []targetfile.User{{LoginHint: "alice"}, {LoginHint: "bob"}, {LoginHint: "carol"}} // one request each
	}, decidedAtOnce, func(t *testing.T, l result.Load) {
		if n := l.Counters[result.CountTwins]; n == 0 || len(l.Violations) != 0 {
			t.Errorf("%d flows were polled twice at once; accused of %+v", n, l.Violations)
		}
	})
}

package core

import (
	"net/http"
	"time"

	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/internal/driver"
	"github.com/cibatest/cibatest/reports/result"
	. "github.com/cibatest/cibatest/suites/harness"
)

// CIBA Core 11: polls that come too fast, and how to go on after slow_down. An OP may answer
// them in several ways, or not notice (N-03); it must not give tokens away, break, or end
// the request of a client that slows down as it was told. How much longer the client has
// to wait is not agreed (N-04). What is sent here may throttle or end the transaction, so
// every case has its own and comes last for its client.
var _ = Cases.Describe("Fast poll", func() {
	// CIBA Core 11 lets an OP answer such polls as it likes within this set, and
	// also ignore the pace altogether.
	Case("fast-poll", "gets one of the permitted answers, and never tokens",
		Judges("CIBA-11-FAST-POLL", "CIBA-11-FAST-POLL-NO-TOKENS").
			AloneForClient().LastForClient().Limit(fastLimit).About(37*time.Second), func(t *T) {
			flow := t.MustStart(t.Request())
			for _, resp := range pollFast(t, flow, never) {
				judgeFast(t, resp)
			}
			t.Wait(flow.Pace()) // before others meet what this client brought upon itself
		})
	Case("fast-poll-invalid-request", "that was answered invalid_request may have ended the transaction",
		Judges("CIBA-11-INVALID-REQUEST-TERMINAL").
			AloneForClient().LastForClient().Limit(fastLimit).About(12*time.Second), func(t *T) {
			flow := t.MustStart(t.Request())
			polls := pollFast(t, flow, func(r *ciba.Response) bool { return r.Is(ciba.InvalidRequest) })
			if !polls[len(polls)-1].Is(ciba.InvalidRequest) {
				t.Skip("the OP does not answer fast polls with invalid_request, but %s", polls[len(polls)-1].Summary())
			}
			flow.Slower()
			t.Judge(t.Poll(flow))
		})
	Case("slow-down-increment", "answered slow_down is made good by 5 s more", Judges("CIBA-11-SLOWDOWN-INCREMENT").
		AloneForClient().LastForClient().Limit(fastLimit).About(40*time.Second), func(t *T) {
		flow := t.MustStart(t.Request())
		mustSlowDown(t, flow)
		flow.NoMargin = true // client libraries add 5 s and nothing more
		judgeAfterSlowDown(t, flow, 3)
	})
	Case("slow-down-cumulative", "answered slow_down twice is made good by 10 s more", Judges("CIBA-11-SLOWDOWN-CUMULATIVE").
		AloneForClient().LastForClient().Limit(fastLimit).About(25*time.Second), func(t *T) {
		flow := t.MustStart(t.Request())
		mustSlowDown(t, flow)
		mustSlowDown(t, flow)
		judgeAfterSlowDown(t, flow, 1)
	})
	Case("slow-down-still-pending", "answered slow_down leaves the request alive", Judges("CIBA-11-SLOWDOWN-STILL-PENDING").
		AloneForClient().LastForClient().Limit(fastLimit).About(20*time.Second), func(t *T) {
		flow := t.MustStart(t.Request())
		mustSlowDown(t, flow)
		t.ApproveAlive(flow)
		resp := t.MustAnswer(t.PollDecided(flow))
		for driver.Undecided(resp) && pollFits(flow) {
			resp = t.MustAnswer(t.Poll(flow))
		}
		t.Judge(resp)
		if resp.Status == http.StatusOK {
			t.Expect(resp).To(HaveTokens())
		}
	})
})

const (
	fastPolls = 5
	fastPace  = 200 * time.Millisecond // no interval that is announced in whole seconds is as short

	// fastLimit lets an OP hold polls for 30 s each.
	fastLimit = 5 * time.Minute
)

// never is the answer that [pollFast] waits for where all polls are to be sent.
func never(*ciba.Response) bool { return false }

// pollFast polls five times without regard to the interval, one after the other, until an
// answer is the wanted one. Load control is an answer here.
func pollFast(t *T, f *Flow, wanted func(*ciba.Response) bool) []*ciba.Response {
	var polls []*ciba.Response
	if first := t.Poll(f); wanted(first) { // paced, so that what follows is too fast for sure
		return []*ciba.Response{first}
	}
	for len(polls) < fastPolls {
		t.Wait(fastPace)
		resp := t.MustAnswer(t.Send(t.PollRequest(f).Once()))
		f.Learn(resp)
		polls = append(polls, resp)
		if wanted(resp) || answerTime(resp) >= f.Spacing() {
			break // a poll that was held for an interval is followed by no fast one
		}
	}
	return polls
}

// judgeFast judges one answer by both clauses. 503 and 429 need no error code.
func judgeFast(t *T, resp *ciba.Response) {
	r := t.Requirement()
	if resp.Status == http.StatusServiceUnavailable || resp.Status == http.StatusTooManyRequests {
		r = ExpectingAnyError(r)
	}
	t.JudgeBy(r, resp)
	if resp.Status == http.StatusOK || resp.HasTokens() || resp.Status >= 500 && resp.Status != http.StatusServiceUnavailable {
		noTokens := Clause(t, "CIBA-11-FAST-POLL-NO-TOKENS")
		t.At(resp)
		t.Record(noTokens, result.Fail, "an error answer to a fast poll of an undecided request", resp.Summary())
	}
}

// mustSlowDown polls fast until the first slow_down and stops at once.
func mustSlowDown(t *T, f *Flow) {
	polls := pollFast(t, f, func(r *ciba.Response) bool { return r.Is(ciba.SlowDown) })
	if last := polls[len(polls)-1]; !last.Is(ciba.SlowDown) {
		t.Skip("observes_slow_down: the OP answers fast polls with %s", last.Summary())
	}
}

// judgeAfterSlowDown polls as a client does that added to its pace what slow_down asks for.
func judgeAfterSlowDown(t *T, f *Flow, most int) {
	judged := 0
	for judged < most && pollFits(f) {
		resp := t.Poll(f)
		if f.Outlived(resp) {
			break
		}
		judged++
		t.Judge(resp)
		if !driver.Undecided(resp) {
			return
		}
	}
	if judged == 0 {
		t.Skip("no poll fits into expires_in %s at a pace of %s", f.ExpiresIn, f.Pace())
	}
}

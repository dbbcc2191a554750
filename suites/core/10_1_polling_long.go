package core

import (
	"slices"
	"time"

	"github.com/cibatest/cibatest/internal/catalogue"
	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/reports/result"
	. "github.com/cibatest/cibatest/suites/harness"
)

// CIBA Core 7.3 and 11: a client polls until the user has decided, for as long as the
// request lives. Users take a minute to find their phone. Counters that run over, budgets
// for calls and throttles that creep up end a request which nobody has polled too fast,
// and only somebody who goes on polling meets them.
var _ = Cases.Describe("Polling", func() {
	Case("poll-all-along", "is answered alike from the first to the last poll, and a late approval brings tokens",
		Judges("CIBA-11-PENDING").Limit(seriesLimit).About(55*time.Second), judgePollingAllAlong)
})

const (
	// mostPolls is how often a request is polled: three products in a month lost theirs at
	// the ninth.
	mostPolls = 9
	// leastPolls is more than what the other cases poll. Fewer tell nothing that they do not.
	leastPolls = 7
	// longestSeries ends a series in time for the limit of its case, where the OP holds
	// its polls or has a long interval.
	longestSeries = 4 * time.Minute
	// fewInARow is how many slow_down in a row can only be of an OP that throttles for ever.
	fewInARow = 3
)

// judgePollingAllAlong keeps a request pending for nine polls and has it approved then. It
// goes on while the last ones are slow_down, until it is plain that this does not end.
func judgePollingAllAlong(t *T) {
	flow := t.MustStart(t.Request())
	flow.EndAwaited = true // that it lives so long is what is judged
	skipUnlessPollsFit(t, flow)
	var polls []*ciba.Response
	for !enoughPolls(polls) && decisionFits(flow) {
		resp := t.MustAnswer(t.Poll(flow))
		if flow.Outlived(resp) {
			break
		}
		if !t.Expect(resp).To(BePending(), "authorization_pending or slow_down at every poll until the user decides") {
			return
		}
		polls = append(polls, resp)
	}
	switch {
	case isThrottled(polls): // still pending by its own words, so nobody has lost it yet
		t.At(polls[len(polls)-1])
		t.Warn("authorization_pending for a client that waits 5 s longer each time",
			"the last %d of %d polls are slow_down", fewInARow, len(polls))
	case len(polls) < leastPolls:
		t.Skip("%d polls fit into expires_in %s at an interval of %s; %d are needed", len(polls), flow.ExpiresIn, flow.Spacing(), leastPolls)
	}
	judgeLateDecision(t, flow)
}

// enoughPolls reports whether a series has shown what it can.
func enoughPolls(polls []*ciba.Response) bool {
	return isThrottled(polls) || len(polls) >= mostPolls && !polls[len(polls)-1].Is(ciba.SlowDown)
}

// isThrottled reports whether the last polls are all slow_down, though each came 5 s later
// than the one before.
func isThrottled(polls []*ciba.Response) bool {
	return len(polls) >= fewInARow && !slices.ContainsFunc(polls[len(polls)-fewInARow:], func(r *ciba.Response) bool {
		return !r.Is(ciba.SlowDown)
	})
}

// skipUnlessPollsFit ends the case at once where expires_in cannot leave the time.
func skipUnlessPollsFit(t *T, f *Flow) {
	room := min(f.ExpiresIn-ExpiryEarly, longestSeries)
	if fit := int(room/f.Pace()) - 1; fit < leastPolls {
		t.Skip("%d polls and an approval fit into expires_in %s at an interval of %s; %d are needed",
			max(0, fit), f.ExpiresIn, f.Spacing(), leastPolls)
	}
}

// decisionFits reports whether the next poll leaves time for a decision and one more.
func decisionFits(f *Flow) bool {
	end := f.Expires().Add(-ExpiryEarly)
	if longest := f.Sent.Add(longestSeries); longest.Before(end) {
		end = longest
	}
	return !f.NextPoll().Add(f.Pace()).After(end)
}

// judgeLateDecision wants tokens for an approval that comes after many polls.
func judgeLateDecision(t *T, f *Flow) {
	if !t.Has(catalogue.NeedApprove) {
		return
	}
	t.ApproveAlive(f)
	resp := t.MustAnswer(t.PollDecided(f))
	if !resp.HasTokens() && f.Outlived(resp) {
		t.Skip("the auth_req_id expired before the decision could take effect")
	}
	t.Expect(resp).As(result.Fail).To(HaveTokens(), "tokens for an approval after many polls")
}

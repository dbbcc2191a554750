package core

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/cibatest/cibatest/internal/approve"
	"github.com/cibatest/cibatest/internal/catalogue"
	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/internal/driver"
	"github.com/cibatest/cibatest/reports/result"
	. "github.com/cibatest/cibatest/suites/harness"
)

// CIBA Core 7.3 and 11: an auth_req_id lives for the expires_in that was announced, not
// longer and not shorter, and its end is told by expired_token. From when the OP counts,
// the client cannot see: what has to live still is counted from sending the request, what
// has to be over from when the acknowledgement came. A request that ends early
// takes from the user the time to decide; one that lives on can be approved by mistake
// long after the client has given up. How long an OP remembers what has expired is
// disputed (N-06). Each case waits for an expiry of its own; all of them wait together.
var _ = Cases.Describe("Expiry", func() {
	Case("expired-token", "is told by expired_token",
		Judges("CIBA-11-EXPIRED-TOKEN").AlsoAs(Ping).WaitsForExpiry().About(expiryTime), func(t *T) {
			t.Judge(sharedExpiry(t).resp)
		})
	Case("expired-error-format", "is told by JSON with a string error",
		Judges("CIBA-11-ERROR-FORMAT").AlsoAs(Ping).Needs(catalogue.NeedShortExpiry, catalogue.NeedNoAction).
			WaitsForExpiry().About(expiryTime), func(t *T) {
			judgeTokenError(t, sharedExpiry(t).resp)
		})
	Case("expired-late-poll", "may be forgotten long after",
		Judges("CIBA-11-EXPIRED-LATE-POLL").WaitsForExpiry().Limit(DefaultLimit+wellAfterExpiry).About(expiryTime+wellAfterExpiry), func(t *T) {
			flow := startExpiring(t)
			WaitPastExpiry(t, flow, wellAfterExpiry)
			t.Judge(pollEnded(t, flow))
		})
	Case("expiry-not-early", "does not come before expires_in",
		Judges("CIBA-7.3-NOT-EARLY").AlsoAs(Ping).WaitsForExpiry().About(expiryTime), func(t *T) {
			flow := startWatched(t, nil)
			resp := pollShortlyBefore(t, flow)
			t.Judge(resp)
			tellUnseenRest(t, flow)
		})
	Case("expiry-late-approval", "leaves time for an approval shortly before it",
		Judges("CIBA-7.3-NOT-EARLY").AlsoAs(Ping).Needs(catalogue.NeedApprove).WaitsForExpiry().About(expiryTime), judgeLateApproval)
	Case("expiry-expires-in-true", "follows the announced expires_in, whatever was requested",
		Judges("CIBA-7.3-EXPIRES-IN-TRUE").AlsoAs(Ping).WaitsForExpiry().Limit(2*DefaultLimit).About(expiryTime), judgeAnnouncedExpiry)
	Case("expired-final", "is final: a later approval brings no tokens",
		Judges("CIBA-11-EXPIRED-FINAL").AlsoAs(Ping).WaitsForExpiry().About(expiryTime), func(t *T) {
			flow := startExpiring(t)
			WaitPastExpiry(t, flow, ExpiryLatest)
			_ = Overrule(t, flow, true) // a device that no longer offers the prompt is right, too
			t.JudgeVariant("after an approval that came too late", pollEnded(t, flow))
			t.JudgeVariant("one interval after that", t.Poll(flow))
		})
	Case("expiry-many-open", "is kept however many requests are open",
		Judges("CIBA-7.3-NOT-EARLY").AfterAll(), judgeEndsOfMany)
	// Products extend the life of an approved request, for which the text gives no room
	// (N-24).
	Case("expired-approved", "ends an approved request that nobody redeemed",
		Judges("CIBA-11-APPROVED-UNREDEEMED-EXPIRES").AlsoAs(Ping).WaitsForExpiry().About(expiryTime), func(t *T) {
			flow := startExpiring(t)
			t.Approve(flow)
			WaitPastExpiry(t, flow, ExpiryLatest)
			t.Judge(pollEnded(t, flow))
		})
	Case("expired-other-client", "of a request is nothing another client learns of",
		Judges("CIBA-11-OTHER-CLIENT-EXPIRED").WaitsForExpiry().About(expiryTime), func(t *T) {
			mustLetInSecond(t)
			flow := startExpiring(t)
			WaitPastExpiry(t, flow, ExpiryLatest)
			t.Judge(pollAsSecond(t, flow))
		})
	Case("expiry-approval-race", "and approval at the same moment have one winner",
		Judges("CIBA-11-EXPIRED-FINAL").AlsoAs(Ping).Needs(catalogue.NeedParallel).WaitsForExpiry().About(expiryTime), judgeApprovalAtExpiry)
})

// CIBA Core 7.1: requested_expiry is a positive integer by which a client asks for a
// longer or shorter life. The OP may honour, cap or ignore it (N-23). What it must not do
// is announce an expires_in that is none: the client would never poll, or poll for ever.
var _ = Cases.Describe("Requested expiry", func() {
	Case("requested-expiry-influence", "may influence expires_in", Judges("CIBA-7.1-REQEXP-INFLUENCE", "CIBA-7.3-EXPIRES-IN"), func(t *T) {
		var told []float64
		for _, seconds := range []string{"30", "300"} {
			what := "requested_expiry=" + seconds
			resp := t.Start(t.Request().With("requested_expiry", seconds))
			t.JudgeVariant(what, resp)
			t.Check(resp.Status != 200 || lifetimeOf(resp) > 0, what+": a positive expires_in", "%s", resp.Summary())
			told = append(told, lifetimeOf(resp).Seconds())
		}
		judgeUnit(t, []float64{30, 300}, told)
	})
	Case("requested-expiry-ordinary", "is no reason for refusal when it is ordinary",
		Judges("CIBA-7.1-REQEXP-ORDINARY").AlsoAs(Ping, Push).Smoke(), func(t *T) {
			t.JudgeAck("requested_expiry=300", t.Start(t.Request().With("requested_expiry", "300")))
		})
	Case("requested-expiry-invalid", "is refused when it is no positive integer",
		Judges("CIBA-7.1-REQEXP-INVALID").AlsoAs(Ping, Push).Smoke(), func(t *T) {
			for _, value := range []string{"0", "-1", "1.5", "abc", "1e3"} {
				resp := t.Start(t.Request().With("requested_expiry", value))
				t.JudgeVariant("requested_expiry="+value, resp)
				judgeLifetime(t, "requested_expiry="+value, resp)
			}
		})
	Case("requested-expiry-huge", "is capped, ignored or refused when it is excessive", Judges("CIBA-7.1-REQEXP-HUGE"), func(t *T) {
		for _, value := range []string{"315360000", "99999999999999999999"} {
			resp := t.Start(t.Request().With("requested_expiry", value))
			t.JudgeVariant("requested_expiry="+value, resp)
			judgeLifetime(t, "requested_expiry="+value, resp)
		}
	})
})

const (
	// expiryAsked is requested where a case waits for an expiry: long enough for
	// a poll at the default interval, short enough not to keep anybody waiting.
	expiryAsked = 20 * time.Second
	// expiryTime is what such a case takes on an OP that honours the request.
	expiryTime = expiryAsked + ExpiryLatest
	// roundingSlack is how much shorter than asked a request may be because an OP rounds.
	roundingSlack = 2 * time.Second
	// wellAfterExpiry is when an expired request may be gone. The longest retention
	// known of an OP is the interval and 10 s.
	wellAfterExpiry = 35 * time.Second
	// expiryEdge is how far around the expiry the racing approvals lie.
	expiryEdge = 400 * time.Millisecond
)

// startExpiring starts a flow that expires within the time budget, and sooner where the
// OP honours requested_expiry. The expires_in that it announces counts.
func startExpiring(t *T) *Flow {
	flow := startWatched(t, nil)
	skipBeyondBudget(t, flow)
	return flow
}

// skipBeyondBudget ends a case that needs the end of a request which is not waited for.
func skipBeyondBudget(t *T, f *Flow) {
	if budget := t.Target().Budgets.ExpiryMax; f.ExpiresIn > budget {
		t.Skip("short_expiry: expires_in is %s although less was requested, and budgets.expiry_max is %s; set it to %s to judge this",
			f.ExpiresIn, budget, f.ExpiresIn)
	}
}

// startWatched is [startExpiring] for a case that can do without the end, or that needs more
// time than one poll and says how much: its flow may live on
// beyond the time budget, and is watched until then.
func startWatched(t *T, need func(*Flow) time.Duration) *Flow {
	if need == nil {
		need = func(f *Flow) time.Duration { return f.Pace() + ExpiryEarly + time.Second }
	}
	asked := expiryAsked
	for range 2 {
		flow := mustStartWithExpiry(t, asked)
		acknowledging := flow.Received.Sub(flow.Sent) // the OP may count from before or after it
		if needed := need(flow) + acknowledging; flow.ExpiresIn < needed {
			asked = needed + roundingSlack
			continue
		}
		return flow
	}
	t.Skip("short_expiry: the OP keeps its requests for less than the %s this case needs", asked)
	return nil
}

// mustStartWithExpiry starts a flow with requested_expiry, or without it where the
// OP does not take it.
func mustStartWithExpiry(t *T, asked time.Duration) *Flow {
	resp := t.Start(t.Request().With("requested_expiry", inSeconds(asked)))
	if _, err := resp.Started(); err != nil {
		resp = t.Start(t.Request())
	}
	flow := t.FlowOf(t.Client(), t.User(), t.MustAccept("a backchannel authentication request that should be accepted", resp))
	flow.EndAwaited = true
	if flow.ExpiresIn <= 0 {
		t.Abort("expires_in cannot be read, so the expiry cannot be waited for")
	}
	return flow
}

// tellUnseenRest records how much of a life was not looked at.
func tellUnseenRest(t *T, f *Flow) {
	if until := WatchedUntil(t, f); until.Before(f.Expires()) && !t.Failed() {
		t.Info("the whole of expires_in "+f.ExpiresIn.String(), "seen for the first %s only, as budgets.expiry_max says", until.Sub(f.Sent))
	}
}

// inSeconds writes a duration as a parameter in whole seconds, rounded up.
func inSeconds(d time.Duration) string {
	return strconv.Itoa(int(math.Ceil(d.Seconds())))
}

// endedFlow is a flow and the answer that told its end.
type endedFlow struct {
	flow *Flow
	resp *ciba.Response
}

// sharedExpiry is the shared flow that nobody decided and nobody polled until shortly
// after its expiry. An OP with a coarse clock gets a second poll.
func sharedExpiry(t *T) endedFlow {
	return Observe(t, "expired", func(t *T) endedFlow {
		flow := startExpiring(t)
		WaitPastExpiry(t, flow, ExpiryLate)
		resp := t.PollNow(flow)
		if driver.Undecided(resp) {
			WaitPastExpiry(t, flow, ExpiryLatest)
			resp = t.Poll(flow)
		}
		return endedFlow{flow, t.MustAnswer(resp)}
	})
}

// pollEnded polls a flow that is over, and again where the OP looks at the pace before it
// looks at the flow: slow_down only delays the answer.
func pollEnded(t *T, f *Flow) *ciba.Response {
	resp := t.PollNow(f)
	for range 2 {
		if !resp.Is(ciba.SlowDown) {
			break
		}
		resp = t.Poll(f)
	}
	return resp
}

// pollShortlyBefore polls at the last moment at which the flow has to be pending, or the last
// that is waited for. A long poll that is answered after the expiry tells nothing.
func pollShortlyBefore(t *T, f *Flow) *ciba.Response {
	WaitNearExpiry(t, f, ExpiryEarly)
	resp := t.MustAnswer(t.PollNow(f))
	if f.Outlived(resp) {
		t.Skip("the OP held the poll of %s before the expiry until after it", ExpiryEarly)
	}
	return resp
}

// judgeLateApproval approves a flow so shortly before its expiry that the OP has exactly
// the time a decision may take, or shortly before the time budget ends. An OP that refuses the
// decision as too late is asked what has become of the request.
func judgeLateApproval(t *T) {
	margin := func(f *Flow) time.Duration { return f.DecisionWindow() + ExpiryEarly }
	flow := startWatched(t, func(f *Flow) time.Duration { return margin(f) + time.Second })
	flow.EndAwaited = false // an end that load control brings about tells nothing here
	WaitNearExpiry(t, flow, margin(flow))
	left := time.Until(flow.Expires()).Round(time.Second)
	if err := TryDecide(t, flow, approve.Decision{Allow: true}); err != nil {
		judgeRefusedDecision(t, flow, left, err)
		return
	}
	resp := t.MustAnswer(t.Poll(flow))
	for driver.Undecided(resp) && pollFits(flow) {
		resp = t.MustAnswer(t.Poll(flow))
	}
	if !resp.HasTokens() && flow.Outlived(resp) {
		t.Skip("the OP held the last poll until after the expiry")
	}
	t.Expect(resp).To(HaveTokens(), fmt.Sprintf("tokens for an approval %s before the expiry", left))
	tellUnseenRest(t, flow)
}

// judgeRefusedDecision polls a flow whose decision was refused. One that lives on may have been
// refused for a reason of the way of deciding; one that is over has ended early.
func judgeRefusedDecision(t *T, f *Flow, left time.Duration, refusal error) {
	f.EndAwaited = true
	resp := t.MustAnswer(pollEnded(t, f))
	if resp.HasTokens() {
		return // it counts, whatever it was answered
	}
	if driver.Undecided(resp) || f.Outlived(resp) {
		t.Abort("the decision could not be made: %v; the request itself is answered %s", refusal, resp.Summary())
	}
	t.Expect(resp).To(BePending(), fmt.Sprintf("a request that can be decided %s before its expiry", left))
}

// judgeAnnouncedExpiry polls one request shortly before its announced end and another
// one after it: an OP may announce one life and keep to another, such as the requested
// one.
func judgeAnnouncedExpiry(t *T) {
	early := mustStartWithExpiry(t, 30*time.Second)
	skipBeyondBudget(t, early)
	late := early
	if t.Has(catalogue.NeedParallel) { // else one after the other
		late = mustStartWithExpiry(t, 30*time.Second)
	}
	if !pollFits(early) {
		t.Skip("no poll fits into expires_in %s at an interval of %s", early.ExpiresIn, early.Spacing())
	}
	WaitNearExpiry(t, early, ExpiryEarly)
	before := t.MustAnswer(t.PollNow(early))
	if late == early {
		late = mustStartWithExpiry(t, 30*time.Second)
	}
	WaitPastExpiry(t, late, ExpiryLatest)
	after := t.MustAnswer(pollEnded(t, late))
	var polled *ciba.Response
	if driver.Undecided(before) && late.ExpiredBy().After(early.ExpiredBy().Add(-time.Second)) {
		polled = t.MustAnswer(pollEnded(t, early))
	}

	if !early.Outlived(before) {
		judgeStillPending(t, early, before)
	}
	t.JudgeVariant(sinceExpiry(late, after), after)
	if polled != nil {
		t.JudgeVariant(sinceExpiry(early, polled)+", polled before it, too", polled)
	}
}

// sinceExpiry says how late a poll was sent.
func sinceExpiry(f *Flow, resp *ciba.Response) string {
	return fmt.Sprintf("%s after expires_in", resp.Sent.Sub(f.ExpiredBy()).Round(time.Second))
}

// judgeStillPending judges a poll shortly before the expiry. Denial is a warning there:
// the device may have given up sooner than the OP.
func judgeStillPending(t *T, f *Flow, resp *ciba.Response) {
	judgement := t.Expect(resp)
	if resp.Is(ciba.AccessDenied) {
		judgement = judgement.As(result.Warn)
	}
	judgement.To(BePending(), fmt.Sprintf("still pending %s before expires_in", f.Expires().Sub(resp.Sent).Round(time.Second)))
}

// judgeApprovalAtExpiry approves flows around the moment they expire and polls every
// other one at once. Whoever wins, none can be redeemed later.
func judgeApprovalAtExpiry(t *T) {
	const flows = 6
	list := make([]*Flow, flows)
	for i := range list {
		list[i] = startExpiring(t)
	}
	first, late := make([]*ciba.Response, flows), make([]*ciba.Response, flows)
	t.Together(flows, func(i int) {
		flow := list[i]
		WaitNearExpiry(t, flow, expiryEdge-time.Duration(i)*expiryEdge/2)
		_ = Overrule(t, flow, true)
		if i%2 == 0 {
			first[i] = t.MustAnswer(t.PollNow(flow))
			if first[i].HasTokens() {
				return // another poll would be a replay
			}
		}
		WaitPastExpiry(t, flow, ExpiryLatest)
		late[i] = t.MustAnswer(pollEnded(t, flow))
	})
	for i := range list {
		if late[i] != nil {
			t.JudgeVariant("approved at the expiry, polled "+sinceExpiry(list[i], late[i]), late[i])
		}
	}
}

// judgeLifetime judges the expires_in of an OP that took a requested_expiry that is out
// of the ordinary: whatever it makes of it, the acknowledgement has to be usable.
func judgeLifetime(t *T, what string, resp *ciba.Response) {
	if resp.Status == 200 && lifetimeOf(resp) <= 0 {
		t.Fail(what+": a refusal, or an ordinary expires_in", "an acknowledgement without a positive one")
	}
}

// judgeUnit compares what was told with what was asked, in seconds. A factor that both requests
// show, and that is one between units of time, is a mistake of units: the client will poll for
// hours, or believes that there are hours.
func judgeUnit(t *T, asked, told []float64) {
	for factor, unit := range map[float64]string{1000: "milliseconds", 60: "minutes"} {
		scaled := func(i int) bool { return told[i] == asked[i]*factor }
		if scaled(0) && scaled(1) {
			t.Record(Clause(t, "CIBA-7.3-EXPIRES-IN"), result.Warn, "expires_in in seconds, as requested_expiry is",
				fmt.Sprintf("%.0f and %.0f for requests of %.0f and %.0f s, as if one of both were in %s", told[0], told[1], asked[0], asked[1], unit))
		}
	}
}

// isMoment reports whether a number of seconds is so near to the time that clocks count from
// 1970, in seconds or milliseconds, that it tells a moment and no duration.
func isMoment(seconds float64) bool {
	const aYear = 366 * 24 * 3600
	now := float64(time.Now().Unix())
	return math.Abs(seconds-now) < aYear || math.Abs(seconds/1000-now) < aYear
}

// lifetimeOf is the expires_in of an acknowledgement, zero when it is negative,
// too large for a time, or not there.
func lifetimeOf(resp *ciba.Response) time.Duration {
	if ack, err := resp.Started(); err == nil {
		return ack.ExpiresIn
	}
	object, err := resp.Object() // its auth_req_id may be what cannot be read
	if err != nil || resp.Status/100 != 2 {
		return 0
	}
	life, err := ciba.Seconds(object["expires_in"])
	if err != nil {
		return 0
	}
	return life
}

// fewOpen is with how many open requests a run says nothing about many of them.
const fewOpen = 20

// judgeEndsOfMany tells once of requests that ended early in cases which did not meet that when
// they were tried alone. How many requests an OP keeps is its own affair as long as it refuses
// those that are too many.
func judgeEndsOfMany(t *T) {
	ended := t.Seen().Crowding()
	if len(ended) > 0 {
		t.Warn("every request lives until its expires_in, or is refused at the beginning",
			"in %d cases it did not, and did when the case was tried alone; in %s: %s", len(ended), ended[0].By, ended[0].Ended)
		return
	}
	if most := t.Seen().MostOpen(); most < fewOpen {
		t.Skip("at most %d requests were open at a time, too few to tell", most)
	}
}

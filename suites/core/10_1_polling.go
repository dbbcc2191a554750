package core

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/cibatest/cibatest/internal/approve"
	"github.com/cibatest/cibatest/internal/catalogue"
	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/internal/driver"
	"github.com/cibatest/cibatest/reports/result"
	. "github.com/cibatest/cibatest/suites/harness"
	"github.com/onsi/gomega/types"
)

// CIBA Core 7.3, 10.1 and 11: a client that keeps the interval polls a request the user has
// not decided, and is answered authorization_pending each time. The interval runs from
// the moment a poll is sent, and an OP may hold the poll for up to 30 s (N-05). An OP that
// counts otherwise throttles clients that do as they were told, which has a case of its
// own; all others count from the answer. Whether the first poll can be too early is
// disputed (N-03), so the cases wait one interval before it, but for the one that records
// this.
var _ = Cases.Describe("Paced poll", func() {
	Case("poll-pending", "is answered authorization_pending while the user has not decided",
		Judges("CIBA-11-PENDING").AlsoAs(Ping).Limit(seriesLimit).About(seriesTime), func(t *T) {
			for i, resp := range mustSeries(t).polls {
				if i < 3 {
					t.Judge(resp)
				}
			}
		})
	Case("poll-no-tokens-before-decision", "never yields tokens before the user decides",
		Judges("CIBA-8-NO-TOKENS-BEFORE-DECISION").AlsoAs(Ping).Limit(seriesLimit).About(seriesTime), func(t *T) {
			for _, resp := range mustSeries(t).polls {
				t.Judge(resp)
			}
		})
	Case("poll-interval-sufficient", "is not too early when it keeps the announced interval",
		Judges("CIBA-7.3-INTERVAL-SUFFICIENT").AlsoAs(Ping).Limit(seriesLimit).About(seriesTime), func(t *T) {
			s := mustSeries(t)
			if s.announced == 0 {
				t.Skip("the acknowledgement has no interval; poll-interval-default judges the default of 5 s")
			}
			judgeInterval(t, s)
		})
	Case("poll-interval-default", "is not too early every 5 s when no interval was announced",
		Judges("CIBA-7.3-INTERVAL-DEFAULT").Limit(seriesLimit).About(seriesTime), func(t *T) {
			s := mustSeries(t)
			if s.announced != 0 {
				t.Skip("the acknowledgement has an interval, %s", s.announced)
			}
			judgeInterval(t, s)
		})
	// Client libraries wait for the interval and not a moment longer. Clocks and rounding may make
	// an OP count otherwise by a fraction of a second, hence a warning.
	Case("poll-interval-exact", "is not too early when it keeps exactly the interval, announced or not",
		Judges("CIBA-7.3-INTERVAL-SUFFICIENT", "CIBA-7.3-INTERVAL-DEFAULT").Limit(seriesLimit).About(seriesTime), judgeExactInterval)
	Case("poll-interval-from-send", "is due one interval after the last one was sent, however long the answer took",
		Judges("CIBA-10.1-INTERVAL-FROM-SEND").Limit(seriesLimit).About(seriesTime), func(t *T) {
			judgeIntervalFromSending(t, mustSeries(t))
		})
	Case("poll-long-max", "is answered within 30 s",
		Judges("CIBA-10.1-LONGPOLL-MAX").Limit(seriesLimit).About(seriesTime), func(t *T) {
			for _, resp := range mustSeries(t).polls {
				t.Expect(resp).To(ArriveWithin(31*time.Second), "an answer within 31 s")
			}
		})
	Case("poll-long-wake", "that is held is answered soon after the decision",
		Judges("CIBA-10.1-LONGPOLL-WAKE").Limit(seriesLimit).About(seriesTime), judgeLongPollWakes)
	Case("poll-first-at-once", "right after the acknowledgement is recorded",
		Judges("CIBA-10.1-FIRST-POLL-AT-ONCE").AloneForClient().LastForClient(), func(t *T) {
			resp := t.PollNow(t.MustStart(t.Request()))
			t.Judge(resp)
		})
	Case("poll-unknown-parameter", "may have parameters nobody knows",
		Judges("RFC6749-3.2-TOKEN-UNKNOWN-PARAM").AlsoAs(Ping).Smoke(), func(t *T) {
			flow := t.MustStart(t.Request())
			t.Judge(t.Send(t.PollRequest(flow).With("x_unknown", "1")))
		})
})

// CIBA Core 10.1, RFC 6749 3.2 and 5.2: a token request is a POST with grant_type and one
// auth_req_id. Malformed ones are refused and cost the owner of the request nothing, so
// the cases look at what the owner gets afterwards.
var _ = Cases.Describe("Token request", func() {
	Case("token-post-only", "is taken by POST only",
		Judges("CIBA-10.1-TOKEN-POST-ONLY").AlsoAs(Ping).Methods("client_secret_basic").About(7*time.Second), judgeTokenByGet)
	Case("token-grant-type", "is refused without grant_type or with an unknown one",
		Judges("RFC6749-5.2-GRANT-TYPE").AlsoAs(Ping).Smoke().About(7*time.Second), func(t *T) {
			flow := t.MustStart(t.Request())
			approveIfPossible(t, flow)
			missing, unknown := Preferring(t.Requirement(), ciba.InvalidRequest), Preferring(t.Requirement(), ciba.UnsupportedGrantType)
			JudgeVariantBy(t, missing, "no grant_type", t.Send(t.PollRequest(flow).Without("grant_type").Unpaced()))
			for _, name := range notTheGrantType {
				JudgeVariantBy(t, unknown, "grant_type="+name, t.Send(t.PollRequest(flow).With("grant_type", name).Unpaced()))
			}
			judgeOwnerUnharmed(t, flow)
		})
	Case("token-id-missing", "is refused without auth_req_id", Judges("CIBA-10.1-ARID-MISSING").AlsoAs(Ping).Smoke(), func(t *T) {
		grant := ciba.P("grant_type", ciba.GrantTypeCIBA)
		t.JudgeVariant("no auth_req_id", t.Send(t.TokenRequest(t.Client(), grant)))
		t.JudgeVariant("an empty auth_req_id", t.Send(t.TokenRequest(t.Client(), grant.Add("auth_req_id", ""))))
	})
	Case("token-id-repeated", "is refused with a repeated auth_req_id",
		Judges("CIBA-10.1-ARID-REPEATED").AlsoAs(Ping).About(8*time.Second), func(t *T) {
			flow := t.MustStart(t.Request())
			approveIfPossible(t, flow)
			p := t.PollRequest(flow).Form
			t.JudgeVariant("the same value twice", t.Send(t.TokenRequest(t.Client(), p.Add("auth_req_id", flow.AuthReqID))))
			t.JudgeVariant("two values", t.Send(t.TokenRequest(t.Client(), p.Add("auth_req_id", similarID(t.Random(), flow.AuthReqID)))))
			if !t.Failed() {
				judgeOwnerUnharmed(t, flow)
			}
		})
	// Products use several codes here (N-09), none of which brings tokens.
	Case("token-grant-not-allowed", "of a client not enabled for CIBA is refused",
		Judges("CIBA-10.1-GRANT-NOT-ALLOWED"), func(t *T) {
			t.Judge(pollFor(t, t.Client(), similarID(t.Random(), "00000000-aaaa-bbbb-cccc-000000000000")))
		})
	Case("token-overload", "that meets 503 is told when to come again", Judges("CIBA-10.1-503-RETRY-AFTER").AfterAll(), func(t *T) {
		overloads := t.Seen().Overloads()
		if len(overloads) == 0 {
			t.Skip("the token endpoint never answered 503 in this run")
		}
		for _, resp := range overloads {
			Keep(t, resp)
			t.At(resp)
			_, ok := resp.RetryAfter()
			t.Check(ok, "503 with a Retry-After of seconds or a date", "Retry-After %.60q", resp.Header.Get("Retry-After"))
		}
	})
})

// notTheGrantType are near misses of the grant_type of CIBA: names of the wild that some
// client libraries send, and one that goes on after the right one.
var notTheGrantType = []string{
	ciba.GrantTypeCIBA + "-x",
	"ciba",
	"urn:openid:params:grant_type:ciba",
	"urn:ietf:params:oauth:grant-type:ciba",
}

// seriesTime is what six paced polls take at an interval of 5 s.
const seriesTime = 33 * time.Second

// seriesLimit lets an OP hold each of them, and those of two more series.
const seriesLimit = 6 * time.Minute

// series is a request that nobody decides and the answers to its paced polls.
type series struct {
	flow      *Flow
	announced time.Duration // zero when the acknowledgement has no interval
	polls     []*ciba.Response
}

// sharedSeries is the shared series of up to six paced polls.
func sharedSeries(t *T) series {
	return Observe(t, "pending polls", func(t *T) series { return pollSeries(t, t.MustStart(t.Request()), 6) })
}

// pollSeries polls a new request, which nobody decides, no later than shortly
// before it expires. It ends at the first answer that is neither pending nor
// slow_down. An answer that comes after the expiry tells nothing.
func pollSeries(t *T, f *Flow, most int) series {
	f.EndAwaited = true // how long it is pending is what is judged
	s := series{flow: f, announced: f.Interval}
	for len(s.polls) < most && pollFits(f) {
		resp := t.Poll(f)
		if f.Outlived(resp) {
			break
		}
		s.polls = append(s.polls, resp)
		if !driver.Undecided(resp) {
			break
		}
	}
	return s
}

// pollFits reports whether the next paced poll can be sent before the last moment
// at which a request has to be pending.
func pollFits(f *Flow) bool {
	return !f.NextPoll().After(f.Expires().Add(-ExpiryEarly))
}

// mustSeries is the shared series, or a skip when no poll at all fits.
func mustSeries(t *T) series {
	s := sharedSeries(t)
	if len(s.polls) == 0 {
		t.Skip("no poll fits into expires_in %s at an interval of %s; one is needed", s.flow.ExpiresIn, s.flow.Spacing())
	}
	return s
}

// tookAnInterval reports whether the answer to a poll took longer than the interval, so
// that the next poll was due when it came.
func (s series) tookAnInterval(resp *ciba.Response) bool {
	return answerTime(resp) > max(s.announced, time.Second)
}

// followsSlowAnswer reports whether the answer to the poll before was slow. When the OP
// has looked at that one is not known, so a poll that follows tells little of the pace.
func (s series) followsSlowAnswer(i int) bool {
	return i > 0 && answerTime(s.polls[i-1]) > quickAnswer
}

// quickAnswer is the longest time in which an answer shows when the OP looked at a poll.
const quickAnswer = time.Second

// answerTime is how long the OP took to answer, or to fail to.
func answerTime(resp *ciba.Response) time.Duration { return resp.Received.Sub(resp.Sent) }

// judgeInterval tells an occasional slow_down, which warns, from an announced
// interval that is not the one the OP goes by, which fails (N-03).
func judgeInterval(t *T, s series) {
	const expected = "authorization_pending for a client that keeps the interval"
	for i, resp := range s.polls {
		t.MustAnswer(resp)
		t.At(resp)
		switch {
		case resp.Is(ciba.AuthorizationPending):
		case !resp.Is(ciba.SlowDown):
			t.Judge(resp)
		case s.followsSlowAnswer(i):
			t.Info(expected, "slow_down at poll %d, after an answer that took %s", i+1, answerTime(s.polls[i-1]).Round(time.Second/10))
		case i == 1 && !s.polls[0].Is(ciba.SlowDown) && secondIsAlwaysTooEarly(t):
			t.Fail(expected, "slow_down at the second poll, one pace after the first, in three of three transactions")
		default:
			t.Warn(expected, "slow_down at poll %d", i+1)
		}
	}
	if len(s.polls) < 2 && !t.Failed() {
		t.Skip("%d poll fits into expires_in %s at an interval of %s; two are needed", len(s.polls), s.flow.ExpiresIn, s.flow.Spacing())
	}
}

// judgeExactInterval polls without the margin that the other cases keep, from the answer to the
// poll before. The first poll tells nothing, as it has no other before it (N-03), nor does one
// that follows a slow answer. What the other cases find with their margin is theirs.
func judgeExactInterval(t *T) {
	flow := t.MustStart(t.Request())
	flow.NoMargin = true
	s := pollSeries(t, flow, exactPolls)
	r := Clause(t, "CIBA-7.3-INTERVAL-SUFFICIENT")
	if s.announced == 0 {
		r = Clause(t, "CIBA-7.3-INTERVAL-DEFAULT")
	}
	judged := 0
	for i, resp := range s.polls {
		if i == 0 || s.followsSlowAnswer(i) || !driver.Undecided(resp) {
			continue
		}
		judged++
		if resp.Is(ciba.SlowDown) {
			t.At(resp)
			t.Record(r, result.Warn, "authorization_pending for a client that waits exactly the interval from the answer to the poll before",
				fmt.Sprintf("slow_down at poll %d, %s after that answer", i+1, resp.Sent.Sub(s.polls[i-1].Received).Round(time.Millisecond)))
			return
		}
	}
	if judged == 0 {
		t.Skip("no two quick polls fit into expires_in %s at an interval of %s", flow.ExpiresIn, flow.Spacing())
	}
}

// exactPolls is how many polls a series without a margin has.
const exactPolls = 4

// secondIsAlwaysTooEarly reports whether two fresh requests have their second poll, one
// pace after the first, answered slow_down as well.
func secondIsAlwaysTooEarly(t *T) bool {
	for range 2 {
		s := pollSeries(t, t.MustStart(t.Request()), 2)
		if len(s.polls) < 2 || !s.polls[0].Is(ciba.AuthorizationPending) || !s.polls[1].Is(ciba.SlowDown) || s.followsSlowAnswer(1) {
			return false
		}
	}
	return true
}

// judgeIntervalFromSending polls one more request with the interval counted from sending,
// where the OP is one that holds polls or is slow.
func judgeIntervalFromSending(t *T, seen series) {
	const untold = "no poll was answered later than one interval after it was sent, so none was due at once"
	if !slices.ContainsFunc(seen.polls, seen.tookAnInterval) {
		t.Skip(untold)
	}
	flow := t.MustStart(t.Request())
	flow.FromSending = true
	s := pollSeries(t, flow, 3)
	judged := false
	for i, resp := range s.polls {
		if i > 0 && s.tookAnInterval(s.polls[i-1]) {
			t.Judge(resp)
			judged = true
		}
	}
	if !judged {
		t.Skip(untold)
	}
}

// judgeLongPollWakes lets the user approve 3 s after a poll was sent that the OP holds. One
// that is not woken by the decision keeps the user waiting for the rest of 30 s.
func judgeLongPollWakes(t *T) {
	s := mustSeries(t)
	if !slices.ContainsFunc(s.polls, func(r *ciba.Response) bool { return answerTime(r) > 2*time.Second }) {
		t.Skip("this OP answers pending polls at once, so nothing is held")
	}
	skipForPerson(t)
	flow := t.MustStart(t.Request())
	flow.EndAwaited = true // a poll may be held until then
	t.WaitTurn(flow)
	var resp *ciba.Response
	var decided time.Time
	t.Together(2, func(i int) {
		if i == 0 {
			resp = t.PollNow(flow)
			return
		}
		t.Wait(3 * time.Second)
		decideNow(t, flow, true)
		decided = time.Now()
	})
	t.Judge(resp)
	late := resp.Received.Sub(decided)
	t.Check(late <= 5*time.Second, "an answer within 5 s of the decision", "%s after it", late.Round(time.Millisecond))
}

// judgeTokenByGet tries to redeem through the URL. The client authenticates by
// header, so that no secret gets into a URL. Only the method is wrong and the
// client is entitled to the tokens, so they are no more than the verdict says.
func judgeTokenByGet(t *T) {
	flow := t.MustStart(t.Request())
	t.Approve(flow)
	poll := t.PollRequest(flow).Unpaced()
	poll.Method, poll.Query, poll.Form = http.MethodGet, poll.Form, nil
	resp := t.MustAnswer(t.Send(poll))
	if !t.Expect(resp).NotTo(HaveTokens(), "no tokens by GET") {
		return
	}
	refusal := t.Expect(resp)
	if resp.Status/100 == 5 && resp.Status != http.StatusNotImplemented && resp.Status != http.StatusServiceUnavailable {
		refusal = refusal.As(result.Fail)
	}
	refusal.To(HaveStatus(t.Requirement().Expect.Status...), "a refusal, such as 405")
}

// approveIfPossible makes the flow redeemable where the target can: there a check that
// the OP leaves out shows in tokens.
func approveIfPossible(t *T, f *Flow) {
	if t.Has(catalogue.NeedApprove) {
		t.ApproveAlive(f)
	}
}

// judgeOwnerUnharmed judges that refused calls cost the owner nothing: it gets the tokens
// after an approval by [approveIfPossible], else its request is still pending.
func judgeOwnerUnharmed(t *T, f *Flow) {
	if t.Has(catalogue.NeedApprove) {
		judgeOwner(t, t.PollDecided(f), HaveTokens(), "the owner still gets the tokens")
		return
	}
	judgeOwner(t, t.Poll(f), BePending(), "the owner's request is still pending")
}

// judgeOwner judges what the owner of a request gets after calls of others, whatever the
// verdict of the clause about these: what it loses to them is a failure. An owner that is
// refused as a client has not lost anything to them.
func judgeOwner(t *T, resp *ciba.Response, m types.GomegaMatcher, expected string) {
	t.MustAnswer(resp)
	if resp.Is(ciba.InvalidClient, ciba.UnauthorizedClient) {
		t.Abort("the owner itself is refused: %s", resp.Summary())
	}
	t.Expect(resp).As(result.Fail).To(m, expected)
}

// decideNow makes a decision without waiting for the pace.
func decideNow(t *T, f *Flow, allow bool) {
	t.Decide(f, approve.Decision{Allow: allow})
}

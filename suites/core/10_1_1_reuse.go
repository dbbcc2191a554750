package core

import (
	"fmt"
	"slices"
	"time"

	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/internal/driver"
	. "github.com/cibatest/cibatest/suites/harness"
)

// CIBA Core 10.1.1 and 11: an auth_req_id is good for one redemption.
var _ = Cases.Describe("Redemption", func() {
	Case("reuse", "works once",
		Judges("CIBA-10.1.1-REUSE").Smoke().AloneForClient().LastForClient().About(13*time.Second), func(t *T) {
			flow := t.MustStart(t.Request())
			t.MustRedeem(flow)
			t.Judge(t.Poll(flow))
		})
	Case("reuse-late", "does not work again later", Judges("CIBA-10.1.1-REUSE").AfterAll().About(lateReplay), func(t *T) {
		early := sharedEarlyApproval(t)
		t.MustTokens(early.resp)
		flow := early.flow
		t.WaitUntil(flow.LastPoll().Add(lateReplay))
		t.Judge(t.Poll(flow))
	})
	Case("reuse-in-parallel", "works once also when it is replayed many times at once",
		Judges("CIBA-10.1.1-REUSE").AloneForClient().LastForClient().About(13*time.Second), func(t *T) {
			flow := t.MustStart(t.Request())
			t.MustRedeem(flow)
			t.WaitTurn(flow)
			for _, resp := range pollBurst(t, flow) {
				judgeLoser(t, resp, "no tokens for a replay")
			}
			t.Wait(flow.Pace())
		})
	Case("reuse-race", "works once of many at the same time",
		Judges("CIBA-10.1.1-REUSE-RACE").AloneForClient().LastForClient().About(20*time.Second), func(t *T) {
			flows := []*Flow{t.MustStart(t.Request())}
			for len(flows) < 3 && t.Has("parallel") {
				flows = append(flows, t.MustStart(t.Request()))
			}
			for _, flow := range flows {
				t.Approve(flow)
			}
			for _, flow := range flows {
				answers := pollBurst(t, flow)
				if judgeRace(t, answers) > 0 {
					continue
				}
				resp := t.MustAnswer(t.PollDecided(flow))
				t.At(resp)
				// Load control may let none through, and the decision may take effect later.
				if !slices.ContainsFunc(answers, func(r *ciba.Response) bool { return driver.Overloaded(r) || driver.Undecided(r) }) {
					t.Warn("one success", "none; one more poll is answered %s", resp.Summary())
				}
			}
			t.Wait(flows[0].Pace())
		})
	Case("reuse-race-at-approval", "works once of many polls at the moment of the approval",
		Judges("CIBA-10.1.1-REUSE-RACE").AloneForClient().LastForClient().About(20*time.Second), func(t *T) {
			skipForPerson(t)
			flow := t.MustStart(t.Request())
			t.WaitTurn(flow)
			answers := make([]*ciba.Response, burstSize)
			t.Together(burstSize+1, func(i int) {
				if i == burstSize {
					t.Wait(burstSize / 2 * burstStep)
					decideNow(t, flow, true)
					return
				}
				t.Wait(time.Duration(i) * burstStep)
				answers[i] = t.Send(t.PollRequest(flow).Once())
			})
			judgeRace(t, answers)
			t.Wait(flow.Pace())
		})
})

// lateReplay is how long after its use an auth_req_id is tried once more: longer
// than what an OP may keep for retransmissions, and no longer than a run takes.
const lateReplay = 20 * time.Second

const (
	burstSize = 10
	burstStep = 10 * time.Millisecond
)

// pollBurst polls ten times at once, each time with an assertion of its own.
func pollBurst(t *T, f *Flow) []*ciba.Response {
	answers := make([]*ciba.Response, burstSize)
	t.Together(burstSize, func(i int) { answers[i] = t.Send(t.PollRequest(f).Once()) })
	for _, resp := range answers {
		f.Polled(resp)
	}
	return answers
}

// judgeRace counts the successes of a race. Byte-identical tokens are one
// redemption told twice.
func judgeRace(t *T, answers []*ciba.Response) int {
	var won []*ciba.Response
	for _, resp := range answers {
		if resp.HasTokens() {
			won = append(won, resp)
			continue
		}
		judgeLoser(t, resp, "a refusal of the polls that lost")
	}
	switch {
	case len(won) < 2:
	case sameTokens(won):
		t.At(won[1])
		t.Warn("one success", "the same tokens in %d answers", len(won))
	default:
		t.At(won[1])
		t.Fail("one success at most", "%d of %d simultaneous polls got tokens of their own", len(won), len(answers))
	}
	return len(won)
}

// judgeLoser is lenient with the codes: a client must not poll like this, so odd
// errors are fine. Tokens and a broken server are not.
func judgeLoser(t *T, resp *ciba.Response, expected string) {
	t.At(resp)
	switch {
	case resp.Err != nil:
		t.Note("a poll of a burst got no answer: %v", resp.Err)
	case resp.HasTokens(), resp.Status >= 500 && resp.Status != 503, resp.Status/100 == 2:
		t.Fail(expected, "%s", resp.Summary())
	case resp.Status == 503, resp.Status == 429:
	case !resp.Is(ciba.InvalidGrant, ciba.SlowDown, ciba.InvalidRequest, ciba.AuthorizationPending):
		t.Info(fmt.Sprintf("%s with invalid_grant or a word about the pace", expected), "%s", resp.Summary())
	}
}

func sameTokens(answers []*ciba.Response) bool {
	first, err := answers[0].Tokens()
	return err == nil && !slices.ContainsFunc(answers, func(r *ciba.Response) bool {
		tokens, err := r.Tokens()
		return err != nil || tokens.AccessToken != first.AccessToken || tokens.IDToken != first.IDToken || tokens.RefreshToken != first.RefreshToken
	})
}

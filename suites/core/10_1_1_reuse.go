package core

import (
	"fmt"
	"slices"
	"time"

	"github.com/cibatest/cibatest/internal/catalogue"
	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/internal/driver"
	. "github.com/cibatest/cibatest/suites/harness"
)

// CIBA Core 10.1.1 and 11: an auth_req_id is good for one redemption, and invalid_grant
// afterwards. Whoever finds one in a log, or overhears the client, must not get tokens for
// it, too; a client that gets several sets keeps one when the user revokes another. What
// is sent here may have an OP revoke tokens or lock the client, so these cases are the
// last of their client.
var _ = Cases.Describe("Redemption", func() {
	Case("reuse", "works once",
		Judges("CIBA-10.1.1-REUSE").AlsoAs(Ping).Smoke().AloneForClient().LastForClient().About(13*time.Second), func(t *T) {
			flow := t.MustStart(t.Request())
			t.MustRedeem(flow)
			judgeReuse(t, flow, t.Poll(flow))
		})
	Case("reuse-late", "does not work again later", Judges("CIBA-10.1.1-REUSE").AlsoAs(Ping).AfterAll().About(lateReplay), func(t *T) {
		early := sharedEarlyApproval(t)
		t.MustTokens(early.resp)
		flow := early.flow
		t.WaitUntil(flow.LastPoll().Add(lateReplay))
		judgeReuse(t, flow, t.Poll(flow))
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
			for len(flows) < 3 && t.Has(catalogue.NeedParallel) {
				flows = append(flows, t.MustStart(t.Request()))
			}
			for _, flow := range flows {
				t.Approve(flow)
			}
			for _, flow := range flows {
				answers := pollBurst(t, flow)
				if judgeRace(t, answers) == 0 {
					judgeRaceWithoutWinner(t, flow, answers)
				}
			}
			t.Wait(flows[0].Pace())
		})
	// The first poll that sees the approval redeems it, while others may be half way through.
	Case("reuse-race-at-approval", "works once of many polls at the moment of the approval",
		Judges("CIBA-10.1.1-REUSE-RACE").AlsoAs(Ping).AloneForClient().LastForClient().About(20*time.Second), func(t *T) {
			skipForPerson(t)
			flow := t.MustStart(t.Request())
			t.WaitTurn(flow)
			size := Bears(t, burstSize)
			answers := make([]*ciba.Response, size)
			t.Together(size+1, func(i int) {
				if i == size {
					t.Wait(time.Duration(size/2) * burstStep)
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

// A race is between burstSize polls, or as many as the OP bears. They are sent at once, or burstStep apart where they
// have to surround the moment of a decision.
const (
	burstSize = 10
	burstStep = 10 * time.Millisecond
)

// judgeReuse judges a replay. After its lifetime a used auth_req_id has expired as well.
func judgeReuse(t *T, f *Flow, resp *ciba.Response) {
	r := t.Requirement()
	if f.Outlived(resp) {
		r = AlsoExpecting(r, ciba.ExpiredToken)
	}
	t.JudgeBy(r, resp)
}

// pollBurst polls many times at once, each time with an assertion of its own.
func pollBurst(t *T, f *Flow) []*ciba.Response {
	answers := make([]*ciba.Response, Bears(t, burstSize))
	t.Together(len(answers), func(i int) { answers[i] = t.Send(t.PollRequest(f).Once()) })
	for _, resp := range answers {
		f.Polled(resp)
	}
	return answers
}

// judgeRace counts the successes of a race. Byte-identical tokens are one redemption
// whose answer was sent twice, which is a warning.
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

// judgeRaceWithoutWinner polls once more where no poll of a race had success. Load control
// may have let none through, and the decision may take effect later; else it is a warning.
func judgeRaceWithoutWinner(t *T, f *Flow, answers []*ciba.Response) {
	resp := t.MustAnswer(t.PollDecided(f))
	t.At(resp)
	postponed := func(r *ciba.Response) bool { return driver.Overloaded(r) || driver.Undecided(r) }
	if !slices.ContainsFunc(answers, postponed) {
		t.Warn("one success", "none; one more poll is answered %s", resp.Summary())
	}
}

// judgeLoser is lenient with the codes: a client must not poll like this, so an error that
// does not fit is only recorded. Tokens and a broken server are failures.
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

// sameTokens reports whether all answers carry the same tokens.
func sameTokens(answers []*ciba.Response) bool {
	first, err := answers[0].Tokens()
	return err == nil && !slices.ContainsFunc(answers, func(r *ciba.Response) bool {
		tokens, err := r.Tokens()
		return err != nil || tokens.AccessToken != first.AccessToken ||
			tokens.IDToken != first.IDToken || tokens.RefreshToken != first.RefreshToken
	})
}

package core

import (
	"fmt"
	"net/http"
	"time"

	"github.com/cibatest/cibatest/internal/catalogue"
	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/internal/driver"
	"github.com/cibatest/cibatest/reports/result"
	. "github.com/cibatest/cibatest/suites/harness"
)

// CIBA Core 11: what the user refused is access_denied, and stays refused. A denial that
// the client does not hear of keeps it polling and its own user waiting; one that a later
// approval overrules lets whoever started the request try until the user gives in.
var _ = Cases.Describe("Denial", func() {
	Case("denied", "is told by access_denied", Judges("CIBA-11-DENIED").AlsoAs(Ping).Smoke().About(7*time.Second), func(t *T) {
		d := sharedDenial(t)
		if driver.Undecided(d.resp) {
			t.Skip("the denial does not show within %s; denied-no-pending judges that", d.flow.DecisionWindow())
		}
		if d.resp.Sent.After(d.flow.Expires()) {
			t.Skip("expires_in %s is shorter than the time a denial may take", d.flow.ExpiresIn)
		}
		t.Judge(d.resp)
	})
	Case("denied-no-pending", "shows promptly instead of lasting as pending",
		Judges("CIBA-11-DENIED-NO-PENDING").AlsoAs(Ping).WaitsForExpiry().About(7*time.Second), judgePromptDenial)
	Case("denied-final", "is final: a later approval brings no tokens",
		Judges("CIBA-11-DENIED-FINAL").AlsoAs(Ping).About(20*time.Second), func(t *T) {
			flow := t.MustStart(t.Request())
			t.Deny(flow)
			if resp := t.MustAnswer(t.PollDecided(flow)); driver.Undecided(resp) {
				t.Abort("the denial does not show: %s", resp.Summary())
			}
			t.JudgeVariant("one interval after the answer", PollPending(t, flow))
			_ = Overrule(t, flow, true) // refused by OP or device is right, too
			t.JudgeVariant("after a late approval", PollPending(t, flow))
		})
	Case("denied-before-poll-final", "is final before a poll has told it",
		Judges("CIBA-11-DENIED-FINAL").AlsoAs(Ping).About(7*time.Second), func(t *T) {
			flow := t.MustStart(t.Request())
			t.WaitTurn(flow)
			t.Deny(flow)
			_ = Overrule(t, flow, true)
			t.Judge(t.PollDecided(flow))
		})
	Case("denied-error-format", "is told by JSON with a string error",
		Judges("CIBA-11-ERROR-FORMAT").AlsoAs(Ping).Needs(catalogue.NeedDeny).About(7*time.Second), func(t *T) {
			judgeTokenError(t, sharedDenial(t).resp)
		})
})

// sharedDenial is the shared flow that its user denied, and the first answer that is
// neither pending nor slow_down, or the last one in the time a decision may take.
func sharedDenial(t *T) endedFlow {
	return Observe(t, "denied", func(t *T) endedFlow {
		flow := t.MustStart(t.Request())
		t.Deny(flow)
		return endedFlow{flow, t.MustAnswer(t.PollDecided(flow))}
	})
}

// judgePromptDenial goes on polling a denied request that looks pending. No text says how
// soon a denial has to show, so only one that never does is a failure.
func judgePromptDenial(t *T) {
	d := sharedDenial(t)
	if !driver.Undecided(d.resp) {
		t.Expect(d.resp).To(BeOAuthError(ciba.AccessDenied))
		return
	}
	window, budget := d.flow.DecisionWindow(), t.Target().Budgets.ExpiryMax
	flow, resp := *d.flow, d.resp // the observation is shared, so the pace is kept in a copy
	flow.EndAwaited = true
	for driver.Undecided(resp) && time.Now().Before(flow.ExpiredBy().Add(ExpiryLatest)) && flow.ExpiresIn <= budget {
		resp = t.MustAnswer(t.Poll(&flow))
	}
	t.At(resp)
	soon := fmt.Sprintf("access_denied within %s", window)
	switch {
	case resp.Is(ciba.AccessDenied) && resp.Sent.Before(flow.ExpiredBy()):
		t.Warn(soon, "access_denied, but only %s after the request", resp.Sent.Sub(flow.Sent).Round(time.Second))
	case driver.Undecided(resp) && flow.ExpiresIn > budget:
		t.Warn(soon, "%s; expires_in is %s, longer than budgets.expiry_max, so the end was not waited for", resp.Summary(), flow.ExpiresIn)
	default:
		t.Fail("access_denied before the request expires", "%s", resp.Summary())
	}
}

// judgeTokenError judges the form of an error of the token endpoint.
func judgeTokenError(t *T, resp *ciba.Response) {
	e, isError := resp.OAuthError()
	switch {
	case outsideErrorRule(resp.Status):
		t.Skip("the answer is %s, which is outside the rule", resp.Summary())
	case resp.Status == http.StatusForbidden && isError && e.Code == string(ciba.AccessDenied):
		t.Expect(resp).As(result.Warn).To(HaveStatus(http.StatusBadRequest), "status 400") // N-08
		return
	}
	t.Expect(resp).To(HaveStatus(http.StatusBadRequest))
	judgeErrorForm(t, Answer{What: "the end of a request", Response: resp})
}

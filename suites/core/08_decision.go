package core

import (
	"fmt"
	"slices"
	"time"

	"github.com/cibatest/cibatest/internal/catalogue"
	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/internal/driver"
	"github.com/cibatest/cibatest/internal/targetfile"
	"github.com/cibatest/cibatest/reports/result"
	. "github.com/cibatest/cibatest/suites/harness"
)

// CIBA Core 8 and 10.1.1: the user's decision reaches the client that asked, for the
// request it is about, and nobody else. An approval that spreads to other requests of the
// user opens the door to whoever has one open; one that gets lost under load costs the
// user another prompt. An OP may keep one open request for each user and end the older
// one, or refuse the newer.
var _ = Cases.Describe("Approval", func() {
	Case("approval-tokens", "is followed by tokens at the next poll",
		Judges("CIBA-10.1.1-TOKENS").AlsoAs(Ping).Smoke().About(7*time.Second), func(t *T) {
			resp := sharedEarlyApproval(t).resp
			t.Judge(resp)
			judgeTokenMembers(t, resp)
		})
	Case("approval-then-denial", "stands when the user changes his mind, or is withdrawn",
		Judges("CIBA-10.1.1-TOKENS").AlsoAs(Ping).Needs(catalogue.NeedDeny).About(12*time.Second), judgeApprovalThenDenial)
	Case("approval-during-poll", "takes effect when it falls into a poll",
		Judges("CIBA-10.1.1-DECISION-DURING-POLL").AlsoAs(Ping).About(20*time.Second), judgeDecisionsDuringPolls)
	Case("approval-isolated", "does not approve another request of the same user",
		Judges("CIBA-8-ISOLATION").AlsoAs(Ping).Smoke().About(12*time.Second), func(t *T) {
			first := t.MustStart(t.Request())
			second := startBeside(t, t.Client())
			judgeIsolation(t, first, second)
		})
	Case("approval-isolated-newer", "does not approve an older request of the same user",
		Judges("CIBA-8-ISOLATION").About(12*time.Second), func(t *T) {
			older := t.MustStart(t.Request())
			newer := startBeside(t, t.Client())
			judgeIsolation(t, newer, older)
		})
	Case("approval-isolated-clients", "does not approve another client's request to the same user",
		Judges("CIBA-8-ISOLATION").AlsoAs(Ping).Needs(catalogue.NeedSecondClient).About(12*time.Second), func(t *T) {
			mine := t.MustStart(t.Request())
			theirs := startBeside(t, t.Second())
			judgeIsolation(t, mine, theirs)
		})
	// Whoever can be reached at an endpoint that a poll client has not thought of for years would
	// learn of its transactions.
	Case("approval-not-called", "is not told to a client that polls",
		Judges("CIBA-10-REGISTERED-MODE-ONLY").About(calledWithin), judgeNotCalled)
	// Consent that is remembered, as in a browser, would make every later request of the
	// client a way in without the user.
	Case("approval-not-remembered", "does not approve a request that is made afterwards",
		Judges("CIBA-8-NO-TOKENS-BEFORE-DECISION").AlsoAs(Ping).Needs(catalogue.NeedApprove).About(12*time.Second), func(t *T) {
			t.MustRedeem(t.MustStart(t.Request()))
			t.Judge(t.Poll(t.MustStart(t.Request())))
		})
	Case("denial-isolated", "is not undone by the denial of another request of the same user",
		Judges("CIBA-8-ISOLATION").Needs(catalogue.NeedDeny).About(12*time.Second), func(t *T) {
			denied := t.MustStart(t.Request())
			open := startBeside(t, t.Client())
			t.WaitTurn(denied)
			t.Deny(denied)
			t.MustAnswer(t.PollDecided(denied))
			resp := t.MustAnswer(t.Poll(open))
			// A user may have one way to refuse all that is open.
			t.Expect(resp).As(result.Warn).To(BePending(), "the other request of the user is still pending")
		})
	Case("decisions-in-parallel", "and denial of many requests do not mix",
		Judges("CIBA-8-MANY-PARALLEL").AlsoAs(Ping).AsksAllUsers().About(25*time.Second), judgeManyDecisions)
})

// skipForPerson skips a case whose decisions are too many, or have to come at a
// given moment, for a person at a phone.
func skipForPerson(t *T) {
	if t.Approver().IsPerson() {
		t.Skip("approval.kind is manual; this case needs decisions by the split second")
	}
}

// calledWithin is how long a call is waited for that must not come.
const calledWithin = 30 * time.Second

// judgeNotCalled lets a poll client that has a notification endpoint send the token that calls
// would come with.
func judgeNotCalled(t *T) {
	clients := slices.DeleteFunc(t.OrdinaryClients(), func(c *Client) bool { return c.NotificationEndpoint == "" || c.Rejection() != "" })
	if len(clients) == 0 {
		t.Skip("no poll client of the target file has a notification_endpoint; register one with a poll client where the OP permits it")
	}
	c, token := clients[0], t.Random().Text()+t.Random().Text()
	resp := t.MustAnswer(t.StartAs(c, t.RequestFor(c, t.User()).With("client_notification_token", token)))
	if resp.Status/100 == 4 {
		t.Skip("the OP refuses client_notification_token of a poll client with %s, so that it has nothing to call with", resp.Summary())
	}
	flow := t.FlowOf(c, t.User(), resp)
	t.Approve(flow)
	calls := append(NotNotified(t, flow, calledWithin), Misled(t, flow)...)
	if len(calls) > 0 {
		t.At(calls[0].Payload)
	}
	t.Check(len(calls) == 0, "no call to a poll client within "+calledWithin.String(), "a call about its request")
}

// judgeTokenMembers looks only for what a client cannot do without; the token
// response has cases of its own.
func judgeTokenMembers(t *T, resp *ciba.Response) {
	if resp.Status != 200 || !t.Expect(resp).To(BeJSONObject()) {
		return
	}
	for _, name := range []string{"access_token", "id_token", "token_type"} {
		t.Expect(resp).To(HaveMember(name, nonEmptyText), name+" is a non-empty string")
	}
}

// judgeApprovalThenDenial sends a denial after an approval. No text says whether a user
// may withdraw an approval that was not redeemed yet: it is sound that the first decision
// stands, and that the second one counts. A request that ends in neither way is not.
func judgeApprovalThenDenial(t *T) {
	flow := t.MustStart(t.Request())
	t.Approve(flow)
	_ = Overrule(t, flow, false)
	resp := t.MustAnswer(t.PollDecided(flow))
	if resp.Is(ciba.AccessDenied) {
		t.Expect(resp).As(result.Info).To(HaveTokens(), "the first decision stands")
	} else {
		t.Judge(resp)
	}
	if resp.HasTokens() {
		return // another poll would be a replay
	}
	again := t.MustAnswer(t.Poll(flow))
	t.Expect(again).As(result.Fail).NotTo(HaveTokens(), "no tokens after the final answer "+resp.Summary())
}

// sharedEarlyApproval is an approved flow and the answer to the poll that follows. Its tokens
// serve no other case, so that the flow may be polled again late in the run.
func sharedEarlyApproval(t *T) endedFlow {
	return Observe(t, "approved early", func(t *T) endedFlow {
		flow := t.MustStart(t.Request())
		t.Approve(flow)
		return endedFlow{flow, t.PollDecided(flow)}
	})
}

// startBeside opens a second request of the user with another binding message.
// An OP that refuses it keeps one open request for each user, which is its right.
func startBeside(t *T, c *Client) *Flow {
	p := t.RequestFor(c, t.User())
	if message := []byte(p.Get("binding_message")); len(message) > 1 {
		slices.Reverse(message) // the same alphabet and length
		p = p.With("binding_message", string(message))
	}
	resp := t.MustAnswer(t.StartAs(c, p))
	if _, err := resp.Started(); err != nil {
		t.Skip("parallel: a second request of the same user is answered %s", resp.Summary())
	}
	return t.FlowOf(c, t.User(), resp)
}

// judgeIsolation approves one of two requests and polls both.
func judgeIsolation(t *T, approved, other *Flow) {
	t.ApproveAlive(approved)
	resp := t.MustAnswer(t.PollDecided(approved))
	if EndedBefore(t, approved) && resp.HasTokens() {
		t.At(resp)
		t.Fail("no tokens for a request before its own decision", "%s; only other requests of the user were decided", resp.Summary())
		return
	}
	beside := t.MustAnswer(t.Poll(other))
	otherEnded := !driver.Undecided(beside) && !beside.HasTokens()
	approvedEnded := !resp.HasTokens() && resp.Is(ciba.AccessDenied, ciba.ExpiredToken, ciba.InvalidGrant)
	if otherEnded || approvedEnded { // the one open request that this OP keeps for a user
		t.Info("two open requests of one user live side by side",
			"the approved one is answered %s, the other one %s", resp.Summary(), beside.Summary())
		return
	}
	t.Expect(resp).To(HaveTokens(), "tokens for the approved request")
	t.Expect(beside).To(BePending(), "the other request is undecided")
}

// judgeDecisionsDuringPolls decides ten requests 0 to 200 ms after a poll of each was
// sent. The running poll may be answered either way.
func judgeDecisionsDuringPolls(t *T) {
	skipForPerson(t)
	const flows = 10
	list := make([]*Flow, flows)
	for i := range list {
		list[i] = t.MustStart(t.Request())
	}
	answers := make([][]*ciba.Response, flows)
	t.Together(flows, func(i int) {
		t.WaitTurn(list[i])
		var running *ciba.Response
		t.Together(2, func(part int) {
			if part == 0 {
				running = t.PollNow(list[i])
				return
			}
			t.Wait(time.Duration(i) * 200 * time.Millisecond / (flows - 1))
			decideNow(t, list[i], i%2 == 0)
		})
		answers[i] = append(answers[i], running)
		if driver.Undecided(running) {
			answers[i] = append(answers[i], t.PollDecided(list[i]))
		}
	})
	for i, list := range answers {
		last := list[len(list)-1]
		if last.Err != nil {
			continue // an answer that was lost counts as redeemed
		}
		if i%2 == 0 {
			t.Expect(last).To(HaveTokens(), "tokens for a request approved during a poll")
		} else {
			judgeDenied(t, last, "access_denied for a request denied during a poll")
		}
	}
}

// judgeDenied expects access_denied. Tokens after a denial are a failure whatever the
// verdict of the clause.
func judgeDenied(t *T, resp *ciba.Response, expected string) {
	if t.Expect(resp).As(result.Fail).NotTo(HaveTokens(), expected) {
		t.Expect(resp).To(BeOAuthError(ciba.AccessDenied), expected)
	}
}

// decidedFlow is a flow, its decision and what the client got.
type decidedFlow struct {
	flow  *Flow
	allow bool
	resp  *ciba.Response
}

// judgeManyDecisions decides up to 20 requests of all users at once, a random half
// in favour: under load the state of one request may be mistaken for that of another. An
// OP that limits requests gets fewer.
func judgeManyDecisions(t *T) {
	skipForPerson(t)
	list := startMany(t, 20)
	for i, chosen := range t.Random().Perm(len(list)) {
		list[chosen].allow = i%2 == 0
	}
	t.Together(len(list), func(i int) {
		v := list[i]
		t.WaitTurn(v.flow)
		decideNow(t, v.flow, v.allow)
		v.resp = t.MustAnswer(t.PollDecided(v.flow))
	})
	subjects := map[string]string{} // user -> sub
	for _, v := range list {
		switch {
		case !v.allow:
			judgeDenied(t, v.resp, "access_denied for a denied request among many")
		case t.Expect(v.resp).To(HaveTokens(), "tokens for an approved request among many"):
			judgeSubjectAmong(t, v, subjects)
		}
	}
}

// startMany opens up to n requests at the same time, in turn for each user, and
// leaves out those that the OP refuses. A request must not be taken for another
// user's that comes at the same moment.
func startMany(t *T, n int) []*decidedFlow {
	users := t.Target().Users
	answers := make([]*ciba.Response, n)
	t.Together(n, func(i int) { answers[i] = t.Start(t.RequestFor(t.Client(), users[i%len(users)])) })
	var list []*decidedFlow
	for i, resp := range answers {
		if _, err := resp.Started(); err == nil {
			list = append(list, &decidedFlow{flow: t.FlowOf(t.Client(), users[i%len(users)], resp)})
		}
	}
	if len(list) < 4 {
		t.Skip("parallel: the OP takes only %d requests at once", len(list))
	}
	return list
}

// judgeSubjectAmong compares the sub with the user's, where the target file names it,
// and with what other requests of the users brought.
func judgeSubjectAmong(t *T, v *decidedFlow, subjects map[string]string) {
	tokens, err := v.resp.Tokens()
	if err != nil || tokens.IDToken == "" {
		return // the form of the token response has cases of its own
	}
	sub, _ := IDTokenIn(t, tokens).Claims["sub"].(string)
	judgeSubjectOfUser(t, v.flow.User, sub, subjects)
	if got := UserinfoSubject(t, tokens.AccessToken); got != nil && got != sub {
		t.Fail(fmt.Sprintf("UserInfo about %s: the sub of the ID Token", v.flow.User.Name), "another sub")
	}
}

// judgeSubjectOfUser compares a sub with the one of the target file, else with those that
// this and other users had so far: the same user has the same sub, and nobody else has.
func judgeSubjectOfUser(t *T, user targetfile.User, sub string, subjects map[string]string) {
	if want := knownSubject(t, user); want != "" && sub != want {
		t.Fail(fmt.Sprintf("the sub of %s", user.Name), "another sub")
		return
	}
	for other, known := range subjects {
		if (other == user.Name) != (known == sub) {
			t.Fail("one sub for each user", "users %s and %s: the same is %v", user.Name, other, known == sub)
		}
	}
	subjects[user.Name] = sub
}

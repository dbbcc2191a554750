package core

import (
	"fmt"
	"slices"
	"time"

	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/internal/driver"
	"github.com/cibatest/cibatest/internal/targetfile"
	. "github.com/cibatest/cibatest/suites/harness"
)

// CIBA Core 8 and 10.1.1: the user's decision reaches the client that asked, for
// the request it is about, and nobody else.
var _ = Cases.Describe("Approval", func() {
	Case("approval-tokens", "is followed by tokens at the next poll",
		Judges("CIBA-10.1.1-TOKENS").Smoke().About(7*time.Second), func(t *T) {
			resp := sharedEarlyApproval(t).resp
			t.Judge(resp)
			judgeTokenMembers(t, resp)
		})
	Case("approval-then-denial", "stands when the user changes his mind, or is withdrawn",
		Judges("CIBA-10.1.1-TOKENS").Needs("deny").About(12*time.Second), judgeApprovalThenDenial)
	Case("approval-during-poll", "takes effect when it falls into a poll",
		Judges("CIBA-10.1.1-DECISION-DURING-POLL").About(20*time.Second), judgeDecisionsDuringPolls)
	Case("approval-isolated", "does not approve another request of the same user",
		Judges("CIBA-8-ISOLATION").Smoke().About(12*time.Second), func(t *T) {
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
		Judges("CIBA-8-ISOLATION").Needs("second_client").About(12*time.Second), func(t *T) {
			mine := t.MustStart(t.Request())
			theirs := startBeside(t, t.Second())
			judgeIsolation(t, mine, theirs)
		})
	Case("approval-not-remembered", "does not approve a request that is made afterwards",
		Judges("CIBA-8-NO-TOKENS-BEFORE-DECISION").Needs("approve").About(12*time.Second), func(t *T) {
			t.MustRedeem(t.MustStart(t.Request()))
			t.Judge(t.Poll(t.MustStart(t.Request())))
		})
	Case("denial-isolated", "is not undone by the denial of another request of the same user",
		Judges("CIBA-8-ISOLATION").Needs("deny").About(12*time.Second), func(t *T) {
			denied := t.MustStart(t.Request())
			open := startBeside(t, t.Client())
			t.WaitTurn(denied)
			t.Deny(denied)
			t.MustAnswer(t.PollDecided(denied))
			resp := t.MustAnswer(t.Poll(open))
			t.At(resp)
			if !driver.Undecided(resp) { // a user may have one way to refuse all that is open
				t.Warn("the other request of the user is still pending", "%s", resp.Summary())
			}
		})
	Case("decisions-in-parallel", "and denial of many requests do not mix",
		Judges("CIBA-8-MANY-PARALLEL").AsksAllUsers().About(25*time.Second), judgeManyDecisions)
})

// skipForPerson skips a case whose decisions are too many, or have to come at a
// given moment, for a person at a phone.
func skipForPerson(t *T) {
	if t.Approver().IsPerson() {
		t.Skip("approval.kind is manual; this case needs decisions by the split second")
	}
}

// judgeTokenMembers looks only for what a client cannot do without; the token
// response has cases of its own.
func judgeTokenMembers(t *T, resp *ciba.Response) {
	object, err := resp.Object()
	if resp.Status != 200 || !t.Check(err == nil, "a JSON object", "%v", err) {
		return
	}
	for _, name := range []string{"access_token", "id_token", "token_type"} {
		value, _ := object[name].(string)
		t.Check(value != "", name+" is a non-empty string", "it is %T", object[name])
	}
}

// approvedThenDenied: no text says whether a user may withdraw an approval that
// was not redeemed yet. The first decision standing and the second one counting
// are both sound; a request that ends in neither is not.
func judgeApprovalThenDenial(t *T) {
	flow := t.MustStart(t.Request())
	t.Approve(flow)
	_ = Overrule(t, flow, false)
	resp := t.MustAnswer(t.PollDecided(flow))
	t.At(resp)
	if resp.Is(ciba.AccessDenied) {
		t.Info("the first decision stands", "the denial after the approval counts")
	} else {
		t.Judge(resp)
	}
	if resp.HasTokens() {
		return // another poll would be a replay
	}
	again := t.MustAnswer(t.Poll(flow))
	if again.HasTokens() {
		t.At(again)
		t.Fail("no tokens after the final answer", "%s, after %s", again.Summary(), resp.Summary())
	}
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
	if !driver.Undecided(beside) && !beside.HasTokens() || !resp.HasTokens() && resp.Is(ciba.AccessDenied, ciba.ExpiredToken, ciba.InvalidGrant) {
		t.Info("two open requests of one user live side by side", "the approved one is answered %s, the other one %s", resp.Summary(), beside.Summary())
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
		t.At(last)
		if i%2 == 0 {
			t.Expect(last).To(HaveTokens(), "tokens for a request approved during a poll")
			continue
		}
		if last.HasTokens() {
			t.Fail("access_denied for a request denied during a poll", "%s", last.Summary())
			continue
		}
		t.Expect(last).To(BeOAuthError(ciba.AccessDenied), "access_denied for a request denied during a poll")
	}
}

// decidedFlow is a flow, its decision and what the client got.
type decidedFlow struct {
	flow  *Flow
	allow bool
	resp  *ciba.Response
}

// judgeManyDecisions decides up to 20 requests of all users at once, a random half
// in favour. An OP that limits requests gets fewer.
func judgeManyDecisions(t *T) {
	skipForPerson(t)
	list := startMany(t, 20)
	for i, at := range t.Random().Perm(len(list)) {
		list[at].allow = i%2 == 0
	}
	t.Together(len(list), func(i int) {
		v := list[i]
		t.WaitTurn(v.flow)
		decideNow(t, v.flow, v.allow)
		v.resp = t.MustAnswer(t.PollDecided(v.flow))
	})
	subjects := map[string]string{} // user -> sub
	for _, v := range list {
		t.At(v.resp)
		switch {
		case v.allow && v.resp.HasTokens():
			judgeSubjectAmong(t, v, subjects)
		case v.resp.HasTokens():
			t.Fail("access_denied for a denied request among many", "%s", v.resp.Summary())
		case v.allow:
			t.Check(false, "tokens for an approved request among many", "%s", v.resp.Summary())
		default:
			t.Expect(v.resp).To(BeOAuthError(ciba.AccessDenied), "access_denied for a denied request among many")
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
		t.Fail(fmt.Sprintf("UserInfo about %s", v.flow.User.Name), "another sub than that of the ID Token")
	}
}

func judgeSubjectOfUser(t *T, user targetfile.User, sub string, subjects map[string]string) {
	if want := knownSubject(t, user); want != "" && sub != want {
		t.Fail(fmt.Sprintf("the subject of %s", user.Name), "another subject")
		return
	}
	for other, known := range subjects {
		if (other == user.Name) != (known == sub) {
			t.Fail("one subject for each user", "users %s and %s: the same is %v", user.Name, other, known == sub)
		}
	}
	subjects[user.Name] = sub
}

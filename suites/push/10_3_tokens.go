package push

import (
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/cibatest/cibatest/internal/catalogue"
	. "github.com/cibatest/cibatest/suites/harness"
)

// early is how long a case looks for a call that has to wait for the user's decision.
const early = 10 * time.Second

// CIBA Core 10.3: tokens are pushed once the user has approved, to the client that asked, for
// the request that was approved. There is no second look at the client: whatever is sent to
// the wrong request has been given away.
var _ = Cases.Describe("Push", func() {
	Case("push-after-decision", "comes after the decision and not before it",
		Judges("CIBA-10.3-PUSH-DELIVERY").About(early+CallbackWindow), func(t *T) {
			flow := t.MustStart(t.Request())
			judgeSilent(t, "before the decision", NotNotified(t, flow, early))
			if Findings(t) == 0 {
				judgeOwnTokens(t, "after the approval", carriedThrough(t, flow))
			}
		})
	Case("push-isolated", "is about the request that was approved, and no other of the user",
		Judges("CIBA-10.3-PUSH-DELIVERY", "CIBA-10.3-PUSH-MEMBERS").Needs(catalogue.NeedParallel).About(early+CallbackWindow), func(t *T) {
			first, second := t.MustStart(t.Request()), t.MustStart(t.Request())
			one := carriedThrough(t, second)
			judgeOwnTokens(t, "for the newer of two requests", one)
			judgeSilent(t, "with tokens for the older request, which was not approved", withTokens(NotNotified(t, first, early)))
			if Findings(t) > 0 {
				return
			}
			other := carriedThrough(t, first)
			judgeOwnTokens(t, "for the older of two requests", other)
			judgeApart(t, one, other)
		})
	Case("push-together", "of two decisions at once reaches each its own request",
		Judges("CIBA-10.3-PUSH-MEMBERS", "CIBA-10.3-PUSH-ARID-CLAIM").Needs(catalogue.NeedParallel), func(t *T) {
			skipForPerson(t)
			flows := []*Flow{t.MustStart(t.Request()), t.MustStart(t.Request()), t.MustStart(t.Request())}
			list := make([]pushed, len(flows))
			t.Together(len(flows), func(i int) { list[i] = carriedThrough(t, flows[i]) })
			for _, p := range list {
				judgeOwnTokens(t, "for one of three requests decided at once", p)
			}
			judgeApart(t, list...)
		})
	Case("push-other-client", "is about the client's own requests",
		Judges("CIBA-10.3-PUSH-DELIVERY", "CIBA-10.3-PUSH-MEMBERS").Needs(catalogue.NeedSecondClient, catalogue.NeedParallel), func(t *T) {
			mine, theirs := t.MustStart(t.Request()), t.MustStartAs(t.Second(), t.User(), t.RequestFor(t.Second(), t.User()))
			one, other := carriedThrough(t, mine), carriedThrough(t, theirs)
			judgeOwnTokens(t, "for the client's own request", one)
			t.As(t.Second(), func() { judgeOwnTokens(t, "for another client's request", other) })
			judgeApart(t, one, other)
		})
	Case("push-url", "has nothing secret in its URL", Judges("CIBA-10.3-PUSH-DELIVERY"), func(t *T) {
		p := approved(t)
		call := p.mustCall(t)
		t.At(call.Payload)
		judgeURL(t, call)
	})
})

// skipForPerson skips a case whose decisions have to come at a given moment.
func skipForPerson(t *T) {
	if t.Approver().IsPerson() {
		t.Skip("approval.kind is manual; this case needs decisions by the split second")
	}
}

// withTokens are the calls that brought tokens. An OP that ends an older request, or whose
// limits it fell under, says so.
func withTokens(calls []Notification) []Notification {
	return slices.DeleteFunc(slices.Clone(calls), func(n Notification) bool { return !n.Payload.HasTokens() })
}

// judgeSilent judges that nothing came.
func judgeSilent(t *T, when string, calls []Notification) {
	if len(calls) > 0 {
		t.At(calls[0].Payload)
	}
	t.Check(len(calls) == 0, "no call "+when, "%d calls", len(calls))
}

// judgeOwnTokens judges that a call is about its own request: the call names it, and the ID
// Token does.
func judgeOwnTokens(t *T, what string, p pushed) {
	if !t.Check(p.came, "a call "+what+" with its client_notification_token", "none came") {
		return
	}
	t.At(p.call.Payload)
	if !t.Expect(p.call.Payload).To(HaveTokens(), what+": tokens") {
		return
	}
	id := textIn(p.call, "auth_req_id")
	t.Check(id == p.flow.AuthReqID, what+": its auth_req_id", "another one, or none")
	tokens, err := p.call.Payload.Tokens()
	if err != nil || tokens.IDToken == "" {
		return // which is for push-members to judge
	}
	t.At(p.call.Payload)
	if claim, there := IDTokenIn(t, tokens).Claims[aridClaim]; there {
		t.Check(claim == p.flow.AuthReqID, what+": an ID Token for it", "an ID Token for another request")
	}
}

// judgeApart judges that requests share no token.
func judgeApart(t *T, list ...pushed) {
	seen := map[string]bool{}
	for _, p := range list {
		if !p.came {
			continue
		}
		tokens, err := p.call.Payload.Tokens()
		if err != nil {
			continue
		}
		t.At(p.call.Payload)
		for name, token := range map[string]string{
			"access_token": tokens.AccessToken, "refresh_token": tokens.RefreshToken, "id_token": tokens.IDToken,
		} {
			t.Check(token == "" || !seen[token], "an "+name+" for each request", "one for two of them")
			seen[token] = true
		}
	}
}

// judgeURL looks for what was sent and what is secret in the address of a call, which lands in
// the logs of every server on the way. CIBA Core 10.3.1 has a place for each in header and body.
func judgeURL(t *T, call Notification) {
	_, bearer := call.Bearer()
	secrets := map[string]string{"client_notification_token": bearer}
	for _, name := range []string{"access_token", "refresh_token", "id_token", "auth_req_id"} {
		secrets[name] = textIn(call, name)
	}
	address, err := url.QueryUnescape(call.URL)
	if err != nil {
		address = call.URL
	}
	names := slices.Sorted(func(yield func(string) bool) {
		for name, value := range secrets {
			if value != "" && strings.Contains(address, value) && !yield(name) {
				return
			}
		}
	})
	t.Check(len(names) == 0, "the URL of the client's notification endpoint", "a URL with %s in it, too", strings.Join(names, " and "))
}

// tokensIn reports whether one of some calls has tokens, and which.
func tokensIn(calls []Notification) (Notification, bool) {
	i := slices.IndexFunc(calls, func(n Notification) bool { return n.Payload.HasTokens() })
	if i < 0 {
		return Notification{}, false
	}
	return calls[i], true
}

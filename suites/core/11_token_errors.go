package core

import (
	"strings"
	"sync"
	"time"

	"github.com/cibatest/cibatest/internal/catalogue"
	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/internal/driver"
	"github.com/cibatest/cibatest/reports/result"
	. "github.com/cibatest/cibatest/suites/harness"
)

// CIBA Core 11: an auth_req_id that was never issued, or not to this client, is
// invalid_grant whatever happened to the request. expired_token for an unknown value, as
// one product answers (N-06), has a client wait for nothing. To another client the state
// of a request tells what a user did; its tokens are those of somebody else's user. Nothing
// that others try may cost the owner the request.
var _ = Cases.Describe("Invalid auth_req_id", func() {
	Case("id-unknown", "is invalid_grant when it was never issued",
		Judges("CIBA-11-ARID-UNKNOWN").AlsoAs(Ping).LastForClient().Smoke(), func(t *T) {
			flow := t.MustStart(t.Request())
			t.Judge(pollFor(t, t.Client(), similarID(t.Random(), flow.AuthReqID)))
		})
	Case("id-tampered", "is invalid_grant when it was altered",
		Judges("CIBA-11-ARID-TAMPERED").AlsoAs(Ping).LastForClient().About(8*time.Second), judgeTamperedIDs)
	Case("id-other-client", "is invalid_grant for another client, before and after the approval",
		Judges("CIBA-11-ARID-OTHER-CLIENT").AlsoAs(Ping).Smoke().About(8*time.Second), func(t *T) {
			mustLetInSecond(t)
			flow := t.MustStart(t.Request())
			t.JudgeVariant("pending", pollAsSecond(t, flow))
			t.ApproveAlive(flow)
			t.JudgeVariant("approved", pollAsSecond(t, flow))
			judgeOwner(t, t.PollDecided(flow), HaveTokens(), "the owner still gets the tokens")
		})
	Case("id-other-client-pace", "of another client does not count for the owner's pace",
		Judges("CIBA-11-ARID-OTHER-CLIENT").Needs(catalogue.NeedNoAction).About(6*time.Second), func(t *T) {
			mustLetInSecond(t)
			flow := t.MustStart(t.Request())
			t.WaitTurn(flow)
			t.Judge(pollAsSecond(t, flow))
			resp := t.PollNow(flow)
			judgeOwner(t, resp, BePending(), "the owner's request is still pending")
			// No text says whose polls an OP counts, so slow_down is a warning.
			t.Expect(resp).As(result.Warn).
				NotTo(BeOAuthError(ciba.SlowDown), "authorization_pending for the owner, right after a poll of another client")
		})
	Case("id-other-client-used", "is invalid_grant for another client after its use",
		Judges("CIBA-11-ARID-OTHER-CLIENT").AloneForClient().LastForClient().About(8*time.Second), func(t *T) {
			mustLetInSecond(t)
			flow := t.MustStart(t.Request())
			tokens, _ := t.MustRedeem(flow)
			owned := takeStock(t, tokens)
			t.JudgeVariant("used", pollAsSecond(t, flow))
			// RFC 6749 10.5 has servers revoke what a leaked code brought, and no text says
			// that an auth_req_id is none, so a loss is a warning.
			owned.judgeKept(t, result.Warn, "after another client's poll with the used auth_req_id")
		})
	Case("id-other-client-denied", "is invalid_grant for another client after the denial",
		Judges("CIBA-11-ARID-OTHER-CLIENT-DENIED").AlsoAs(Ping).About(8*time.Second), func(t *T) {
			mustLetInSecond(t)
			flow := t.MustStart(t.Request())
			t.WaitTurn(flow)
			t.Deny(flow)
			t.Judge(pollAsSecond(t, flow))
			t.Expect(t.MustAnswer(t.PollDecided(flow))).To(BeOAuthError(ciba.AccessDenied), "the owner still gets access_denied")
		})
	Case("id-other-client-race", "is invalid_grant for another client that polls at the moment of the approval",
		Judges("CIBA-11-ARID-OTHER-CLIENT").AloneForClient().LastForClient().About(10*time.Second), judgeForeignRace)
})

// judgeTamperedIDs alters an issued auth_req_id and redeems the genuine one at last.
// Variants that may decode to the same bytes, such as other letters of a hexadecimal
// number, are only recorded.
func judgeTamperedIDs(t *T) {
	flow := t.MustStart(t.Request())
	altered := alteredInTheMiddle(t.Random(), flow.AuthReqID)
	t.JudgeVariant("two characters altered, pending", pollFor(t, t.Client(), altered))
	last := len(flow.AuthReqID) - 1
	for _, variant := range []struct{ what, id string }{
		{"a character appended", flow.AuthReqID + "A"},
		{"the last one changed", flow.AuthReqID[:last] + similarCharacter(t.Random(), flow.AuthReqID[last])},
		{"upper for lower case", strings.ToUpper(flow.AuthReqID)},
		{"the first one left out", flow.AuthReqID[1:]},
		{"the last one left out", flow.AuthReqID[:last]},
	} {
		if variant.id != flow.AuthReqID {
			resp := t.MustAnswer(pollFor(t, t.Client(), variant.id))
			t.Expect(resp).As(result.Info).To(BeOAuthError(ciba.InvalidGrant), "invalid_grant with "+variant.what)
		}
	}
	// No encoding makes half a value the same as the whole.
	half := flow.AuthReqID[:len(flow.AuthReqID)/2]
	t.JudgeVariant("the first half of it, pending", pollFor(t, t.Client(), half))
	approveIfPossible(t, flow)
	t.JudgeVariant("the first half of it, decided", pollFor(t, t.Client(), half))
	t.JudgeVariant("two characters altered, decided", pollFor(t, t.Client(), altered))
	judgeOwnerUnharmed(t, flow)
}

// judgeForeignRace lets another client poll again and again while the owner's request
// is approved and redeemed.
func judgeForeignRace(t *T) {
	skipForPerson(t)
	mustLetInSecond(t)
	flow := t.MustStart(t.Request())
	t.WaitTurn(flow)
	foreign := make([]*ciba.Response, 8)
	var owner *ciba.Response
	decided := make(chan struct{})
	over := sync.OnceFunc(func() { close(decided) })
	t.Together(len(foreign)+1, func(i int) {
		switch {
		case i < len(foreign)/2: // while the user decides
			t.Wait(time.Duration(i) * 10 * time.Millisecond)
			foreign[i] = pollAsSecond(t, flow)
		case i < len(foreign): // when the user has decided, and the owner does not know
			<-decided
			foreign[i] = pollAsSecond(t, flow)
		default:
			defer over() // also where this step ends the case
			t.Wait(20 * time.Millisecond)
			decideNow(t, flow, true)
			over()
			t.Wait(10 * time.Millisecond)
			owner = t.PollDecided(flow)
		}
	})
	for _, resp := range foreign {
		t.Judge(resp)
	}
	judgeOwner(t, owner, HaveTokens(), "the owner gets the tokens")
}

// pollAsSecond polls a flow as another client, which is entitled but for the auth_req_id.
func pollAsSecond(t *T, f *Flow) *ciba.Response { return pollFor(t, t.Second(), f.AuthReqID) }

// mustLetInSecond ends the case as error where the token endpoint refuses the other client
// whatever it asks, as its answer says nothing then about the auth_req_id.
func mustLetInSecond(t *T) {
	t.As(t.Second(), func() {
		if resp := pollOfNothing(t); driver.RefusesClient(resp) || resp.Is(ciba.UnauthorizedClient) {
			t.Abort("client %s, which plays the stranger, is refused at the token endpoint whatever it asks: %s", t.Client().Name, resp.Summary())
		}
	})
}

// pollFor polls as a client with an auth_req_id, whoever it was issued to, if anybody.
func pollFor(t *T, c *Client, id string) *ciba.Response {
	return t.Send(t.TokenRequest(c, ciba.P("grant_type", ciba.GrantTypeCIBA, "auth_req_id", id)))
}

// similarID is a value of the same shape that cannot have been issued: every
// letter and digit is replaced by another of its class.
func similarID(random *driver.Random, id string) string {
	var b strings.Builder
	for i := range len(id) {
		b.WriteString(similarCharacter(random, id[i]))
	}
	return b.String()
}

// alteredInTheMiddle changes two characters, since one alone may be a version
// digit. An id of a token format keeps its form.
func alteredInTheMiddle(random *driver.Random, id string) string {
	b := []byte(id)
	changed := 0
	for i := len(b) / 2; i < len(b)-1 && changed < 2; i++ {
		if other := similarCharacter(random, b[i]); other != string(b[i]) {
			b[i] = other[0]
			changed++
		}
	}
	return string(b)
}

// characterClasses keep what a character may mean: digits stay digits, and hexadecimal
// ones hexadecimal.
var characterClasses = []string{"0123456789", "abcdef", "ghijklmnopqrstuvwxyz", "ABCDEF", "GHIJKLMNOPQRSTUVWXYZ"}

// similarCharacter is another character of the same class. Punctuation stays what it is.
func similarCharacter(random *driver.Random, c byte) string {
	for _, class := range characterClasses {
		at := strings.IndexByte(class, c)
		if at < 0 {
			continue
		}
		return string(class[(at+1+random.IntN(len(class)-1))%len(class)])
	}
	return string(c)
}

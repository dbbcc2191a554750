package core

import (
	"strings"
	"time"

	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/internal/driver"
	. "github.com/cibatest/cibatest/suites/harness"
)

// CIBA Core 11: an auth_req_id that was never issued, or not to this client, is
// invalid_grant whatever happened to the request.
var _ = Cases.Describe("Invalid auth_req_id", func() {
	Case("id-unknown", "is invalid_grant when it was never issued",
		Judges("CIBA-11-ARID-UNKNOWN").LastForClient().Smoke(), func(t *T) {
			flow := t.MustStart(t.Request())
			t.Judge(pollFor(t, t.Client(), similarID(t.Random(), flow.AuthReqID)))
		})
	Case("id-tampered", "is invalid_grant when it was altered",
		Judges("CIBA-11-ARID-TAMPERED").LastForClient().About(8*time.Second), judgeTamperedIDs)
	Case("id-other-client", "is invalid_grant for another client, before and after the approval",
		Judges("CIBA-11-ARID-OTHER-CLIENT").Smoke().About(8*time.Second), func(t *T) {
			flow := t.MustStart(t.Request())
			t.JudgeVariant("pending", pollAsSecond(t, flow))
			t.ApproveAlive(flow)
			t.JudgeVariant("approved", pollAsSecond(t, flow))
			resp := t.MustAnswer(t.PollDecided(flow))
			t.At(resp)
			judgeOwner(t, resp.HasTokens(), "the owner still gets the tokens", resp)
		})
	Case("id-other-client-pace", "of another client does not count for the owner's pace",
		Judges("CIBA-11-ARID-OTHER-CLIENT").Needs("no_action").About(6*time.Second), func(t *T) {
			flow := t.MustStart(t.Request())
			t.WaitTurn(flow)
			t.Judge(pollAsSecond(t, flow))
			resp := t.MustAnswer(t.PollNow(flow))
			t.At(resp)
			judgeOwner(t, driver.Undecided(resp), "the owner's request is still pending", resp)
			if resp.Is(ciba.SlowDown) { // no text says what an OP counts
				t.Warn("authorization_pending for the owner, who keeps the pace", "%s right after a poll of another client", resp.Summary())
			}
		})
	Case("id-other-client-used", "is invalid_grant for another client after its use",
		Judges("CIBA-11-ARID-OTHER-CLIENT").AloneForClient().LastForClient().About(8*time.Second), func(t *T) {
			flow := t.MustStart(t.Request())
			t.MustRedeem(flow)
			t.JudgeVariant("used", pollAsSecond(t, flow))
		})
	Case("id-other-client-denied", "is invalid_grant for another client after the denial",
		Judges("CIBA-11-ARID-OTHER-CLIENT-DENIED").About(8*time.Second), func(t *T) {
			flow := t.MustStart(t.Request())
			t.WaitTurn(flow)
			t.Deny(flow)
			t.Judge(pollAsSecond(t, flow))
			resp := t.MustAnswer(t.PollDecided(flow))
			t.Expect(resp).To(BeOAuthError(ciba.AccessDenied), "the owner still gets access_denied")
		})
	Case("id-other-client-race", "is invalid_grant for another client that polls at the moment of the approval",
		Judges("CIBA-11-ARID-OTHER-CLIENT").AloneForClient().LastForClient().About(10*time.Second), judgeForeignRace)
})

// judgeTamperedIDs alters an issued auth_req_id and redeems the genuine one at last.
// What may decode to the same bytes is only recorded.
func judgeTamperedIDs(t *T) {
	flow := t.MustStart(t.Request())
	altered := alteredInTheMiddle(t.Random(), flow.AuthReqID)
	t.JudgeVariant("two characters altered, pending", pollFor(t, t.Client(), altered))
	for what, id := range map[string]string{
		"a character appended":   flow.AuthReqID + "A",
		"the last one changed":   flow.AuthReqID[:len(flow.AuthReqID)-1] + similarCharacter(t.Random(), flow.AuthReqID[len(flow.AuthReqID)-1]),
		"upper for lower case":   strings.ToUpper(flow.AuthReqID),
		"one character left out": flow.AuthReqID[1:],
	} {
		if id == flow.AuthReqID {
			continue
		}
		resp := t.MustAnswer(pollFor(t, t.Client(), id))
		if t.At(resp); !resp.Is(ciba.InvalidGrant) {
			t.Info("invalid_grant with "+what, "%s", resp.Summary())
		}
	}
	approveIfPossible(t, flow)
	t.JudgeVariant("two characters altered, decided", pollFor(t, t.Client(), altered))
	judgeOwnerUnharmed(t, flow)
}

// judgeForeignRace lets another client poll again and again while the owner's request
// is approved and redeemed.
func judgeForeignRace(t *T) {
	skipForPerson(t)
	flow := t.MustStart(t.Request())
	t.WaitTurn(flow)
	foreign := make([]*ciba.Response, 8)
	var owner *ciba.Response
	t.Together(len(foreign)+1, func(i int) {
		if i < len(foreign) {
			t.Wait(time.Duration(i) * 10 * time.Millisecond)
			foreign[i] = pollAsSecond(t, flow)
			return
		}
		t.Wait(20 * time.Millisecond)
		decideNow(t, flow, true)
		owner = t.PollDecided(flow)
	})
	for _, resp := range foreign {
		t.Judge(resp)
	}
	t.At(t.MustAnswer(owner))
	judgeOwner(t, owner.HasTokens(), "the owner gets the tokens", owner)
}

// pollAsSecond polls a flow as another client, fully entitled otherwise.
func pollAsSecond(t *T, f *Flow) *ciba.Response { return pollFor(t, t.Second(), f.AuthReqID) }

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

var characterClasses = []string{"0123456789", "abcdef", "ghijklmnopqrstuvwxyz", "ABCDEF", "GHIJKLMNOPQRSTUVWXYZ"}

// similarCharacter is another character of the same class: hexadecimal stays so.
// Punctuation stays what it is.
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

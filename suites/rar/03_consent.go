package rar

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/cibatest/cibatest/internal/approve"
	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/internal/details"
	. "github.com/cibatest/cibatest/suites/harness"
)

// RFC 9396 3: the user is asked about the requested details, merged with the scopes, and
// what the user leaves out is not granted. A user who is shown another amount than the
// one that is granted has consented to nothing.
var _ = Cases.Describe("Consent to authorization_details", func() {
	Case("rar-shown", "shows what is asked for", Judges("RFC9396-3-CONSENT-SHOWN").Smoke(), func(t *T) {
		asked, flow := startSeveral(t)
		judgePrompt(t, flow, asked...)
	})
	Case("rar-shown-own", "shows the details of its own request", Judges("RFC9396-3-CONSENT-SHOWN").Needs("parallel"), func(t *T) {
		a, b := sameTypePair(t)
		first, second := t.MustStart(withDetails(t, a)), t.MustStart(withDetails(t, b))
		judgePrompt(t, first, a)
		judgePrompt(t, second, b)
	})
	Case("rar-shown-decoded", "shows texts that were decoded once", Judges("RFC9396-3-CONSENT-SHOWN"), func(t *T) {
		asked, flow := startWithText(t)
		shown, _ := shownDetails(MustPrompt(t, flow)) // rar-shown judges its form
		judgeDecoded(t, "the prompt", asked, shown)
	})
	Case("rar-partial", "may be given to a part", Judges("RFC9396-3-PARTIAL-GRANT"), judgePartOfRequest)
	Case("rar-partial-list", "may be given to a part of an object",
		Judges("RFC9396-3-PARTIAL-GRANT").About(7*time.Second), judgePartOfObject)
	Case("rar-partial-none", "may be given to nothing of it", Judges("RFC9396-3-PARTIAL-GRANT").About(7*time.Second), func(t *T) {
		asked := validDetails(t)[0]
		for at := range placesOf(t, redeemGranting(t, asked)) {
			// No text says what an empty list means to a device, so this is a warning only.
			if excess := details.Excess(nil, []map[string]any{asked.object}, at.details); excess != "" {
				t.Warn("approval of none of the details: "+at.name+" has none", "%s", excess)
			}
		}
	})
	Case("rar-with-scope", "covers scope and details of one request", Judges("RFC9396-3.1-WITH-SCOPE"), func(t *T) {
		resp := approvedRequest(t).response
		tokens, _ := t.MustTokens(resp)
		t.At(resp)
		scope := strings.Fields(tokens.Scope)
		t.Check(len(scope) == 0 || slices.Contains(scope, "openid"), "scope absent, or with openid", "scope %.100q", tokens.Scope)
		t.Expect(resp).To(HaveMember("id_token", isFilled), "an id_token")
		t.Expect(resp).To(HaveMember("authorization_details", nil), "authorization_details")
	})
})

// isFilled reports whether a value is a text that is not empty.
func isFilled(value any) bool { return isText(value) && value != "" }

// judgePartOfRequest lets the user grant one of two objects. The other one must not come
// back by a refresh either, or the client gets in the end what the user refused.
func judgePartOfRequest(t *T) {
	kept, refused := pairInOneRequest(t)
	flow := t.MustStart(withDetails(t, kept, refused))
	t.WaitTurn(flow)
	t.Decide(flow, approve.Decision{Allow: true, AuthorizationDetails: json.RawMessage(arrayOf(kept))})
	tokens, resp := t.MustTokens(t.PollDecided(flow))
	judgeNoExcess(t, "partial approval", resp, []detail{kept}, refused)
	if tokens.RefreshToken != "" { // a refresh that fails is for rar-refresh to judge
		refreshed := Refresh(t, tokens.RefreshToken)
		judgeNoExcess(t, "a refresh after partial approval", refreshed, []detail{kept}, refused)
	}
}

// judgePartOfObject lets the user take one element out of a list, such as one of several
// actions. What goes beyond the request as well is the OP's own addition, and for the
// cases about the token response to judge.
func judgePartOfObject(t *T) {
	for _, asked := range validDetails(t) {
		less, ok := asked.withShorterList()
		if !ok {
			continue
		}
		for at := range placesOf(t, redeemGranting(t, asked, less)) {
			excess := details.Beyond(objectsOf([]detail{less}), at.details)
			wasAdded := details.Beyond(objectsOf([]detail{asked}), at.details) != ""
			t.Check(excess == "" || wasAdded, "partial approval: "+at.name+" has only what was granted", "%s", excess)
		}
		return
	}
	t.Skip("no object of rar.valid has a list of several texts, of which one could be refused")
}

// redeemGranting asks for details of which the user grants some, or none, and returns the
// token response. A device or an OP that has no such decision refuses it. An OP may also
// take a grant of nothing for a denial: then the answer is access_denied and has no places.
func redeemGranting(t *T, asked detail, granted ...detail) *ciba.Response {
	flow := t.MustStart(withDetails(t, asked))
	t.WaitTurn(flow)
	err := TryDecide(t, flow, approve.Decision{Allow: true, AuthorizationDetails: json.RawMessage(arrayOf(granted...))})
	if err != nil {
		t.Skip("the decision to grant a part of an object, or nothing, cannot be made: %v", err)
	}
	resp := t.MustAnswer(t.PollDecided(flow))
	if len(granted) == 0 && resp.Is(ciba.AccessDenied) {
		return resp
	}
	t.MustTokens(resp)
	return resp
}

// judgePrompt compares what the user was shown with what was asked for.
func judgePrompt(t *T, flow *Flow, asked ...detail) {
	prompt := MustPrompt(t, flow)
	if prompt.AuthorizationDetails == nil && t.Target().Approval.Observe.Nameless() {
		t.Skip("prompts of this kind of device carry no authorization_details")
	}
	shown, err := shownDetails(prompt)
	if !t.Check(err == nil, "the prompt has the details that were asked for", "%v", err) {
		return
	}
	p := details.Counterparts(objectsOf(asked), shown)
	for _, missing := range p.Missing {
		t.Check(false, "the prompt has every object that was asked for", "there is none like %s", details.InWords(missing))
	}
	for _, surplus := range p.Surplus {
		t.Check(false, "the prompt has what was asked for and nothing else", "it has %s", details.InWords(surplus))
	}
	for _, pair := range p.Pairs {
		judgeShownObject(t, pair)
	}
}

// shownDetails are the details in a prompt; the error says what is wrong with their form.
func shownDetails(p approve.Prompt) ([]map[string]any, error) {
	object, err := ciba.DecodeObject([]byte(`{"authorization_details":` + orNull(p.AuthorizationDetails) + `}`))
	if err != nil {
		return nil, err
	}
	return details.Read(object["authorization_details"])
}

func orNull(data json.RawMessage) string {
	if len(data) == 0 {
		return "null"
	}
	return string(data)
}

// judgeShownObject accuses an OP of other values, and of leaving out a member that the
// type requires; others may be for the OP's own use. Additions are recorded, as a prompt
// may explain itself.
func judgeShownObject(t *T, p details.Pair) {
	const expected = "the prompt has the details that were asked for"
	kind, _ := p.Asked["type"].(string)
	required := membersRequired(t, kind)
	for _, d := range details.Compare(p.Asked, p.Actual) {
		switch d.Kind {
		case details.Changed, details.Grown, details.Shrunk:
			t.Check(false, expected, "%s", d)
		case details.Absent:
			if t.Check(!slices.Contains(required, d.Path), expected, "%s", d) {
				t.Warn(expected, "%s", d)
			}
		case details.Rewritten:
			t.Warn(expected, "%s", d)
		default:
			t.Info(expected, "%s", d)
		}
	}
}

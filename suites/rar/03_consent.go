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

// RFC 9396 3: what the user is asked, and what of it the user grants.
var _ = Cases.Describe("Consent to authorization_details", func() {
	Case("rar-shown", "shows what is asked for", Judges("RFC9396-3-CONSENT-SHOWN").Smoke(), shownToUser)
	Case("rar-shown-own", "shows the details of its own request", Judges("RFC9396-3-CONSENT-SHOWN").Needs("parallel"), func(t *T) {
		a, b := siblings(t)
		first, second := t.MustStart(withDetails(t, a)), t.MustStart(withDetails(t, b))
		judgePrompt(t, first, a)
		judgePrompt(t, second, b)
	})
	Case("rar-shown-decoded", "shows texts that were decoded once", Judges("RFC9396-3-CONSENT-SHOWN"), func(t *T) {
		asked, flow := startWithText(t)
		shown, _ := shownDetails(MustPrompt(t, flow)) // rar-shown judges its form
		judgeDecoded(t, "the prompt", asked, shown)
	})
	Case("rar-partial", "may be given to a part", Judges("RFC9396-3-PARTIAL-GRANT"), func(t *T) {
		granted, refused := alike(t)
		flow := t.MustStart(withDetails(t, granted, refused))
		t.WaitTurn(flow)
		t.Decide(flow, approve.Decision{Allow: true, AuthorizationDetails: json.RawMessage(arrayOf(granted))})
		tokens, resp := t.MustTokens(t.PollDecided(flow))
		t.At(resp)
		withoutExcess(t, "partial approval", tokens, []detail{granted}, refused)
		if tokens.RefreshToken == "" {
			return
		}
		if fresh, err := Refresh(t, tokens.RefreshToken).Tokens(); err == nil { // else rar-refresh says so
			withoutExcess(t, "a refresh after partial approval", fresh, []detail{granted}, refused)
		}
	})
	Case("rar-partial-list", "may be given to a part of an object", Judges("RFC9396-3-PARTIAL-GRANT").About(7*time.Second), partOfObject)
	Case("rar-partial-none", "may be given to nothing of it", Judges("RFC9396-3-PARTIAL-GRANT").About(7*time.Second), func(t *T) {
		asked := validDetails(t)[0]
		tokens, ok := redeemGranting(t, asked)
		if !ok {
			return
		}
		for _, at := range placesOf(t, tokens) {
			t.At(at.evidence)
			if more := details.Excess(nil, []map[string]any{asked.object}, at.details); more != "" { // What an empty list means to a device is not written anywhere
				t.Warn("approval of none of the details: "+at.name+" has none", "%s", more)
			}
		}
	})
	Case("rar-with-scope", "covers scope and details of one request", Judges("RFC9396-3.1-WITH-SCOPE"), func(t *T) {
		granted := detailedFlow(t)
		t.At(granted.response)
		tokens := granted.tokens
		scope := strings.Fields(tokens.Scope)
		t.Check(len(scope) == 0 || slices.Contains(scope, "openid"), "scope absent, or with openid", "scope %.100q", tokens.Scope)
		t.Check(tokens.IDToken != "", "an id_token", "there is none")
		t.Check(tokens.AuthorizationDetails != nil, "authorization_details", "there are none")
	})
})

// partOfObject lets the user take one element out of a list.
func partOfObject(t *T) {
	for _, asked := range validDetails(t) {
		less, ok := asked.fewer()
		if !ok {
			continue
		}
		tokens, ok := redeemGranting(t, asked, less)
		if !ok {
			return
		}
		for _, at := range placesOf(t, tokens) {
			t.At(at.evidence)
			more := details.Beyond(objectsOf([]detail{less}), at.details)
			t.Check(more == "" || details.Beyond(objectsOf([]detail{asked}), at.details) != "", "partial approval: "+at.name+" has only what was granted", "%s", more)
		}
		return
	}
	t.Skip("no object of rar.valid has a list of several texts, of which one could be refused")
}

// redeemGranting asks for details of which the user grants some, or none. A device
// or an OP that has no such decision refuses it; an OP may also take a grant of
// nothing for a denial.
func redeemGranting(t *T, asked detail, granted ...detail) (ciba.TokenResponse, bool) {
	flow := t.MustStart(withDetails(t, asked))
	t.WaitTurn(flow)
	err := TryDecide(t, flow, approve.Decision{Allow: true, AuthorizationDetails: json.RawMessage(arrayOf(granted...))})
	if err != nil {
		t.Skip("the decision to grant a part of an object, or nothing, cannot be made: %v", err)
	}
	resp := t.MustAnswer(t.PollDecided(flow))
	if len(granted) == 0 && resp.Is(ciba.AccessDenied) {
		return ciba.TokenResponse{}, false
	}
	tokens, end := t.MustTokens(resp)
	t.At(end)
	return tokens, true
}

func shownToUser(t *T) {
	asked, flow := startSeveral(t)
	judgePrompt(t, flow, asked...)
}

// judgePrompt compares the prompt with the request. A member the type requires
// has to be there; others may be for the OP's own use.
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

func judgeShownObject(t *T, p details.Pair) {
	kind, _ := p.Asked["type"].(string)
	required := membersRequired(t, kind)
	for _, d := range details.Compare(p.Asked, p.Actual) {
		const expected = "the prompt has the details that were asked for"
		switch {
		case d.Kind == details.Changed, d.Kind == details.Grown, d.Kind == details.Shrunk, d.Kind == details.Absent && slices.Contains(required, d.Path):
			t.Check(false, expected, "%s", d)
		case d.Kind == details.Rewritten, d.Kind == details.Absent:
			t.Warn(expected, "%s", d)
		default:
			t.Info(expected, "%s", d)
		}
	}
}

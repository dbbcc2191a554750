package rar

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/internal/details"
	. "github.com/cibatest/cibatest/suites/harness"
)

// RFC 9396 6: authorization_details of a token request ask for less than was
// granted, never for more.
var _ = Cases.Describe("authorization_details of a token request", func() {
	Case("rar-narrow", "reduce the token", Judges("RFC9396-6-TOKEN-REQ-NARROW").LastForClient().About(13*time.Second), func(t *T) {
		kept, dropped := alike(t)
		flow := t.MustStart(withDetails(t, kept, dropped))
		resp := redeemAsking(t, flow, kept)
		t.Judge(resp)
		tokens, err := resp.Tokens()
		if err != nil {
			return
		}
		recordNarrowing(t, tokens, kept, dropped)
		if again := t.MustAnswer(t.Poll(flow)); again.HasTokens() { // CIBA Core 10.1.1
			t.At(again)
			t.Fail("an auth_req_id that was redeemed for less is used up, too", "%s", again.Summary())
		}
	})
	Case("rar-exceed", "never bring more than was granted", Judges("RFC9396-6-TOKEN-REQ-EXCEED").Limit(3*time.Minute), exceeding)
	Case("rar-refresh", "are kept or reduced by a refresh", Judges("RFC9396-REFRESH").AloneForUser().LastForClient().Limit(3*time.Minute), refreshing)
})

// redeemAsking approves the flow and redeems it with authorization_details in the
// token request.
func redeemAsking(t *T, f *Flow, asked ...detail) *ciba.Response {
	t.Approve(f)
	return t.PollDecidedWith(t.PollRequest(f).With("authorization_details", arrayOf(asked...)))
}

// recordNarrowing notes every place that still holds what was not asked for.
func recordNarrowing(t *T, tokens ciba.TokenResponse, kept, dropped detail) {
	for _, at := range placesOf(t, tokens) {
		t.At(at.evidence)
		if more := details.Excess([]map[string]any{kept.object}, []map[string]any{dropped.object}, at.details); more != "" {
			t.Info("the token is reduced to what the token request names", "%s is not: %s", at.name, more)
		}
	}
}

// withoutExcess says that no place of the tokens has what was not granted.
func withoutExcess(t *T, what string, tokens ciba.TokenResponse, granted []detail, refused detail) {
	for _, at := range placesOf(t, tokens) {
		t.At(at.evidence)
		more := details.Excess(objectsOf(granted), []map[string]any{refused.object}, at.details)
		t.Check(more == "", what+": "+at.name+" has only what was granted", "%s", more)
	}
}

// exceeding asks, each time with a grant of its own, for an object that was not
// granted, for a larger amount, and for anything where nothing was granted. An OP
// that takes no notice of the parameter returns the grant.
func exceeding(t *T) {
	list := validDetails(t)
	granted := list[0]
	type attempt struct {
		granted, asked []detail
		excess         detail
	}
	attempts := []attempt{{nil, list[:1], granted}}
	add := func(granted, asked detail) {
		attempts = append(attempts, attempt{[]detail{granted}, []detail{asked}, asked})
	}
	if i := slices.IndexFunc(list, func(d detail) bool { return d.kind() != granted.kind() }); i > 0 {
		attempts = append(attempts, attempt{list[:1], []detail{granted, list[i]}, list[i]}, attempt{list[:1], []detail{list[i]}, list[i]})
	}
	if more, ok := granted.larger(); ok {
		add(granted, more)
	}
	if other, ok := sameAmount(granted, list[1:]); ok {
		add(granted, other)
	}
	for _, d := range list {
		if fewer, ok := d.fewer(); ok {
			add(fewer, d)
			break
		}
	}
	start := func(a attempt) *Flow {
		request := t.Request()
		if len(a.granted) > 0 {
			request = withDetails(t, a.granted...)
		}
		return tryStart(t, request)
	}
	flows := make([]*Flow, len(attempts))
	for i := range attempts {
		if i == 0 || t.Has("parallel") { // then they all wait together
			flows[i] = start(attempts[i])
		}
	}
	for i, a := range attempts {
		if i > 0 && !t.Has("parallel") {
			flows[i] = start(a)
		}
		if flows[i] == nil {
			continue // What was derived from valid objects is not valid for this OP
		}
		resp := redeemAsking(t, flows[i], a.asked...)
		if len(a.granted) == 0 && resp.Status == 400 && resp.Is("invalid_target") {
			continue // RFC 8707 2: the grant has no resource that the details could be for
		}
		t.JudgeVariant("asking for "+details.Unlike(objectsOf(a.granted), a.excess.object), resp)
		if tokens, err := resp.Tokens(); err == nil {
			withoutExcess(t, "asking for more", tokens, a.granted, a.excess)
		}
	}
}

// tryStart is nil when the OP refuses the request.
func tryStart(t *T, p ciba.Params) *Flow {
	resp := t.MustAnswer(t.Start(p))
	if resp.Status == 400 {
		return nil
	}
	return t.FlowOf(t.Client(), t.User(), t.MustAccept("a request with valid authorization_details", resp))
}

// sameAmount is another object of the same type with the amount that was granted:
// who is paid, and what for, are granted as well as how much.
func sameAmount(granted detail, others []detail) (detail, bool) {
	at := amountIn(granted.object, "")
	for _, other := range others {
		if other.kind() != granted.kind() || at == "" {
			continue
		}
		name, _, _ := strings.Cut(at, "\x00") // with its currency
		mixed := other.having(name, cloneJSON(granted.object[name]))
		if len(details.Compare(granted.object, mixed.object)) > 0 {
			return mixed, true
		}
	}
	return granted, false
}

// refreshing asks for too much last, because a refusal may cost the refresh token.
func refreshing(t *T) {
	asked, flow := startSeveral(t)
	tokens, _ := t.MustRedeem(flow)
	if tokens.RefreshToken == "" {
		t.Skip("refresh: the OP issues no refresh token")
	}
	g := grant{asked, mustReadDetails(t, tokens)}
	r := &refresher{t, tokens.RefreshToken}

	plain, resp := r.refresh()
	if !t.Expect(resp).To(HaveStatus(200), "a plain refresh is answered 200") {
		return
	}
	statesWithin(t, "a plain refresh", plain, g)
	if len(asked) > 1 {
		r.forLess(g, asked[0], asked[1])
	}
	r.forMore(asked)
}

// refresher holds the newest refresh token of a grant: they may rotate.
type refresher struct {
	t     *T
	token string
}

// Refresh asks for details, or for what was granted when there are none.
func (r *refresher) refresh(asked ...detail) (ciba.TokenResponse, *ciba.Response) {
	call := RefreshRequest(r.t, r.t.Client(), r.token)
	if len(asked) > 0 {
		call = call.With("authorization_details", arrayOf(asked...))
	}
	resp := r.t.MustAnswer(r.t.Send(call))
	r.t.At(resp)
	tokens, err := resp.Tokens()
	if err == nil && tokens.RefreshToken != "" {
		r.token = tokens.RefreshToken
	}
	return tokens, resp
}

// forLess: support for less than was granted is not universal.
func (r *refresher) forLess(g grant, kept, dropped detail) {
	subset, resp := r.refresh(kept)
	switch {
	case resp.Status == 200:
		statesWithin(r.t, "a refresh for less", subset, g)
		recordNarrowing(r.t, subset, kept, dropped)
	case resp.Is("invalid_authorization_details", ciba.InvalidRequest):
		r.t.Info("a refresh may ask for less", "%s", resp.Summary())
	default:
		r.t.Check(false, "a refresh for less is answered 200", "%s", resp.Summary())
	}
}

// forMore asks for a larger amount, or for another type where there is none.
func (r *refresher) forMore(granted []detail) {
	more := granted[0].having("type", granted[0].kind()+"-more")
	for _, d := range granted {
		if larger, ok := d.larger(); ok {
			more = larger
			break
		}
	}
	tokens, resp := r.refresh(more)
	refusal := ExpectingStatus(r.t.Requirement(), http.StatusBadRequest) // the 200 is that of the other variants
	JudgeVariantBy(r.t, refusal, "a refresh for more", resp)
	if resp.Status == 200 {
		withoutExcess(r.t, "a refresh for more", tokens, granted, more)
	}
}

// grant is what was asked for, all of it approved, and what the first token
// response told of it, which may be enriched.
type grant struct {
	asked []detail
	told  []map[string]any
}

// statesWithin: the answer to a refresh tells the details, and no place goes
// beyond the grant.
func statesWithin(t *T, what string, tokens ciba.TokenResponse, g grant) {
	told, err := details.Read(tokens.Raw["authorization_details"])
	if t.Check(err == nil, what+": the response states the details", "%v", err) {
		t.Check(len(told) > 0, what+": the response states the details", "there are none")
	}
	for _, at := range placesOf(t, tokens) {
		t.At(at.evidence)
		more := details.Beyond(g.told, at.details)
		t.Check(more == "" || details.Beyond(objectsOf(g.asked), at.details) == "", what+": "+at.name+" stays within the grant", "%s", more)
	}
}

package rar

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/cibatest/cibatest/internal/catalogue"
	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/internal/details"
	"github.com/cibatest/cibatest/reports/result"
	. "github.com/cibatest/cibatest/suites/harness"
)

// RFC 9396 6: authorization_details of a token request may ask for less than was granted
// and never bring more. A client that gets more at the token endpoint has gone around
// the user. Not every OP knows the parameter there, and one that takes no notice of it
// returns the grant.
var _ = Cases.Describe("authorization_details of a token request", func() {
	Case("rar-narrow", "reduce the token", Judges("RFC9396-6-TOKEN-REQ-NARROW").LastForClient().About(13*time.Second), func(t *T) {
		kept, dropped := pairInOneRequest(t)
		flow := t.MustStart(withDetails(t, kept, dropped))
		resp := redeemAsking(t, flow, kept)
		t.Judge(resp)
		if _, err := resp.Tokens(); err != nil {
			return
		}
		recordNarrowing(t, resp, kept, dropped)
		// CIBA Core 10.1.1 lets an auth_req_id be redeemed once, for however little.
		t.Expect(t.MustAnswer(t.Poll(flow))).As(result.Fail).
			NotTo(HaveTokens(), "an auth_req_id that was redeemed for less is used up, too")
	})
	Case("rar-exceed", "never bring more than was granted",
		Judges("RFC9396-6-TOKEN-REQ-EXCEED").Limit(3*time.Minute), judgeExceeding)
	Case("rar-refresh", "are kept or reduced by a refresh",
		Judges("RFC9396-REFRESH").AloneForUser().LastForClient().Limit(3*time.Minute), judgeRefreshes)
})

// redeemAsking approves the flow and redeems it with authorization_details in the
// token request.
func redeemAsking(t *T, f *Flow, asked ...detail) *ciba.Response {
	t.Approve(f)
	return t.PollDecidedWith(t.PollRequest(f).With("authorization_details", arrayOf(asked...)))
}

// recordNarrowing records every place that still holds what was not asked for.
func recordNarrowing(t *T, resp *ciba.Response, kept, dropped detail) {
	for at := range placesOf(t, resp) {
		excess := details.Excess([]map[string]any{kept.object}, []map[string]any{dropped.object}, at.details)
		if excess != "" {
			t.Info("the token is reduced to what the token request names", "%s is not: %s", at.name, excess)
		}
	}
}

// judgeNoExcess fails an OP for each place of a token response that has what was refused.
// An answer without tokens has no such place.
func judgeNoExcess(t *T, what string, resp *ciba.Response, allowed []detail, refused detail) {
	for at := range placesOf(t, resp) {
		excess := details.Excess(objectsOf(allowed), []map[string]any{refused.object}, at.details)
		t.Check(excess == "", what+": "+at.name+" has only what was granted", "%s", excess)
	}
}

// attempt is a token request that asks for more than its flow was approved for.
type attempt struct {
	approved, asked []detail
	excess          detail // what of asked was not approved
}

// judgeExceeding makes each attempt with a flow of its own, as a refusal may use the
// auth_req_id up. The flows wait together where that is possible.
func judgeExceeding(t *T) {
	attempts := attemptsToExceed(t)
	flows := make([]*Flow, len(attempts))
	for i, a := range attempts {
		if i == 0 || t.Has(catalogue.NeedParallel) {
			flows[i] = startApprovedPart(t, a)
		}
	}
	for i, a := range attempts {
		if i > 0 && !t.Has(catalogue.NeedParallel) {
			flows[i] = startApprovedPart(t, a)
		}
		if flows[i] != nil {
			judgeAttempt(t, flows[i], a)
		}
	}
}

// attemptsToExceed ask for anything where nothing was approved, for an object of a type
// that was not, for a larger amount, for the same amount to somebody else, and for an
// element that a list lacked.
func attemptsToExceed(t *T) []attempt {
	list := validDetails(t)
	approved := list[0]
	attempts := []attempt{{nil, list[:1], approved}}
	add := func(approved, asked detail) {
		attempts = append(attempts, attempt{[]detail{approved}, []detail{asked}, asked})
	}
	if i := slices.IndexFunc(list, func(d detail) bool { return d.kind() != approved.kind() }); i > 0 {
		attempts = append(attempts, attempt{list[:1], []detail{approved, list[i]}, list[i]})
		add(approved, list[i])
	}
	if more, ok := approved.withLargerAmount(); ok {
		add(approved, more)
	}
	if other, ok := withSameAmount(approved, list[1:]); ok {
		add(approved, other)
	}
	for _, d := range list {
		if less, ok := d.withShorterList(); ok {
			add(less, d)
			break
		}
	}
	return attempts
}

// startApprovedPart starts a flow for what an attempt has approved. It is nil when the OP
// refuses that: what was derived from valid objects need not be valid for this OP.
func startApprovedPart(t *T, a attempt) *Flow {
	request := t.Request()
	if len(a.approved) > 0 {
		request = withDetails(t, a.approved...)
	}
	resp := t.MustAnswer(t.Start(request))
	if resp.Status == http.StatusBadRequest {
		return nil
	}
	return t.FlowOf(t.Client(), t.User(), t.MustAccept("a request with valid authorization_details", resp))
}

func judgeAttempt(t *T, f *Flow, a attempt) {
	resp := redeemAsking(t, f, a.asked...)
	if len(a.approved) == 0 && resp.Status == http.StatusBadRequest && resp.Is("invalid_target") {
		return // RFC 8707 2: the grant has no resource that the details could be for
	}
	t.JudgeVariant("asking for "+details.Unlike(objectsOf(a.approved), a.excess.object), resp)
	judgeNoExcess(t, "asking for more", resp, a.approved, a.excess)
}

// withSameAmount is another object of the same type with the amount that was approved:
// who is paid, and what for, are approved as well as how much.
func withSameAmount(approved detail, others []detail) (detail, bool) {
	at := amountIn(approved.object, "")
	for _, other := range others {
		if other.kind() != approved.kind() || at == "" {
			continue
		}
		name, _, _ := strings.Cut(at, "\x00") // with its currency
		mixed := other.having(name, cloneJSON(approved.object[name]))
		if len(details.Compare(approved.object, mixed.object)) > 0 {
			return mixed, true
		}
	}
	return approved, false
}

// judgeRefreshes asks for too much last, because a refusal may cost the refresh token.
func judgeRefreshes(t *T) {
	asked, flow := startSeveral(t)
	tokens, resp := t.MustRedeem(flow)
	if tokens.RefreshToken == "" {
		t.Skip("refresh: the OP issues no refresh token")
	}
	g := grant{asked, mustReadDetails(t, resp)}
	r := &refresher{t, tokens.RefreshToken}

	plain := r.refresh()
	if !t.Expect(plain).To(HaveStatus(http.StatusOK), "a plain refresh is answered 200") {
		return
	}
	judgeWithinGrant(t, "a plain refresh", plain, g)
	warnOfLoss(t, plain, g)
	if len(asked) > 1 {
		r.judgeLess(g, asked[0], asked[1])
	}
	r.judgeMore(asked)
}

// refresher holds the newest refresh token of a grant: they may rotate.
type refresher struct {
	t     *T
	token string
}

// refresh asks for details, or for all that was granted when there are none.
func (r *refresher) refresh(asked ...detail) *ciba.Response {
	call := RefreshRequest(r.t, r.t.Client(), r.token)
	if len(asked) > 0 {
		call = call.With("authorization_details", arrayOf(asked...))
	}
	resp := r.t.MustAnswer(r.t.Send(call))
	if tokens, err := resp.Tokens(); err == nil && tokens.RefreshToken != "" {
		r.token = tokens.RefreshToken
	}
	return resp
}

// judgeLess refreshes for a part of the grant, which an OP need not support.
func (r *refresher) judgeLess(g grant, kept, dropped detail) {
	resp := r.refresh(kept)
	switch {
	case resp.Status == http.StatusOK:
		judgeWithinGrant(r.t, "a refresh for less", resp, g)
		recordNarrowing(r.t, resp, kept, dropped)
	case resp.Is("invalid_authorization_details", ciba.InvalidRequest):
		r.t.Expect(resp).As(result.Info).To(HaveStatus(http.StatusOK), "a refresh may ask for less")
	default:
		r.t.Expect(resp).To(HaveStatus(http.StatusOK), "a refresh for less is answered 200")
	}
}

// judgeMore refreshes for a larger amount, or for another type where there is none. An OP
// may refuse, or ignore what was asked.
func (r *refresher) judgeMore(approved []detail) {
	more := approved[0].having("type", approved[0].kind()+"-more")
	for _, d := range approved {
		if larger, ok := d.withLargerAmount(); ok {
			more = larger
			break
		}
	}
	resp := r.refresh(more)
	refusal := ExpectingStatus(r.t.Requirement(), http.StatusBadRequest) // the 200 is that of the other variants
	JudgeVariantBy(r.t, refusal, "a refresh for more", resp)
	judgeNoExcess(r.t, "a refresh for more", resp, approved, more)
}

// grant is what was asked for, all of it approved, and what the first token response
// stated of it, which the OP may have enriched.
type grant struct {
	asked  []detail
	stated []map[string]any
}

// judgeWithinGrant wants the answer to a refresh to state details, and no place to go
// beyond the grant. Whatever the first token response or the request had is within it.
func judgeWithinGrant(t *T, what string, resp *ciba.Response, g grant) {
	t.At(resp)
	stated, err := detailsIn(resp)
	if t.Check(err == nil, what+": the response states the details", "%v", err) {
		t.Check(len(stated) > 0, what+": the response states the details", "there are none")
	}
	for at := range placesOf(t, resp) {
		excess := details.Beyond(g.stated, at.details)
		wasAsked := details.Beyond(objectsOf(g.asked), at.details) == ""
		t.Check(excess == "" || wasAsked, what+": "+at.name+" stays within the grant", "%s", excess)
	}
}

// warnOfLoss compares the details of a plain refresh with those of the first token response.
// The grant is the same, so a client that reads the later answer misses what has gone.
func warnOfLoss(t *T, resp *ciba.Response, g grant) {
	stated, err := detailsIn(resp)
	if err != nil {
		return
	}
	t.At(resp)
	p := details.Counterparts(g.stated, stated)
	for _, pair := range p.Pairs {
		for _, d := range details.Compare(pair.Asked, pair.Actual) {
			if isLoss(d) {
				t.Warn("a plain refresh states what the first response did", "%s", d)
			}
		}
	}
}

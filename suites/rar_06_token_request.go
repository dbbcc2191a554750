package suites

import (
	"slices"
	"time"

	"github.com/cibatest/cibatest/internal/ciba"
	. "github.com/onsi/ginkgo/v2"
)

// RFC 9396 6: authorization_details of a token request ask for less than was
// granted, never for more.
var _ = Describe("authorization_details of a token request", func() {
	Case("rar-narrow", "reduce the token", Requirements("RFC9396-6-TOKEN-REQ-NARROW"), func(t *T) {
		kept, dropped := t.pair()
		flow := t.MustStart(t.withDetails(kept, dropped))
		resp := t.redeemAsking(flow, kept)
		t.Judge(resp)
		if tokens, err := resp.Tokens(); err == nil {
			t.recordNarrowing(tokens, kept, dropped)
		}
	})
	Case("rar-exceed", "never bring more than was granted", Requirements("RFC9396-6-TOKEN-REQ-EXCEED").Limit(3*time.Minute), exceeding)
	Case("rar-refresh", "are kept or reduced by a refresh", Requirements("RFC9396-REFRESH").AloneForUser().LastForClient().Limit(3*time.Minute), refreshing)
})

// redeemAsking approves the flow and redeems it with authorization_details in the
// token request.
func (t *T) redeemAsking(f *Flow, asked ...detail) *ciba.Response {
	t.Approve(f)
	patience := time.Now().Add(max(f.interval, defaultInterval) + decisionGrace)
	for {
		resp := t.PollWith(f, func() ciba.Call {
			call := t.PollCall(f)
			call.Form = call.Form.With("authorization_details", arrayOf(asked...))
			return call
		})
		undecided := isError(resp, ciba.AuthorizationPending) || isError(resp, ciba.SlowDown)
		if !undecided || time.Now().After(patience) {
			return resp
		}
	}
}

// recordNarrowing notes every place that still holds what was not asked for.
func (t *T) recordNarrowing(tokens ciba.TokenResponse, kept, dropped detail) {
	for _, at := range t.places(tokens) {
		if more := excess([]map[string]any{kept.object}, []map[string]any{dropped.object}, at.details); more != "" {
			t.Info("the token is reduced to what the token request names", "%s also has %s", at.name, more)
		}
	}
}

// withoutExcess says that no place of the tokens has what was not granted.
func (t *T) withoutExcess(what string, tokens ciba.TokenResponse, granted []detail, refused detail) {
	for _, at := range t.places(tokens) {
		more := excess(objectsOf(granted), []map[string]any{refused.object}, at.details)
		t.Check(more == "", what+": "+at.name+" has only what was granted", "it has %s", more)
	}
}

// exceeding asks, each time with a grant of its own, for an object that was not
// granted, for a larger amount, and for anything where nothing was granted. An OP
// that takes no notice of the parameter returns the grant.
func exceeding(t *T) {
	list := t.validDetails()
	granted := list[0]
	type attempt struct {
		granted, asked []detail
		excess         detail
	}
	attempts := []attempt{{nil, list[:1], granted}}
	if i := slices.IndexFunc(list, func(d detail) bool { return d.kind() != granted.kind() }); i > 0 {
		attempts = append(attempts, attempt{list[:1], []detail{granted, list[i]}, list[i]}, attempt{list[:1], []detail{list[i]}, list[i]})
	}
	if more, ok := granted.larger(); ok {
		attempts = append(attempts, attempt{list[:1], []detail{more}, more})
	}
	for _, a := range attempts {
		request := t.Request()
		if len(a.granted) > 0 {
			request = t.withDetails(a.granted...)
		}
		resp := t.redeemAsking(t.MustStart(request), a.asked...)
		t.JudgeVariant("asking for "+inWords(a.excess.object), resp)
		if tokens, err := resp.Tokens(); err == nil {
			t.withoutExcess("asking for more", tokens, a.granted, a.excess)
		}
	}
}

// refreshing uses the newest refresh token each time and asks for too much last,
// because refresh tokens may rotate and a refusal may cost them.
func refreshing(t *T) {
	first, second := t.pair()
	flow := t.MustStart(t.withDetails(first, second))
	tokens, _ := t.MustRedeem(flow)
	if tokens.RefreshToken == "" {
		t.Skip("refresh: the OP issues no refresh token")
	}
	refresh := tokens.RefreshToken
	again := func(asked ...detail) (ciba.TokenResponse, *ciba.Response) {
		resp := t.MustAnswer(t.sendAuthenticated(t.client, func() ciba.Call {
			call := t.refreshCall(t.client, refresh)
			if len(asked) > 0 {
				call.Form = call.Form.With("authorization_details", arrayOf(asked...))
			}
			return call
		}))
		t.At(resp)
		tokens, _ := resp.Tokens()
		if tokens.RefreshToken != "" {
			refresh = tokens.RefreshToken
		}
		return tokens, resp
	}

	plain, resp := again()
	if !t.Check(resp.Status == 200, "a plain refresh is answered 200", "%s", resp.Summary()) {
		return
	}
	grant := t.mustReadDetails(tokens)
	t.statesWithin("a plain refresh", plain, grant)

	t.refreshSubset(grant, first, second, again)

	more, ok := first.larger()
	if !ok {
		more = first.having("type", first.kind()+"-more")
	}
	exceeding, resp := again(more)
	refusal := t.Requirement()
	refusal.Expect.Status = []int{400}
	t.JudgeBy(refusal, resp)
	if resp.Status == 200 {
		t.withoutExcess("a refresh that asks for more", exceeding, []detail{first, second}, more)
	}
}

// refreshSubset: support for less than was granted is not universal.
func (t *T) refreshSubset(grant []map[string]any, kept, dropped detail, again func(...detail) (ciba.TokenResponse, *ciba.Response)) {
	subset, resp := again(kept)
	switch {
	case resp.Status == 200:
		t.statesWithin("a refresh for less", subset, grant)
		t.recordNarrowing(subset, kept, dropped)
	case resp.Is("invalid_authorization_details", ciba.InvalidRequest):
		t.Info("a refresh may ask for less", "%s", resp.Summary())
	default:
		t.Check(false, "a refresh for less is answered 200", "%s", resp.Summary())
	}
}

// statesWithin: the answer to a refresh tells the details, and no place goes
// beyond the grant.
func (t *T) statesWithin(what string, tokens ciba.TokenResponse, grant []map[string]any) {
	told, err := readDetails(tokens.Raw["authorization_details"])
	if t.Check(err == nil, what+": the response states the details", "%v", err) {
		t.Check(len(told) > 0, what+": the response states the details", "there are none")
	}
	for _, at := range t.places(tokens) {
		more := beyond(grant, at.details)
		t.Check(more == "", what+": "+at.name+" stays within the grant", "%s", more)
	}
}

// kinds are the types of details, sorted.
func kinds(list []detail) []string {
	var names []string
	for _, d := range list {
		names = append(names, d.kind())
	}
	slices.Sort(names)
	return slices.Compact(names)
}

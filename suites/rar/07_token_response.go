package rar

import (
	"slices"

	"github.com/cibatest/cibatest/internal/catalogue"
	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/internal/details"
	. "github.com/cibatest/cibatest/suites/harness"
)

// approval is an approved request with authorization_details and the token response that
// it brought.
type approval struct {
	asked    []detail
	response *ciba.Response
}

// approvedRequest is the shared approved flow that asked for several objects.
func approvedRequest(t *T) approval {
	return Observe(t, "detailed", func(t *T) approval {
		asked, flow := startSeveral(t)
		_, resp := t.MustRedeem(flow)
		return approval{asked, resp}
	})
}

// RFC 9396 7: the token response tells the client what was granted, so that it does not
// act on what it asked for. RFC 9396 7.1 lets an OP enrich objects, fill placeholders and
// leave values out, so that no case can demand an echo.
var _ = Cases.Describe("authorization_details of a token response", func() {
	Case("rar-returned", "are an array of objects with type", Judges("RFC9396-7-RETURNED").AlsoAs(Ping).Smoke(), func(t *T) {
		resp := approvedRequest(t).response
		t.At(resp)
		returned, err := detailsIn(resp)
		if t.Check(err == nil, "authorization_details is an array of objects with type", "%v", err) {
			t.Check(len(returned) > 0, "authorization_details with what was granted", "the array is empty")
		}
	})
	// CIBA Core 10.3.1: a push has the members of a token response.
	Case("rar-pushed", "are pushed as they would be returned", Judges("RFC9396-PUSH"), func(t *T) {
		a := approvedRequest(t)
		t.At(a.response)
		returned, err := detailsIn(a.response)
		if !t.Check(err == nil, "authorization_details is an array of objects with type", "%v", err) {
			return
		}
		t.Check(len(returned) > 0, "authorization_details with what was granted", "the array is empty")
		judgeFaithful(t, "the push", objectsOf(a.asked), returned)
	})
	Case("rar-faithful", "are what was asked for and granted", Judges("RFC9396-7-FAITHFUL").AlsoAs(Ping).Smoke(), func(t *T) {
		a := approvedRequest(t)
		t.At(a.response)
		judgeFaithful(t, "the token response", objectsOf(a.asked), mustReadDetails(t, a.response))
	})
	Case("rar-faithful-token", "are what a JWT access token says, too",
		Judges("RFC9396-7-FAITHFUL").Needs(catalogue.NeedJWTAccessToken), func(t *T) {
			a := approvedRequest(t)
			t.At(a.response)
			claims := mustReadJWT(t, a.response)
			if stated, err := details.Read(claims["authorization_details"]); err == nil { // else rar-jwt-claim says so
				judgeFaithful(t, "the JWT access token", objectsOf(a.asked), stated)
			}
		})
	Case("rar-decoded", "are decoded once", Judges("RFC9396-7-FAITHFUL"), func(t *T) {
		asked, flow := startWithText(t)
		_, resp := t.MustRedeem(flow)
		judgeDetailsForm(t, resp)
		for at := range placesOf(t, resp) {
			judgeDecoded(t, at.name, asked, at.details)
		}
	})
	Case("rar-complete", "are complete after full approval", Judges("RFC9396-7-COMPLETE").AlsoAs(Ping), judgeCompleteness)
	Case("rar-parallel", "belong to their own request",
		Judges("RFC9396-7-FAITHFUL").AlsoAs(Ping).Needs(catalogue.NeedParallel), judgeParallelRequests)
	Case("rar-unasked", "are absent when none were asked for", Judges("RFC9396-7-FAITHFUL").AlsoAs(Ping), func(t *T) {
		for at := range placesOf(t, t.Redeemed().Response) {
			if len(at.details) > 0 { // they may be from an earlier grant, hence no failure
				t.Warn(at.name+" without authorization_details", "it has %s", details.InWords(at.details[0]))
			}
		}
	})
	Case("rar-enriched", "have what the type lets the OP add", Judges("RFC9396-7.1-ENRICHED"), func(t *T) {
		a := approvedRequest(t)
		t.At(a.response)
		p := details.Counterparts(objectsOf(a.asked), mustReadDetails(t, a.response))
		if !slices.ContainsFunc(p.Pairs, wasEnriched) {
			t.Info("enriched authorization_details", "nothing was added to any of %v", kindsOf(a.asked))
		}
	})
})

// wasEnriched reports whether an object came back with more than was asked for.
func wasEnriched(p details.Pair) bool {
	grew := slices.ContainsFunc(details.Compare(p.Asked, p.Actual), func(d details.Difference) bool {
		return d.Kind == details.Extra || d.Kind == details.Grown
	})
	return grew || hasFilledPlaceholder(p.Asked, p.Actual)
}

// hasFilledPlaceholder reports whether an empty value, at any depth, came back with one.
func hasFilledPlaceholder(asked, returned map[string]any) bool {
	for name, value := range asked {
		if details.IsPlaceholder(value) && !details.IsPlaceholder(returned[name]) {
			return true
		}
		inner, isObject := value.(map[string]any)
		other, both := returned[name].(map[string]any)
		if isObject && both && hasFilledPlaceholder(inner, other) {
			return true
		}
	}
	return false
}

// judgeCompleteness looks at several objects of all types, and at two of one type. RFC 9396
// 7.1 lets an OP leave out what it deems sensitive, whether the type requires it or not, which
// is why the clause is a warning.
func judgeCompleteness(t *T) {
	shared := approvedRequest(t)
	judgeNothingLost(t, objectsOf(shared.asked), shared.response)
	var a, b detail
	if !Try(func() { a, b = sameTypePairInOneRequest(t) }) {
		return
	}
	_, resp := t.MustRedeem(t.MustStart(withDetails(t, a, b)))
	judgeNothingLost(t, objectsOf([]detail{a, b}), resp)
}

// judgeNothingLost wants each object back that was granted, with all its members, its lists
// whole, and its texts as they were.
func judgeNothingLost(t *T, granted []map[string]any, resp *ciba.Response) {
	p := details.Counterparts(granted, mustReadDetails(t, resp))
	t.At(resp)
	for _, object := range p.Missing {
		t.Check(false, "every object that was granted is returned", "there is no counterpart of %s", details.InWords(object))
	}
	for _, pair := range p.Pairs {
		for _, d := range details.Compare(pair.Asked, pair.Actual) {
			switch {
			case isLoss(d):
				t.Check(false, "every member that was granted is returned", "%s", d)
			case d.Kind == details.Rewritten, d.Kind == details.Changed && isText(d.Asked):
				t.Check(false, "texts are returned as they were sent", "%s", d)
			}
		}
	}
}

// isLoss reports whether a member, or an element of a list, has gone.
func isLoss(d details.Difference) bool { return d.Kind == details.Absent || d.Kind == details.Shrunk }

// judgeParallelRequests tells apart requests that differ in their details only. An OP
// that keeps details by client and user lets the victim approve one payment and make
// another. What could be a merger with an earlier grant could also be another case's
// request that came in at that moment, so it is looked at again.
func judgeParallelRequests(t *T) {
	const rounds = 3
	a, b := sameTypePair(t)
	for range rounds {
		Forget(t, 0)
		judgeTwoAtOnce(t, a, b)
		if Findings(t) == 0 || t.Failed() {
			return
		}
	}
}

// judgeTwoAtOnce approves two requests of one client and user; the one decided last is
// redeemed first. They are judged when both have tokens: the later ones must not show in
// the earlier.
func judgeTwoAtOnce(t *T, a, b detail) {
	first, second := t.MustStart(withDetails(t, a)), t.MustStart(withDetails(t, b))
	t.Approve(first)
	t.Approve(second)
	flows, own := []*Flow{second, first}, []detail{b, a}
	tokens, answers := make([]ciba.TokenResponse, 2), make([]*ciba.Response, 2)
	for i, f := range flows {
		tokens[i], answers[i] = t.MustTokens(t.PollDecided(f))
	}
	for i, resp := range answers {
		judgeDetailsForm(t, resp)
		judgePlaces(t, "one of two requests at the same time", resp, own[i])
		if tokens[i].RefreshToken != "" { // a refresh that fails is for rar-refresh to judge
			judgePlaces(t, "a refresh of one of two requests", Refresh(t, tokens[i].RefreshToken), own[i])
		}
	}
}

// judgePlaces compares every place of a token response with the one object that was asked
// for.
func judgePlaces(t *T, of string, resp *ciba.Response, own detail) {
	for at := range placesOf(t, resp) {
		judgeFaithful(t, at.name+" of "+of, objectsOf([]detail{own}), at.details)
	}
}

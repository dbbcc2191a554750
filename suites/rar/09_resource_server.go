package rar

import (
	"slices"

	"github.com/cibatest/cibatest/internal/details"
	. "github.com/cibatest/cibatest/suites/harness"
)

// RFC 9396 9: the resource server can tell what was granted, from the access token or by
// introspection. It is the one that carries out the payment, so what it is told has to be
// what the user approved. An OP may filter and extend details for each resource server.
var _ = Cases.Describe("authorization_details for the resource server", func() {
	Case("rar-visible", "are in a JWT access token or in introspection", Judges("RFC9396-9-RS-VISIBLE"), func(t *T) {
		resp := approvedRequest(t).response
		t.At(resp)
		isReadable, isFound := false, false
		for s := range sourcesOf(t, resp) {
			if s.name == tokenResponse || s.object == nil {
				continue // the client's own answer, or nothing that this resource server may know
			}
			t.At(s.evidence)
			isReadable, isFound = true, isFound || hasDetails(s.object)
		}
		if !isReadable {
			t.Skip("the access token is no readable JWT, and introspection tells this resource server nothing")
		}
		t.Check(isFound, "authorization_details in the JWT access token or in introspection", "neither has them")
	})
	Case("rar-jwt-claim", "are a claim of a JWT access token", Judges("RFC9396-9.1-JWT-CLAIM"), func(t *T) {
		resp := approvedRequest(t).response
		t.At(resp)
		_, err := details.Read(mustReadJWT(t, resp)["authorization_details"])
		t.Check(err == nil, "the claim authorization_details is an array of objects with type", "%v", err)
	})
	Case("rar-introspection", "are an array of objects in introspection", Judges("RFC9396-9.2-INTROSPECTION"), func(t *T) {
		answer := mustIntrospect(t)
		if value, there := answer["authorization_details"]; there {
			_, err := details.Read(value)
			t.Check(err == nil, "authorization_details absent, or an array of objects with type", "%v", err)
		}
	})
	Case("rar-introspection-faithful", "are told by introspection as granted", Judges("RFC9396-9.2-FAITHFUL"), func(t *T) {
		introspected, err := details.Read(mustIntrospect(t)["authorization_details"])
		if err != nil {
			t.Skip("introspection tells this resource server no authorization_details")
		}
		judgeIntrospected(t, mustReadDetails(t, approvedRequest(t).response), introspected)
	})
})

// hasDetails reports whether an object states details, at least one.
func hasDetails(object map[string]any) bool {
	list, err := details.Read(object["authorization_details"])
	return err == nil && len(list) > 0
}

// mustIntrospect asks about the token of the shared approved flow. The next finding points
// at the answer.
func mustIntrospect(t *T) map[string]any {
	tokens, _ := t.MustTokens(approvedRequest(t).response)
	answer := introspect(t, tokens.AccessToken)
	if answer.object == nil {
		t.Skip("introspection tells this resource server nothing about the token: %s", answer.evidence.Summary())
	}
	t.At(answer.evidence)
	return answer.object
}

// judgeIntrospected compares introspection with the token response. Both may be filtered
// or extended for their reader, so only members that both have are judged.
func judgeIntrospected(t *T, returned, introspected []map[string]any) {
	const expected = "introspection has what was granted"
	p := details.Counterparts(returned, introspected)
	for _, pair := range p.Pairs {
		for _, d := range details.Compare(pair.Asked, pair.Actual) {
			if t.Check(d.Kind != details.Changed && d.Kind != details.Rewritten, expected, "%s", d) {
				t.Info(expected, "%s", d)
			}
		}
	}
	for _, object := range p.Missing {
		t.Info(expected, "there is no counterpart of %s", details.InWords(object))
	}
	for _, object := range p.Surplus {
		sameType := func(r map[string]any) bool { return r["type"] == object["type"] }
		if slices.ContainsFunc(returned, sameType) {
			t.Info(expected, "it also has %s", details.InWords(object))
		} else {
			t.Warn(expected, "it has an object of a type that was not granted: %s", details.InWords(object))
		}
	}
}

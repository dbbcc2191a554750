package rar

import (
	"slices"

	"github.com/cibatest/cibatest/internal/details"
	. "github.com/cibatest/cibatest/suites/harness"
)

// RFC 9396 9: the resource server can tell what was granted.
var _ = Cases.Describe("authorization_details for the resource server", func() {
	Case("rar-visible", "are in a JWT access token or in introspection", Judges("RFC9396-9-RS-VISIBLE"), func(t *T) {
		token := detailedFlow(t).tokens.AccessToken
		claims, isJWT := JWTClaims(token)
		looked, found := isJWT, hasDetails(claims)
		if t.Has("introspection") {
			answer := introspectionOf(t, token)
			looked, found = looked || answer != nil, found || hasDetails(answer)
		}
		if !looked {
			t.Skip("the access token is no readable JWT, and introspection tells this resource server nothing")
		}
		t.Check(found, "authorization_details in the JWT access token or in introspection", "neither has them")
	})
	Case("rar-jwt-claim", "are a claim of a JWT access token", Judges("RFC9396-9.1-JWT-CLAIM"), func(t *T) {
		g := detailedFlow(t)
		t.At(g.response)
		claims, ok := JWTClaims(g.tokens.AccessToken)
		if !ok {
			t.Skip("jwt_access_token: the access token is not a readable JWT")
		}
		_, err := details.Read(claims["authorization_details"])
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
		told, err := details.Read(mustIntrospect(t)["authorization_details"])
		if err != nil {
			t.Skip("introspection tells this resource server no authorization_details")
		}
		judgeTold(t, mustReadDetails(t, detailedFlow(t).tokens), told)
	})
})

func hasDetails(object map[string]any) bool {
	told, err := details.Read(object["authorization_details"])
	return err == nil && len(told) > 0
}

// mustIntrospect asks about the token of the shared approved flow.
func mustIntrospect(t *T) map[string]any {
	answer := introspectionOf(t, detailedFlow(t).tokens.AccessToken)
	if answer == nil {
		t.Skip("introspection tells this resource server that the token is not active")
	}
	return answer
}

// judgeTold compares introspection with the token response. Both may be filtered
// or extended for their reader, so only members that both have are judged.
func judgeTold(t *T, granted, told []map[string]any) {
	const expected = "introspection has what was granted"
	p := details.Counterparts(granted, told)
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
		if slices.ContainsFunc(granted, func(g map[string]any) bool { return g["type"] == object["type"] }) {
			t.Info(expected, "it also has %s", details.InWords(object))
		} else {
			t.Warn(expected, "it has an object of a type that was not granted: %s", details.InWords(object))
		}
	}
}

package rar

import (
	"iter"

	"github.com/cibatest/cibatest/internal/catalogue"
	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/internal/details"
	. "github.com/cibatest/cibatest/suites/harness"
)

// source is somewhere the details of a grant come back, if at all.
type source struct {
	name     string
	object   map[string]any // what may have a member authorization_details; nil when nothing is told
	evidence *ciba.Response // the answer that shows it
}

// tokenResponse is the name of the source that each grant has.
const tokenResponse = "the token response"

// sourcesOf are the token response, a JWT access token that can be read, and introspection
// where there is a resource server that may ask. An answer without tokens has none.
func sourcesOf(t *T, resp *ciba.Response) iter.Seq[source] {
	return func(yield func(source) bool) {
		tokens, err := resp.Tokens()
		if err != nil || !yield(source{tokenResponse, tokens.Raw, resp}) {
			return
		}
		claims, isReadable := JWTClaims(tokens.AccessToken)
		if isReadable && !yield(source{"the JWT access token", claims, resp}) {
			return
		}
		if t.Has(catalogue.NeedIntrospection) {
			yield(introspect(t, tokens.AccessToken))
		}
	}
}

// introspect asks about a token as the resource server of the target file. The object is
// nil when this resource server is told nothing about the token, be it that the OP answers
// no questions about tokens that can be read without it.
func introspect(t *T, accessToken string) source {
	resp := Introspect(t, accessToken)
	if _, isReadable := JWTClaims(accessToken); isReadable && resp.Is("unsupported_token_type") {
		return source{"introspection", nil, resp}
	}
	t.MustSucceed("introspection", resp)
	answer, err := resp.Object()
	if err != nil {
		t.Abort("the introspection answer cannot be read: %v", err)
	}
	if answer["active"] != true {
		answer = nil
	}
	return source{"introspection", answer, resp}
}

// place is a source with details that can be read.
type place struct {
	name     string
	details  []map[string]any
	evidence *ciba.Response
}

// placesOf are the places from which a grant can be read. All sources are asked before the
// first one is judged; in the loop, findings point at the answer that shows the place.
// Sources without readable details are left out: they have cases of their own.
func placesOf(t *T, resp *ciba.Response) iter.Seq[place] {
	var readable []place
	for s := range sourcesOf(t, resp) {
		if list, err := details.Read(s.object["authorization_details"]); err == nil {
			readable = append(readable, place{s.name, list, s.evidence})
		}
	}
	return func(yield func(place) bool) {
		for _, p := range readable {
			t.At(p.evidence)
			if !yield(p) {
				return
			}
		}
	}
}

// judgeDetailsForm wants an array of objects of every source that has details: a single
// object is easily taken out of it.
func judgeDetailsForm(t *T, resp *ciba.Response) {
	for s := range sourcesOf(t, resp) {
		if value, there := s.object["authorization_details"]; there {
			t.At(s.evidence)
			_, err := details.Read(value)
			t.Check(err == nil, s.name+" has an array of objects with type", "%v", err)
		}
	}
}

// detailsIn reads the details of a token response; the error says what is wrong.
func detailsIn(resp *ciba.Response) ([]map[string]any, error) {
	tokens, err := resp.Tokens()
	if err != nil {
		return nil, err
	}
	return details.Read(tokens.Raw["authorization_details"])
}

// mustReadDetails are the details of a token response. What is wrong with their form is
// for rar-returned to judge.
func mustReadDetails(t *T, resp *ciba.Response) []map[string]any {
	list, err := detailsIn(resp)
	if err != nil {
		t.Abort("the token response cannot be compared: %v", err)
	}
	return list
}

// mustReadJWT are the claims of the access token. An encrypted or opaque one is a skip.
func mustReadJWT(t *T, resp *ciba.Response) map[string]any {
	tokens, _ := t.MustTokens(resp)
	claims, ok := JWTClaims(tokens.AccessToken)
	if !ok {
		t.Skip("jwt_access_token: the access token is not a readable JWT")
	}
	return claims
}

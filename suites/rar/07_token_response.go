package rar

import (
	"html"
	"maps"
	"net/url"
	"reflect"
	"slices"
	"strings"

	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/internal/details"
	. "github.com/cibatest/cibatest/suites/harness"
)

// granted is an approved request with authorization_details and what it brought.
type granted struct {
	asked    []detail
	tokens   ciba.TokenResponse
	response *ciba.Response
}

// detailedFlow is the shared approved flow that asked for several objects.
func detailedFlow(t *T) granted {
	return Observe(t, "detailed", func(t *T) granted {
		asked, flow := startSeveral(t)
		tokens, answer := t.MustRedeem(flow)
		return granted{asked, tokens, answer}
	})
}

// RFC 9396 7: the token response tells what was granted.
var _ = Cases.Describe("authorization_details of a token response", func() {
	Case("rar-returned", "are an array of objects with type", Judges("RFC9396-7-RETURNED").Smoke(), func(t *T) {
		g := detailedFlow(t)
		t.At(g.response)
		told, err := details.Read(g.tokens.Raw["authorization_details"])
		if t.Check(err == nil, "authorization_details is an array of objects with type", "%v", err) {
			t.Check(len(told) > 0, "authorization_details with what was granted", "the array is empty")
		}
	})
	Case("rar-faithful", "are what was asked for and granted", Judges("RFC9396-7-FAITHFUL").Smoke(), func(t *T) {
		g := detailedFlow(t)
		t.At(g.response)
		judgeFaithful(t, "the token response", objectsOf(g.asked), mustReadDetails(t, g.tokens))
	})
	Case("rar-faithful-token", "are what a JWT access token says, too", Judges("RFC9396-7-FAITHFUL").Needs("jwt_access_token"), func(t *T) {
		g := detailedFlow(t)
		t.At(g.response)
		if told, ok := detailsInToken(t, g.tokens.AccessToken); ok {
			judgeFaithful(t, "the JWT access token", objectsOf(g.asked), told)
		}
	})
	Case("rar-decoded", "are decoded once", Judges("RFC9396-7-FAITHFUL"), decodedOnce)
	Case("rar-complete", "are complete after full approval", Judges("RFC9396-7-COMPLETE"), complete)
	Case("rar-parallel", "belong to their own request", Judges("RFC9396-7-FAITHFUL").Needs("parallel"), detailsInParallel)
	Case("rar-unasked", "are absent when none were asked for", Judges("RFC9396-7-FAITHFUL"), func(t *T) {
		r := t.Redeemed()
		t.At(r.Response)
		for _, at := range placesOf(t, r.Tokens) {
			t.At(at.evidence)
			if len(at.details) > 0 {
				t.Warn(at.name+" without authorization_details", "it has %s", details.InWords(at.details[0]))
			}
		}
	})
	Case("rar-enriched", "have what the type lets the OP add", Judges("RFC9396-7.1-ENRICHED"), func(t *T) {
		g := detailedFlow(t)
		t.At(g.response)
		p := details.Counterparts(objectsOf(g.asked), mustReadDetails(t, g.tokens))
		if !slices.ContainsFunc(p.Pairs, enriched) {
			t.Info("enriched authorization_details", "nothing was added to any of %v", kinds(g.asked))
		}
	})
})

// mustReadDetails is authorization_details of a token response; what is wrong
// with its form is judged by the case about the form.
func mustReadDetails(t *T, tokens ciba.TokenResponse) []map[string]any {
	told, err := details.Read(tokens.Raw["authorization_details"])
	if err != nil {
		t.Abort("the token response cannot be compared: %v", err)
	}
	return told
}

// detailsInToken are those of a JWT access token. An encrypted or opaque one is a
// skip; one without the claim is judged by the case about the claim.
func detailsInToken(t *T, accessToken string) ([]map[string]any, bool) {
	claims, ok := JWTClaims(accessToken)
	if !ok {
		t.Skip("jwt_access_token: the access token is not a readable JWT")
	}
	told, err := details.Read(claims["authorization_details"])
	return told, err == nil
}

// judgeFaithful compares what came back with what was asked, both fully
// approved. RFC 9396 7 and 7.1 allow reduction, enrichment and merging with
// earlier grants, so only other values are a failure, and additions one where the
// target file says that this OP does not enrich.
func judgeFaithful(t *T, where string, asked, told []map[string]any) {
	expected := where + " has what was asked for and granted"
	p := details.Counterparts(asked, told)
	for _, pair := range p.Pairs {
		for _, d := range details.Compare(pair.Asked, pair.Actual) {
			if d.Kind == details.Grown && askedElsewhere(asked, pair.Asked, d.Actual) {
				t.Info(expected, "%s, perhaps from another object of its type", d)
				continue
			}
			judgeDifference(t, expected, d)
		}
	}
	for _, object := range p.Missing {
		t.Info(expected, "there is no counterpart of %s", details.InWords(object))
	}
	for _, object := range p.Surplus {
		switch {
		case !slices.ContainsFunc(asked, func(a map[string]any) bool { return a["type"] == object["type"] }):
			t.Warn(expected, "it has an object of a type that was not requested: %s", details.InWords(object))
		case slices.ContainsFunc(asked, func(a map[string]any) bool { return len(details.Compare(a, object)) == 0 }):
			t.Warn(expected, "it has one object twice: %s", details.InWords(object))
		default:
			t.Info(expected, "it also has %s, perhaps from an earlier grant", details.InWords(object))
		}
	}
}

// askedElsewhere says whether another object of the same type, which may have been
// merged with this one, has an element in a list.
func askedElsewhere(asked []map[string]any, object map[string]any, element any) bool {
	for _, other := range asked {
		if other["type"] == object["type"] && len(details.Compare(object, other)) > 0 && listed(other, element) {
			return true
		}
	}
	return false
}

func listed(value, element any) bool {
	switch v := value.(type) {
	case map[string]any:
		for _, inner := range v {
			if listed(inner, element) {
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(v, func(item any) bool { return reflect.DeepEqual(item, element) || listed(item, element) })
	}
	return false
}

func judgeDifference(t *T, expected string, d details.Difference) {
	enriches, told := t.Target().Capabilities["rar_enrich"]
	switch d.Kind {
	case details.Changed:
		t.Check(false, expected, "%s", d)
	case details.Grown, details.Extra:
		switch {
		case told && !enriches:
			t.Check(false, expected+", as the target file says that this OP adds nothing", "%s", d)
		case d.Kind == details.Grown:
			t.Warn(expected, "%s", d)
		case !told:
			t.Info(expected, "%s", d)
		}
	case details.Absent, details.Shrunk:
		t.Info(expected, "%s", d)
	case details.Rewritten: // numbers count by value here; see complete
	}
}

// decodedOnce asks for a text that would be another one if the form were decoded
// twice. An OP may refuse it, or clean it in a way of its own.
func decodedOnce(t *T) {
	asked, flow := startWithText(t)
	tokens, end := t.MustRedeem(flow)
	t.At(end)
	judgeDetailsForm(t, tokens)
	for _, at := range placesOf(t, tokens) {
		t.At(at.evidence)
		judgeDecoded(t, at.name, asked, at.details)
	}
}

// decodable is another text when it is decoded from a form a second time; quotable
// also when it is escaped once more for JSON or HTML.
const (
	decodable = " A+B %41"
	quotable  = decodable + ` "C" \D & <E`
)

// startWithText adds something to a text of several words, which is one for
// people. Types may restrict their texts, so some are tried.
func startWithText(t *T) (map[string]any, *Flow) {
	for _, more := range []string{quotable, decodable} {
		if object, flow := tryText(t, more, 4); flow != nil {
			return object, flow
		}
	}
	t.Skip("no object of rar.valid has a text of several words that the OP takes with %q added", decodable)
	return nil, nil
}

func tryText(t *T, more string, most int) (map[string]any, *Flow) {
	tries := 0
	for _, d := range validDetails(t) {
		for n := 0; tries < most; n++ {
			at := n
			altered := d.with(func(object map[string]any) { appendToText(object, &at, more) })
			if at >= 0 {
				break // it has no more texts
			}
			tries++
			if resp := t.MustAnswer(t.Start(withDetails(t, altered))); resp.Status/100 == 2 {
				return altered.object, t.FlowOf(t.Client(), t.User(), resp)
			}
		}
	}
	return nil, nil
}

func judgeDecoded(t *T, where string, asked map[string]any, told []map[string]any) {
	expected := where + " has texts as they were sent"
	for _, pair := range details.Counterparts([]map[string]any{asked}, told).Pairs {
		for _, d := range details.Compare(pair.Asked, pair.Actual) {
			if d.Kind != details.Changed || !isText(d.Asked) {
				continue
			}
			told, _ := d.Actual.(string)
			if how := mistaken(d.Asked.(string), told); how != "" {
				t.Check(false, expected, "%s: it was %s", d, how)
			} else {
				t.Info(expected, "%s", d)
			}
		}
	}
}

// mistaken says by which mistake a text has become another one, empty when it is
// none of those. An OP may clean texts, which is none.
func mistaken(asked, told string) string {
	if twice, err := url.QueryUnescape(asked); err == nil && told == twice {
		return "decoded from the form twice"
	}
	quoted, _ := strings.CutPrefix(strings.TrimSuffix(details.Text(asked), `"`), `"`)
	switch {
	case told == quoted, strings.ReplaceAll(told, `\"`, `"`) == asked:
		return "escaped for JSON twice"
	case html.UnescapeString(told) == asked:
		return "escaped for HTML"
	}
	return ""
}

// appendToText lengthens the text of several words at a place, counted from 0, and
// counts down on its way: the place is negative when it was found.
func appendToText(object map[string]any, place *int, more string) {
	for _, name := range slices.Sorted(maps.Keys(object)) {
		switch v := object[name].(type) {
		case string:
			if !strings.Contains(strings.TrimSpace(v), " ") {
				continue
			}
			if *place == 0 {
				object[name] = v + more
			}
			*place--
		case map[string]any:
			appendToText(v, place, more)
		}
		if *place < 0 {
			return
		}
	}
}

// enriched says whether an object came back with more than was asked.
func enriched(p details.Pair) bool {
	more := slices.ContainsFunc(details.Compare(p.Asked, p.Actual), func(d details.Difference) bool { return d.Kind == details.Extra || d.Kind == details.Grown })
	return more || filled(p.Asked, p.Actual)
}

// filled says whether a placeholder has got a value.
func filled(asked, told map[string]any) bool {
	for name, value := range asked {
		inner, isObject := value.(map[string]any)
		other, both := told[name].(map[string]any)
		if details.IsPlaceholder(value) && !details.IsPlaceholder(told[name]) || isObject && both && filled(inner, other) {
			return true
		}
	}
	return false
}

// complete asks for two objects of one type and wants both back.
func complete(t *T) {
	a, b := twins(t)
	flow := t.MustStart(withDetails(t, a, b))
	tokens, resp := t.MustRedeem(flow)
	t.At(resp)
	p := details.Counterparts([]map[string]any{a.object, b.object}, mustReadDetails(t, tokens))
	for _, object := range p.Missing {
		t.Check(false, "every object that was granted is returned", "there is no counterpart of %s", details.InWords(object))
	}
	required := membersRequired(t, a.kind())
	for _, pair := range p.Pairs {
		for _, d := range details.Compare(pair.Asked, pair.Actual) {
			switch {
			case d.Kind == details.Absent && slices.Contains(required, d.Path):
				t.Check(false, "every member that the type requires is returned", "%s", d)
			case d.Kind == details.Rewritten, d.Kind == details.Changed && isText(d.Asked):
				t.Check(false, "texts are returned as they were sent", "%s", d)
			}
		}
	}
}

// detailsInParallel tells requests apart that differ in their details only. What
// could be a merger with an earlier grant could also be another case's request
// that came in at that moment, so it is looked at again.
func detailsInParallel(t *T) {
	const rounds = 3
	a, b := siblings(t)
	for range rounds {
		Forget(t, 0)
		redeemInParallel(t, a, b)
		if Findings(t) == 0 || t.Failed() {
			return
		}
	}
}

// redeemInParallel approves two requests of one client and user; the one decided
// last is redeemed first.
func redeemInParallel(t *T, a, b detail) {
	first, second := t.MustStart(withDetails(t, a)), t.MustStart(withDetails(t, b))
	t.Approve(first)
	t.Approve(second)
	tokens, answers := make([]ciba.TokenResponse, 2), make([]*ciba.Response, 2)
	for i, f := range []*Flow{second, first} {
		tokens[i], answers[i] = t.MustTokens(t.PollDecided(f))
	}
	for i, own := range []detail{b, a} { // when both have tokens: the later ones must not show in the earlier
		t.At(answers[i])
		judgeDetailsForm(t, tokens[i])
		judgePlaces(t, "one of two requests at the same time", tokens[i], own)
		if tokens[i].RefreshToken == "" {
			continue
		}
		if fresh, err := Refresh(t, tokens[i].RefreshToken).Tokens(); err == nil { // else rar-refresh says so
			judgePlaces(t, "a refresh of one of two requests", fresh, own)
		}
	}
}

func judgePlaces(t *T, of string, tokens ciba.TokenResponse, own detail) {
	for _, at := range placesOf(t, tokens) {
		t.At(at.evidence)
		judgeFaithful(t, at.name+" of "+of, objectsOf([]detail{own}), at.details)
	}
}

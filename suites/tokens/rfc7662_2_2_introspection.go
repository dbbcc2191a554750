package tokens

import (
	"net/http"

	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/reports/result"
	. "github.com/cibatest/cibatest/suites/harness"
)

// RFC 7662 2.2 and 2.3: whatever token is asked about, the answer says by active whether it
// is good, and a token that is not is no error. Resource servers ask about what strangers
// show them, so an answer they cannot read is an outage that anybody can bring about. To
// look at a token changes nothing.
var _ = Cases.Describe("Introspection", func() {
	Case("token-introspection-unknown", "tells of a token nobody issued that it is not active",
		Judges("RFC7662-2.2-ACTIVE"), func(t *T) {
			resp := Introspect(t, t.Random().Text()+t.Random().Text())
			judgeInactive(t, "a token nobody issued", resp)
		})
	Case("token-introspection-kinds", "answers about tokens of every kind, and changes none of them",
		Judges("RFC7662-2.2-ACTIVE"), judgeIntrospectedKinds)
})

// judgeIntrospectedKinds asks about the ID Token, the refresh token before and after its
// use, and as another client about the access token. Which of them are active, and whom that
// is told, is the OP's own policy.
func judgeIntrospectedKinds(t *T) {
	tokens := ofEveryKind(t)
	if tokens.IDToken != "" {
		judgeToldOrRefused(t, "an ID Token", "a refusal of its kind", t.MustAnswer(Introspect(t, tokens.IDToken)))
	}
	if other := clientWithoutOwnID(t); other != nil {
		resp := t.MustAnswer(t.Send(IntrospectionRequestAs(t, other, tokens.AccessToken)))
		judgeToldOrRefused(t, "the access token of another client", "a refusal of the client", resp)
	}
	if tokens.RefreshToken != "" {
		judgeLookedAtRefresh(t, tokens)
	}
}

// judgeLookedAtRefresh asks about a refresh token before it is used and after. One that no
// question was asked about has to work before, else the question is not to blame.
func judgeLookedAtRefresh(t *T, tokens ciba.TokenResponse) {
	fresh, err := t.MustAnswer(Refresh(t, tokens.RefreshToken)).Tokens()
	if err != nil {
		return
	}
	live := newest(tokens, fresh).RefreshToken
	judgeTells(t, "a refresh token", Introspect(t, live))
	resp := t.MustAnswer(Refresh(t, live))
	t.Expect(resp).As(result.Fail).To(HaveTokens(), "the refresh token that was asked about still works")
	judgeTells(t, "a refresh token after its use", Introspect(t, live))
}

// judgeToldOrRefused lets an OP refuse clients that are no resource servers, and what is
// neither an access nor a refresh token: RFC 7662 speaks of these only.
func judgeToldOrRefused(t *T, what, refusal string, resp *ciba.Response) {
	if resp.Status == http.StatusOK {
		judgeTells(t, what, resp)
		return
	}
	judgeNoServerError(t, resp, what+": an answer, or "+refusal)
}

// ofEveryKind are tokens of the case's own, with a refresh token where the OP issues one.
func ofEveryKind(t *T) ciba.TokenResponse {
	var tokens ciba.TokenResponse
	if !Try(func() { tokens = refreshable(t).Tokens }) {
		tokens, _ = t.MustRedeem(t.MustStart(t.Request()))
	}
	return tokens
}

// judgeTells wants an answer that says by active whether the token is good. It reports
// whether there is one.
func judgeTells(t *T, what string, resp *ciba.Response) bool {
	t.MustAnswer(resp)
	if !t.Expect(resp).To(HaveStatus(http.StatusOK), what+": status 200") ||
		!t.Expect(resp).To(BeJSONObject(), what+": a JSON object") ||
		!t.Expect(resp).To(HaveMember("active", isBool), what+": active is true or false") {
		return false
	}
	t.At(resp)
	object, _ := resp.Object()
	judgeIntrospectedTypes(t, what, object)
	return true
}

// judgeInactive wants a token to be told to be no good.
func judgeInactive(t *T, what string, resp *ciba.Response) {
	if judgeTells(t, what, resp) {
		t.Expect(resp).To(HaveMember("active", isFalse), what+": active is false")
	}
}

// judgeIntrospectedTypes holds the optional members of RFC 7662 2.2 to their types: a reader
// of a typed language loses the whole answer with one that has another.
func judgeIntrospectedTypes(t *T, what string, object map[string]any) {
	for _, name := range []string{"scope", "client_id", "username", "token_type", "sub", "iss", "jti"} {
		value, there := Optional(t, object, name)
		_, isText := value.(string)
		t.Check(!there || isText, what+": "+name+" is a string, or absent", "%s is %T", name, value)
	}
	for _, name := range []string{"exp", "iat", "nbf"} {
		value, there := Optional(t, object, name)
		_, isNumber := NumberOf(value)
		t.Check(!there || isNumber, what+": "+name+" is a number, or absent", "%s is %T", name, value)
	}
	if _, there := Optional(t, object, "aud"); there {
		_, isAudience := audienceOf(object)
		t.Check(isAudience, what+": aud is a string or an array of strings", "aud is %T", object["aud"])
	}
}

func isBool(value any) bool {
	_, is := value.(bool)
	return is
}

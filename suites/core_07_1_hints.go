package suites

import (
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cibatest/cibatest/internal/catalogue"
	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/internal/jose"
	"github.com/cibatest/cibatest/internal/targetfile"
	. "github.com/onsi/ginkgo/v2"
)

// CIBA Core 7.1, 7.2 and 14: exactly one hint names the end-user.
var _ = Describe("Hints", func() {
	Case("hint-none", "are required", Requirements("CIBA-7.1-HINT-NONE").Smoke(), func(t *T) {
		t.Judge(t.Start(t.withoutHint()))
	})
	Case("hint-multiple", "come one at a time", Requirements("CIBA-7.2-HINT-MULTIPLE"), severalHints)
	Case("hint-login", "may be a login_hint", Requirements("CIBA-7.1-LOGIN-HINT-OK").Smoke(), func(t *T) {
		t.JudgeAck("login_hint", t.Start(t.withoutHint().Add("login_hint", t.User().LoginHint)))
	})
	Case("hint-unknown-user", "that name nobody yield unknown_user_id", Requirements("CIBA-7.2-UNKNOWN-USER").Smoke(), func(t *T) {
		judgeUnknown(t, t.withoutHint().Add("login_hint", unknownHint(t)))
	})
	Case("hint-odd-characters", "with odd characters name nobody and harm nobody", Requirements("CIBA-7.2-UNKNOWN-USER").AfterAll(), oddHints)
	Case("hint-login-empty", "are not empty", Requirements("CIBA-7.1-LOGIN-HINT-EMPTY"), func(t *T) {
		t.Judge(t.Start(t.withoutHint().Add("login_hint", "")))
	})
	Case("hint-subject", "decide whose tokens are issued", Requirements("CIBA-7.1-HINT-SUBJECT-MATCH"), func(t *T) {
		r := t.Redeemed()
		t.mustKnowSubject(r.Flow.User)
		t.judgeSubject(r)
	})
	Case("hint-subject-other", "of two users bring tokens of two users", Requirements("CIBA-7.1-HINT-SUBJECT-MATCH").Needs("second_user").About(3*defaultInterval), func(t *T) {
		other := t.OtherUser()
		flow := t.MustStartAs(t.Client(), other, t.RequestFor(t.Client(), other))
		tokens, resp := t.MustRedeem(flow)
		second := Redeemed{Flow: flow, Tokens: tokens, Response: resp}
		t.judgeSubject(second)
		if first := t.Redeemed(); first.Flow.User.Name != other.Name {
			t.At(resp)
			t.Check(t.subject(first) != t.subject(second), "different users have different subjects",
				"%s and %s both are %.60q", first.Flow.User.Name, other.Name, t.subject(second))
		}
	})
	Case("hint-prompt", "decide who is asked", Requirements("CIBA-7.1-HINT-SUBJECT-MATCH").Needs("second_user", "device_observer", "parallel"), promptedUsers)
	Case("hint-subject-token", "decide whose tokens are issued, also as a login_hint_token",
		Requirements("CIBA-7.1-HINT-SUBJECT-MATCH").Needs("login_hint_token").About(3*defaultInterval), func(t *T) { tokenOf(t, t.User()) })
	Case("hint-subject-token-other", "that are login_hint_tokens of two users bring tokens of two users",
		Requirements("CIBA-7.1-HINT-SUBJECT-MATCH").Needs("login_hint_token", "second_user").About(3*defaultInterval), func(t *T) { tokenOf(t, t.OtherUser()) })
	Case("hint-id-token", "may be an ID Token of this client", Requirements("CIBA-7.1-ITH-OK").About(3*defaultInterval), func(t *T) { idTokenOf(t, t.User()) })
	Case("hint-id-token-other", "that are ID Tokens of two users bring tokens of two users",
		Requirements("CIBA-7.1-ITH-OK").Needs("second_user").About(3*defaultInterval), func(t *T) { idTokenOf(t, t.OtherUser()) })
	Case("hint-id-token-algorithms", "may be an ID Token signed by any algorithm of the OP", Requirements("CIBA-7.1-ITH-OK").Needs("parallel").EachAlgorithm().About(2*defaultInterval), func(t *T) {
		t.Each(func() {
			t.judgeIDTokenHint(t.Start(t.withoutHint().Add("id_token_hint", t.idTokenOf(t.Redeemed().Tokens).text)))
		})
	})
	Case("hint-id-token-pairwise", "may be an ID Token with a pairwise subject", Requirements("CIBA-7.1-ITH-OK").Needs("pairwise").About(3*defaultInterval), func(t *T) { idTokenOf(t, t.User()) })
	Case("hint-id-token-expired", "may be an ID Token that has expired", Requirements("CIBA-14-ITH-EXPIRED-OK"), expiredIDToken)
	Case("hint-id-token-other-client", "are not another client's ID Token", Requirements("CIBA-14-ITH-OTHER-CLIENT"), func(t *T) {
		flow := t.MustStartAs(t.Second(), t.User(), t.RequestFor(t.Second(), t.User()))
		tokens, _ := t.MustRedeem(flow)
		t.Judge(t.Start(t.withoutHint().Add("id_token_hint", t.idTokenFor(t.Second(), tokens).text)))
	})
	Case("hint-id-token-signature", "are not an ID Token with a broken signature", Requirements("CIBA-14-ITH-BAD-SIGNATURE").EachAlgorithm().About(2*defaultInterval), func(t *T) {
		t.Each(func() { forgedIDTokens(t) })
	})
	Case("hint-id-token-foreign", "are not another issuer's ID Token", Requirements("CIBA-14-ITH-FOREIGN-ISSUER").Needs("approve"), func(t *T) {
		genuine := t.idTokenOf(t.Redeemed().Tokens)
		key, err := jose.GenerateKey("ES256", "foreign")
		t.must(err)
		genuine.Claims["iss"] = "https://other.example"
		token, err := jose.Sign(nil, genuine.Claims, key)
		t.must(err)
		t.Judge(t.Start(t.withoutHint().Add("id_token_hint", token)))
	})
	Case("hint-id-token-unsigned", "are not an unsigned ID Token", Requirements("CIBA-14-ITH-ALG-NONE"), func(t *T) {
		genuine := t.idTokenOf(t.Redeemed().Tokens)
		if genuine.Header["alg"] == "none" {
			t.Skip("this client's ID Tokens are unsigned by registration")
		}
		for _, alg := range []string{"none", "nOnE"} {
			token, err := unsignedBy(alg)(nil, genuine.Claims)
			t.must(err)
			t.JudgeVariant("alg "+alg, t.Start(t.withoutHint().Add("id_token_hint", token)))
		}
	})
	Case("hint-id-token-malformed", "are not any text as ID Token", Requirements("CIBA-7.2-ITH-MALFORMED"), func(t *T) {
		for _, text := range []string{"not-a-jwt", "a.b.c", "..", "e30.e30."} {
			t.JudgeVariant(text, t.Start(t.withoutHint().Add("id_token_hint", text)))
		}
	})
	Case("hint-token", "may be a login_hint_token", Requirements("CIBA-7.1-LHT-OK"), func(t *T) {
		t.JudgeAck("login_hint_token", t.Start(t.withoutHint().Add("login_hint_token", t.User().LoginHintToken.Reveal())))
	})
	Case("hint-token-expired", "that have expired yield expired_login_hint_token", Requirements("CIBA-13-LHT-EXPIRED"), func(t *T) {
		users := t.Target().Users
		i := slices.IndexFunc(users, func(u targetfile.User) bool { return u.ExpiredLoginHintToken != "" })
		if i < 0 {
			t.Skip("no user in the target file has an expired_login_hint_token")
		}
		t.Judge(t.Start(t.withoutHint().Add("login_hint_token", users[i].ExpiredLoginHintToken.Reveal())))
	})
	Case("hint-token-signature", "are not a login_hint_token with a broken signature", Requirements("CIBA-14-LHT-BAD-SIGNATURE"), func(t *T) {
		t.JudgeVariant("no token at all", t.Start(t.withoutHint().Add("login_hint_token", "not-a-token")))
		flipped, err := jose.FlipSignature(t.User().LoginHintToken.Reveal())
		if err != nil && t.Failed() {
			return
		}
		if err != nil {
			t.Skip("the login_hint_token of this deployment is not a signed JWT")
		}
		token := t.mustDecode(t.User().LoginHintToken.Reveal())
		unsigned, err := jose.Unsigned(nil, token.Claims)
		t.must(err)
		t.JudgeVariant("a flipped bit", t.Start(t.withoutHint().Add("login_hint_token", flipped)))
		t.JudgeVariant("no signature", t.Start(t.withoutHint().Add("login_hint_token", unsigned)))
	})
	Case("hint-token-unknown-user", "of a login_hint_token that name nobody yield unknown_user_id", Requirements("CIBA-7.2-LHT-UNKNOWN-USER"), func(t *T) {
		token := t.Target().UnknownUser.LoginHintToken.Reveal()
		if token == "" {
			t.Skip("the target file has no unknown_user.login_hint_token")
		}
		judgeUnknown(t, t.withoutHint().Add("login_hint_token", token))
	})
})

// tokenOf hints at a user with a login_hint_token. Two users take their turns,
// in cases of their own: an OP for which everybody is the same user is right about one.
func tokenOf(t *T, u targetfile.User) {
	t.mustKnowSubject(u)
	hint := u.LoginHintToken.Reveal()
	if hint == "" {
		t.Skip("user %s has no login_hint_token in the target file", u.Name)
	}
	flow := t.MustStartAs(t.Client(), u, withoutHint(t.RequestFor(t.Client(), u)).Add("login_hint_token", hint))
	tokens, resp := t.MustRedeem(flow)
	t.judgeSubject(Redeemed{Flow: flow, Tokens: tokens, Response: resp})
}

// idTokenOf hints at a user with an ID Token that was issued for this user a
// moment ago. An encrypted one is opened before; OIDC Core 3.1.2.1.
func idTokenOf(t *T, u targetfile.User) {
	tokens, _ := t.MustRedeem(t.MustStartAs(t.Client(), u, t.RequestFor(t.Client(), u)))
	before := Redeemed{Tokens: tokens}
	resp := t.Start(withoutHint(t.RequestFor(t.Client(), u)).Add("id_token_hint", t.idTokenOf(tokens).text))
	t.judgeIDTokenHint(resp)
	if t.Failed() {
		return
	}
	after, end := t.MustRedeem(t.FlowOf(t.Client(), u, resp))
	t.At(end)
	old, fresh := t.subject(before), t.subject(Redeemed{Tokens: after})
	t.Check(old == fresh, "the sub of the hint", "sub %.60q instead of %.60q", fresh, old)
}

// promptedUsers looks at whom the prompts for two users name, as far as a device
// tells: not another user of the target file.
func promptedUsers(t *T) {
	for _, u := range []targetfile.User{t.User(), t.OtherUser()} {
		prompt := t.MustPrompt(t.MustStartAs(t.Client(), u, t.RequestFor(t.Client(), u)))
		for _, other := range t.Target().Users {
			misled := prompt.LoginHint != "" && prompt.LoginHint == other.LoginHint && other.LoginHint != u.LoginHint ||
				prompt.Sub != "" && prompt.Sub == other.Sub && other.Sub != u.Sub
			t.Check(!misled, "the prompt is for user "+u.Name, "it is for user %s", other.Name)
		}
	}
}

// oddHints are what databases and directories take for commands. Any refusal is
// right, also by what stands before the OP.
func oddHints(t *T) {
	ordinary := t.Start(t.withoutHint().Add("login_hint", unknownHint(t)))
	for _, hint := range []string{"nobody\x00", "no'body", `no\body"`, "*", "%", "nobody\xff"} {
		resp := t.Start(t.withoutHint().Add("login_hint", hint))
		if resp.Status == 0 {
			t.Note("a request with login_hint %q got no answer; something before the OP may cut it", hint)
			continue
		}
		t.At(resp)
		if _, err := resp.Started(); err == nil && ordinary.Status/100 == 4 {
			t.Check(false, fmt.Sprintf("a refusal of %q, as of any unknown hint", hint), "%s", resp.Summary())
		}
		if resp.Status >= 500 {
			t.JudgeVariant(fmt.Sprintf("login_hint %q", hint), resp)
		}
	}
}

// judgeIDTokenHint wants a hint to be taken, unless the target file is silent about
// hints of this kind.
func (t *T) judgeIDTokenHint(resp *ciba.Response) {
	if resp.Status/100 == 4 && !t.promised("id_token_hint") {
		t.At(resp)
		t.Warn("an id_token_hint is accepted, or capabilities.id_token_hint is false in the target file", "%s", resp.Summary())
		return
	}
	t.JudgeAck("id_token_hint", resp)
}

// forgedIDTokens are hints of which no key of the OP says that they are genuine.
func forgedIDTokens(t *T) {
	genuine := t.idTokenOf(t.Redeemed().Tokens)
	if genuine.Header["alg"] == "none" {
		return // unsigned by registration
	}
	flipped, err := jose.FlipSignature(genuine.text)
	t.must(err)
	retold, err := jose.Retell(genuine.text, func(_, claims map[string]any) { claims["sub"] = t.anotherSubject(claims["sub"]) })
	t.must(err)
	key, err := jose.GenerateKey("ES256", "unpublished")
	t.must(err)
	stranger, err := jose.Sign(nil, genuine.Claims, key)
	t.must(err)
	t.JudgeVariant("a flipped bit", t.Start(t.withoutHint().Add("id_token_hint", flipped)))
	t.JudgeVariant("another sub under the old signature", t.Start(t.withoutHint().Add("id_token_hint", retold)))
	t.JudgeVariant("a key that is not published", t.Start(t.withoutHint().Add("id_token_hint", stranger)))
}

// withoutHint is a good request but for its hint.
func (t *T) withoutHint() ciba.Params { return withoutHint(t.Request()) }

func withoutHint(p ciba.Params) ciba.Params {
	return p.Without("login_hint", "login_hint_token", "id_token_hint")
}

// severalHints tries every pair and all three. Values are genuine where the
// target file or an earlier flow provides them, so that nothing else is wrong.
func severalHints(t *T) {
	values := map[string]string{"login_hint": t.User().LoginHint, "login_hint_token": t.User().LoginHintToken.Reveal(), "id_token_hint": t.User().IDTokenHint.Reveal()}
	if t.Has("approve") && t.session.approver.NamesRequest() {
		guard(func() { values["id_token_hint"] = t.idTokenOf(t.Redeemed().Tokens).text }) // without one the shape has to do
	}
	if values["login_hint"] == "" {
		values["login_hint"] = unknownHint(t)
	}
	for name, value := range values {
		if value == "" {
			values[name] = shapeOfJWT
		}
	}
	for _, set := range [][]string{
		{"login_hint", "id_token_hint"},
		{"login_hint", "login_hint_token"},
		{"login_hint_token", "id_token_hint"},
		{"login_hint", "login_hint_token", "id_token_hint"},
	} {
		p := t.withoutHint()
		for _, name := range set {
			p = p.Add(name, values[name])
		}
		t.JudgeVariant(strings.Join(set, " and "), t.Start(p))
	}
}

// shapeOfJWT looks like a signed JWT and proves nothing.
const shapeOfJWT = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln"

func unknownHint(t *T) string {
	if hint := t.Target().UnknownUser.LoginHint; hint != "" {
		return hint
	}
	return "nobody-" + strings.ToLower(rand.Text()[:10])
}

// judgeUnknown takes acceptance for what it may be: an OP that does not tell
// strangers which users exist, and never completes such a request.
func judgeUnknown(t *T, p ciba.Params) {
	resp := t.Start(p)
	if ack, err := resp.Started(); err == nil && !resp.HasTokens() {
		t.At(resp)
		t.Warn(describe(t.Requirement()), "the request was accepted, with expires_in %s; an OP may do so to hide which users exist", ack.ExpiresIn)
		return
	}
	t.Judge(resp)
}

// expiredIDToken takes an old ID Token from the target file and the client it
// was issued to. No OP has to remember for ever.
func expiredIDToken(t *T) {
	hint := t.User().IDTokenHint.Reveal()
	if hint == "" {
		t.Skip("clock_wait: this user has no old id_token_hint in the target file")
	}
	token := t.mustDecode(hint)
	exp, isNumber := numberOf(token.Claims["exp"])
	age := time.Since(time.Unix(int64(exp), 0))
	if !isNumber || age < 0 {
		t.Skip("clock_wait: the id_token_hint of the target file has not expired yet")
	}
	i := slices.IndexFunc(t.GeneralClients(), func(c *Client) bool { return c.refused == "" && isAudience(token.Claims["aud"], c.ClientID) })
	if i < 0 {
		t.Skip("clock_wait: the id_token_hint was issued to no poll client of the target file that the OP lets in")
	}
	t.client = t.GeneralClients()[i]
	resp := t.Start(t.withoutHint().Add("id_token_hint", hint))
	if resp.Status/100 == 4 && age > recently {
		t.At(resp)
		t.Info("a recently expired ID Token is accepted", "one that expired %s ago is answered %s", age.Round(time.Hour), resp.Summary())
		return
	}
	t.JudgeAck("an ID Token that expired "+age.Round(time.Minute).String()+" ago", resp)
}

// recently is how old an expired ID Token may be to be worth an advice.
const recently = 24 * time.Hour

func isAudience(audience any, id string) bool {
	list, _ := audience.([]any)
	return audience == id || slices.Contains(list, any(id))
}

// promised says whether the target file speaks up for a kind of hint, rather
// than leaving it to be assumed.
func (t *T) promised(need catalogue.Need) bool {
	_, told := t.Target().Capabilities[need]
	return told || slices.ContainsFunc(t.Target().Users, func(u targetfile.User) bool { return u.IDTokenHint != "" })
}

// knownSubject is the sub this client has to be told for a user, or nothing where
// the target file does not say or subjects are pairwise.
func (t *T) knownSubject(u targetfile.User) string {
	if t.Client().SubjectType == "pairwise" {
		return ""
	}
	return u.Sub
}

func (t *T) mustKnowSubject(u targetfile.User) {
	if t.knownSubject(u) == "" {
		t.Skip("the target file names no sub of user %s, or the client gets pairwise ones", u.Name)
	}
}

// judgeSubject compares the ID Token with the user the flow is about.
func (t *T) judgeSubject(r Redeemed) {
	want, sub := t.knownSubject(r.Flow.User), t.subject(r)
	t.At(r.Response)
	t.Check(want == "" || sub == want, "sub "+want+" for user "+r.Flow.User.Name, "sub %.60q", sub)
}

// subject is the sub of the ID Token.
func (t *T) subject(r Redeemed) string {
	sub, _ := t.idTokenOf(r.Tokens).Claims["sub"].(string)
	return sub
}

// anotherSubject is another user's sub where the target file knows one: a hint
// that names nobody would be refused for that reason.
func (t *T) anotherSubject(than any) string {
	for _, u := range t.Target().Users {
		if u.Sub != "" && u.Sub != than {
			return u.Sub
		}
	}
	return "somebody-else"
}

// mustDecode reads a JWT, or ends the case as error.
func (t *T) mustDecode(token string) jose.Token {
	decoded, err := jose.Decode(token)
	if err != nil {
		t.Abort("the ID Token cannot be read: %v", err)
	}
	return decoded
}

// must ends the case as error when the harness itself failed.
func (t *T) must(err error) {
	if err != nil {
		t.Abort("preparing the request: %v", err)
	}
}

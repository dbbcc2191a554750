package core

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cibatest/cibatest/internal/catalogue"
	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/internal/jose"
	"github.com/cibatest/cibatest/internal/targetfile"
	"github.com/cibatest/cibatest/reports/result"
	. "github.com/cibatest/cibatest/suites/harness"
	"github.com/onsi/gomega"
)

// CIBA Core 7.1 and 7.2: exactly one hint names the end-user, and the tokens are those of
// that user; CIBA Core 14 has the OP look at where a token that serves as hint comes
// from. A hint that is read wrongly asks somebody else, and hands that person's tokens to
// whoever sits at the consumption device. Which error a bad hint gets is disputed: an OP
// may have reasons not to tell who has an account (N-07).
var _ = Cases.Describe("Hints", func() {
	Case("hint-none", "are required", Judges("CIBA-7.1-HINT-NONE").AlsoAs(Ping, Push).Smoke(), func(t *T) {
		t.Judge(t.Start(requestWithoutHint(t)))
	})
	Case("hint-multiple", "come one at a time", Judges("CIBA-7.2-HINT-MULTIPLE").AlsoAs(Ping, Push), judgeSeveralHints)
	Case("hint-login", "may be a login_hint", Judges("CIBA-7.1-LOGIN-HINT-OK").AlsoAs(Ping, Push).Smoke(), func(t *T) {
		t.JudgeAck("login_hint", t.Start(requestWithoutHint(t).Add("login_hint", t.User().LoginHint)))
	})
	Case("hint-unknown-user", "that name nobody yield unknown_user_id",
		Judges("CIBA-7.2-UNKNOWN-USER").AlsoAs(Ping, Push).Smoke(), func(t *T) {
			judgeUnknownUser(t, requestWithoutHint(t).Add("login_hint", hintOfNobody(t)))
		})
	Case("hint-odd-characters", "with odd characters name nobody and harm nobody",
		Judges("CIBA-7.2-UNKNOWN-USER").AfterAll(), judgeHostileHints)
	Case("hint-login-empty", "are not empty", Judges("CIBA-7.1-LOGIN-HINT-EMPTY").AlsoAs(Ping, Push), func(t *T) {
		t.Judge(t.Start(requestWithoutHint(t).Add("login_hint", "")))
	})
	// A clause about all users is tried with two of them: an OP for which everybody is the
	// same user is right about one.
	Case("hint-subject", "decide whose tokens are issued",
		Judges("CIBA-7.1-HINT-SUBJECT-MATCH").AlsoAs(Ping, Push).ForUsers(withKnownSubject), func(t *T) {
			r := t.Redeemed()
			if r.Flow.User.Sub == "" { // the shared flow is about a user of another case
				r = mustRedeem(t, t.MustStart(t.Request()))
			}
			mustKnowSubject(t, r.Flow.User)
			judgeSubject(t, r)
		})
	Case("hint-subject-other", "of two users bring tokens of two users",
		Judges("CIBA-7.1-HINT-SUBJECT-MATCH").AlsoAs(Ping, Push).Needs(catalogue.NeedSecondUser).About(3*ciba.DefaultInterval), func(t *T) {
			other := t.OtherUser()
			flow := t.MustStartAs(t.Client(), other, t.RequestFor(t.Client(), other))
			second := mustRedeem(t, flow)
			judgeSubject(t, second)
			if first := t.Redeemed(); first.Flow.User.Name != other.Name {
				t.At(second.Response)
				t.Check(subjectOf(t, first) != subjectOf(t, second), "different users have a different sub",
					"%s and %s both are %.60q", first.Flow.User.Name, other.Name, subjectOf(t, second))
			}
		})
	Case("hint-prompt", "decide who is asked",
		Judges("CIBA-7.1-HINT-SUBJECT-MATCH").
			Needs(catalogue.NeedSecondUser, catalogue.NeedDeviceObserver, catalogue.NeedParallel), judgePromptedUsers)
	Case("hint-subject-token", "decide whose tokens are issued, also as a login_hint_token",
		Judges("CIBA-7.1-HINT-SUBJECT-MATCH").
			Needs(catalogue.NeedLoginHintToken).ForUsers(withKnownSubject).About(3*ciba.DefaultInterval), func(t *T) {
			judgeLoginHintTokenOf(t, t.User())
		})
	Case("hint-subject-token-other", "that are login_hint_tokens of two users bring tokens of two users",
		Judges("CIBA-7.1-HINT-SUBJECT-MATCH").
			Needs(catalogue.NeedLoginHintToken, catalogue.NeedSecondUser).ForUsers(withKnownSubject).About(3*ciba.DefaultInterval), func(t *T) {
			judgeLoginHintTokenOf(t, t.OtherUser())
		})
	Case("hint-id-token", "may be an ID Token of this client",
		Judges("CIBA-7.1-ITH-OK").AlsoAs(Ping, Push).About(3*ciba.DefaultInterval), func(t *T) { judgeIDTokenHintOf(t, t.User()) })
	Case("hint-id-token-other", "that are ID Tokens of two users bring tokens of two users",
		Judges("CIBA-7.1-ITH-OK").Needs(catalogue.NeedSecondUser).About(3*ciba.DefaultInterval),
		func(t *T) { judgeIDTokenHintOf(t, t.OtherUser()) })
	Case("hint-id-token-algorithms", "may be an ID Token signed by any algorithm of the OP",
		Judges("CIBA-7.1-ITH-OK").Needs(catalogue.NeedParallel).EachAlgorithm().About(2*ciba.DefaultInterval), func(t *T) {
			t.Each(func() {
				judgeIDTokenHint(t, t.Start(requestWithoutHint(t).Add("id_token_hint", IDTokenIn(t, t.Redeemed().Tokens).Text)))
			})
		})
	Case("hint-id-token-pairwise", "may be an ID Token with a pairwise subject",
		Judges("CIBA-7.1-ITH-OK").Needs(catalogue.NeedPairwise).About(3*ciba.DefaultInterval), func(t *T) { judgeIDTokenHintOf(t, t.User()) })
	Case("hint-id-token-expired", "may be an ID Token that has expired", Judges("CIBA-14-ITH-EXPIRED-OK"), judgeExpiredIDToken)
	// A client must not learn about, or have prompted, the users of another client by
	// tokens that it was not given.
	Case("hint-id-token-other-client", "are not another client's ID Token", Judges("CIBA-14-ITH-OTHER-CLIENT"), func(t *T) {
		flow := t.MustStartAs(t.Second(), t.User(), t.RequestFor(t.Second(), t.User()))
		tokens, _ := t.MustRedeem(flow)
		hint := IDTokenFor(t, t.Second(), tokens).Text
		t.Judge(t.Start(requestWithoutHint(t).Add("id_token_hint", hint)))
		own := t.MustAnswer(t.StartAs(t.Second(), paramsWithoutHint(t.RequestFor(t.Second(), t.User())).Add("id_token_hint", hint)))
		skipIfNeverTaken(t, "id_token_hint", own)
	})
	Case("hint-id-token-signature", "are not an ID Token with a broken signature",
		Judges("CIBA-14-ITH-BAD-SIGNATURE").EachAlgorithm().About(2*ciba.DefaultInterval), func(t *T) {
			t.Each(func() { judgeForgedIDTokens(t) })
			skipIfNeverTaken(t, "id_token_hint", genuineIDTokenHint(t))
		})
	Case("hint-id-token-foreign", "are not another issuer's ID Token",
		Judges("CIBA-14-ITH-FOREIGN-ISSUER").Needs(catalogue.NeedApprove), func(t *T) {
			genuine := IDTokenIn(t, t.Redeemed().Tokens)
			genuine.Claims["iss"] = "https://other.example"
			t.Judge(t.Start(requestWithoutHint(t).Add("id_token_hint", signedBySomebody(t, genuine))))
			skipIfNeverTaken(t, "id_token_hint", genuineIDTokenHint(t))
		})
	Case("hint-id-token-unsigned", "are not an unsigned ID Token", Judges("CIBA-14-ITH-ALG-NONE"), func(t *T) {
		genuine := IDTokenIn(t, t.Redeemed().Tokens)
		if genuine.Header["alg"] == "none" {
			t.Skip("this client's ID Tokens are unsigned by registration")
		}
		for _, alg := range []string{"none", "nOnE"} {
			token, err := unsignedBy(alg)(nil, genuine.Claims)
			MustNotFail(t, err)
			t.JudgeVariant("alg "+alg, t.Start(requestWithoutHint(t).Add("id_token_hint", token)))
		}
		skipIfNeverTaken(t, "id_token_hint", genuineIDTokenHint(t))
	})
	Case("hint-id-token-malformed", "are not any text as ID Token", Judges("CIBA-7.2-ITH-MALFORMED").AlsoAs(Ping, Push), func(t *T) {
		for _, text := range []string{"not-a-jwt", "a.b.c", "..", "e30.e30."} {
			t.JudgeVariant(text, t.Start(requestWithoutHint(t).Add("id_token_hint", text)))
		}
	})
	Case("hint-token", "may be a login_hint_token", Judges("CIBA-7.1-LHT-OK"), func(t *T) {
		t.JudgeAck("login_hint_token", t.Start(requestWithoutHint(t).Add("login_hint_token", t.User().LoginHintToken.Reveal())))
	})
	Case("hint-token-expired", "that have expired yield expired_login_hint_token",
		Judges("CIBA-13-LHT-EXPIRED").AlsoAs(Ping, Push), func(t *T) {
			users := t.Target().Users
			i := slices.IndexFunc(users, func(u targetfile.User) bool { return u.ExpiredLoginHintToken != "" })
			if i < 0 {
				t.Skip("no user in the target file has an expired_login_hint_token")
			}
			t.Judge(t.Start(requestWithoutHint(t).Add("login_hint_token", users[i].ExpiredLoginHintToken.Reveal())))
		})
	Case("hint-token-signature", "are not a login_hint_token with a broken signature",
		Judges("CIBA-14-LHT-BAD-SIGNATURE"), judgeForgedLoginHintTokens)
	Case("hint-token-unknown-user", "of a login_hint_token that name nobody yield unknown_user_id",
		Judges("CIBA-7.2-LHT-UNKNOWN-USER"), func(t *T) {
			token := t.Target().UnknownUser.LoginHintToken.Reveal()
			if token == "" {
				t.Skip("the target file has no unknown_user.login_hint_token")
			}
			judgeUnknownUser(t, requestWithoutHint(t).Add("login_hint_token", token))
		})
})

// judgeLoginHintTokenOf hints at a user with a login_hint_token and compares the subject
// of the tokens. Two users have cases of their own: an OP for which everybody is the same
// user is right about one.
func judgeLoginHintTokenOf(t *T, u targetfile.User) {
	mustKnowSubject(t, u)
	hint := u.LoginHintToken.Reveal()
	if hint == "" {
		t.Skip("user %s has no login_hint_token in the target file", u.Name)
	}
	flow := t.MustStartAs(t.Client(), u, paramsWithoutHint(t.RequestFor(t.Client(), u)).Add("login_hint_token", hint))
	judgeSubject(t, mustRedeem(t, flow))
}

// mustRedeem is [T.MustRedeem] with what the flow brought in one value.
func mustRedeem(t *T, f *Flow) Redeemed {
	tokens, resp := t.MustRedeem(f)
	return Redeemed{Flow: f, Tokens: tokens, Response: resp}
}

// judgeIDTokenHintOf hints at a user with an ID Token that was issued for this user a
// moment ago, and compares the subjects of both. An encrypted one is opened before; OIDC
// Core 3.1.2.1.
func judgeIDTokenHintOf(t *T, u targetfile.User) {
	before := mustRedeem(t, t.MustStartAs(t.Client(), u, t.RequestFor(t.Client(), u)))
	resp := t.Start(paramsWithoutHint(t.RequestFor(t.Client(), u)).Add("id_token_hint", IDTokenIn(t, before.Tokens).Text))
	judgeIDTokenHint(t, resp)
	if t.Failed() {
		return
	}
	after := mustRedeem(t, t.FlowOf(t.Client(), u, resp))
	t.At(after.Response)
	hinted, got := subjectOf(t, before), subjectOf(t, after)
	t.Check(got == hinted, "the sub of the hint", "sub %.60q instead of %.60q", got, hinted)
}

// judgePromptedUsers looks at whom the prompts for two users name, as far as a device
// tells: not another user of the target file.
func judgePromptedUsers(t *T) {
	for _, u := range []targetfile.User{t.User(), t.OtherUser()} {
		prompt := MustPrompt(t, t.MustStartAs(t.Client(), u, t.RequestFor(t.Client(), u)))
		for _, other := range t.Target().Users {
			misled := prompt.LoginHint != "" && prompt.LoginHint == other.LoginHint && other.LoginHint != u.LoginHint ||
				prompt.Sub != "" && prompt.Sub == other.Sub && other.Sub != u.Sub
			t.Check(!misled, "the prompt is for user "+u.Name, "it is for user %s", other.Name)
		}
	}
}

// judgeHostileHints sends hints that databases and directories take for commands or
// wildcards: one that finds a user in this way picks some user that nobody named. Any
// refusal is right, also by what stands before the OP.
func judgeHostileHints(t *T) {
	ordinary := t.Start(requestWithoutHint(t).Add("login_hint", hintOfNobody(t)))
	for _, hint := range []string{"nobody\x00", "no'body", `no\body"`, "*", "%", "nobody\xff"} {
		resp := t.Start(requestWithoutHint(t).Add("login_hint", hint))
		if resp.Status == 0 {
			t.Note("a request with login_hint %q got no answer; something before the OP may cut it", hint)
			continue
		}
		if ordinary.Status/100 == 4 { // else the OP may hide which users exist
			t.Expect(resp).NotTo(gomega.Satisfy(isAccepted), fmt.Sprintf("a refusal of %q, as of any unknown hint", hint))
		}
		if resp.Status >= 500 {
			t.JudgeVariant(fmt.Sprintf("login_hint %q", hint), resp)
		}
	}
}

// judgeIDTokenHint wants a hint to be taken, unless the target file is silent about
// hints of this kind.
func judgeIDTokenHint(t *T, resp *ciba.Response) {
	if resp.Status/100 == 4 && !declaresHints(t, "id_token_hint") {
		t.Expect(resp).As(result.Warn).
			To(BeAcknowledged(), "an id_token_hint is accepted, or capabilities.id_token_hint is false in the target file")
		return
	}
	t.JudgeAck("id_token_hint", resp)
}

// judgeForgedIDTokens hints at the user with ID Tokens that no key of the OP has signed.
// Whoever gets one accepted can name any user of any client.
func judgeForgedIDTokens(t *T) {
	genuine := IDTokenIn(t, t.Redeemed().Tokens)
	if genuine.Header["alg"] == "none" {
		return // unsigned by registration
	}
	damaged, err := jose.FlipSignature(genuine.Text)
	MustNotFail(t, err)
	retold, err := jose.Retell(genuine.Text, func(_, claims map[string]any) { claims["sub"] = anotherSubject(t, claims["sub"]) })
	MustNotFail(t, err)
	foreign := signedBySomebody(t, genuine)
	own, err := signedByOwnKey(t, genuine.Alg())(nil, genuine.Claims)
	MustNotFail(t, err)
	t.JudgeVariant("a flipped bit", t.Start(requestWithoutHint(t).Add("id_token_hint", damaged)))
	t.JudgeVariant("another sub under the old signature", t.Start(requestWithoutHint(t).Add("id_token_hint", retold)))
	t.JudgeVariant("a key that is not published", t.Start(requestWithoutHint(t).Add("id_token_hint", foreign)))
	t.JudgeVariant("a key that the token itself brings", t.Start(requestWithoutHint(t).Add("id_token_hint", own)))
}

// signedBySomebody is a token signed anew by a key that nobody has published. Algorithm and kid
// stay, so that nothing but the signature is wrong.
func signedBySomebody(t *T, genuine IDToken) string {
	kid, _ := genuine.Header["kid"].(string)
	token, err := jose.Sign(nil, genuine.Claims, keyOfNobody(t, genuine.Alg(), kid))
	MustNotFail(t, err)
	return token
}

// judgeForgedLoginHintTokens does the same with a login_hint_token, as far as those of
// this deployment are signed JWTs, which CIBA Core leaves open.
func judgeForgedLoginHintTokens(t *T) {
	t.JudgeVariant("no token at all", t.Start(requestWithoutHint(t).Add("login_hint_token", "not-a-token")))
	genuine := t.User().LoginHintToken.Reveal()
	damaged, err := jose.FlipSignature(genuine)
	if err != nil && t.Failed() {
		return
	}
	if err != nil {
		t.Skip("the login_hint_token of this deployment is not a signed JWT")
	}
	unsigned, err := jose.Unsigned(nil, mustDecodeJWT(t, genuine).Claims)
	MustNotFail(t, err)
	t.JudgeVariant("a flipped bit", t.Start(requestWithoutHint(t).Add("login_hint_token", damaged)))
	t.JudgeVariant("no signature", t.Start(requestWithoutHint(t).Add("login_hint_token", unsigned)))
	token := IDToken{Token: mustDecodeJWT(t, genuine), Text: genuine}
	t.JudgeVariant("a key of nobody", t.Start(requestWithoutHint(t).Add("login_hint_token", signedBySomebody(t, token))))
	skipIfNeverTaken(t, "login_hint_token", t.MustAnswer(t.Start(requestWithoutHint(t).Add("login_hint_token", genuine))))
}

// genuineIDTokenHint is the shared answer to an ID Token of this client as hint. The user is
// one that the case may ask: the shared flow may be another's, whose only request this would end.
func genuineIDTokenHint(t *T) *ciba.Response {
	return Observe(t, "genuine ID Token hint", func(t *T) *ciba.Response {
		redeemed := t.Redeemed()
		tokens := redeemed.Tokens
		if OneRequestPerUser(t) && redeemed.Flow.User.Name != t.User().Name {
			tokens, _ = t.MustRedeem(t.MustStart(t.Request()))
		}
		return t.MustAnswer(t.Start(requestWithoutHint(t).Add("id_token_hint", IDTokenIn(t, tokens).Text)))
	})
}

// skipIfNeverTaken ends a case that found nothing where the OP refuses a hint of a kind from
// its rightful owner as well: that it refused the others tells nothing then.
func skipIfNeverTaken(t *T, kind string, genuine *ciba.Response) {
	if !t.Failed() && genuine.Status/100 == 4 {
		t.Skip("%s: a genuine one is refused as well, with %s, so that the refusal of others tells nothing", kind, genuine.Summary())
	}
}

// requestWithoutHint is a good request but for its hint.
func requestWithoutHint(t *T) ciba.Params { return paramsWithoutHint(t.Request()) }

func paramsWithoutHint(p ciba.Params) ciba.Params {
	return p.Without("login_hint", "login_hint_token", "id_token_hint")
}

// judgeSeveralHints tries every pair and all three. Values are genuine where the
// target file or an earlier flow provides them, so that nothing else is wrong.
func judgeSeveralHints(t *T) {
	values := map[string]string{
		"login_hint":       t.User().LoginHint,
		"login_hint_token": t.User().LoginHintToken.Reveal(),
		"id_token_hint":    t.User().IDTokenHint.Reveal(),
	}
	if t.Has(catalogue.NeedApprove) && t.Approver().NamesRequest() {
		// Without an ID token its shape has to do.
		Try(func() { values["id_token_hint"] = IDTokenIn(t, t.Redeemed().Tokens).Text })
	}
	if values["login_hint"] == "" {
		values["login_hint"] = hintOfNobody(t)
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
		p := requestWithoutHint(t)
		for _, name := range set {
			p = p.Add(name, values[name])
		}
		t.JudgeVariant(strings.Join(set, " and "), t.Start(p))
	}
}

// shapeOfJWT looks like a signed JWT and proves nothing.
const shapeOfJWT = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln"

// hintOfNobody is a login_hint of the usual form that names no user.
func hintOfNobody(t *T) string {
	if hint := t.Target().UnknownUser.LoginHint; hint != "" {
		return hint
	}
	return "nobody-" + strings.ToLower(t.Random().Text()[:10])
}

// judgeUnknownUser takes acceptance for what it may be: an OP that does not tell
// strangers which users exist, and never completes such a request (N-07).
func judgeUnknownUser(t *T, p ciba.Params) {
	resp := t.Start(p)
	if isAccepted(resp) && !resp.HasTokens() {
		t.At(resp)
		t.Warn(Expectation(t.Requirement()),
			"the request was accepted, with expires_in %s; an OP may do so to hide which users exist", lifetimeOf(resp))
		return
	}
	t.Judge(resp)
}

// judgeExpiredIDToken hints with an old ID Token of the target file, as the client it was
// issued to. CIBA Core 14 has the OP take one that expired recently; none has to remember
// its keys for ever.
func judgeExpiredIDToken(t *T) {
	hint := t.User().IDTokenHint.Reveal()
	if hint == "" {
		t.Skip("clock_wait: this user has no old id_token_hint in the target file")
	}
	token := mustDecodeJWT(t, hint)
	exp, isNumber := NumberOf(token.Claims["exp"])
	age := time.Since(time.Unix(int64(exp), 0))
	if !isNumber || age < 0 {
		t.Skip("clock_wait: the id_token_hint of the target file has not expired yet")
	}
	i := slices.IndexFunc(t.OrdinaryClients(), func(c *Client) bool {
		return c.Rejection() == "" && isAudience(token.Claims["aud"], c.ClientID)
	})
	if i < 0 {
		t.Skip("clock_wait: the id_token_hint was issued to no poll client of the target file that the OP lets in")
	}
	owner := t.OrdinaryClients()[i]
	resp := t.StartAs(owner, paramsWithoutHint(t.RequestFor(owner, t.User())).Add("id_token_hint", hint))
	if resp.Status/100 == 4 && age > recentExpiry {
		t.At(resp)
		t.Info("a recently expired ID Token is accepted", "one that expired %s ago is answered %s", age.Round(time.Hour), resp.Summary())
		return
	}
	t.JudgeAck("an ID Token that expired "+age.Round(time.Minute).String()+" ago", resp)
}

// recentExpiry is how old an expired ID Token may be to be worth an advice.
const recentExpiry = 24 * time.Hour

// isAudience reports whether an aud claim, a text or an array, names a client.
func isAudience(audience any, id string) bool {
	list, _ := audience.([]any)
	return audience == id || slices.Contains(list, any(id))
}

// declaresHints reports whether the target file declares a kind of hint to be taken or
// not, rather than leaving it to be assumed.
func declaresHints(t *T, need catalogue.Need) bool {
	_, declared := t.Target().Capabilities[need]
	return declared || slices.ContainsFunc(t.Target().Users, func(u targetfile.User) bool { return u.IDTokenHint != "" })
}

// withKnownSubject are users whose sub the target file tells; of two, that of the second.
var withKnownSubject = Users{
	What:  "one with a sub",
	Own:   func(own targetfile.User) bool { return own.Sub != "" },
	Other: func(_, other targetfile.User) bool { return other.Sub != "" },
}

// knownSubject is the sub this client has to be told for a user, or nothing where
// the target file does not say or subjects are pairwise.
func knownSubject(t *T, u targetfile.User) string {
	if t.Client().SubjectType == "pairwise" {
		return ""
	}
	return u.Sub
}

// mustKnowSubject skips the case where the sub of a user cannot be known.
func mustKnowSubject(t *T, u targetfile.User) {
	if knownSubject(t, u) == "" {
		t.Skip("the target file names no sub of user %s, or the client gets pairwise ones", u.Name)
	}
}

// judgeSubject compares the ID Token with the user the flow is about.
func judgeSubject(t *T, r Redeemed) {
	want, sub := knownSubject(t, r.Flow.User), subjectOf(t, r)
	t.At(r.Response)
	t.Check(want == "" || sub == want, "sub "+want+" for user "+r.Flow.User.Name, "sub %.60q", sub)
}

// subjectOf is the sub of the ID Token.
func subjectOf(t *T, r Redeemed) string {
	sub, _ := IDTokenIn(t, r.Tokens).Claims["sub"].(string)
	return sub
}

// anotherSubject is another user's sub where the target file knows one: a hint
// that names nobody would be refused for that reason.
func anotherSubject(t *T, than any) string {
	for _, u := range t.Target().Users {
		if u.Sub != "" && u.Sub != than {
			return u.Sub
		}
	}
	return "somebody-else"
}

// mustDecodeJWT reads a JWT, or ends the case as error.
func mustDecodeJWT(t *T, token string) jose.Token {
	decoded, err := jose.Decode(token)
	if err != nil {
		t.Abort("the ID Token cannot be read: %v", err)
	}
	return decoded
}

package suites

import (
	"crypto/rand"
	"strings"

	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/internal/jose"
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
	Case("hint-login-empty", "are not empty", Requirements("CIBA-7.1-LOGIN-HINT-EMPTY"), func(t *T) {
		t.Judge(t.Start(t.withoutHint().Add("login_hint", "")))
	})
	Case("hint-subject", "decide whose tokens are issued", Requirements("CIBA-7.1-HINT-SUBJECT-MATCH").AsksAllUsers(), hintDecidesSubject)
	Case("hint-id-token", "may be an ID Token of this client", Requirements("CIBA-7.1-ITH-OK"), func(t *T) {
		before, _ := t.MustRedeem(t.MustStart(t.Request()))
		resp := t.Start(t.withoutHint().Add("id_token_hint", before.IDToken))
		t.JudgeAck("id_token_hint", resp)
		if t.Failed() {
			return
		}
		after, _ := t.MustRedeem(t.FlowOf(t.Client(), t.User(), resp))
		old, fresh := t.mustDecode(before.IDToken).Claims["sub"], t.mustDecode(after.IDToken).Claims["sub"]
		t.Check(old == fresh, "the sub of the hint", "sub %.60q instead of %.60q", fresh, old)
	})
	Case("hint-id-token-expired", "may be an ID Token that has expired", Requirements("CIBA-14-ITH-EXPIRED-OK"), func(t *T) {
		hint := t.User().IDTokenHint.Reveal()
		if hint == "" {
			t.Skip("clock_wait: the target file has no old id_token_hint for this user")
		}
		t.JudgeAck("an old id_token_hint", t.Start(t.withoutHint().Add("id_token_hint", hint)))
	})
	Case("hint-id-token-other-client", "are not another client's ID Token", Requirements("CIBA-14-ITH-OTHER-CLIENT"), func(t *T) {
		flow := t.MustStartAs(t.Second(), t.User(), t.RequestFor(t.Second(), t.User()))
		tokens, _ := t.MustRedeem(flow)
		t.Judge(t.Start(t.withoutHint().Add("id_token_hint", tokens.IDToken)))
	})
	Case("hint-id-token-signature", "are not an ID Token with a broken signature", Requirements("CIBA-14-ITH-BAD-SIGNATURE"), func(t *T) {
		token := t.Redeemed().Tokens.IDToken
		flipped, err := jose.FlipSignature(token)
		t.must(err)
		retold, err := jose.Retell(token, func(_, claims map[string]any) { claims["sub"] = "somebody-else" })
		t.must(err)
		t.JudgeVariant("a flipped bit", t.Start(t.withoutHint().Add("id_token_hint", flipped)))
		t.JudgeVariant("another sub under the old signature", t.Start(t.withoutHint().Add("id_token_hint", retold)))
	})
	Case("hint-id-token-foreign", "are not another issuer's ID Token", Requirements("CIBA-14-ITH-FOREIGN-ISSUER").Needs("approve"), func(t *T) {
		genuine := t.mustDecode(t.Redeemed().Tokens.IDToken)
		key, err := jose.GenerateKey("ES256", "foreign")
		t.must(err)
		genuine.Claims["iss"] = "https://other.example"
		token, err := jose.Sign(nil, genuine.Claims, key)
		t.must(err)
		t.Judge(t.Start(t.withoutHint().Add("id_token_hint", token)))
	})
	Case("hint-id-token-unsigned", "are not an unsigned ID Token", Requirements("CIBA-14-ITH-ALG-NONE"), func(t *T) {
		genuine := t.mustDecode(t.Redeemed().Tokens.IDToken)
		token, err := jose.Unsigned(nil, genuine.Claims)
		t.must(err)
		t.Judge(t.Start(t.withoutHint().Add("id_token_hint", token)))
	})
	Case("hint-id-token-malformed", "are not any text as ID Token", Requirements("CIBA-7.2-ITH-MALFORMED"), func(t *T) {
		t.Judge(t.Start(t.withoutHint().Add("id_token_hint", "not-a-jwt")))
	})
	Case("hint-token", "may be a login_hint_token", Requirements("CIBA-7.1-LHT-OK"), func(t *T) {
		t.JudgeAck("login_hint_token", t.Start(t.withoutHint().Add("login_hint_token", t.User().LoginHintToken.Reveal())))
	})
	Case("hint-token-expired", "that have expired yield expired_login_hint_token", Requirements("CIBA-13-LHT-EXPIRED"), func(t *T) {
		expired := t.User().ExpiredLoginHintToken.Reveal()
		if expired == "" {
			t.Skip("the target file has no expired_login_hint_token for this user")
		}
		t.Judge(t.Start(t.withoutHint().Add("login_hint_token", expired)))
	})
	Case("hint-token-signature", "are not a login_hint_token with a broken signature", Requirements("CIBA-14-LHT-BAD-SIGNATURE"), func(t *T) {
		flipped, err := jose.FlipSignature(t.User().LoginHintToken.Reveal())
		if err != nil {
			t.Skip("the login_hint_token of this deployment is not a signed JWT")
		}
		t.Judge(t.Start(t.withoutHint().Add("login_hint_token", flipped)))
	})
	Case("hint-token-unknown-user", "of a login_hint_token that name nobody yield unknown_user_id", Requirements("CIBA-7.2-LHT-UNKNOWN-USER"), func(t *T) {
		token := t.Target().UnknownUser.LoginHintToken.Reveal()
		if token == "" {
			t.Skip("the target file has no unknown_user.login_hint_token")
		}
		judgeUnknown(t, t.withoutHint().Add("login_hint_token", token))
	})
})

// withoutHint is a good request but for its hint.
func (t *T) withoutHint() ciba.Params {
	return t.Request().Without("login_hint", "login_hint_token", "id_token_hint")
}

// severalHints tries every pair and all three. Values are genuine where the
// target file or an earlier flow provides them.
func severalHints(t *T) {
	values := map[string]string{"login_hint": t.User().LoginHint, "login_hint_token": t.User().LoginHintToken.Reveal(), "id_token_hint": t.User().IDTokenHint.Reveal()}
	if values["id_token_hint"] == "" && t.Has("approve") {
		values["id_token_hint"] = t.Redeemed().Tokens.IDToken
	}
	if values["login_hint"] == "" {
		values["login_hint"] = unknownHint(t)
	}
	for name, value := range values {
		if value == "" { // no genuine one: the shape is that of a signed JWT
			values[name] = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln"
		}
	}
	for _, set := range [][]string{
		{"login_hint", "id_token_hint"}, {"login_hint", "login_hint_token"}, {"login_hint_token", "id_token_hint"},
		{"login_hint", "login_hint_token", "id_token_hint"},
	} {
		p := t.withoutHint()
		for _, name := range set {
			p = p.Add(name, values[name])
		}
		t.JudgeVariant(strings.Join(set, " and "), t.Start(p))
	}
}

func unknownHint(t *T) string {
	if hint := t.Target().UnknownUser.LoginHint; hint != "" {
		return hint
	}
	return "nobody-" + strings.ToLower(rand.Text()[:10])
}

// judgeUnknown takes acceptance for what it may be: an OP that does not tell
// strangers which users exist, and never completes such a request.
func judgeUnknown(t *T, p ciba.Params) {
	resp := t.Send(t.StartCall(p))
	if resp.Status == 200 && !resp.HasTokens() {
		if ack, err := resp.Started(); err == nil {
			t.At(resp)
			t.Warn(describe(t.Requirement()), "the request was accepted, with expires_in %s; an OP may do so to hide which users exist", ack.ExpiresIn)
			return
		}
	}
	t.Judge(resp)
}

func hintDecidesSubject(t *T) {
	subjects := map[string]string{}
	for _, user := range t.Target().Users[:min(2, len(t.Target().Users))] {
		flow := t.MustStartAs(t.Client(), user, t.RequestFor(t.Client(), user))
		tokens, resp := t.MustRedeem(flow)
		sub, _ := t.mustDecode(tokens.IDToken).Claims["sub"].(string)
		t.At(resp)
		t.Check(user.Sub == "" || sub == user.Sub || t.Has("pairwise"), "sub "+user.Sub+" for user "+user.Name, "sub %.60q", sub)
		if other, twice := subjects[sub]; twice {
			t.Check(false, "different users have different subjects", "%s and %s both are %.60q", other, user.Name, sub)
		}
		subjects[sub] = user.Name
	}
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

package tokens

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/cibatest/cibatest/internal/catalogue"
	. "github.com/cibatest/cibatest/suites/harness"
)

// OIDC Core 2 and 3.1.3.7: what the ID Token of a CIBA flow says. These are the checks a
// client has to make before it believes who has authenticated, so what fails here locks
// users out of careful clients, and lets forgeries into careless ones. Clauses about form
// are judged for one client of every registered algorithm, as products sign each
// algorithm in a way of its own.
var _ = Cases.Describe("ID Token", func() {
	Case("id-token-signature", "is signed with a published key",
		Judges("OIDC-2-IDT-SIGNATURE").AlsoAs(Ping, Push).EachAlgorithm().Smoke(), eachIDToken(judgeSignature))
	Case("id-token-alg", "is signed with the registered algorithm",
		Judges("OIDC-2-IDT-ALG").AlsoAs(Ping, Push).EachAlgorithm(), eachIDToken(judgeAlgorithm))
	Case("id-token-iss", "names the issuer to the letter",
		Judges("OIDC-2-IDT-ISS").AlsoAs(Ping, Push).EachAlgorithm().Smoke(), eachIDToken(judgeIssuer))
	Case("id-token-aud", "is meant for the client",
		Judges("OIDC-2-IDT-AUD").AlsoAs(Ping, Push).EachAlgorithm().Smoke(), eachIDToken(judgeAudience))
	Case("id-token-sub", "names the user in 1 to 255 ASCII characters",
		Judges("OIDC-2-IDT-SUB").AlsoAs(Ping, Push).EachAlgorithm(), eachIDToken(judgeSubject))
	Case("id-token-exp-iat", "was just issued and has not expired",
		Judges("OIDC-2-IDT-EXP-IAT").AlsoAs(Ping, Push).EachAlgorithm(), eachIDToken(judgeLifetime))
	Case("id-token-auth-time", "dates the authentication by a number not after its issue",
		Judges("OIDC-2-IDT-AUTH-TIME").AlsoAs(Ping, Push).EachAlgorithm(), judgeAuthTimes)
	Case("id-token-hashes", "has hashes that are right, or none",
		Judges("CIBA-10.3.1-IDT-HASH-IF-PRESENT").AlsoAs(Ping).EachAlgorithm(), eachIDToken(judgeHashes))
	Case("id-token-auth-time-true", "dates the authentication not after the decision",
		Judges("OIDC-2-IDT-AUTH-TIME-TRUE").AlsoAs(Ping).About(25*time.Second), judgeTrueAuthTime)
	Case("id-token-acr", "carries acr when acr_values was sent", Judges("CIBA-7.1-IDT-ACR"), judgeACRPresent)
	Case("id-token-acr-true", "does not claim an acr just because it was asked for",
		Judges("OIDC-2-IDT-ACR-TRUE").AlsoAs(Ping, Push), judgeTrueACR)
	Case("id-token-nonce", "repeats a nonce, or leaves it out", Judges("OIDC-2-IDT-NONCE"), func(t *T) {
		nonce := t.Random().Text()
		resp := t.Start(t.Request().With("nonce", nonce))
		if resp.Status/100 != 2 {
			t.Expect(resp).To(HaveStatus(http.StatusOK), "a request with nonce is served")
			return
		}
		value, there := Optional(t, redeemedIDToken(t, t.FlowOf(t.Client(), t.User(), resp)).Claims, "nonce")
		t.Check(!there || value == nonce, "the nonce of the request, or none", "another nonce, a %T", value)
	})
	Case("id-token-pairwise", "has one sub for a sector and others for other sectors", Judges("CIBA-4-PAIRWISE-STABLE"), judgePairwise)
	Case("id-token-pairwise-users", "has a pairwise sub of their own for each user",
		Judges("CIBA-4-PAIRWISE-STABLE").Needs(catalogue.NeedSecondUser), func(t *T) {
			other := redeemedIDToken(t, t.MustStartAs(t.Client(), t.OtherUser(), t.RequestFor(t.Client(), t.OtherUser()))).Claims["sub"]
			t.Check(other != subjectFor(t, t.Client()), "another sub for another user",
				"users %s and %s have the same", t.User().Name, t.OtherUser().Name)
		})
})

// eachIDToken judges the ID Token of the shared approved flow. Findings point at the token
// response.
func eachIDToken(judge func(*T, Redeemed, IDToken)) func(*T) {
	return forEachAlgorithm(func(t *T) {
		r := t.Redeemed()
		t.At(r.Response)
		judge(t, r, IDTokenIn(t, r.Tokens))
	})
}

// redeemedIDToken lets a flow be approved and reads its ID Token. The next finding points
// at the token response.
func redeemedIDToken(t *T, f *Flow) IDToken {
	tokens, resp := t.MustRedeem(f)
	t.At(resp)
	return IDTokenIn(t, tokens)
}

// judgeIssuer compares letter by letter, as OIDC Core 3.1.3.7 wants of the client: a slash
// too many is another issuer.
func judgeIssuer(t *T, _ Redeemed, token IDToken) {
	iss, issuer := token.Claims["iss"], t.Target().Issuer
	t.Check(iss == issuer, "iss is "+issuer, "iss is %.200v", iss)
}

// judgeAudience wants the client in aud. Further audiences are legal and recorded; azp
// names the client as well, or is left out.
func judgeAudience(t *T, _ Redeemed, token IDToken) {
	own := t.Client().ClientID
	audience, isWellFormed := audienceOf(token.Claims)
	isMeant := isWellFormed && slices.Contains(audience, own)
	t.Check(isMeant, "aud contains "+own, "aud is %.200v", token.Claims["aud"])
	if isWellFormed && len(audience) > 1 {
		t.Info("the client as the only audience", "%d audiences", len(audience))
	}
	azp, there := Optional(t, token.Claims, "azp")
	t.Check(!there || azp == own, "azp is "+own+", or absent", "azp is %.100v", azp)
}

// audienceOf reads aud, a string or an array of strings.
func audienceOf(claims map[string]any) ([]string, bool) {
	if one, isString := claims["aud"].(string); isString {
		return []string{one}, true
	}
	list, ok := StringsOf(claims["aud"])
	return list, ok && len(list) > 0
}

// judgeSubject wants a key that fits the user tables of clients; OIDC Core 2.
func judgeSubject(t *T, _ Redeemed, token IDToken) {
	sub, isString := token.Claims["sub"].(string)
	if t.Check(isString, "sub is a string", "sub is %T", token.Claims["sub"]) {
		fits := len(sub) > 0 && len(sub) <= 255 && isASCII(sub)
		t.Check(fits, "1 to 255 ASCII characters", "sub is %.300q, %d bytes long", sub, len(sub))
	}
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r > 127 })
}

// judgePairwise compares the subjects of one user; OIDC Core 8.1. A sub that changes loses
// the user's account, and one that sectors share lets them trace the user.
func judgePairwise(t *T) {
	own := subjectFor(t, t.Client())
	isStable := own == subjectFor(t, t.Client())
	t.Check(isStable, "the same sub for the same client", "sub changed between two flows of the same client and user")
	var isCompared bool
	for _, other := range Clients(t) {
		usable := other.CIBA && other.DeliveryMode == "poll" && other.SubjectType == "pairwise"
		if other == t.Client() || !usable || other.Sector == "" || t.Client().Sector == "" {
			continue
		}
		isCompared = true
		isSame := subjectFor(t, other) == own
		if other.Sector == t.Client().Sector {
			t.Check(isSame, "the same sub within a sector", "clients %s and %s are told different subs", t.Client().Name, other.Name)
			continue
		}
		t.Check(!isSame, "another sub in another sector", "clients %s and %s are told the same sub", t.Client().Name, other.Name)
	}
	if !isCompared {
		t.Info("a pairwise client of another sector", "the target file names none, with its sector; only stability was judged")
	}
}

// subjectFor is the sub a client is told about the case's user.
func subjectFor(t *T, c *Client) (sub any) {
	t.As(c, func() {
		sub = redeemedIDToken(t, t.MustStartAs(c, t.User(), t.RequestFor(c, t.User()))).Claims["sub"]
	})
	return sub
}

package tokens

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/internal/jose"
	. "github.com/cibatest/cibatest/suites/harness"
)

// clockTolerance is how far the clocks of OP and client may be apart in the
// clauses about iat and auth_time.
const clockTolerance = 300 * time.Second

// unlikely is a lifetime that only a number in other units than seconds can mean.
const unlikely = 200 * 365 * 24 * time.Hour

// OIDC Core 2 and 3.1.3.7: what the ID Token of a CIBA flow says. Clauses about
// its form are judged for one client of every registered algorithm.
var _ = Cases.Describe("ID Token", func() {
	Case("id-token-signature", "is signed with a published key", Judges("OIDC-2-IDT-SIGNATURE").EachAlgorithm().Smoke(), eachIDToken(signature))
	Case("id-token-alg", "is signed with the registered algorithm", Judges("OIDC-2-IDT-ALG").EachAlgorithm(), eachIDToken(algorithm))
	Case("id-token-iss", "names the issuer to the letter", Judges("OIDC-2-IDT-ISS").EachAlgorithm().Smoke(), eachIDToken(func(t *T, _ Redeemed, token IDToken) {
		iss := token.Claims["iss"]
		t.Check(iss == t.Target().Issuer, "iss is "+t.Target().Issuer, "iss is %.200v", iss)
	}))
	Case("id-token-aud", "is meant for the client", Judges("OIDC-2-IDT-AUD").EachAlgorithm().Smoke(), eachIDToken(audience))
	Case("id-token-sub", "names the user in 1 to 255 ASCII characters", Judges("OIDC-2-IDT-SUB").EachAlgorithm(), eachIDToken(func(t *T, _ Redeemed, token IDToken) {
		sub, isString := token.Claims["sub"].(string)
		t.Check(isString, "sub is a string", "sub is %T", token.Claims["sub"])
		t.Check(!isString || len(sub) > 0 && len(sub) <= 255 && isASCII(sub), "1 to 255 ASCII characters", "sub is %.300q, %d bytes long", sub, len(sub))
	}))
	Case("id-token-exp-iat", "was just issued and has not expired", Judges("OIDC-2-IDT-EXP-IAT").EachAlgorithm(), eachIDToken(lifetime))
	Case("id-token-auth-time", "dates the authentication by a number not after its issue", Judges("OIDC-2-IDT-AUTH-TIME").EachAlgorithm(), eachIDToken(func(t *T, r Redeemed, token IDToken) {
		value, there := Optional(t, token.Claims, "auth_time")
		if !there {
			return
		}
		issued, known := NumberOf(token.Claims["iat"])
		if !known {
			issued = unix(r.Response.Received)
		}
		at, isNumber := NumberOf(value)
		t.Check(isNumber, "auth_time is a number, or absent", "auth_time is %T", value)
		t.Check(!isNumber || at <= issued+clockTolerance.Seconds(), "auth_time not after iat", "it is %.0f s later", at-issued)
	}))
	Case("id-token-hashes", "has hashes that are right, or none", Judges("CIBA-10.3.1-IDT-HASH-IF-PRESENT").EachAlgorithm(), eachIDToken(hashes))
	Case("id-token-auth-time-true", "dates the authentication not after the decision", Judges("OIDC-2-IDT-AUTH-TIME-TRUE").About(25*time.Second), authTimeIsTrue)
	Case("id-token-acr", "carries acr when acr_values was sent", Judges("CIBA-7.1-IDT-ACR"), func(t *T) {
		acr := redeemedACR(t).Claims["acr"]
		text, _ := acr.(string)
		t.Check(text != "", "acr is a string", "acr is %T", acr)
		supported := t.Discovery().Strings("acr_values_supported")
		if len(supported) < 2 || t.Approver().IsPerson() {
			return
		}
		if r, ok := TryRedeem(t, t.Request().With("acr_values", strings.Join(supported[:2], " "))); ok {
			t.At(r.Response)
			acr := IDTokenIn(t, r.Tokens).Claims["acr"]
			text, _ := acr.(string)
			t.Check(text != "", "acr is a string when two values were sent", "acr is %T", acr)
		}
	})
	Case("id-token-acr-true", "does not claim an acr just because it was asked for", Judges("OIDC-2-IDT-ACR-TRUE"), acrIsTrue)
	Case("id-token-nonce", "repeats a nonce, or leaves it out", Judges("OIDC-2-IDT-NONCE"), func(t *T) {
		nonce := t.Random().Text()
		resp := t.Start(t.Request().With("nonce", nonce))
		if resp.Status/100 != 2 {
			t.Check(false, "a request with nonce is served", "%s", resp.Summary())
			return
		}
		value, there := Optional(t, redeemedID(t, t.FlowOf(t.Client(), t.User(), resp)).Claims, "nonce")
		t.Check(!there || value == nonce, "the nonce of the request, or none", "another nonce, a %T", value)
	})
	Case("id-token-pairwise", "has one sub for a sector and others for other sectors", Judges("CIBA-4-PAIRWISE-STABLE"), pairwise)
})

// eachIDToken judges the ID Token of the shared approved flow.
func eachIDToken(judge func(*T, Redeemed, IDToken)) func(*T) {
	return func(t *T) {
		t.Each(func() {
			r := t.Redeemed()
			t.At(r.Response)
			judge(t, r, IDTokenIn(t, r.Tokens))
		})
	}
}

// redeemedID lets a flow be approved and reads its ID Token.
func redeemedID(t *T, f *Flow) IDToken {
	tokens, resp := t.MustRedeem(f)
	t.At(resp)
	return IDTokenIn(t, tokens)
}

func signature(t *T, r Redeemed, token IDToken) {
	alg := token.Alg()
	switch {
	case alg == "none":
		t.Check(t.Client().IDTokenAlg() == "none", "a signature", "alg is none")
		return
	case strings.HasPrefix(alg, "HS"):
		symmetricSignature(t, token)
		return
	}
	set := MustKeySet(t)
	if why := set.CannotVerify(token); why != "" {
		t.Abort("the signature cannot be verified here: %s", why)
	}
	valid := set.Verifies(token)
	if !valid { // the keys may have been changed since they were read
		set = MustReadKeySet(t, t.Send(KeySetRequest(t)))
		valid = set.Verifies(token)
	}
	t.At(r.Response)
	t.Check(valid, "a valid signature of a key at jwks_uri", "no key there verifies it (alg %.20q, kid %.60v)", alg, token.Header["kid"])
	if kid, _ := token.Header["kid"].(string); kid != "" {
		return
	}
	t.Check(set.Signing() < 2, "kid in the header, as several keys are published", "no kid, %d signing keys", set.Signing())
	if set.Signing() < 2 && len(set.Raw) > 1 {
		t.Warn("kid in the header, as several keys are published", "no kid; the other keys are for encryption")
	}
}

// symmetricSignature verifies an HMAC by the client's secret; OIDC Core 10.1.
func symmetricSignature(t *T, token IDToken) {
	secret := t.Client().ClientSecret.Reveal()
	if secret == "" && strings.HasPrefix(t.Client().IDTokenAlg(), "HS") {
		t.Abort("client %q has no client_secret in the target file to verify %s with", t.Client().Name, token.Alg())
	}
	key := jose.SymmetricKey([]byte(secret), token.Alg(), "")
	_, err := jose.Verify(token.Text, []jose.Key{key}, []string{token.Alg()})
	t.Check(err == nil, "a valid signature", "%s, but not with the client's secret", token.Alg())
}

func algorithm(t *T, _ Redeemed, token IDToken) {
	want, alg := t.Client().IDTokenAlg(), token.Alg()
	same := alg == want || slices.Contains([]string{alg, want}, "EdDSA") && slices.Contains([]string{alg, want}, "Ed25519")
	switch {
	case same:
	case strings.EqualFold(alg, "none") || alg == "":
		t.Check(false, want, "alg is %.40v", token.Header["alg"])
	default:
		t.Warn(want+", the id_token_signed_response_alg of the client", "%.40q", alg)
	}
}

func audience(t *T, _ Redeemed, token IDToken) {
	aud, wellFormed := audienceOf(token.Claims)
	t.Check(wellFormed && slices.Contains(aud, t.Client().ClientID), "aud contains "+t.Client().ClientID, "aud is %.200v", token.Claims["aud"])
	if wellFormed && len(aud) > 1 {
		t.Info("the client as the only audience", "%d audiences", len(aud))
	}
	azp, there := Optional(t, token.Claims, "azp")
	t.Check(!there || azp == t.Client().ClientID, "azp is "+t.Client().ClientID+", or absent", "azp is %.100v", azp)
}

// audienceOf reads aud, a string or an array of strings.
func audienceOf(claims map[string]any) ([]string, bool) {
	if one, isString := claims["aud"].(string); isString {
		return []string{one}, true
	}
	list, ok := TextsOf(claims["aud"])
	return list, ok && len(list) > 0
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r > 127 })
}

// unix is a moment as a NumericDate.
func unix(moment time.Time) float64 { return float64(moment.UnixMilli()) / 1000 }

func lifetime(t *T, r Redeemed, token IDToken) {
	iat, hasIat := NumberOf(token.Claims["iat"])
	exp, hasExp := NumberOf(token.Claims["exp"])
	t.Check(hasIat, "iat is a number", "iat is %T", token.Claims["iat"])
	t.Check(hasExp, "exp is a number", "exp is %T", token.Claims["exp"])
	if hasIat {
		t.Check(iat <= unix(r.Response.Received)+clockTolerance.Seconds(), "iat about now", "iat is %.0f s in the future", iat-unix(r.Response.Received))
		if early := unix(r.Ack.Sent) - clockTolerance.Seconds() - iat; early > 0 {
			t.Warn("iat not before the authentication request", "iat is %.0f s earlier", early+clockTolerance.Seconds())
		}
	}
	if hasExp {
		ahead, within, _ := clockOf(r.Response)
		now := unix(r.Response.Received.Add(ahead - within - t.Target().Budgets.ClockSkew))
		t.Check(exp > now, "exp in the future", "exp is %.0f s in the past", now-exp)
		t.Check(exp < now+unlikely.Seconds(), "exp in seconds", "exp is %.0f, which is centuries ahead", exp)
	}
	t.Check(!hasIat || !hasExp || exp > iat, "exp after iat", "exp is %.0f s before iat", iat-exp)
	if begins, isNumber := NumberOf(token.Claims["nbf"]); isNumber { // RFC 7519 4.1.5
		late := begins - unix(r.Response.Received) - clockTolerance.Seconds()
		t.Check(late <= 0, "nbf, if there is one, not in the future", "it is %.0f s ahead", late+clockTolerance.Seconds())
	}
}

// clockOf says by the Date header how far the OP's clock is ahead of ours, and
// how exact that is: the header tells whole seconds and was written between
// sending and receiving.
func clockOf(resp *ciba.Response) (ahead, within time.Duration, ok bool) {
	date, err := http.ParseTime(resp.Header.Get("Date"))
	if err != nil {
		return 0, 0, false
	}
	earliest, latest := date.Sub(resp.Received), date.Add(time.Second).Sub(resp.Sent)
	return (earliest + latest) / 2, (latest - earliest) / 2, true
}

// hashes compares what a client could compute; none of the claims is required
// in poll mode (CIBA Core 10.3.1, OIDC Core 3.1.3.6).
func hashes(t *T, r Redeemed, token IDToken) {
	for claim, value := range map[string]string{"at_hash": r.Tokens.AccessToken, "urn:openid:params:jwt:claim:rt_hash": r.Tokens.RefreshToken} {
		got, there := Optional(t, token.Claims, claim)
		want, err := jose.LeftHalfHash(token.Alg(), value)
		if !there || err != nil {
			continue
		}
		t.Check(value != "" && got == want, claim+" is the left half of the hash of its token", "it is %.100v for a token of %d characters", got, len(value))
	}
	id, there := Optional(t, token.Claims, "urn:openid:params:jwt:claim:auth_req_id")
	t.Check(!there || id == r.Flow.AuthReqID, "the auth_req_id claim is the auth_req_id", "it is another value, a %T", id)
}

func authTimeIsTrue(t *T) {
	const pause = 15 * time.Second
	flow := t.MustStart(t.Request())
	t.Approve(flow)
	decided := time.Now()
	if left := time.Until(flow.Expires()) - ExpiryEarly; left < pause {
		t.Skip("after the decision the auth_req_id lives for %s only, 15 s are needed", left.Round(time.Second))
	}
	t.Wait(pause)
	tokens, resp := t.MustTokens(t.PollDecided(flow))
	t.At(resp)
	value, there := Optional(t, IDTokenIn(t, tokens).Claims, "auth_time")
	if !there {
		return
	}
	at, isNumber := NumberOf(value)
	if !isNumber {
		t.Abort("auth_time is %T, not a number", value)
	}
	ahead, within, ok := clockOf(resp)
	if !ok || within > 2*time.Second {
		t.Skip("the clock of the OP cannot be told to 2 s from its answers")
	}
	late := at - unix(decided.Add(ahead+within))
	t.Check(late <= t.Target().Budgets.ClockSkew.Seconds(), "auth_time not after the decision", "it is %.0f s later", late)
}

// redeemedACR is the ID Token for the first published acr value that the OP takes
// and the end-user's device can satisfy.
func redeemedACR(t *T) IDToken {
	for _, value := range t.Discovery().Strings("acr_values_supported") {
		if r, ok := TryRedeem(t, t.Request().With("acr_values", value)); ok {
			t.At(r.Response)
			return IDTokenIn(t, r.Tokens)
		}
	}
	t.Skip("acr: no value of acr_values_supported leads to tokens")
	return IDToken{}
}

// acrIsTrue asks for a class nobody can know. acr_values is a wish: refusing it,
// leaving acr out and reporting another class are all right, claiming it is not.
func acrIsTrue(t *T) {
	unknown := "urn:cibatest:acr:" + t.Random().Text()
	judgeACR(t, unknown, unknown)
	if supported := t.Discovery().Strings("acr_values_supported"); len(supported) > 0 {
		judgeACR(t, unknown, unknown+" "+supported[0])
	}
}

func judgeACR(t *T, unknown, values string) {
	resp := t.Start(t.Request().With("acr_values", values))
	if resp.Status == 403 && resp.Is(ciba.AccessDenied) { // refused by the code and status of CIBA Core 13
		return
	}
	t.JudgeVariant("acr_values with an unknown class", resp)
	if resp.Status/100 != 2 {
		return
	}
	flow := t.FlowOf(t.Client(), t.User(), resp)
	t.Approve(flow)
	redeemed := t.PollDecided(flow)
	t.JudgeVariant("after approval", redeemed)
	if redeemed.Status != 200 {
		return
	}
	tokens, _ := t.MustTokens(redeemed)
	acr, there := Optional(t, IDTokenIn(t, tokens).Claims, "acr")
	if !there {
		return
	}
	text, isString := acr.(string)
	t.Check(isString, "acr is a string, or absent", "acr is %T", acr)
	t.Check(text != unknown && !slices.Contains(strings.Fields(text), unknown), "a class that was satisfied", "acr repeats the made-up class")
	supported := t.Discovery().Strings("acr_values_supported")
	if isString && text != unknown && text != "0" && len(supported) > 0 && !slices.Contains(supported, text) {
		t.Warn("a class of acr_values_supported", "%.100q", text)
	}
}

// pairwise compares the subjects of one user; OIDC Core 8.1.
func pairwise(t *T) {
	first := subjectFor(t, t.Client())
	t.Check(first == subjectFor(t, t.Client()), "the same sub for the same client", "sub changed between two flows of the same client and user")
	for _, u := range t.Target().Users {
		if u.Name != t.User().Name && !OneRequestPerUser(t) { // whose other users are in use by other cases
			other := redeemedID(t, t.MustStartAs(t.Client(), u, t.RequestFor(t.Client(), u))).Claims["sub"]
			t.Check(other != first, "another sub for another user", "users %s and %s have the same", t.User().Name, u.Name)
			break
		}
	}
	compared := false
	for _, other := range t.Clients() {
		if other == t.Client() || other.SubjectType != "pairwise" || !other.CIBA || other.DeliveryMode != "poll" {
			continue
		}
		if other.Sector == "" || t.Client().Sector == "" {
			continue
		}
		same := subjectFor(t, other) == first
		compared = true
		if other.Sector == t.Client().Sector {
			t.Check(same, "the same sub within a sector", "clients %s and %s are told different subs", t.Client().Name, other.Name)
			continue
		}
		t.Check(!same, "another sub in another sector", "clients %s and %s are told the same sub", t.Client().Name, other.Name)
	}
	if !compared {
		t.Info("a pairwise client of another sector", "the target file names none, with its sector; only stability was judged")
	}
}

// subjectFor is the sub a client is told about the case's user.
func subjectFor(t *T, c *Client) (sub any) {
	t.As(c, func() {
		sub = redeemedID(t, t.MustStartAs(c, t.User(), t.RequestFor(c, t.User()))).Claims["sub"]
	})
	return sub
}

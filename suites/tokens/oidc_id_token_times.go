package tokens

import (
	"net/http"
	"time"

	"github.com/cibatest/cibatest/internal/ciba"
	. "github.com/cibatest/cibatest/suites/harness"
)

// clockTolerance is how far the clocks of OP and client may be apart in the
// clauses about iat and auth_time.
const clockTolerance = 300 * time.Second

// mostCredibleLifetime is a lifetime beyond which exp can only be in other units than
// seconds.
const mostCredibleLifetime = 200 * 365 * 24 * time.Hour

// numericDate is a moment as in the claims of a JWT: seconds since 1970. RFC 7519 2.
func numericDate(moment time.Time) float64 { return float64(moment.UnixMilli()) / 1000 }

// judgeLifetime wants iat about now, exp in the future and after iat, and nbf, which few
// OPs send, in the past. A client that checks them refuses an ID Token that fails here.
func judgeLifetime(t *T, r Redeemed, token IDToken) {
	iat, hasIat := NumberOf(token.Claims["iat"])
	exp, hasExp := NumberOf(token.Claims["exp"])
	received, tolerance := numericDate(r.Response.Received), clockTolerance.Seconds()
	t.Check(hasIat, "iat is a number", "iat is %T", token.Claims["iat"])
	t.Check(hasExp, "exp is a number", "exp is %T", token.Claims["exp"])
	if hasIat {
		t.Check(iat <= received+tolerance, "iat about now", "iat is %.0f s in the future", iat-received)
		if early := numericDate(r.Ack.Sent) - iat; early > tolerance {
			t.Warn("iat not before the authentication request", "iat is %.0f s earlier", early)
		}
	}
	if hasExp {
		judgeExpiry(t, r.Response, exp)
	}
	t.Check(!hasIat || !hasExp || exp > iat, "exp after iat", "exp is %.0f s before iat", iat-exp)
	if begins, isNumber := NumberOf(token.Claims["nbf"]); isNumber { // RFC 7519 4.1.5
		ahead := begins - received
		t.Check(ahead <= tolerance, "nbf, if there is one, not in the future", "it is %.0f s ahead", ahead)
	}
}

// judgeExpiry compares exp with the OP's own clock, as a short lifetime leaves no room for
// the difference of two.
func judgeExpiry(t *T, resp *ciba.Response, exp float64) {
	ahead, within, _ := clockOf(resp)
	now := numericDate(resp.Received.Add(ahead - within - t.Target().Budgets.ClockSkew))
	t.Check(exp > now, "exp in the future", "exp is %.0f s in the past", now-exp)
	isCredible := exp < now+mostCredibleLifetime.Seconds()
	t.Check(isCredible, "exp in seconds", "exp is %.0f, which is centuries ahead", exp)
}

// clockOf tells by the Date header how far the OP's clock is ahead of ours, and how exact
// that is: the header has whole seconds and was written between sending and receiving. It
// is false without a Date.
func clockOf(resp *ciba.Response) (ahead, within time.Duration, ok bool) {
	date, err := http.ParseTime(resp.Header.Get("Date"))
	if err != nil {
		return 0, 0, false
	}
	earliest, latest := date.Sub(resp.Received), date.Add(time.Second).Sub(resp.Sent)
	return (earliest + latest) / 2, (latest - earliest) / 2, true
}

// judgeAuthTimes looks at the auth_time of a client of every algorithm. Where it does not
// come by itself, it is asked for once; where it never comes, nothing was judged.
func judgeAuthTimes(t *T) {
	isSeen := false
	t.Each(func() {
		r := t.Redeemed()
		if !hasAuthTime(t, r.Tokens) {
			asked, ok := TryRedeem(t, askingForAuthTime(t.Request()))
			if !ok || asked.Tokens.IDToken == "" || !hasAuthTime(t, asked.Tokens) {
				return
			}
			r = asked
		}
		isSeen = true
		t.At(r.Response)
		judgeAuthTime(t, r, IDTokenIn(t, r.Tokens))
	})
	if !isSeen {
		t.Skip("no ID Token has auth_time, not even when max_age and claims ask for it")
	}
}

// hasAuthTime reports whether an ID Token has the claim, whatever it is.
func hasAuthTime(t *T, tokens ciba.TokenResponse) bool {
	_, there := IDTokenIn(t, tokens).Claims["auth_time"]
	return there
}

// askingForAuthTime asks for auth_time in both ways of OIDC Core, 3.1.2.1 and 5.5.1. CIBA
// defines neither, so an OP may overlook or refuse them.
func askingForAuthTime(p ciba.Params) ciba.Params {
	return p.With("max_age", "86400").With("claims", `{"id_token":{"auth_time":{"essential":true}}}`)
}

// judgeAuthTime compares auth_time with iat, or with the moment the token came where there
// is no iat.
func judgeAuthTime(t *T, r Redeemed, token IDToken) {
	value, there := Optional(t, token.Claims, "auth_time")
	if !there {
		return
	}
	issued, hasIat := NumberOf(token.Claims["iat"])
	if !hasIat {
		issued = numericDate(r.Response.Received)
	}
	at, isNumber := NumberOf(value)
	if t.Check(isNumber, "auth_time is a number, or absent", "auth_time is %T", value) {
		t.Check(at <= issued+clockTolerance.Seconds(), "auth_time not after iat", "it is %.0f s later", at-issued)
	}
}

// judgeTrueAuthTime redeems well after the decision. An OP that dates the authentication by
// the token request claims a fresher one than there was, and a client that wants a fresh
// one is deceived.
func judgeTrueAuthTime(t *T) {
	const pause = 15 * time.Second
	flow := startForAuthTime(t)
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
		t.Skip("the ID Token has no auth_time, not even when max_age and claims ask for it")
	}
	at, isNumber := NumberOf(value)
	if !isNumber {
		t.Abort("auth_time is %T, not a number", value)
	}
	ahead, within, ok := clockOf(resp)
	if !ok || within > 2*time.Second {
		t.Skip("the clock of the OP cannot be told to 2 s from its answers")
	}
	late := at - numericDate(decided.Add(ahead+within))
	t.Check(late <= t.Target().Budgets.ClockSkew.Seconds(), "auth_time not after the decision", "it is %.0f s later", late)
}

// startForAuthTime starts a request whose ID Token will have auth_time, if that can be had:
// it is asked for where it does not come by itself.
func startForAuthTime(t *T) *Flow {
	if hasAuthTime(t, t.Redeemed().Tokens) {
		return t.MustStart(t.Request())
	}
	resp := t.MustAnswer(t.Start(askingForAuthTime(t.Request())))
	if resp.Status/100 == 4 {
		t.Skip("the ID Token has no auth_time, and asking for it by max_age and claims is refused: %s", resp.Summary())
	}
	return t.FlowOf(t.Client(), t.User(), t.MustAccept("a request with max_age and claims", resp))
}

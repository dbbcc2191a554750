package tokens

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/internal/targetfile"
	"github.com/cibatest/cibatest/reports/result"
	. "github.com/cibatest/cibatest/suites/harness"
)

// RFC 6749 6 and 10.4: a refresh token serves its own client alone, and brings no more
// than the user once granted. It outlives the approval by weeks, so whoever can use a
// stolen one has the account for as long.
var _ = Cases.Describe("Refresh token", func() {
	Case("token-refresh", "works for its client and keeps the user", Judges("RFC6749-6-REFRESH").AlsoAs(Ping, Push), judgeRefresh)
	Case("refresh-scope", "brings no more scope than was granted", Judges("RFC6749-6-REFRESH").About(7*time.Second), judgeWiderScope)
	Case("refresh-authenticated", "needs client authentication",
		Disturbing("RFC6749-6-REFRESH-AUTH").AlsoAs(Ping).About(2*ciba.DefaultInterval), judgeUnauthenticatedRefresh)
	Case("refresh-bound", "is useless to another client", Judges("RFC6749-6-REFRESH-BOUND").LastForClient(), judgeForeignRefresh)
})

// judgeUnauthenticatedRefresh leaves the credential out for a client of each method, since
// an OP may ask for it by one method and forget another. A wrong one it tries for the
// case's client alone, which others do not need any more.
func judgeUnauthenticatedRefresh(t *T) {
	waiting := startForOtherMethods(t)
	own := refreshable(t)
	givenAway := false
	judge := func(what string, r Redeemed, a ciba.Authenticator) {
		c := r.Flow.Client
		resp := t.Send(RefreshRequest(t, c, r.Tokens.RefreshToken).AuthenticatedBy(a))
		givenAway = givenAway || c == t.Client() && resp.HasTokens()
		t.JudgeVariant(c.AuthMethod+" client: "+what, resp)
	}
	for _, r := range append([]Redeemed{own}, withRefreshToken(t, waiting)...) {
		judge("a client_id only", r, ciba.Public(r.Flow.Client.ClientID))
		judge("no client_id", r, nil)
	}
	judge("a wrong credential", own, WrongCredential(t, t.Client()))
	// A refusal that costs the client its token would let anybody log users out.
	if proper := Refresh(t, own.Tokens.RefreshToken); !givenAway {
		t.Expect(proper).As(result.Warn).To(HaveStatus(http.StatusOK), "the refresh token still works for its client")
	}
}

// startForOtherMethods starts a flow for one client of each method that the case's client
// does not have. There is none where a user may have one open request only.
func startForOtherMethods(t *T) []*Flow {
	var flows []*Flow
	if OneRequestPerUser(t) || t.Approver().IsPerson() {
		return nil
	}
	scope := refreshScope(t)
	for _, c := range ClientPerMethod(t)[1:] {
		resp := t.StartAs(c, t.RequestFor(c, t.User()).With("scope", scope))
		if _, err := resp.Started(); err == nil {
			flows = append(flows, t.FlowOf(c, t.User(), resp))
		}
	}
	return flows
}

// withRefreshToken approves flows and keeps those that bring a refresh token.
func withRefreshToken(t *T, flows []*Flow) []Redeemed {
	var list []Redeemed
	for _, f := range flows {
		t.Approve(f)
		resp := t.PollDecided(f)
		if tokens, err := resp.Tokens(); err == nil && tokens.RefreshToken != "" {
			list = append(list, Redeemed{Flow: f, Tokens: tokens, Response: resp})
		}
	}
	return list
}

// judgeForeignRefresh lets another client use the refresh token, in its own name and under
// the name of the client that the token belongs to. An OP that goes by the parameter
// client_id, once some client is authenticated, serves the thief.
func judgeForeignRefresh(t *T) {
	r := refreshable(t)
	fresh, err := t.MustSucceed("the client's own refresh", Refresh(t, r.Tokens.RefreshToken)).Tokens()
	if err != nil {
		t.Abort("the answer to a refresh cannot be used: %v", err)
	}
	refreshToken := newest(r.Tokens, fresh).RefreshToken
	if thief := clientWithoutOwnID(t); thief != nil {
		resp := t.Send(RefreshRequest(t, thief, refreshToken).With("client_id", t.Client().ClientID))
		refused := ExpectingStatus(t.Requirement(), http.StatusBadRequest, http.StatusUnauthorized)
		either := AlsoExpecting(refused, ciba.InvalidClient, ciba.InvalidRequest)
		JudgeVariantBy(t, either, "under the name of its client", resp) // two flaws, and each may be the reason
	}
	t.JudgeVariant("as itself", t.Send(RefreshRequest(t, t.Second(), refreshToken)))
	if !t.Failed() && !canRefresh(t, t.Second()) {
		t.Skip("refresh: client %s, which plays the stranger, cannot refresh its own tokens, so that its refusal tells nothing", t.Second().Name)
	}
}

// canRefresh reports whether a client gets a refresh token of its own that works. A person is
// not asked for that.
func canRefresh(t *T, c *Client) (works bool) {
	if t.Approver().IsPerson() {
		return true
	}
	t.As(c, func() {
		Try(func() { works = Refresh(t, refreshable(t).Tokens.RefreshToken).HasTokens() })
	})
	return works
}

// clientWithoutOwnID is another client that works and can send a client_id that is not its
// own: with client_secret_post the parameter is part of the credential. It is nil when
// there is none.
func clientWithoutOwnID(t *T) *Client {
	for _, c := range Strangers(t) {
		if c.AuthMethod != targetfile.AuthClientSecretPost {
			return c
		}
	}
	return nil
}

// newest are the tokens of a refresh, with the refresh token before it where the OP does
// not rotate: then that one lives on.
func newest(before, after ciba.TokenResponse) ciba.TokenResponse {
	if after.RefreshToken == "" {
		after.RefreshToken = before.RefreshToken
	}
	return after
}

// refreshScope is the scope that brings a refresh token: that of the target file, or with
// offline_access, for which alone many OPs issue one. Without either the case skips.
func refreshScope(t *T) string {
	scope := strings.Fields(t.Request().Get("scope"))
	if t.Redeemed().Tokens.RefreshToken == "" {
		if slices.Contains(scope, "offline_access") || !Advertises(t, "scopes_supported", "offline_access") {
			t.Skip("refresh: the OP issues no refresh token")
		}
		scope = append(scope, "offline_access")
	}
	return strings.Join(scope, " ")
}

// refreshable is a flow of the case's own with a refresh token.
func refreshable(t *T) Redeemed {
	p := t.Request().With("scope", refreshScope(t))
	ack := t.MustAccept("a backchannel authentication request that should be accepted", t.Start(p))
	flow := t.FlowOf(t.Client(), t.User(), ack)
	tokens, resp := t.MustRedeem(flow)
	if tokens.RefreshToken == "" {
		t.Skip("refresh: the OP issues no refresh token")
	}
	return Redeemed{Flow: flow, Ack: ack, Tokens: tokens, Response: resp}
}

// judgeWiderScope asks, with a grant of less than the client may have, for all of that.
// The user agreed to the smaller scope only.
func judgeWiderScope(t *T) {
	p := t.Request()
	full := strings.Fields(p.Get("scope"))
	var less, withheld []string
	for _, scope := range full {
		if slices.Contains(OwnScopes, scope) {
			less = append(less, scope)
		} else {
			withheld = append(withheld, scope)
		}
	}
	if len(withheld) == 0 {
		t.Skip("the scope of the target file has nothing to leave out")
	}
	tokens, _ := t.MustRedeem(t.MustStart(p.With("scope", strings.Join(less, " "))))
	if tokens.RefreshToken == "" {
		t.Skip("refresh: the OP issues no refresh token for the scope %s", strings.Join(less, " "))
	}
	granted, where := GrantedScope(t, tokens.AccessToken)
	if containsAny(granted, withheld) || containsAny(strings.Fields(tokens.Scope), withheld) {
		t.Skip("the OP grants more than it was asked for from the beginning, by %s", where)
	}
	request := RefreshRequest(t, t.Client(), tokens.RefreshToken).With("scope", strings.Join(full, " "))
	resp := t.MustAnswer(t.Send(request))
	judgeNoServerError(t, resp, "a refusal, or no more than was granted")
	judgeWithoutScope(t, resp, withheld)
}

// judgeWithoutScope looks for a withheld scope wherever a token response shows what is
// granted. An answer without tokens grants nothing.
func judgeWithoutScope(t *T, resp *ciba.Response, withheld []string) {
	const expected = "no scope beyond the grant"
	fresh, err := resp.Tokens()
	if err != nil {
		return
	}
	granted, where := GrantedScope(t, fresh.AccessToken) // findings may now point at introspection
	t.Check(!containsAny(granted, withheld), expected, "%s shows %.200q", where, strings.Join(granted, " "))
	t.At(resp)
	t.Check(!containsAny(strings.Fields(fresh.Scope), withheld), expected, "the answer states %.200q", fresh.Scope)
}

func containsAny(list, of []string) bool {
	return slices.ContainsFunc(list, func(s string) bool { return slices.Contains(of, s) })
}

// judgeRefresh refreshes once and compares the new tokens with the old ones: they are for
// the same user and the same authentication.
func judgeRefresh(t *T) {
	before := refreshable(t)
	user := UserinfoSubject(t, before.Tokens.AccessToken)
	t.Wait(3 * time.Second) // so that a new auth_time differs from the old one
	resp := t.MustAnswer(Refresh(t, before.Tokens.RefreshToken))
	if !t.Expect(resp).To(HaveStatus(http.StatusOK)) {
		return
	}
	fresh, err := resp.Tokens()
	if !t.Check(err == nil, "a new access_token", "%v", err) {
		return
	}
	t.Expect(resp).To(NotBeCached())
	t.Check(fresh.TokenType != "", "a token_type", "there is none")
	if before.Tokens.IDToken != "" && fresh.IDToken != "" {
		after := Redeemed{Flow: before.Flow, Ack: before.Ack, Tokens: newest(before.Tokens, fresh), Response: resp}
		judgeRefreshedIDToken(t, after, IDTokenIn(t, before.Tokens), IDTokenIn(t, fresh))
	}
	if user != nil {
		sub := UserinfoSubject(t, fresh.AccessToken)
		t.Check(sub == user, "an access token for the same user", "UserInfo says sub %.60v", sub)
	}
}

// judgeRefreshedIDToken is OIDC Core 12.2: the ID Token of a refresh is about the same
// authentication, was issued just now, and keeps the rules of any other.
func judgeRefreshedIDToken(t *T, r Redeemed, before, after IDToken) {
	for _, name := range []string{"iss", "sub"} {
		t.Check(after.Claims[name] == before.Claims[name], name+" of the original ID Token", "%s is %.100v", name, after.Claims[name])
	}
	own := t.Client().ClientID
	audience, _ := audienceOf(after.Claims)
	t.Check(slices.Contains(audience, own), "aud contains "+own, "aud is %.100v", after.Claims["aud"])
	earlier, later, both := numbersOf("auth_time", before, after)
	if both && later > earlier+1 { // a second for rounding
		t.Warn("auth_time of the original authentication", "it is %.0f s later", later-earlier)
	}
	judgeSignature(t, r, after)
	t.At(r.Response)
	judgeLifetime(t, r, after)
	judgeHashes(t, r, after)
	issuedBefore, _ := NumberOf(before.Claims["iat"])
	if issued, hasIat := NumberOf(after.Claims["iat"]); hasIat && issued <= issuedBefore {
		t.Warn("iat is when this ID Token was issued", "it is not later than that of the original one, 3 s before")
	}
}

// numbersOf are the values of a claim in two ID Tokens, where both have it as a number.
func numbersOf(claim string, before, after IDToken) (earlier, later float64, both bool) {
	earlier, hadOne := NumberOf(before.Claims[claim])
	later, hasOne := NumberOf(after.Claims[claim])
	return earlier, later, hadOne && hasOne
}

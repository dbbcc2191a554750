package core

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/cibatest/cibatest/internal/approve"
	"github.com/cibatest/cibatest/internal/catalogue"
	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/internal/driver"
	"github.com/cibatest/cibatest/internal/targetfile"
	"github.com/cibatest/cibatest/reports/result"
	. "github.com/cibatest/cibatest/suites/harness"
)

// CIBA Core 7 and 7.1 say what a backchannel authentication request is: a POST of a form
// with one scope, each parameter once. RFC 6749 3.1 and 3.2 add how unknown, empty and
// repeated parameters are taken. Two parts of a system that read one request differently,
// such as a gateway and the OP behind it, can be played off against each other, and a
// refused request that reaches the user all the same makes a nuisance of anybody.
var _ = Cases.Describe("Authentication request", func() {
	Case("request-post-only", "is taken by POST only", Judges("CIBA-7-POST-ONLY").AlsoAs(Ping, Push), judgeOtherMethods)
	Case("request-form-encoding", "is a form, not JSON", Judges("CIBA-7.1-FORM-ENCODING").AlsoAs(Ping, Push), func(t *T) {
		request := Written(t, t.StartRequest(t.Request())) // credentials of the body travel in the JSON too
		body := map[string]string{}
		for _, p := range request.Form {
			body[p.Name] = p.Value
		}
		data, err := json.Marshal(body)
		MustNotFail(t, err)
		request.Form, request.Body, request.ContentType = nil, data, "application/json"
		t.Judge(t.Send(request))
	})
	// Any answer but a server error is right: what these bodies mean is not said anywhere.
	Case("request-form-unreadable", "that is hardly a form breaks nothing", Judges("CIBA-7.1-FORM-ENCODING").AlsoAs(Ping, Push), func(t *T) {
		for _, unreadable := range []string{"x_unknown=%zz", "&&=&"} {
			resp := t.MustAnswer(startEdited(t, func(r *Request) {
				*r = Written(t, *r)
				r.Body, r.Form, r.ContentType = []byte(r.Form.Encode()+"&"+unreadable), nil, "application/x-www-form-urlencoded"
			}))
			if resp.Status >= 500 {
				t.JudgeVariant("a form that goes on with "+unreadable, resp)
			}
		}
		if resp := t.MustAnswer(t.Start(nil)); resp.Status/100 != 4 {
			t.JudgeVariant("no parameters", resp)
		}
	})
	Case("request-charset-parameter", "may name its charset", Judges("CIBA-7.1-FORM-CHARSET-PARAM").AlsoAs(Ping, Push), func(t *T) {
		t.JudgeAck("charset=UTF-8", startEdited(t, func(r *Request) { r.ContentType = "application/x-www-form-urlencoded;charset=UTF-8" }))
	})
	// The values of a URL end up in logs. An OP that reads only the body finds no scope, and
	// may say so by the code that CIBA-7.1-SCOPE-MISSING takes for a missing scope.
	Case("request-query-ignored", "is not read from the URL", Judges("CIBA-7.1-QUERY-IGNORED").AlsoAs(Ping, Push), func(t *T) {
		r := AlsoExpecting(t.Requirement(), ciba.InvalidScope)
		t.JudgeBy(r, startEdited(t, func(request *Request) { request.Query, request.Form = request.Form, nil }))
	})
	Case("request-scope-missing", "is refused without scope", Judges("CIBA-7.1-SCOPE-MISSING").AlsoAs(Ping, Push).Smoke(), func(t *T) {
		t.JudgeVariant("no scope", t.Start(t.Request().Without("scope")))
		t.JudgeVariant("an empty scope", t.Start(t.Request().With("scope", "")))
	})
	// CIBA Core leaves requests without openid open on purpose (N-11).
	Case("request-scope-no-openid", "is recorded without openid", Judges("CIBA-7.1-SCOPE-NO-OPENID"), func(t *T) {
		t.Judge(startWithoutOpenID(t))
	})
	Case("request-scope-no-openid-tokens", "brings no ID Token without openid",
		Judges("CIBA-7.1-SCOPE-NO-OPENID").Needs(catalogue.NeedApprove).About(2*ciba.DefaultInterval), judgeTokensWithoutOpenID)
	Case("request-scope-unknown", "with an unknown scope is refused, or the scope is dropped",
		Judges("CIBA-13-SCOPE-UNKNOWN"), func(t *T) {
			t.Judge(t.Start(t.Request().With("scope", t.Target().Scope+" x-unknown-"+strings.ToLower(t.Random().Text()[:8]))))
		})
	Case("request-scope-order", "has scope values in any order", Judges("RFC6749-3.3-SCOPE-ORDER").AlsoAs(Ping, Push), func(t *T) {
		values := strings.Fields(t.Request().Get("scope"))
		if len(values) < 2 {
			t.Skip("the target file names one scope value only, which has no order")
		}
		slices.Reverse(values)
		slices.SortStableFunc(values, func(a, b string) int { return cmp.Compare(openIDRank(a), openIDRank(b)) })
		t.JudgeAck("openid last", t.Start(t.Request().With("scope", strings.Join(values, " "))))
	})
	// A JWT has each claim once and says nothing about empty ones, so both are about plain forms.
	Case("request-duplicate", "is refused with a repeated parameter",
		Judges("CIBA-13-DUPLICATE-PARAM").AlsoAs(Ping, Push).Needs(catalogue.NeedClientWithoutRequestAlg), judgeRepeatedParameters)
	Case("request-unknown-parameter", "may have parameters nobody knows",
		Judges("CIBA-7.2-UNKNOWN-PARAM-IGNORED").AlsoAs(Ping, Push).Smoke(), func(t *T) {
			t.JudgeAck("x_unknown=1", t.Start(t.Request().Add("x_unknown", "1")))
		})
	Case("request-empty-parameter", "treats an empty parameter as absent",
		Judges("RFC6749-3.2-EMPTY-PARAM").AlsoAs(Ping, Push).Needs(catalogue.NeedClientWithoutRequestAlg), judgeEmptyParameters)
	// No text says what becomes of a token that the OP has no use for (N-16).
	Case("request-notification-token", "is recorded with client_notification_token in poll mode",
		Judges("CIBA-7.1-CNT-IN-POLL"), func(t *T) {
			t.Judge(t.Start(t.Request().Add("client_notification_token", t.Random().Text()+t.Random().Text())))
		})
	// Products answer such a client by several codes (N-09). All of them are refusals, so
	// only an auth_req_id fails.
	Case("request-unauthorized-client", "is refused for a client not enabled for CIBA",
		Judges("CIBA-13-UNAUTHORIZED-CLIENT"), func(t *T) {
			r, resp := t.Requirement(), t.Start(t.Request())
			if resp.Status/100 != 2 {
				r.Verdict = string(result.Warn)
			}
			t.JudgeBy(r, resp)
		})
	Case("request-acr-unknown", "is recorded with unknown acr_values", Judges("CIBA-7.1-ACR-UNKNOWN"), func(t *T) {
		t.Judge(t.Start(t.Request().With("acr_values", "urn:x:none")))
	})
	Case("request-overlong", "survives overlong values", Judges("CIBA-13-OVERLONG-PARAM").AlsoAs(Ping, Push).AfterAll(), judgeOverlongValues)
	// Before any user was asked, a refusal by policy is a 403; the user's own denial is a
	// 400 of the token endpoint (N-08).
	Case("request-policy-denied", "is answered 403 access_denied when policy forbids it",
		Judges("CIBA-13-ACCESS-DENIED-403"), func(t *T) {
			t.Judge(t.Start(t.Request()))
		})
	Case("request-no-side-effect", "disturbs no user when it is refused",
		Judges("CIBA-7.2-NO-SIDE-EFFECT-ON-ERROR").AlsoAs(Ping, Push).AloneForUser(), judgeNoSideEffect)
})

// startEdited sends a good request with one thing about it changed.
func startEdited(t *T, edit func(*Request)) *ciba.Response {
	request := t.StartRequest(t.Request())
	edit(&request)
	return t.Send(request)
}

// judgeOtherMethods never puts a secret into a URL: the client authenticates by header
// or assertion, or in the body.
func judgeOtherMethods(t *T) {
	for _, method := range []string{http.MethodGet, http.MethodPut} {
		request := t.StartRequest(t.Request())
		request.Method = method
		if method == http.MethodGet {
			if t.Client().AuthMethod == targetfile.AuthClientSecretPost {
				continue
			}
			request = Written(t, request)
			request.Query, request.Form = request.Form, nil
		}
		resp := t.MustAnswer(t.Send(request))
		if t.Expect(resp).NotTo(BeAcknowledged(), method+": no auth_req_id") {
			judgeRefusedMethod(t, method, resp)
		}
	}
}

// judgeRefusedMethod expects the refusal of a method, by the OP or by the HTTP server in
// front of it. A status that is not usual for that, such as a redirect, is recorded.
func judgeRefusedMethod(t *T, method string, resp *ciba.Response) {
	usual := HaveStatus(t.Requirement().Expect.Status...)
	refusal := t.Expect(resp)
	switch {
	case resp.Status/100 == 2:
	case resp.Status >= 500 && resp.Status != 501 && resp.Status != 503:
		refusal = refusal.As(result.Fail)
	default:
		refusal = refusal.As(result.Info)
	}
	refusal.To(usual, method+": a refusal, such as 405")
}

// startWithoutOpenID asks for all scope values but openid, and but offline_access, which
// is of no use without it.
func startWithoutOpenID(t *T) *ciba.Response {
	ofOpenID := func(value string) bool { return value == "openid" || value == "offline_access" }
	other := slices.DeleteFunc(strings.Fields(t.Request().Get("scope")), ofOpenID)
	if len(other) == 0 {
		t.Skip("the target file names no scope besides openid")
	}
	return t.Start(t.Request().With("scope", strings.Join(other, " ")))
}

// judgeTokensWithoutOpenID records whether an OAuth transaction ends in an ID Token all the same.
func judgeTokensWithoutOpenID(t *T) {
	resp := startWithoutOpenID(t)
	if resp.Status/100 != 2 {
		t.Skip("this OP refuses requests without openid")
	}
	_, redeemed := t.MustRedeem(t.FlowOf(t.Client(), t.User(), resp))
	t.Expect(redeemed).NotTo(HaveMember("id_token", nonEmptyText), "no ID Token, as openid was not asked for")
}

// openIDRank sorts openid behind all other scope values.
func openIDRank(scope string) int {
	if scope == "openid" {
		return 1
	}
	return 0
}

// judgeRepeatedParameters tries parameters of each kind: an OP may compare hints only, or take
// two equal values for one.
func judgeRepeatedParameters(t *T) {
	good := t.Request()
	hint := ciba.P(t.User().Hint())[0]
	t.JudgeVariant(hint.Name+" twice, the same value", t.Start(good.Add(hint.Name, hint.Value)))
	for _, u := range t.Target().Users {
		if name, value := u.Hint(); name == hint.Name && value != hint.Value {
			t.JudgeVariant(hint.Name+" twice, for two users", t.Start(good.Add(name, value)))
			break
		}
	}
	scope := good.Get("scope")
	t.JudgeVariant("scope twice, the same value", t.Start(good.Add("scope", scope)))
	if scope != "openid" {
		t.JudgeVariant("scope twice, different values", t.Start(good.With("scope", "openid").Add("scope", scope)))
	}
	if good.Has("binding_message") {
		t.JudgeVariant("binding_message twice", t.Start(good.Add("binding_message", "W4SCT")))
	}
	t.JudgeVariant("requested_expiry twice", t.Start(good.With("requested_expiry", "60").Add("requested_expiry", "120")))
	t.JudgeVariant("acr_values twice", t.Start(good.With("acr_values", "urn:x:one").Add("acr_values", "urn:x:two")))
	if token := t.User().LoginHintToken.Reveal(); token != "" && t.Has(catalogue.NeedLoginHintToken) {
		t.JudgeVariant("login_hint_token twice", t.Start(requestWithoutHint(t).Add("login_hint_token", token).Add("login_hint_token", token)))
	}
	if t.Has(catalogue.NeedRAR) && len(t.Target().RAR.Valid) > 0 {
		details := "[" + string(t.Target().RAR.Valid[0]) + "]"
		t.JudgeVariant("authorization_details twice", t.Start(good.With("authorization_details", details).Add("authorization_details", details)))
	}
}

// judgeEmptyParameters sends optional parameters without a value. RFC 6749 3.1 and 3.2
// have such a parameter count as left out, and CIBA does not repeat that (N-31). An OP
// that needs a binding_message is let alone.
func judgeEmptyParameters(t *T) {
	empty := t.Start(t.Request().With("binding_message", ""))
	if empty.Status/100 != 2 && t.Start(t.Request().Without("binding_message")).Status/100 != 2 {
		t.Info("binding_message= counts as no binding_message", "this OP refuses both, so it cannot be told")
	} else {
		t.JudgeAck("binding_message=", empty)
	}
	for _, name := range []string{"requested_expiry", "acr_values", "user_code"} {
		if !t.Request().Has(name) {
			t.JudgeAck(name+"=", t.Start(t.Request().Add(name, "")))
		}
	}
	if t.User().LoginHint != "" {
		t.JudgeAck("id_token_hint= beside login_hint", t.Start(t.Request().Add("id_token_hint", "")))
		t.JudgeAck("login_hint_token= beside login_hint", t.Start(t.Request().Add("login_hint_token", "")))
	}
}

// judgeOverlongValues sends values beyond what forms and headers commonly hold. A server
// error would let anybody who can reach the endpoint fill its logs, and worse.
func judgeOverlongValues(t *T) {
	for _, size := range []int{20_000, 60_000} {
		long := strings.Repeat("A", size)
		for _, name := range []string{"x_unknown", "binding_message", "login_hint"} {
			if name == "login_hint" && t.User().LoginHint == "" {
				continue
			}
			resp := t.Start(t.Request().With(name, long))
			if resp.Err != nil && resp.Status == 0 {
				t.Note("a request with %d bytes in %s got no answer; a proxy may cut it", size, name)
				continue
			}
			t.JudgeVariant(fmt.Sprintf("%s of %d bytes", name, size), resp)
		}
	}
}

// judgeNoSideEffect judges only requests that were refused, for a user that no other
// case uses meanwhile. A prompt that belongs to an accepted request is none of
// its business.
func judgeNoSideEffect(t *T) {
	began := time.Now()
	good := t.Request()
	var open *Flow
	if t.Has(catalogue.NeedParallel) && !t.Approver().Nameless() { // else its prompt might be taken for that of a refused one
		resp := t.MustAccept("a backchannel authentication request that should be accepted", t.Start(good))
		if _, err := resp.Started(); err == nil {
			open = t.FlowOf(t.Client(), t.User(), resp)
		}
	}
	var messages []string // of the refused requests
	try := func(r Request) {
		if r.Form.Get("binding_message") == good.Get("binding_message") {
			r.Form = withOwnMessage(t, r.Form)
		}
		if resp := t.Send(r); resp.Status/100 == 4 {
			messages = append(messages, r.Form.Get("binding_message"))
		}
	}
	for _, p := range []ciba.Params{
		good.Without("scope"),
		good.With("scope", "x-not-openid"),
		good.With("requested_expiry", "abc"),
		good.With("binding_message", strings.Repeat("\u202e<b>", 60)),
		good.With("authorization_details", "[{"),
		good.With("authorization_details", `[{"type":"x-unknown-type"}]`),
		good.Add("scope", good.Get("scope")),
		good.Add("id_token_hint", "not-a-jwt"),
	} {
		try(t.StartRequest(p))
	}
	try(t.StartRequest(good).AuthenticatedBy(ciba.Public(t.Client().ClientID)))
	if token := t.User().LoginHintToken.Reveal(); token != "" && good.Has("login_hint") {
		try(t.StartRequest(good.Add("login_hint_token", token)))
	}
	try(t.StartRequest(good).AuthenticatedBy(UnknownClient(t, t.Client())))
	for _, c := range Clients(t) { // those that are not allowed to ask
		if !c.CIBA || c.PolicyDenied {
			try(t.StartRequest(t.RequestFor(c, t.User())).As(c))
		}
	}
	if len(messages) == 0 {
		t.Abort("no request was refused")
	}
	shown, untold := strayPrompt(t, began, messages)
	t.Check(!shown, "no prompt within 5 s of a refused request", "the device was asked")
	if open != nil {
		resp := t.MustAnswer(t.Poll(open))
		over := BeOAuthError(ciba.AccessDenied, ciba.ExpiredToken, ciba.InvalidGrant)
		t.Expect(resp).NotTo(over, "an open request of the user outlives the refused ones")
	}
	if untold && !t.Failed() {
		t.Skip(untoldPrompts)
	}
}

// untoldPrompts is why no prompt can be held against refused requests.
const untoldPrompts = "requests were accepted whose auth_req_id cannot be read, so that a prompt may belong to one of them; " +
	"see ack-id-present"

// withOwnMessage gives a request a binding_message of its own, if it has one at all: the prompt
// of a request that was refused is known by it.
func withOwnMessage(t *T, p ciba.Params) ciba.Params {
	if !p.Has("binding_message") {
		return p
	}
	return p.With("binding_message", t.Random().Text()[:8])
}

// strayPrompt waits for a prompt of a refused request for the case's user. It is known by its
// message, or because it belongs to none of the accepted requests. Where some of these cannot
// be read, the second way accuses nobody, and that it was not taken is told.
func strayPrompt(t *T, since time.Time, messages []string) (shown, untold bool) {
	untold = slices.ContainsFunc(t.Seen().Starts(), func(a driver.Answer) bool {
		_, err := a.Response.Started()
		return isAccepted(a.Response) && err != nil
	})
	messages = slices.DeleteFunc(slices.Clone(messages), func(m string) bool { return m == "" || m == t.Target().BindingMessage })
	_, shown = WaitPrompt(t, func(p approve.Prompt) bool {
		if !ForCaseUser(t, p) || p.ReceivedAt.Before(since) || promptOfAccepted(t, p) {
			return false
		}
		return !untold || slices.Contains(messages, p.BindingMessage)
	}, sideEffectWait)
	return shown, untold && !shown
}

// sideEffectWait is how long a prompt may be on its way; CIBA-7.2-NO-SIDE-EFFECT-ON-ERROR.
const sideEffectWait = 5 * time.Second

// promptOfAccepted reports whether a prompt belongs to a request the OP took on.
func promptOfAccepted(t *T, p approve.Prompt) bool {
	return slices.ContainsFunc(t.Seen().Acks(), func(ack ciba.AuthAck) bool { return ack.AuthReqID == p.AuthReqID })
}

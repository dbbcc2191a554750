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
	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/internal/targetfile"
	. "github.com/cibatest/cibatest/suites/harness"
)

// CIBA Core 7 and 7.1: the form of a backchannel authentication request.
var _ = Cases.Describe("Authentication request", func() {
	Case("request-post-only", "is taken by POST only", Judges("CIBA-7-POST-ONLY"), judgeOtherMethods)
	Case("request-form-encoding", "is a form, not JSON", Judges("CIBA-7.1-FORM-ENCODING"), func(t *T) {
		call := Written(t, t.StartRequest(t.Request())) // credentials of the body travel in the JSON too
		body := map[string]string{}
		for _, p := range call.Form {
			body[p.Name] = p.Value
		}
		data, err := json.Marshal(body)
		MustNotFail(t, err)
		call.Form, call.Body, call.ContentType = nil, data, "application/json"
		t.Judge(t.Send(call))
	})
	Case("request-form-unreadable", "that is hardly a form breaks nothing", Judges("CIBA-7.1-FORM-ENCODING"), func(t *T) {
		for _, odd := range []string{"x_unknown=%zz", "&&=&"} {
			resp := t.MustAnswer(startEdited(t, func(call *Request) {
				*call = Written(t, *call)
				call.Body, call.Form, call.ContentType = []byte(call.Form.Encode()+"&"+odd), nil, "application/x-www-form-urlencoded"
			}))
			if resp.Status >= 500 {
				t.JudgeVariant("a form that goes on with "+odd, resp)
			}
		}
		if resp := t.MustAnswer(t.Start(nil)); resp.Status/100 != 4 {
			t.JudgeVariant("no parameters", resp)
		}
	})
	Case("request-charset-parameter", "may name its charset", Judges("CIBA-7.1-FORM-CHARSET-PARAM"), func(t *T) {
		t.JudgeAck("charset=UTF-8", startEdited(t, func(call *Request) { call.ContentType = "application/x-www-form-urlencoded;charset=UTF-8" }))
	})
	Case("request-query-ignored", "is not read from the URL", Judges("CIBA-7.1-QUERY-IGNORED"), func(t *T) {
		r := t.Requirement()
		r.Expect.Error = append(slices.Clone(r.Expect.Error), string(ciba.InvalidScope)) // What CIBA-7.1-SCOPE-MISSING takes for a missing scope
		t.JudgeBy(r, startEdited(t, func(call *Request) { call.Query, call.Form = call.Form, nil }))
	})
	Case("request-scope-missing", "is refused without scope", Judges("CIBA-7.1-SCOPE-MISSING").Smoke(), func(t *T) {
		t.JudgeVariant("no scope", t.Start(t.Request().Without("scope")))
		t.JudgeVariant("an empty scope", t.Start(t.Request().With("scope", "")))
	})
	Case("request-scope-no-openid", "is recorded without openid", Judges("CIBA-7.1-SCOPE-NO-OPENID"), func(t *T) {
		t.Judge(startWithoutOpenID(t))
	})
	Case("request-scope-no-openid-tokens", "brings no ID Token without openid",
		Judges("CIBA-7.1-SCOPE-NO-OPENID").Needs("approve").About(2*ciba.DefaultInterval), judgeTokensWithoutOpenID)
	Case("request-scope-unknown", "with an unknown scope is refused, or the scope is dropped",
		Judges("CIBA-13-SCOPE-UNKNOWN"), func(t *T) {
			t.Judge(t.Start(t.Request().With("scope", t.Target().Scope+" x-unknown-"+strings.ToLower(t.Random().Text()[:8]))))
		})
	Case("request-scope-order", "has scope values in any order", Judges("RFC6749-3.3-SCOPE-ORDER"), func(t *T) {
		values := strings.Fields(t.Request().Get("scope"))
		if len(values) < 2 {
			t.Skip("the target file names one scope value only, which has no order")
		}
		slices.Reverse(values)
		slices.SortStableFunc(values, func(a, b string) int { return cmp.Compare(openIDRank(a), openIDRank(b)) })
		t.JudgeAck("openid last", t.Start(t.Request().With("scope", strings.Join(values, " "))))
	})
	Case("request-duplicate", "is refused with a repeated parameter", Judges("CIBA-13-DUPLICATE-PARAM"), judgeRepeatedParameters)
	Case("request-unknown-parameter", "may have parameters nobody knows",
		Judges("CIBA-7.2-UNKNOWN-PARAM-IGNORED").Smoke(), func(t *T) {
			t.JudgeAck("x_unknown=1", t.Start(t.Request().Add("x_unknown", "1")))
		})
	Case("request-empty-parameter", "treats an empty parameter as absent", Judges("RFC6749-3.2-EMPTY-PARAM"), judgeEmptyParameters)
	Case("request-notification-token", "is recorded with client_notification_token in poll mode",
		Judges("CIBA-7.1-CNT-IN-POLL"), func(t *T) {
			t.Judge(t.Start(t.Request().Add("client_notification_token", t.Random().Text()+t.Random().Text())))
		})
	Case("request-unauthorized-client", "is refused for a client not enabled for CIBA",
		Judges("CIBA-13-UNAUTHORIZED-CLIENT"), func(t *T) {
			r, resp := t.Requirement(), t.Start(t.Request())
			if resp.Status/100 != 2 {
				r.Verdict = "warn" // fail only when an auth_req_id is issued
			}
			t.JudgeBy(r, resp)
		})
	Case("request-acr-unknown", "is recorded with unknown acr_values", Judges("CIBA-7.1-ACR-UNKNOWN"), func(t *T) {
		t.Judge(t.Start(t.Request().With("acr_values", "urn:x:none")))
	})
	Case("request-overlong", "survives overlong values", Judges("CIBA-13-OVERLONG-PARAM").AfterAll(), judgeOverlongValues)
	Case("request-policy-denied", "is answered 403 access_denied when policy forbids it",
		Judges("CIBA-13-ACCESS-DENIED-403"), func(t *T) {
			t.Judge(t.Start(t.Request()))
		})
	Case("request-no-side-effect", "disturbs no user when it is refused",
		Judges("CIBA-7.2-NO-SIDE-EFFECT-ON-ERROR").AloneForUser(), judgeNoSideEffect)
})

// startEdited sends a good request with one thing about the call changed.
func startEdited(t *T, edit func(*Request)) *ciba.Response {
	request := t.StartRequest(t.Request())
	edit(&request)
	return t.Send(request)
}

// judgeOtherMethods never puts a secret into a URL: the client authenticates by header
// or assertion, or in the body.
func judgeOtherMethods(t *T) {
	for _, method := range []string{http.MethodGet, http.MethodPut} {
		call := t.StartRequest(t.Request())
		call.Method = method
		if method == http.MethodGet {
			if t.Client().AuthMethod == targetfile.AuthClientSecretPost {
				continue
			}
			call = Written(t, call)
			call.Query, call.Form = call.Form, nil
		}
		resp := t.MustAnswer(t.Send(call))
		t.At(resp)
		_, err := resp.Started()
		switch {
		case err == nil:
			t.Check(false, method+": no auth_req_id", "%s", resp.Summary())
		case resp.Status/100 == 2:
			t.Check(false, method+": a refusal, such as 405", "%s", resp.Summary())
		case resp.Status >= 500 && resp.Status != 501 && resp.Status != 503:
			t.Fail(method+": a refusal, such as 405", "%s", resp.Summary())
		case !slices.Contains(t.Requirement().Expect.Status, resp.Status):
			t.Info(method+": a refusal, such as 405", "%s", resp.Summary())
		}
	}
}

// startWithoutOpenID asks for all scope values but openid.
func startWithoutOpenID(t *T) *ciba.Response {
	other := slices.DeleteFunc(strings.Fields(t.Request().Get("scope")), func(s string) bool { return s == "openid" || s == "offline_access" })
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
	tokens, end := t.MustRedeem(t.FlowOf(t.Client(), t.User(), resp))
	t.At(end)
	t.Check(tokens.IDToken == "", "no ID Token, as openid was not asked for", "the token response has an id_token")
}

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
	if users := t.Target().Users; len(users) > 1 {
		if other := ciba.P(t.OtherUser().Hint())[0]; other.Name == hint.Name {
			t.JudgeVariant(hint.Name+" twice, for two users", t.Start(good.Add(other.Name, other.Value)))
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
	if token := t.User().LoginHintToken.Reveal(); token != "" && t.Has("login_hint_token") {
		t.JudgeVariant("login_hint_token twice", t.Start(requestWithoutHint(t).Add("login_hint_token", token).Add("login_hint_token", token)))
	}
	if t.Has("rar") && len(t.Target().RAR.Valid) > 0 {
		details := "[" + string(t.Target().RAR.Valid[0]) + "]"
		t.JudgeVariant("authorization_details twice", t.Start(good.With("authorization_details", details).Add("authorization_details", details)))
	}
}

// judgeEmptyParameters leaves an OP alone that needs a binding_message.
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
	if t.Has("parallel") && !t.Approver().Nameless() { // else its prompt might be taken for that of a refused one
		open = t.MustStart(good)
	}
	refused := 0
	try := func(call Request) {
		if resp := t.Send(call); resp.Status >= 400 && resp.Status < 500 {
			refused++
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
	try(t.StartRequest(good).AuthenticatedBy(Stranger(t, t.Client())))
	for _, c := range t.Clients() { // those that are not allowed to ask
		if !c.CIBA || c.PolicyDenied {
			try(t.StartRequest(t.RequestFor(c, t.User())).As(c))
		}
	}
	if refused == 0 {
		t.Abort("no request was refused")
	}
	_, shown := WaitPrompt(t, func(p approve.Prompt) bool {
		return ForCaseUser(t, p) && !p.ReceivedAt.Before(began) && !promptOfAccepted(t, p)
	}, sideEffectWait)
	t.Check(!shown, "no prompt within 5 s of a refused request", "the device was asked")
	if open != nil {
		resp := t.MustAnswer(t.Poll(open))
		t.Expect(resp).NotTo(BeOAuthError(ciba.AccessDenied, ciba.ExpiredToken, ciba.InvalidGrant), "an open request of the user outlives the refused ones")
	}
}

// sideEffectWait is how long a prompt may be on its way; CIBA-7.2-NO-SIDE-EFFECT-ON-ERROR.
const sideEffectWait = 5 * time.Second

// promptOfAccepted says whether a prompt belongs to a request the OP took on.
func promptOfAccepted(t *T, p approve.Prompt) bool {
	return slices.ContainsFunc(t.Seen().Acks(), func(ack ciba.AuthAck) bool { return ack.AuthReqID == p.AuthReqID })
}

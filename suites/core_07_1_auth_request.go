package suites

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/cibatest/cibatest/internal/approve"
	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/internal/target"
	. "github.com/onsi/ginkgo/v2"
)

// CIBA Core 7 and 7.1: the form of a backchannel authentication request.
var _ = Describe("Authentication request", func() {
	Case("request-post-only", "is taken by POST only", Requirements("CIBA-7-POST-ONLY"), otherMethods)
	Case("request-form-encoding", "is a form, not JSON", Requirements("CIBA-7.1-FORM-ENCODING"), func(t *T) {
		body := map[string]string{}
		for _, p := range t.Request() {
			body[p.Name] = p.Value
		}
		call := t.StartCall(nil)
		if t.Client().AuthMethod != target.AuthClientSecretBasic {
			t.Skip("needs a client_secret_basic client, whose credentials do not travel in the form")
		}
		call.Body, _ = json.Marshal(body)
		call.ContentType = "application/json"
		t.Judge(t.Send(call))
	})
	Case("request-charset-parameter", "may name its charset", Requirements("CIBA-7.1-FORM-CHARSET-PARAM"), func(t *T) {
		call := t.StartCall(t.Request())
		call.ContentType = "application/x-www-form-urlencoded;charset=UTF-8"
		t.JudgeAck("charset=UTF-8", t.Send(call))
	})
	Case("request-query-ignored", "is not read from the URL", Requirements("CIBA-7.1-QUERY-IGNORED"), func(t *T) {
		call := t.StartCall(nil)
		call.Query = t.Request()
		t.Judge(t.Send(call))
	})
	Case("request-scope-missing", "is refused without scope", Requirements("CIBA-7.1-SCOPE-MISSING").Smoke(), func(t *T) {
		t.Judge(t.Start(t.Request().Without("scope")))
	})
	Case("request-scope-no-openid", "is recorded without openid", Requirements("CIBA-7.1-SCOPE-NO-OPENID"), func(t *T) {
		var other []string
		for _, s := range strings.Fields(t.Target().Scope) {
			if s != "openid" && s != "offline_access" {
				other = append(other, s)
			}
		}
		if len(other) == 0 {
			t.Skip("the target file names no scope besides openid")
		}
		t.Judge(t.Start(t.Request().With("scope", strings.Join(other, " "))))
	})
	Case("request-scope-unknown", "with an unknown scope is refused, or the scope is dropped", Requirements("CIBA-13-SCOPE-UNKNOWN"), func(t *T) {
		t.Judge(t.Start(t.Request().With("scope", t.Target().Scope+" x-unknown-"+strings.ToLower(rand.Text()[:8]))))
	})
	Case("request-scope-order", "has scope values in any order", Requirements("RFC6749-3.3-SCOPE-ORDER"), func(t *T) {
		values := slices.DeleteFunc(strings.Fields(t.Request().Get("scope")), func(s string) bool { return s == "openid" })
		slices.Reverse(values)
		t.JudgeAck("openid last", t.Start(t.Request().With("scope", strings.Join(append(values, "openid"), " "))))
	})
	Case("request-duplicate", "is refused with a repeated parameter", Requirements("CIBA-13-DUPLICATE-PARAM"), func(t *T) {
		hint := hintOf(t.User())[0]
		t.JudgeVariant(hint.Name+" twice, the same value", t.Start(t.Request().Add(hint.Name, hint.Value)))
		t.JudgeVariant("scope twice, different values", t.Start(t.Request().With("scope", "openid").Add("scope", "openid profile")))
	})
	Case("request-unknown-parameter", "may have parameters nobody knows", Requirements("CIBA-7.2-UNKNOWN-PARAM-IGNORED").Smoke(), func(t *T) {
		t.JudgeAck("x_unknown=1", t.Start(t.Request().Add("x_unknown", "1")))
	})
	Case("request-empty-parameter", "treats an empty parameter as absent", Requirements("RFC6749-3.2-EMPTY-PARAM"), func(t *T) {
		t.JudgeAck("binding_message=", t.Start(t.Request().With("binding_message", "")))
		if hintOf(t.User())[0].Name == "login_hint" {
			t.JudgeAck("login_hint_token= beside login_hint", t.Start(t.Request().Add("login_hint_token", "")))
		}
	})
	Case("request-notification-token", "is recorded with client_notification_token in poll mode", Requirements("CIBA-7.1-CNT-IN-POLL"), func(t *T) {
		t.Judge(t.Start(t.Request().Add("client_notification_token", rand.Text()+rand.Text())))
	})
	Case("request-unauthorized-client", "is refused for a client not enabled for CIBA", Requirements("CIBA-13-UNAUTHORIZED-CLIENT"), func(t *T) {
		resp := t.Start(t.Request())
		t.Judge(resp)
	})
	Case("request-acr-unknown", "is recorded with unknown acr_values", Requirements("CIBA-7.1-ACR-UNKNOWN"), func(t *T) {
		t.Judge(t.Start(t.Request().With("acr_values", "urn:x:none")))
	})
	Case("request-overlong", "survives overlong values", Requirements("CIBA-13-OVERLONG-PARAM").AfterAll(), overlong)
	Case("request-policy-denied", "is answered 403 access_denied when policy forbids it", Requirements("CIBA-13-ACCESS-DENIED-403"), func(t *T) {
		t.Judge(t.Start(t.Request()))
	})
	Case("request-no-side-effect", "disturbs no user when it is refused", Requirements("CIBA-7.2-NO-SIDE-EFFECT-ON-ERROR").AloneForUser(), noSideEffect)
})

// otherMethods never puts a secret into a URL: the client authenticates by header
// or in the body.
func otherMethods(t *T) {
	for _, method := range []string{http.MethodGet, http.MethodPut} {
		call := t.StartCall(t.Request())
		call.Method = method
		if method == http.MethodGet {
			if t.Client().AuthMethod != target.AuthClientSecretBasic {
				continue
			}
			call.Query, call.Form = call.Form, nil
		}
		resp := t.Send(call)
		t.At(resp)
		if _, err := resp.Started(); err == nil {
			t.Check(false, method+": no auth_req_id", "%s", resp.Summary())
		} else if resp.Status/100 == 2 || resp.Status >= 500 && resp.Status != 501 && resp.Status != 503 {
			t.Check(false, method+": a refusal, such as 405", "%s", resp.Summary())
		}
	}
}

func overlong(t *T) {
	for _, size := range []int{20_000, 60_000} {
		long := strings.Repeat("A", size)
		for _, name := range []string{"x_unknown", "binding_message", "login_hint"} {
			if name == "login_hint" && t.User().LoginHint == "" {
				continue
			}
			resp := t.Send(t.StartCall(t.Request().With(name, long)))
			if resp.Err != nil && resp.Status == 0 {
				t.Note("a request with %d bytes in %s got no answer; a proxy may cut it", size, name)
				continue
			}
			t.JudgeVariant(fmt.Sprintf("%s of %d bytes", name, size), resp)
		}
	}
}

// noSideEffect judges only requests that were refused, for a user that no other
// case uses meanwhile.
func noSideEffect(t *T) {
	began := time.Now()
	good := t.Request()
	refused := 0
	for _, p := range []ciba.Params{
		good.Without("scope"),
		good.With("scope", "x-not-openid"),
		good.With("requested_expiry", "abc"),
		good.With("binding_message", strings.Repeat("\u202e<b>", 60)),
		good.With("authorization_details", "[{"),
		good.With("authorization_details", `[{"type":"x-unknown-type"}]`),
		good.Add("scope", "openid"),
		good.Add("id_token_hint", "not-a-jwt"),
	} {
		if resp := t.Send(t.StartCall(p)); resp.Status >= 400 && resp.Status < 500 {
			refused++
		} else if resp.Status == 200 {
			t.Skip("this OP accepts %v, so prompts of this user cannot be told apart", names(p))
		}
	}
	if refused == 0 {
		t.Abort("no request was refused")
	}
	user := t.User()
	prompt, shown := t.WaitPrompt(func(p approve.Prompt) bool {
		mine := user.LoginHint != "" && p.LoginHint == user.LoginHint || user.Sub != "" && p.Sub == user.Sub
		return mine && !p.ReceivedAt.Before(began)
	}, 5*time.Second)
	t.Check(!shown, "no prompt within 5 s of a refused request", "the device was asked about client %.60q", prompt.ClientID)
}

func names(p ciba.Params) []string {
	var list []string
	for _, param := range p {
		list = append(list, param.Name)
	}
	return list
}

package suites

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cibatest/cibatest/internal/ciba"
	. "github.com/onsi/ginkgo/v2"
)

// refusal is an answer to a request that is wrong on purpose.
type refusal struct {
	what string
	resp *ciba.Response
}

// CIBA Core 13, RFC 6749 5.2: the form of every error.
var _ = Describe("Error response", func() {
	Case("error-json", "is a JSON object with a string error", Requirements("CIBA-13-ERROR-JSON").Smoke(), func(t *T) {
		for _, r := range startErrors(t) {
			if outsideErrorRule(r.resp.Status) || r.resp.Status/100 == 3 {
				continue
			}
			judgeErrorForm(t, r)
		}
	})
	Case("error-json-everywhere", "is a JSON object with a string error whatever it is about", Requirements("CIBA-13-ERROR-JSON").AfterAll(), func(t *T) {
		t.firstOf(t.everyStartError(), func(r refusal) {
			if !outsideErrorRule(r.resp.Status) && r.resp.Status/100 != 3 {
				judgeErrorForm(t, r)
			}
		})
	})
	Case("error-charset", "uses the permitted characters", Requirements("CIBA-13-ERROR-CHARSET").AfterAll(), func(t *T) {
		t.firstOf(append(t.everyStartError(), t.everyPollError()...), func(r refusal) {
			if e, ok := r.resp.OAuthError(); ok {
				judgeCharacters(t, r, e)
			}
		})
	})
	Case("error-codes", "has a registered code", Requirements("CIBA-13-ERROR-CODES").AfterAll(), func(t *T) {
		t.firstOf(t.everyStartError(), func(r refusal) {
			if e, ok := r.resp.OAuthError(); ok && !outsideErrorRule(r.resp.Status) {
				t.At(r.resp)
				t.Check(ciba.ErrorCode(e.Code).FitsStart(), r.what+": a code of CIBA Core 13 or a registered one", "%s", r.resp.Summary())
			}
		})
	})
	Case("error-status", "has the status of its code", Requirements("CIBA-13-STATUS-PAIRING").AfterAll(), func(t *T) {
		t.firstOf(t.everyStartError(), func(r refusal) {
			if t.At(r.resp); r.resp.Status == 200 {
				t.Check(!saysError(r.resp), r.what+": an error status with an error", "%s", r.resp.Summary())
				return
			}
			e, ok := r.resp.OAuthError()
			if !ok || outsideErrorRule(r.resp.Status) {
				return
			}
			want := 400
			switch ciba.ErrorCode(e.Code) {
			case ciba.InvalidClient:
				want = 401
			case ciba.AccessDenied:
				want = 403
			}
			t.At(r.resp)
			t.Check(r.resp.Status == want, fmt.Sprintf("%s: %d with %s", r.what, want, ciba.Printable(e.Code)), "%s", r.resp.Summary())
		})
	})
	Case("error-no-redirect", "is no redirect and no page", Requirements("CIBA-13-NO-REDIRECT-NO-HTML").AfterAll(), func(t *T) {
		t.firstOf(append(t.everyStartError(), refusal{"a good request", t.Acknowledged()}), func(r refusal) {
			t.At(r.resp)
			t.Check(r.resp.Status/100 != 3, r.what+": an answer to the client", "status %d", r.resp.Status)
			judged := slices.Contains([]int{200, 400, 401, 403}, r.resp.Status)
			t.Check(!judged || r.resp.MediaType() != "text/html", r.what+": no HTML", "Content-Type %.60q", r.resp.Header.Get("Content-Type"))
		})
	})
	Case("poll-error-format", "of a poll is a 400 with a string error", Requirements("CIBA-11-ERROR-FORMAT").Smoke(), func(t *T) {
		for _, r := range pollErrors(t) {
			e, isError := r.resp.OAuthError()
			switch {
			case outsideErrorRule(r.resp.Status), isError && e.Code == string(ciba.InvalidClient):
				continue
			case r.resp.Status == 403 && isError && e.Code == string(ciba.AccessDenied):
				t.At(r.resp)
				t.Warn("status 400", "%s", r.resp.Summary())
				continue
			}
			t.At(r.resp)
			t.Check(r.resp.Status == 400, r.what+": status 400", "%s", r.resp.Summary())
			judgeErrorForm(t, r)
		}
	})
	Case("poll-error-format-everywhere", "of a token request is JSON with a string error whatever it is about", Requirements("CIBA-11-ERROR-FORMAT").AfterAll(), func(t *T) {
		t.firstOf(t.everyPollError(), func(r refusal) {
			if r.resp.Status == 400 {
				judgeErrorForm(t, r)
			}
		})
	})
	Case("poll-error-no-store", "of a poll is not cached", Requirements("CIBA-11-ERROR-NO-STORE").AfterAll(), func(t *T) {
		t.firstOf(t.everyPollError(), func(r refusal) {
			t.At(r.resp)
			t.Check(r.resp.Status != 400 || noStore(r.resp.Header.Values("Cache-Control")), r.what+": Cache-Control contains no-store", "Cache-Control %.60q", r.resp.Header.Get("Cache-Control"))
		})
	})
})

// outsideErrorRule are statuses that belong to the HTTP layer or to load control.
func outsideErrorRule(status int) bool {
	return status >= 500 || slices.Contains([]int{0, 200, 404, 405, 413, 415, 429}, status)
}

// startErrors is the shared set of refused backchannel requests. One without an
// answer, which something before the OP may have cut off, is left out.
func startErrors(t *T) []refusal {
	list := Observe(t, "start errors", func(t *T) []refusal {
		good := t.Request()
		var list []refusal
		add := func(what string, call Request) { list = append(list, refusal{what, t.Send(call)}) }
		add("no hint", t.StartRequest(requestWithoutHint(t)))
		add("no scope", t.StartRequest(good.Without("scope")))
		add("an unknown scope", t.StartRequest(good.With("scope", "openid x-unknown-scope")))
		add("scope twice", t.StartRequest(good.Add("scope", "openid")))
		add("an unknown user", t.StartRequest(requestWithoutHint(t).Add("login_hint", unknownHint(t))))
		add("an unreadable id_token_hint", t.StartRequest(requestWithoutHint(t).Add("id_token_hint", "not-a-jwt")))
		add("two hints", t.StartRequest(good.Add("id_token_hint", "not-a-jwt")))
		add("a bad requested_expiry", t.StartRequest(good.With("requested_expiry", "abc")))
		add("an unsuitable binding_message", t.StartRequest(good.With("binding_message", strings.Repeat("\u202e<b>", 90))))
		add("no client authentication", t.StartRequest(good).AuthenticatedBy(ciba.Public(t.Client().ClientID)))
		add("an unknown client", t.StartRequest(good).AuthenticatedBy(stranger(t, t.Client())))
		if t.Has("rar") {
			add("authorization_details that are no JSON", t.StartRequest(good.With("authorization_details", "[{")))
		}
		return list
	})
	answered := slices.DeleteFunc(slices.Clone(list), func(r refusal) bool { return r.resp.Status == 0 })
	if !slices.ContainsFunc(answered, func(r refusal) bool { return r.resp.Status >= 300 || saysError(r.resp) }) {
		t.Abort("no request was refused, so there is no error to judge")
	}
	return answered
}

// pollErrors is the shared set of refused token requests.
func pollErrors(t *T) []refusal {
	return Observe(t, "poll errors", func(t *T) []refusal {
		var list []refusal
		add := func(what string, p ciba.Params) {
			list = append(list, refusal{what, t.MustAnswer(t.Send(t.TokenRequest(t.client, p)))})
		}
		grant := ciba.P("grant_type", ciba.GrantTypeCIBA)
		add("an unknown auth_req_id", grant.Add("auth_req_id", t.RandomText()+t.RandomText()))
		add("no auth_req_id", grant)
		add("no grant_type", ciba.P("auth_req_id", t.RandomText()))
		flow := t.MustStart(t.Request())
		list = append(list, refusal{"a pending poll", t.MustAnswer(t.Poll(flow))})
		return list
	})
}

func judgeErrorForm(t *T, r refusal) {
	t.At(r.resp)
	t.Check(r.resp.MediaType() == "application/json", r.what+": application/json", "Content-Type %.60q", r.resp.Header.Get("Content-Type"))
	object, err := r.resp.Object()
	if !t.Check(err == nil, r.what+": a JSON object", "%v", err) {
		return
	}
	code, isString := object["error"].(string)
	t.Check(isString && code != "", r.what+": error is a non-empty string", "%T", object["error"])
	_, hasID := object["auth_req_id"]
	t.Check(!hasID && !r.resp.HasTokens(), r.what+": neither auth_req_id nor tokens", "%s", r.resp.Summary())
}

// judgeCharacters compares the decoded values with the sets of RFC 6749 5.2.
func judgeCharacters(t *T, r refusal, e ciba.OAuthError) {
	t.At(r.resp)
	for name, text := range map[string]string{"error": e.Code, "error_description": e.Description} {
		t.Check(strings.IndexFunc(text, notVisible) < 0, r.what+": "+name+" of visible ASCII without quote and backslash", "%.100q", text)
	}
	object, _ := r.resp.Object()
	for _, name := range []string{"error_description", "error_uri"} {
		_, isText := object[name].(string)
		t.Check(object[name] == nil || isText, r.what+": "+name+" is text", "%T", object[name])
	}
	t.Check(strings.IndexFunc(e.URI, func(c rune) bool { return notVisible(c) || c == ' ' }) < 0, r.what+": error_uri is a URI", "%.100q", e.URI)
}

func notVisible(c rune) bool { return c < 0x20 || c > 0x7E || c == '"' || c == '\\' }

package core

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/cibatest/cibatest/internal/catalogue"
	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/internal/driver"
	"github.com/cibatest/cibatest/reports/result"
	. "github.com/cibatest/cibatest/suites/harness"
	"github.com/onsi/gomega"
)

// CIBA Core 13 and 11, RFC 6749 5.2: every error is a JSON object with a code as string
// member error, and each code has its status. Clients branch on the code: one that cannot
// read it gives up a request that is only pending, or polls on after the end. An OP often
// has most errors right and forgets one, so the cases that run after all others look at
// each answer that the run has received. Disputed are the status of invalid_client (N-01)
// and of access_denied (N-08), codes of other texts (N-14) and caching (N-21).
var _ = Cases.Describe("Error response", func() {
	Case("error-json", "is a JSON object with a string error", Judges("CIBA-13-ERROR-JSON").AlsoAs(Ping, Push).Smoke(), func(t *T) {
		for _, r := range startErrors(t) {
			if outsideErrorRule(r.Response.Status) || r.Response.Status/100 == 3 {
				continue
			}
			judgeErrorForm(t, r)
		}
	})
	Case("error-json-everywhere", "is a JSON object with a string error whatever it is about",
		Judges("CIBA-13-ERROR-JSON").AlsoAs(Ping, Push).AfterAll(), func(t *T) {
			UntilFinding(t, everyStartError(t), func(r Answer) {
				if !outsideErrorRule(r.Response.Status) && r.Response.Status/100 != 3 {
					judgeErrorForm(t, r)
				}
			})
		})
	Case("error-charset", "uses the permitted characters", Judges("CIBA-13-ERROR-CHARSET").AlsoAs(Ping, Push).AfterAll(), func(t *T) {
		UntilFinding(t, append(everyStartError(t), everyPollError(t)...), func(r Answer) {
			if e, ok := r.Response.OAuthError(); ok {
				judgeCharacters(t, r, e)
			}
		})
	})
	Case("error-codes", "has a registered code", Judges("CIBA-13-ERROR-CODES").AlsoAs(Ping, Push).AfterAll(), func(t *T) {
		UntilFinding(t, everyStartError(t), func(r Answer) {
			if _, ok := r.Response.OAuthError(); ok && !outsideErrorRule(r.Response.Status) {
				t.Expect(r.Response).To(gomega.Satisfy(hasCodeForStart), r.What+": a code of CIBA Core 13 or a registered one")
			}
		})
	})
	Case("error-status", "has the status of its code", Judges("CIBA-13-STATUS-PAIRING").AlsoAs(Ping, Push).AfterAll(), func(t *T) {
		UntilFinding(t, everyStartError(t), func(r Answer) { judgeStatusOfCode(t, r) })
	})
	// A client has no browser to follow a redirect or to show a login page with.
	Case("error-no-redirect", "is no redirect and no page", Judges("CIBA-13-NO-REDIRECT-NO-HTML").AlsoAs(Ping, Push).AfterAll(), func(t *T) {
		UntilFinding(t, append(everyStartError(t), Answer{What: "a good request", Response: Acknowledged(t)}), func(r Answer) {
			t.Expect(r.Response).NotTo(gomega.Satisfy(isRedirect), r.What+": an answer to the client")
			if slices.Contains([]int{200, 400, 401, 403}, r.Response.Status) {
				t.Expect(r.Response).NotTo(HaveHeader("Content-Type", isHTML), r.What+": no HTML")
			}
		})
	})
	Case("poll-error-format", "of a poll is a 400 with a string error", Judges("CIBA-11-ERROR-FORMAT").AlsoAs(Ping).Smoke(), func(t *T) {
		for _, r := range pollErrors(t) {
			e, isError := r.Response.OAuthError()
			switch {
			case outsideErrorRule(r.Response.Status), isError && e.Code == string(ciba.InvalidClient):
				continue
			case r.Response.Status == http.StatusForbidden && isError && e.Code == string(ciba.AccessDenied):
				t.Expect(r.Response).As(result.Warn).To(HaveStatus(http.StatusBadRequest), "status 400")
				continue
			}
			t.Expect(r.Response).To(HaveStatus(http.StatusBadRequest), r.What+": status 400")
			judgeErrorForm(t, r)
		}
	})
	Case("poll-error-format-everywhere", "of a token request is JSON with a string error whatever it is about",
		Judges("CIBA-11-ERROR-FORMAT").AlsoAs(Ping).AfterAll(), func(t *T) {
			UntilFinding(t, everyPollError(t), func(r Answer) {
				if r.Response.Status == 400 {
					judgeErrorForm(t, r)
				}
			})
		})
	Case("poll-error-no-store", "of a poll is not cached", Judges("CIBA-11-ERROR-NO-STORE").AfterAll(), func(t *T) {
		UntilFinding(t, everyPollError(t), func(r Answer) {
			if r.Response.Status == http.StatusBadRequest {
				t.Expect(r.Response).To(NotBeCached(), r.What+": Cache-Control contains no-store")
			}
		})
	})
})

// hasCodeForStart reports whether the code of an error is one for the backchannel endpoint.
func hasCodeForStart(resp *ciba.Response) bool {
	e, _ := resp.OAuthError()
	return ciba.ErrorCode(e.Code).FitsStart()
}

// isRedirect reports whether an answer sends the client elsewhere.
func isRedirect(resp *ciba.Response) bool { return resp.Status/100 == 3 }

// isHTML reports whether a Content-Type is that of a page for a browser.
func isHTML(contentType string) bool {
	mediaType, _, _ := strings.Cut(contentType, ";")
	return strings.EqualFold(strings.TrimSpace(mediaType), "text/html")
}

// judgeStatusOfCode expects the status that CIBA Core 13 pairs with a code.
func judgeStatusOfCode(t *T, r Answer) {
	e, isError := r.Response.OAuthError()
	if r.Response.Status == http.StatusOK {
		t.Expect(r.Response).NotTo(HaveMember("error", nonEmptyText), r.What+": an error status with an error")
		return
	}
	if !isError || outsideErrorRule(r.Response.Status) {
		return
	}
	want := http.StatusBadRequest
	switch ciba.ErrorCode(e.Code) {
	case ciba.InvalidClient:
		want = http.StatusUnauthorized
	case ciba.AccessDenied:
		want = http.StatusForbidden
	}
	t.Expect(r.Response).To(HaveStatus(want), fmt.Sprintf("%s: %d with %s", r.What, want, ciba.Printable(e.Code)))
}

// outsideErrorRule reports whether a status belongs to the HTTP layer or to load control,
// whose answers need not be OAuth errors.
func outsideErrorRule(status int) bool {
	return status >= 500 || slices.Contains([]int{0, 200, 404, 405, 413, 415, 429}, status)
}

// startErrors is the shared set of refused backchannel requests. One without an answer, which
// something before the OP may have cut off, is left out, and so is one that was accepted.
func startErrors(t *T) []Answer {
	list := Observe(t, "start errors", func(t *T) []Answer {
		good := t.Request()
		var list []Answer
		add := func(what string, r Request) { list = append(list, Answer{What: what, Response: t.Send(r)}) }
		add("no hint", t.StartRequest(requestWithoutHint(t)))
		add("no scope", t.StartRequest(good.Without("scope")))
		add("an unknown scope", t.StartRequest(good.With("scope", "openid x-unknown-scope")))
		add("scope twice", t.StartRequest(good.Add("scope", "openid")))
		add("an unknown user", t.StartRequest(requestWithoutHint(t).Add("login_hint", hintOfNobody(t))))
		add("an unreadable id_token_hint", t.StartRequest(requestWithoutHint(t).Add("id_token_hint", "not-a-jwt")))
		add("two hints", t.StartRequest(good.Add("id_token_hint", "not-a-jwt")))
		add("a bad requested_expiry", t.StartRequest(good.With("requested_expiry", "abc")))
		add("an unsuitable binding_message", t.StartRequest(good.With("binding_message", strings.Repeat("\u202e<b>", 90))))
		add("no client authentication", t.StartRequest(good).AuthenticatedBy(ciba.Public(t.Client().ClientID)))
		add("an unknown client", t.StartRequest(good).AuthenticatedBy(UnknownClient(t, t.Client())))
		if t.Has(catalogue.NeedRAR) {
			add("authorization_details that are no JSON", t.StartRequest(good.With("authorization_details", "[{")))
		}
		return list
	})
	refused := slices.DeleteFunc(slices.Clone(list), func(r Answer) bool { return r.Response.Status == 0 || isAccepted(r.Response) })
	if len(refused) == 0 {
		t.Abort("no request was refused, so there is no error to judge")
	}
	return refused
}

// isAccepted reports whether a backchannel request was taken on, by the status alone: whether
// the acknowledgement can be read is for other cases to judge.
func isAccepted(resp *ciba.Response) bool { return resp.Status/100 == 2 && !HasErrorMember(resp) }

// pollErrors is the shared set of refused token requests.
func pollErrors(t *T) []Answer {
	return Observe(t, "poll errors", func(t *T) []Answer {
		var list []Answer
		add := func(what string, p ciba.Params) {
			list = append(list, Answer{What: what, Response: t.MustAnswer(t.Send(t.TokenRequest(t.Client(), p)))})
		}
		grant := ciba.P("grant_type", ciba.GrantTypeCIBA)
		add("an unknown auth_req_id", grant.Add("auth_req_id", t.Random().Text()+t.Random().Text()))
		add("no auth_req_id", grant)
		add("no grant_type", ciba.P("auth_req_id", t.Random().Text()))
		flow := t.MustStart(t.Request())
		list = append(list, Answer{What: "a pending poll", Response: t.MustAnswer(t.Poll(flow))})
		return list
	})
}

// judgeErrorForm expects a JSON object with a code and without what a success carries. A
// client that looks for tokens first would take an error with tokens for a success.
func judgeErrorForm(t *T, r Answer) {
	t.Expect(r.Response).To(BeJSON(), r.What+": application/json")
	if !t.Expect(r.Response).To(BeJSONObject(), r.What+": a JSON object") {
		return
	}
	t.Expect(r.Response).To(HaveMember("error", nonEmptyText), r.What+": error is a non-empty string")
	t.Expect(r.Response).NotTo(gomega.Or(HaveMember("auth_req_id", nil), HaveTokens()), r.What+": neither auth_req_id nor tokens")
}

// judgeCharacters compares the decoded values with the sets of RFC 6749 5.2. Others break
// the headers and logs that clients copy them into.
func judgeCharacters(t *T, r Answer, e ciba.OAuthError) {
	t.At(r.Response)
	for _, member := range []struct{ name, text string }{{"error", e.Code}, {"error_description", e.Description}} {
		t.Check(strings.IndexFunc(member.text, notVisible) < 0,
			r.What+": "+member.name+" of visible ASCII without quote and backslash", "%.100q", member.text)
	}
	object, _ := r.Response.Object()
	for _, name := range []string{"error_description", "error_uri"} {
		_, isText := object[name].(string)
		t.Check(object[name] == nil || isText, r.What+": "+name+" is text", "%T", object[name])
	}
	notOfURI := func(c rune) bool { return notVisible(c) || c == ' ' }
	t.Check(strings.IndexFunc(e.URI, notOfURI) < 0, r.What+": error_uri is a URI", "%.100q", e.URI)
}

// notVisible reports whether a character is outside the set of error and
// error_description: the visible ASCII and the space, without quote and backslash.
func notVisible(c rune) bool { return c < 0x20 || c > 0x7E || c == '"' || c == '\\' }

// everyStartError are the refusals of [startErrors] and those that other cases
// met: an OP may know how to put an error for most reasons, and not for one.
func everyStartError(t *T) []Answer { return withAnswered(startErrors(t), SeenInMode(t).Starts()) }

// everyPollError are the refusals of [pollErrors] and those that other cases met.
func everyPollError(t *T) []Answer { return withAnswered(pollErrors(t), SeenInMode(t).Polls()) }

// withAnswered adds to a list the errors among answers that are not in it.
func withAnswered(list []Answer, others []driver.Answer) []Answer {
	for _, a := range others {
		known := slices.ContainsFunc(list, func(r Answer) bool { return r.Response == a.Response })
		if !known && a.Response.Status != 0 && (a.Response.Status/100 != 2 || HasErrorMember(a.Response)) {
			list = append(list, Answer{What: "a request of the case " + a.By, Response: a.Response})
		}
	}
	return list
}

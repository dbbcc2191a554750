package harness

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/cibatest/cibatest/internal/catalogue"
	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/reports/result"
)

// Record records a judgement by any requirement, with an outcome of the caller's. A pass
// leaves nothing. Expected and actual are in words.
func (t *T) Record(r catalogue.Requirement, o result.Outcome, expected, actual string) {
	if o == result.Pass {
		return
	}
	clause := fmt.Sprintf("%s (%s)", r.ID, r.Level)
	if r.Implied {
		clause += ", deduced from " + r.Source
	}
	at := t.driver.Recorder().Place(t.evidence)
	if at == 0 {
		at = t.driver.Recorder().Len()
	}
	f := result.Finding{Outcome: o, Clause: clause, Requirement: r.ID, Expected: expected, Actual: actual, Exchange: at}
	explain(&f, r, t.evidence)
	t.findings = append(t.findings, f)
}

// explain adds what follows from the clause and the answer that decides, which is nil
// where none does.
func explain(f *result.Finding, r catalogue.Requirement, resp *ciba.Response) {
	whole := resp != nil && resp.Err == nil && strings.HasSuffix(f.Actual, resp.Summary()) // not a part of it, such as a header
	f.Seen = seen(*f, r, resp, whole)
	if !whole {
		resp = nil
	}
	f.Gravity = gravity(f.Seen, r, resp)
	f.Says = resp.Says()
	f.Change = change(*f)
	if f.Outcome == result.Warn {
		f.Why = whyWarning(r, resp)
	}
}

// seen tells the facts about what decides a finding, nil when there are none.
func seen(f result.Finding, r catalogue.Requirement, resp *ciba.Response, whole bool) *result.Seen {
	s := result.Seen{Endpoint: resp.Label()}
	if !whole {
		if s.Member = memberIn(f.Expected, f.Actual); s.Member == "" {
			return nil
		}
		return &s
	}
	s.Status, s.WantStatus, s.WantError = resp.Status, r.Expect.Status, r.Expect.Error
	s.WantSuccess = r.Expect.OrSuccess || slices.Contains(r.Expect.Status, http.StatusOK)
	if _, err := resp.Object(); err != nil {
		s.Body = err.Error()
	}
	if e, ok := resp.OAuthError(); ok {
		s.Error = ciba.Printable(e.Code)
	}
	return &s
}

// gravity is what the catalogue says about the clause, unless the answer tells more: what
// had to be refused and was not is let in, and what was refused in other words is not.
func gravity(s *result.Seen, r catalogue.Requirement, resp *ciba.Response) result.Gravity {
	refusal := len(r.Expect.Status) > 0 && !slices.Contains(r.Expect.Status, http.StatusOK) && !r.Expect.OrSuccess
	switch {
	case resp == nil:
		return declared(s, r)
	case refusal && resp.Status/100 == 2 && !HasErrorMember(resp), r.Expect.AnyRefusal && resp.Status < 500 && !LetsNothingThrough(resp):
		return result.LetIn
	case resp.Status >= 500:
		return result.WrongEffect
	case resp.Status/100 != 2 && len(r.Expect.Status) > 0 && s.Differs():
		if s.WantSuccess && len(s.WantError) == 0 {
			return result.WrongEffect
		}
		return result.WrongCode
	case declared(s, r) == result.LetIn && LetsNothingThrough(resp):
		return result.WrongCode
	}
	return declared(s, r)
}

// formHeaders are those whose lack takes nothing from anybody.
var formHeaders = []string{"Cache-Control", "Content-Type", "WWW-Authenticate", "Retry-After"}

// declared is the gravity of a clause where no answer as a whole decides.
func declared(s *result.Seen, r catalogue.Requirement) result.Gravity {
	switch {
	case r.Gravity != "":
		return result.Gravity(r.Gravity)
	case s != nil && slices.Contains(formHeaders, s.Member), r.Area == "discovery":
		return result.WrongForm
	}
	return result.WrongEffect
}

// change says what to change at the OP.
func change(f result.Finding) string {
	s, answered := f.Seen, f.Seen != nil && f.Seen.Status != 0
	switch {
	case f.Gravity == result.LetIn && answered && len(s.WantStatus) > 0:
		return "refuse it: " + f.Expected
	case answered && s.Status >= 500:
		return "answer what a client got wrong with a status of 4xx, and log the server's error"
	case f.Gravity == result.WrongEffect && answered && s.WantSuccess && len(s.WantError) == 0:
		return "accept it"
	case f.Gravity == result.WrongCode && answered && s.Differs():
		return s.Correction()
	}
	return due(f.Expected)
}

// due says what to do about an expectation: an answer, by its status, is given.
func due(expected string) string {
	status, _, _ := strings.Cut(expected, " ")
	if n, err := strconv.Atoi(status); err == nil && n >= 100 && n < 600 {
		return "answer " + expected
	}
	return "do what is expected: " + expected
}

// whyWarning says why something is a warning and no failure.
func whyWarning(r catalogue.Requirement, resp *ciba.Response) string {
	switch {
	case r.Level == "SHOULD":
		return "the text says SHOULD"
	case r.Level == "MAY":
		return "the text leaves it open"
	case resp != nil && r.Expect.AnyRefusal && LetsNothingThrough(resp):
		return "the clause holds, as nothing was let through; only the words of the refusal differ"
	case r.Verdict == "warn" && r.Implied:
		return "the clause is deduced from the text and not written there"
	case r.Verdict == "warn":
		return "the text says MUST, and OPs in use differ without harm"
	}
	return "the texts leave room for it, or OPs in use answer so"
}

// members are the words of the wire that findings are about. What a finding says comes
// from the cases, so that the first of these words in it is what it is about.
var members = []string{
	"iss", "sub", "aud", "exp", "iat", "nbf", "jti", "azp", "acr", "amr", "nonce", "auth_time", "at_hash", "rt_hash", "kid", "alg", "typ",
	"access_token", "token_type", "expires_in", "refresh_token", "id_token", "scope", "authorization_details", "auth_req_id", "interval",
	"client_id", "active", "error_description", "error_uri", "binding_message",
	"Cache-Control", "Content-Type", "WWW-Authenticate", "Retry-After",
}

// memberIn is the first member that one of the texts names, empty when none does.
func memberIn(texts ...string) string {
	for _, text := range texts {
		for word := range strings.FieldsFuncSeq(text, func(c rune) bool { return !isWordOfWire(c) }) {
			if slices.Contains(members, word) {
				return word
			}
		}
	}
	return ""
}

func isWordOfWire(c rune) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-'
}

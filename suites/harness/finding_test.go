package harness

import (
	"net/http"
	"testing"

	"github.com/cibatest/cibatest/internal/catalogue"
	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/reports/result"
)

// What a finding means is told by the answer where one decides, else by the clause.
func TestExplain(t *testing.T) {
	t.Parallel()
	refusal := catalogue.Requirement{Level: "MUST", Verdict: "fail", Expect: catalogue.Expect{
		Status: []int{400}, Error: []string{"invalid_grant"}, Tolerated: []string{"invalid_request"},
	}}
	anyRefusal, deduced, should, race := refusal, refusal, refusal, refusal
	anyRefusal.Expect.AnyRefusal = true
	deduced.Verdict, deduced.Implied = "warn", true
	should.Level, should.Verdict = "SHOULD", "warn"
	race.Expect, race.Gravity = catalogue.Expect{}, "let in"
	success := catalogue.Requirement{Level: "MUST", Verdict: "fail", Expect: catalogue.Expect{Status: []int{200}}}
	metadata := catalogue.Requirement{Level: "MUST", Verdict: "fail", Area: "discovery"}
	whole := func(status int, body string) *ciba.Response {
		return &ciba.Response{Status: status, Header: http.Header{}, Body: []byte(body)}
	}
	for _, c := range []struct {
		name    string
		clause  catalogue.Requirement
		resp    *ciba.Response
		actual  string // empty: the answer as a whole
		outcome result.Outcome
		gravity result.Gravity
		change  string
		why     string
	}{
		{"accepted", refusal, whole(200, `{"access_token":"a"}`), "", result.Fail, result.LetIn, "refuse it: what is due", ""},
		{
			"told to wait, and no stranger may be", anyRefusal, whole(400, `{"error":"authorization_pending"}`), "", result.Fail, result.LetIn,
			"refuse it: what is due", "",
		},
		{"another status", refusal, whole(401, `{"error":"invalid_grant"}`), "", result.Fail, result.WrongCode, "answer 400 instead of 401", ""},
		{
			"another code", refusal, whole(400, `{"error":"server_error"}`), "", result.Fail, result.WrongCode,
			"answer error invalid_grant instead of server_error", "",
		},
		{
			"both", refusal, whole(403, `{"error":"nope"}`), "", result.Fail, result.WrongCode,
			"answer 400 with error invalid_grant instead of 403 nope", "",
		},
		{"no body", refusal, whole(401, ``), "", result.Fail, result.WrongCode, "answer 400 with a JSON object that says error invalid_grant", ""},
		{
			"broken", refusal, whole(500, `{}`), "", result.Fail, result.WrongEffect,
			"answer what a client got wrong with a status of 4xx, and log the server's error", "",
		},
		{"refused what is right", success, whole(400, `{"error":"invalid_scope"}`), "", result.Fail, result.WrongEffect, "accept it", ""},
		{"robbed its owner", refusal, whole(400, `{"error":"invalid_grant"}`), "", result.Fail, result.WrongEffect, "do what is expected: what is due", ""},
		{"declared", race, whole(200, `{"access_token":"a"}`), "10 of 10", result.Fail, result.LetIn, "do what is expected: what is due", ""},
		{"declared, but refused", race, whole(403, `{"error":"nope"}`), "", result.Fail, result.WrongCode, "do what is expected: what is due", ""},
		{"a header", success, whole(200, `{}`), `Cache-Control ""`, result.Fail, result.WrongForm, "do what is expected: what is due", ""},
		{"metadata", metadata, nil, "absent", result.Fail, result.WrongForm, "do what is expected: what is due", ""},
		{"a value", success, whole(200, `{}`), `sub is ""`, result.Fail, result.WrongEffect, "do what is expected: what is due", ""},
		{
			"tolerated", refusal, whole(400, `{"error":"invalid_request"}`), "", result.Warn, result.WrongCode,
			"answer error invalid_grant instead of invalid_request", "the texts leave room for it, or OPs in use answer so",
		},
		{
			"only the words differ", anyRefusal, whole(403, `{"error":"nope"}`), "", result.Warn, result.WrongCode,
			"answer 400 with error invalid_grant instead of 403 nope", "the clause holds, as nothing was let through; only the words of the refusal differ",
		},
		{
			"deduced", deduced, whole(403, `{"error":"invalid_grant"}`), "", result.Warn, result.WrongCode, "answer 400 instead of 403",
			"the clause is deduced from the text and not written there",
		},
		{"a SHOULD", should, whole(403, `{"error":"invalid_grant"}`), "", result.Warn, result.WrongCode, "answer 400 instead of 403", "the text says SHOULD"},
	} {
		f := result.Finding{Outcome: c.outcome, Expected: "what is due", Actual: c.actual}
		if c.actual == "" {
			f.Actual = "client a: " + c.resp.Summary()
		}
		explain(&f, c.clause, c.resp)
		if f.Gravity != c.gravity || f.Change != c.change || f.Why != c.why {
			t.Errorf("%s: got %q, %q, %q", c.name, f.Gravity, f.Change, f.Why)
		}
	}
}

func TestMemberIn(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`sub is ""`: "sub", "the sub of alice": "sub", "no-store in Cache-Control": "Cache-Control", "400 with error invalid_scope": "", "another subject": "",
	} {
		if got := memberIn("", text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// An expected answer is given; whatever else is expected is done.
func TestDue(t *testing.T) {
	t.Parallel()
	for expected, want := range map[string]string{
		"400 with error invalid_grant": "answer 400 with error invalid_grant",
		"200":                          "answer 200",
		"10 of 10 are refused":         "do what is expected: 10 of 10 are refused",
		"a sub":                        "do what is expected: a sub",
		"":                             "do what is expected: ",
	} {
		if got := due(expected); got != want {
			t.Errorf("%q: %q, want %q", expected, got, want)
		}
	}
}

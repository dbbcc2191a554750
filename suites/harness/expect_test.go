package harness

import (
	"net/http"
	"testing"
	"time"

	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/internal/driver"
	"github.com/cibatest/cibatest/reports/result"
	"github.com/onsi/gomega"
	"github.com/onsi/gomega/types"
)

// answerOf is an answer as the client reports it.
func answerOf(status int, body string, header ...string) *ciba.Response {
	r := &ciba.Response{Status: status, Header: http.Header{"Content-Type": {"application/json"}}, Body: []byte(body)}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	r.Sent = time.Unix(0, 0)
	r.Received = r.Sent.Add(2 * time.Second)
	return r
}

// Each matcher takes what it is called after and nothing else.
func TestMatchers(t *testing.T) {
	t.Parallel()
	pending := answerOf(400, `{"error":"authorization_pending"}`)
	tokens := answerOf(200, `{"access_token":"a","token_type":"Bearer"}`, "Cache-Control", "no-store")
	page := answerOf(200, `<html>`, "Content-Type", "text/html", "Cache-Control", "max-age=60")
	ack := answerOf(200, `{"auth_req_id":"1c266114-a1be-4252-8ad1-04986c5b9ac1","expires_in":120}`)
	lost := &ciba.Response{Err: http.ErrHandlerTimeout}
	for name, c := range map[string]struct {
		matcher  types.GomegaMatcher
		yes, no  *ciba.Response
		noAnswer bool // an answer that never came matches
	}{
		"status":       {HaveStatus(200, 201), tokens, pending, false},
		"tokens":       {HaveTokens(), tokens, pending, false},
		"error":        {BeOAuthError(ciba.AuthorizationPending), pending, tokens, false},
		"pending":      {BePending(), pending, tokens, false},
		"acknowledged": {BeAcknowledged(), ack, pending, false},
		"json":         {BeJSON(), pending, page, false},
		"no-store":     {NotBeCached(), tokens, page, false},
		"header":       {HaveHeader("Cache-Control", nil), tokens, pending, false},
		"header fits":  {HaveHeader("Cache-Control", func(v string) bool { return v == "no-store" }), tokens, page, false},
		"member":       {HaveMember("error", nil), pending, tokens, false},
		"member fits":  {HaveMember("expires_in", func(v any) bool { n, ok := NumberOf(v); return ok && n == 120 }), ack, tokens, false},
		"in time":      {ArriveWithin(3 * time.Second), tokens, lost, false},
		"not":          {gomega.Not(HaveTokens()), pending, tokens, true},
		"and":          {gomega.And(HaveStatus(200), HaveTokens()), tokens, ack, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for resp, want := range map[*ciba.Response]bool{c.yes: true, c.no: false, lost: c.noAnswer} {
				if got, err := c.matcher.Match(resp); err != nil || got != want {
					t.Errorf("%s: got %v %v, want %v", resp.Summary(), got, err, want)
				}
			}
		})
	}
	if _, err := HaveTokens().Match("tokens"); err == nil {
		t.Error("anything but an answer is a mistake")
	}
}

// A miss becomes a finding that points at the answer, in words of the case or else of
// the matcher, with the verdict of the clause or the one that was asked for.
func TestExpect(t *testing.T) {
	t.Parallel()
	warning := clauseWithVerdict(t, "warn")
	d := &Definition{traits: Judges(warning)}
	run, err := driver.NewRun(driver.RunOptions{Target: emptyTarget()})
	if err != nil {
		t.Fatal(err)
	}
	c := &T{session: NewSession(emptyFacts(), run), def: d, driver: run.Driver(driver.Options{})}
	pending := answerOf(400, `{"error":"authorization_pending"}`)
	if c.Expect(pending).To(HaveTokens()) || c.Expect(pending).As(result.Fail).To(HaveTokens(), "what is due") || c.Expect(pending).NotTo(BePending()) {
		t.Error("a miss is told")
	}
	if !c.Expect(pending).To(BePending(), "what is due") || !c.Expect(pending).NotTo(HaveTokens()) {
		t.Error("a hit is told")
	}
	want := []result.Finding{
		{Outcome: result.Warn, Expected: "tokens"},
		{Outcome: result.Fail, Expected: "what is due"},
		{Outcome: result.Warn, Expected: "anything but authorization_pending or slow_down"},
	}
	if len(c.findings) != len(want) {
		t.Fatalf("%d findings, want %d", len(c.findings), len(want))
	}
	for i, f := range c.findings {
		if f.Outcome != want[i].Outcome || f.Expected != want[i].Expected || f.Actual != "400 authorization_pending" {
			t.Errorf("finding %d: %+v, want %+v", i, f, want[i])
		}
	}
	if Evidence(c) != pending {
		t.Error("the finding points at another answer")
	}
}

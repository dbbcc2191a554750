package harness

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/cibatest/cibatest/internal/catalogue"
	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/internal/driver"
	"github.com/cibatest/cibatest/reports/result"
)

// Judge compares an answer with what the case's requirement expects.
func (t *T) Judge(resp *ciba.Response) {
	t.JudgeBy(t.Requirement(), resp)
}

// JudgeBy compares an answer with the expect block of a requirement, which a
// case may have narrowed or widened for one of its variants.
func (t *T) JudgeBy(r catalogue.Requirement, resp *ciba.Response) {
	t.MustAnswer(resp)
	r = ofSigner(t, r, resp)
	outcome := OutcomeOf(r, resp)
	control(t, r, outcome, resp)
	t.At(resp)
	t.Record(r, outcome, Expectation(r), resp.Summary())
}

// ofSigner is a requirement as it holds for a request of the case's client: where it is signed,
// products tell what is wrong inside by the code of OpenID Connect for request objects (N-14).
func ofSigner(t *T, r catalogue.Requirement, resp *ciba.Response) catalogue.Requirement {
	signed := t.client != nil && t.client.SignsRequests() && resp.Label() == driver.StartLabel
	if !signed || !slices.Contains(r.Expect.Error, string(ciba.InvalidRequest)) {
		return r
	}
	return Tolerating(r, ciba.InvalidRequestObject)
}

// JudgeVariant is [T.Judge] for one of several variants of a test, named.
func (t *T) JudgeVariant(what string, resp *ciba.Response) {
	JudgeVariantBy(t, t.Requirement(), what, resp)
}

// JudgeVariantBy is [T.JudgeVariant] by a requirement that the case has altered.
func JudgeVariantBy(t *T, r catalogue.Requirement, what string, resp *ciba.Response) {
	t.MustAnswer(resp)
	r = ofSigner(t, r, resp)
	outcome := OutcomeOf(r, resp)
	control(t, r, outcome, resp)
	t.At(resp)
	t.Record(r, outcome, what+": "+Expectation(r), resp.Summary())
}

// JudgeAck judges an answer that has to accept the request. What is wrong with
// the form of the acknowledgement is not this case's business.
func (t *T) JudgeAck(what string, resp *ciba.Response) {
	if t.MustAnswer(resp).Status/100 != 2 {
		t.JudgeVariant(what, resp)
		return
	}
	if _, err := resp.Started(); err != nil {
		t.Abort("%s: the acknowledgement cannot be used: %v", what, err)
	}
}

// OutcomeOf is the rule of the catalogue: conforming is pass, tolerated is warn,
// the rest is the requirement's verdict. Two things are always a failure: tokens
// where none were due, and a server error on client input. Load control (503 and
// 429) that outlasts the client's patience says nothing about the clause.
func OutcomeOf(r catalogue.Requirement, resp *ciba.Response) result.Outcome {
	e := r.Expect
	wantsSuccess := slices.Contains(e.Status, 200) || e.OrSuccess || len(e.Status) == 0
	if resp.HasTokens() && !wantsSuccess {
		return result.Fail
	}
	if resp.Status >= 500 && resp.Status != 503 && !slices.Contains(e.Status, resp.Status) {
		return result.Fail
	}
	oauth, isError := resp.OAuthError()
	code := oauth.Code
	statusOK := len(e.Status) == 0 || slices.Contains(e.Status, resp.Status)
	if (resp.Status == 503 || resp.Status == 429) && !statusOK && !slices.Contains(e.ToleratedStatus, resp.Status) {
		return result.Error
	}
	if resp.Status/100 == 2 && HasErrorMember(resp) { // neither a success nor a refusal
		return missed(r, resp)
	}
	if e.OrSuccess && resp.Status/100 == 2 { // which 2xx it has to be is another clause's business
		return result.Pass
	}
	if resp.Status == 200 {
		if slices.Contains(e.Status, 200) {
			return result.Pass
		}
		return result.Outcome(r.Verdict)
	}
	codeOK := len(e.Error) == 0 || isError && slices.Contains(e.Error, code) || statusOK && ofHTTP(resp.Status)
	if statusOK && codeOK {
		return result.Pass
	}
	statusTolerated := statusOK || slices.Contains(e.ToleratedStatus, resp.Status)
	codeTolerated := codeOK || isError && slices.Contains(e.Tolerated, code)
	if statusTolerated && codeTolerated {
		return softer(result.Warn, result.Outcome(r.Verdict))
	}
	return missed(r, resp)
}

// missed is the outcome of an answer that is neither expected nor tolerated as such.
func missed(r catalogue.Requirement, resp *ciba.Response) result.Outcome {
	if r.Expect.AnyRefusal && LetsNothingThrough(resp) {
		return softer(result.Warn, result.Outcome(r.Verdict))
	}
	return result.Outcome(r.Verdict)
}

// LetsNothingThrough reports whether an answer is a refusal, in whatever words. One that
// brings tokens or an auth_req_id is none, nor is one that tells of a pending request: it
// is for a client that was let in.
func LetsNothingThrough(resp *ciba.Response) bool {
	object, err := resp.Object()
	brings := err == nil && object["auth_req_id"] != nil || resp.HasTokens()
	refused := resp.Status/100 == 4 || resp.Status/100 == 2 && HasErrorMember(resp)
	return refused && !brings && !driver.Undecided(resp)
}

// ofHTTP reports whether a status is that of an HTTP server which did not get as far
// as the protocol: such an answer need not be an OAuth error.
func ofHTTP(status int) bool {
	return slices.Contains([]int{404, 405, 406, 413, 414, 415, 422, 431, 501}, status)
}

// softer is the milder of two outcomes: a tolerated answer to a requirement
// that is only recorded stays a record.
func softer(a, b result.Outcome) result.Outcome {
	if a.WorseThan(b) {
		return b
	}
	return a
}

// Expectation puts an expect block into words.
func Expectation(r catalogue.Requirement) string {
	e := r.Expect
	var status []string
	for _, s := range e.Status {
		if s != http.StatusOK || !e.OrSuccess {
			status = append(status, fmt.Sprint(s))
		}
	}
	text := strings.Join(status, " or ")
	if len(e.Error) > 0 {
		text = strings.TrimSpace(text + " with error " + strings.Join(e.Error, " or "))
	}
	switch {
	case text == "":
		return strings.TrimSpace(r.Requirement)
	case e.OrSuccess:
		return text + ", or success"
	case e.AnyRefusal:
		return "a refusal, as " + text
	}
	return text
}

// Check records a judgement of the case's requirement: nothing when ok holds,
// else its verdict. It does not end the case. Expected and actual are in words.
func (t *T) Check(ok bool, expected, actual string, args ...any) bool {
	if !ok {
		add(t, verdict(t), expected, fmt.Sprintf(actual, args...))
	}
	return ok
}

// Fail records a failure whatever the requirement's own verdict says: for what
// the catalogue names as a failure always, and for body lines "judged fail".
func (t *T) Fail(expected, actual string, args ...any) {
	add(t, result.Fail, expected, fmt.Sprintf(actual, args...))
}

// Warn records a departure that is tolerated.
func (t *T) Warn(expected, actual string, args ...any) {
	add(t, result.Warn, expected, fmt.Sprintf(actual, args...))
}

// Info records an observation.
func (t *T) Info(expected, actual string, args ...any) {
	add(t, result.Info, expected, fmt.Sprintf(actual, args...))
}

// At makes the following findings point at this answer.
func (t *T) At(resp *ciba.Response) { t.evidence = resp }

// Failed reports whether anything worse than a pass was recorded so far.
func (t *T) Failed() bool {
	return slices.ContainsFunc(t.findings, func(f result.Finding) bool { return f.Outcome == result.Warn || f.Outcome.WorseThan(result.Warn) })
}

func verdict(t *T) result.Outcome { return result.Outcome(t.Requirement().Verdict) }

func add(t *T, o result.Outcome, expected, actual string) {
	t.Record(t.Requirement(), o, expected, actual)
}

// Evidence is the answer that the next finding points at.
func Evidence(t *T) *ciba.Response { return t.evidence }

// Keep keeps the exchange of an answer that another case received as evidence of this
// one.
func Keep(t *T, resp *ciba.Response) { t.driver.Recorder().Keep(resp) }

// Clause is a requirement of the catalogue by its id.
func Clause(t *T, id string) catalogue.Requirement {
	r, ok := t.session.catalogue.Get(id)
	if !ok {
		t.Abort("the catalogue has no requirement %s", id)
	}
	return r
}

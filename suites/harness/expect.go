package harness

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/internal/driver"
	"github.com/cibatest/cibatest/reports/result"
	"github.com/onsi/gomega/format"
	"github.com/onsi/gomega/types"
)

// Expect begins a judgement of one answer, which becomes the evidence of what is found:
//
//	t.Expect(resp).To(HaveTokens(), "the owner still gets the tokens")
//
// A miss is recorded with the verdict of the case's requirement and does not end the
// case. Any Gomega matcher for a *[ciba.Response] will do, so And, Or and Not combine
// the ones of this package.
func (t *T) Expect(resp *ciba.Response) Judgement {
	t.At(resp)
	return Judgement{t: t, resp: resp, outcome: verdict(t)}
}

// Judgement is an answer about to be judged.
type Judgement struct {
	t       *T
	resp    *ciba.Response
	outcome result.Outcome
}

// As is the judgement with another outcome for a miss than the verdict of the
// requirement: [result.Fail] for what is a failure always, [result.Warn] for what is
// tolerated.
func (j Judgement) As(o result.Outcome) Judgement {
	j.outcome = o
	return j
}

// To records a miss unless the answer matches. The words say what is expected; without
// any the matcher says it. It reports whether the answer matches.
func (j Judgement) To(m types.GomegaMatcher, words ...string) bool {
	return j.judge(m, true, words)
}

// NotTo records a miss if the answer matches, and reports whether it does not.
func (j Judgement) NotTo(m types.GomegaMatcher, words ...string) bool {
	return j.judge(m, false, words)
}

func (j Judgement) judge(m types.GomegaMatcher, want bool, words []string) bool {
	matches, err := m.Match(j.resp)
	if err != nil {
		j.t.Abort("a defect in cibatest: %v", err)
	}
	if matches == want {
		return true
	}
	clause := j.t.Requirement()
	if about, ok := m.(*answerMatcher); ok && want && about.statuses != nil {
		clause = ExpectingStatus(clause, about.statuses...)
	}
	j.t.Record(clause, j.outcome, expectedOf(m, want, words), actualOf(m, j.resp))
	return false
}

func expectedOf(m types.GomegaMatcher, want bool, words []string) string {
	if len(words) > 0 {
		return strings.Join(words, ": ")
	}
	about, ok := m.(*answerMatcher)
	switch {
	case !ok:
		return format.Object(m, 0)
	case !want:
		return "anything but " + about.want
	}
	return about.want
}

func actualOf(m types.GomegaMatcher, resp *ciba.Response) string {
	if about, ok := m.(*answerMatcher); ok && about.shows != nil && resp.Err == nil {
		return about.shows(resp)
	}
	return resp.Summary()
}

// answerMatcher is a Gomega matcher for an answer that can say what it wants and what
// came instead, without secrets.
type answerMatcher struct {
	want     string
	statuses []int // nil unless it is about the status
	holds    func(*ciba.Response) bool
	shows    func(*ciba.Response) string // what came, nil: the summary of the answer
}

// Match implements [types.GomegaMatcher].
func (m *answerMatcher) Match(actual any) (bool, error) {
	resp, ok := actual.(*ciba.Response)
	if !ok {
		return false, fmt.Errorf("expected an answer of the OP, got %T", actual)
	}
	return m.holds(resp), nil
}

// FailureMessage implements [types.GomegaMatcher].
func (m *answerMatcher) FailureMessage(actual any) string {
	return fmt.Sprintf("want %s, got %s", m.want, actualOf(m, actual.(*ciba.Response)))
}

// NegatedFailureMessage implements [types.GomegaMatcher].
func (m *answerMatcher) NegatedFailureMessage(actual any) string {
	return fmt.Sprintf("want anything but %s, got %s", m.want, actualOf(m, actual.(*ciba.Response)))
}

// HaveStatus matches an answer with one of these statuses.
func HaveStatus(statuses ...int) types.GomegaMatcher {
	var words []string
	for _, s := range statuses {
		words = append(words, fmt.Sprint(s))
	}
	return &answerMatcher{
		want:     "status " + strings.Join(words, " or "),
		statuses: statuses,
		holds:    func(r *ciba.Response) bool { return slices.Contains(statuses, r.Status) },
	}
}

// HaveTokens matches an answer that carries any token.
func HaveTokens() types.GomegaMatcher {
	return &answerMatcher{want: "tokens", holds: (*ciba.Response).HasTokens}
}

// BeOAuthError matches an error with one of these codes, whatever its status.
func BeOAuthError(codes ...ciba.ErrorCode) types.GomegaMatcher {
	var words []string
	for _, code := range codes {
		words = append(words, string(code))
	}
	return &answerMatcher{
		want:  strings.Join(words, " or "),
		holds: func(r *ciba.Response) bool { return r.Is(codes...) },
	}
}

// BePending matches what a poll is answered while the user has not decided:
// authorization_pending, or slow_down where the OP finds the poll too early. CIBA Core
// 11.
func BePending() types.GomegaMatcher {
	return &answerMatcher{want: "authorization_pending or slow_down", holds: driver.Undecided}
}

// BeAcknowledged matches an acknowledgement with an auth_req_id that can be used. CIBA
// Core 7.3.
func BeAcknowledged() types.GomegaMatcher {
	return &answerMatcher{want: "an acknowledgement with auth_req_id", holds: func(r *ciba.Response) bool {
		_, err := r.Started()
		return err == nil
	}}
}

// BeJSON matches an answer whose media type is application/json.
func BeJSON() types.GomegaMatcher {
	return &answerMatcher{
		want:  "application/json",
		holds: func(r *ciba.Response) bool { return r.MediaType() == "application/json" },
		shows: showing("Content-Type"),
	}
}

// BeJSONObject matches an answer whose body is one JSON object, whatever its media
// type and status.
func BeJSONObject() types.GomegaMatcher {
	return &answerMatcher{want: "a JSON object", holds: func(r *ciba.Response) bool {
		_, err := r.Object()
		return err == nil
	}}
}

// NotBeCached matches an answer that no cache may store. RFC 9111 5.2.2.5.
func NotBeCached() types.GomegaMatcher {
	return &answerMatcher{
		want:  "Cache-Control contains no-store",
		holds: func(r *ciba.Response) bool { return NoStore(r.Header.Values("Cache-Control")) },
		shows: showing("Cache-Control"),
	}
}

// HaveHeader matches an answer with a header whose lines, joined by commas, fit; nil
// means any.
func HaveHeader(name string, fits func(value string) bool) types.GomegaMatcher {
	return &answerMatcher{
		want: "a header " + name,
		holds: func(r *ciba.Response) bool {
			values := r.Header.Values(name)
			return len(values) > 0 && (fits == nil || fits(strings.Join(values, ", ")))
		},
		shows: showing(name),
	}
}

// showing quotes a header of an answer.
func showing(name string) func(*ciba.Response) string {
	return func(r *ciba.Response) string {
		return fmt.Sprintf("%s %.100q", name, strings.Join(r.Header.Values(name), ", "))
	}
}

// HaveMember matches a JSON object with a member that fits; nil means any value.
func HaveMember(name string, fits func(value any) bool) types.GomegaMatcher {
	return &answerMatcher{
		want: "a member " + name,
		holds: func(r *ciba.Response) bool {
			object, err := r.Object()
			value, there := object[name]
			return err == nil && there && (fits == nil || fits(value))
		},
		shows: func(r *ciba.Response) string { return describeMember(r, name) },
	}
}

// describeMember tells what a member of an answer is. A text may be a secret, so only
// its being there is told.
func describeMember(r *ciba.Response, name string) string {
	object, err := r.Object()
	value, there := object[name]
	switch v := value.(type) {
	case string:
		if v == "" {
			return name + " is an empty string"
		}
		return name + " is a string"
	case []any:
		return name + " is an array"
	case map[string]any:
		return name + " is an object"
	case nil:
		if err != nil || !there {
			return "no " + name + ": " + r.Summary()
		}
		return name + " is null"
	}
	return fmt.Sprintf("%s is %.40v", name, value)
}

// ArriveWithin matches an answer that came, and took no longer.
func ArriveWithin(limit time.Duration) types.GomegaMatcher {
	return &answerMatcher{
		want:  "an answer within " + limit.String(),
		holds: func(r *ciba.Response) bool { return r.Err == nil && r.Received.Sub(r.Sent) <= limit },
		shows: func(r *ciba.Response) string {
			return "it took " + r.Received.Sub(r.Sent).Round(time.Millisecond).String()
		},
	}
}

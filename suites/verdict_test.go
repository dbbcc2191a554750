package suites

import (
	"testing"

	"github.com/cibatest/cibatest/reports/result"
	"github.com/google/go-cmp/cmp"
)

// Green needs an answer to what was asked.
func TestVerdict(t *testing.T) {
	notForGinkgo(t)
	t.Parallel()
	must := func(id string, o result.Outcome) result.Case {
		return result.Case{ID: id, Area: "polling", Requirements: []string{"CIBA-11-PENDING"}, Outcome: o}
	}
	may := result.Case{ID: "may", Area: "polling", Requirements: []string{"CIBA-11-FAST-POLL"}, Outcome: result.Pass}
	other := result.Case{ID: "other", Area: "discovery", Requirements: []string{"CIBA-4-DISC-MODES"}, Outcome: result.Pass}
	essential := must("a", result.Skip)
	essential.Reason = "second_client: the target file has 1 poll clients"
	for _, c := range []struct {
		name  string
		asked []string
		cases []result.Case
		want  result.Verdict
	}{
		{"everything holds", nil, []result.Case{must("a", result.Pass)}, result.Conformant},
		{"a failure", nil, []result.Case{must("a", result.Fail), must("b", result.Error)}, result.NonConformant},
		{"an error", nil, []result.Case{other, must("b", result.Error)}, result.Partial},
		{"a feature that is missing", nil, []result.Case{must("a", result.Pass), must("b", result.Skip)}, result.Conformant},
		{"something essential is missing", nil, []result.Case{other, essential}, result.Partial},
		{"nothing was judged", nil, []result.Case{must("a", result.Skip)}, result.NoVerdict},
		{"no MUST was judged", nil, []result.Case{must("a", result.Skip), may}, result.NoVerdict},
		{"a MAY was asked about", []string{"may"}, []result.Case{may}, result.Conformant},
		{"one of two that were named was skipped", []string{"a", "other"}, []result.Case{must("a", result.Skip), other}, result.Partial},
		{"of an area only a MAY was judged", []string{"polling", "other"}, []result.Case{must("a", result.Skip), may, other}, result.Partial},
		{"of an area one MUST was judged", []string{"polling"}, []result.Case{must("a", result.Skip), must("b", result.Pass)}, result.Conformant},
	} {
		run := result.Run{Cases: c.cases, Summary: result.Summarise(c.cases)}
		run.Requirements = requirements(run, false)
		run.Selection.Arguments = c.asked
		if got := verdict(run); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// A clause comes to what was found about it, and not to what its cases found about others.
func TestRequirementsByFinding(t *testing.T) {
	notForGinkgo(t)
	t.Parallel()
	const deciding, second, third = "CIBA-11-PENDING", "CIBA-11-ERROR-FORMAT", "CIBA-11-FAST-POLL-NO-TOKENS"
	found := func(o result.Outcome, clause string) result.Finding {
		return result.Finding{Outcome: o, Clause: clause + " (MUST)", Requirement: clause}
	}
	judged := result.Case{ID: "a", Requirements: []string{deciding, second}, Outcome: result.Fail, Findings: []result.Finding{found(result.Fail, second)}}
	aborted := judged
	aborted.Ended = result.Error
	elsewhere := judged
	elsewhere.Findings = append(elsewhere.Findings, found(result.Warn, third))
	skipped := result.Case{ID: "b", Requirements: []string{deciding, second}, Outcome: result.Skip}
	for name, c := range map[string]struct {
		cases  []result.Case
		strict bool
		want   map[string]result.Outcome
	}{
		"a finding about the other clause": {[]result.Case{judged}, false, map[string]result.Outcome{deciding: result.Pass, second: result.Fail}},
		"a skip beside it":                 {[]result.Case{judged, skipped}, false, map[string]result.Outcome{deciding: result.Pass, second: result.Fail}},
		"only a skip":                      {[]result.Case{skipped}, false, map[string]result.Outcome{deciding: result.Skip, second: result.Skip}},
		"stopped before its end":           {[]result.Case{aborted}, false, map[string]result.Outcome{deciding: result.Error, second: result.Fail}},
		"a clause the case does not name":  {[]result.Case{elsewhere}, false, map[string]result.Outcome{deciding: result.Pass, second: result.Fail, third: result.Warn}},
		"strict":                           {[]result.Case{elsewhere}, true, map[string]result.Outcome{deciding: result.Pass, second: result.Fail, third: result.Fail}},
	} {
		got := map[string]result.Outcome{}
		for _, r := range requirements(result.Run{Cases: c.cases, Selection: result.Selection{Strict: c.strict}}, false) {
			got[r.ID] = r.Outcome
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: -want +got\n%s", name, diff)
		}
	}
}

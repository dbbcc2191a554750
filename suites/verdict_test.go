package suites

import (
	"testing"

	"github.com/cibatest/cibatest/reports/result"
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
		{"an error", nil, []result.Case{must("a", result.Pass), must("b", result.Error)}, result.Partial},
		{"a feature that is missing", nil, []result.Case{must("a", result.Pass), must("b", result.Skip)}, result.Conformant},
		{"something essential is missing", nil, []result.Case{other, essential}, result.Partial},
		{"nothing was judged", nil, []result.Case{must("a", result.Skip)}, result.Partial},
		{"no MUST was judged", nil, []result.Case{must("a", result.Skip), may}, result.Partial},
		{"a MAY was asked about", []string{"may"}, []result.Case{may}, result.Conformant},
		{"one of two that were named was skipped", []string{"a", "other"}, []result.Case{must("a", result.Skip), other}, result.Partial},
		{"of an area only a MAY was judged", []string{"polling", "other"}, []result.Case{must("a", result.Skip), may, other}, result.Partial},
		{"of an area one MUST was judged", []string{"polling"}, []result.Case{must("a", result.Skip), must("b", result.Pass)}, result.Conformant},
	} {
		run := result.Run{Cases: c.cases, Requirements: requirements(c.cases, false), Summary: result.Summarise(c.cases)}
		run.Selection.Arguments = c.asked
		if got := verdict(run); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

package baseline

import (
	"strings"
	"testing"

	"github.com/cibatest/cibatest/reports/result"
	"github.com/google/go-cmp/cmp"
)

// judged is a case of a run; its requirement is R-1 unless others are named.
func judged(id string, outcome result.Outcome, requirements ...string) result.Case {
	if len(requirements) == 0 {
		requirements = []string{"R-1"}
	}
	return result.Case{ID: id, Requirements: requirements, Outcome: outcome, Message: "want 400, got 200"}
}

func parsed(t *testing.T, text string) *Baseline {
	t.Helper()
	b, err := Parse("known.yaml", []byte(text), today)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Only what was judged can make an entry stale.
func TestApply(t *testing.T) {
	t.Parallel()
	const (
		aFails  = "known: [{case: a, outcome: fail, reason: because}]"
		r1Fails = "known: [{requirement: R-1, outcome: fail, reason: because}]"
		overdue = "known: [{case: a, outcome: fail, reason: because, expires: 2026-11-23}]"
		aWarns  = "known: [{case: a, outcome: warn, reason: because}]"
		nobody  = "known: [{case: a, outcome: fail, reason: \"unexplained: want 400\"}]"
	)
	only := func(arguments ...string) result.Selection { return result.Selection{Arguments: arguments} }
	strictly := judged("a", result.Fail)
	strictly.Findings = []result.Finding{{Outcome: result.Warn}}
	for _, c := range []struct {
		name     string
		baseline string
		run      result.Run
		reasons  bool // asked for
		known    string
		problems string
	}{
		{name: "as listed", baseline: aFails, run: result.Run{Cases: []result.Case{judged("a", result.Fail), judged("b", result.Fail)}}, known: "a"},
		{name: "passes now", baseline: aFails, run: result.Run{Cases: []result.Case{judged("a", result.Pass)}}, problems: "stale a"},
		{name: "warns now", baseline: aFails, run: result.Run{Cases: []result.Case{judged("a", result.Warn)}}, problems: "stale a"},
		{name: "skipped", baseline: aFails, run: result.Run{Cases: []result.Case{judged("a", result.Skip)}}},
		{name: "not judged", baseline: aFails, run: result.Run{Cases: []result.Case{judged("a", result.Error)}}},
		{name: "filtered out", baseline: aFails, run: result.Run{Selection: only("b"), Cases: []result.Case{judged("b", result.Pass)}}},
		{name: "no such case", baseline: aFails, run: result.Run{Cases: []result.Case{judged("b", result.Pass)}}, problems: "unmatched a"},
		{name: "interrupted", baseline: aFails, run: result.Run{Interrupted: true, Cases: []result.Case{judged("a", result.Pass)}}},
		{name: "expired", baseline: overdue, run: result.Run{Cases: []result.Case{judged("a", result.Fail)}}, problems: "expired a"},
		{name: "expired and gone", baseline: overdue, run: result.Run{Cases: []result.Case{judged("a", result.Pass)}}, problems: "expired a, stale a"},
		{name: "one of two", baseline: r1Fails, run: result.Run{Cases: []result.Case{judged("a", result.Fail), judged("b", result.Pass)}}, known: "a"},
		{name: "neither of two", baseline: r1Fails, run: result.Run{Cases: []result.Case{judged("a", result.Pass), judged("b", result.Pass)}}, problems: "stale R-1"},
		{name: "one passes, one was skipped", baseline: r1Fails, run: result.Run{Cases: []result.Case{judged("a", result.Pass), judged("b", result.Skip)}}},
		{
			name: "left out by a budget", baseline: aFails,
			run: result.Run{Selection: result.Selection{Budget: 5}, Cases: []result.Case{judged("b", result.Pass)}},
		},
		{name: "one passes, the other was filtered out", baseline: r1Fails, run: result.Run{Selection: only("a"), Cases: []result.Case{judged("a", result.Pass)}}},
		{name: "the requirement was named", baseline: r1Fails, run: result.Run{Selection: only("R-1"), Cases: []result.Case{judged("a", result.Pass)}}, problems: "stale R-1"},
		{name: "a warning that fails a strict run", baseline: aWarns, run: result.Run{Selection: result.Selection{Strict: true}, Cases: []result.Case{strictly}}, known: "a"},
		{name: "a failure where a warning is listed", baseline: aWarns, run: result.Run{Cases: []result.Case{judged("a", result.Fail)}}, problems: "stale a"},
		{name: "a reason is still to come", baseline: nobody, run: result.Run{Cases: []result.Case{judged("a", result.Fail)}}, known: "a"},
		{name: "a reason is asked for", baseline: nobody, run: result.Run{Cases: []result.Case{judged("a", result.Fail)}}, reasons: true, known: "a", problems: "unexplained a"},
	} {
		parsed(t, c.baseline).Apply(&c.run, c.reasons)
		var known, problems []string
		for _, of := range c.run.Cases {
			if of.Known != "" {
				known = append(known, of.ID)
			}
		}
		for _, p := range c.run.Baseline.Problems {
			problems = append(problems, string(p.Kind)+" "+p.Entry)
		}
		got := []string{strings.Join(known, ", "), strings.Join(problems, ", ")}
		if diff := cmp.Diff([]string{c.known, c.problems}, got); diff != "" {
			t.Errorf("%s: known and problems -want +got\n%s", c.name, diff)
		}
	}
}

func TestNewWarnings(t *testing.T) {
	t.Parallel()
	run := result.Run{Cases: []result.Case{judged("a", result.Warn), judged("b", result.Warn), judged("c", result.Fail)}}
	parsed(t, "known: [{case: a, outcome: warn, reason: because}]").Apply(&run, false)
	if diff := cmp.Diff([]string{"b"}, NewWarnings(run)); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

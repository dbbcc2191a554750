package baseline

import (
	"strings"
	"testing"

	"github.com/cibatest/cibatest/reports/result"
	"github.com/google/go-cmp/cmp"
)

// found is a finding about a clause; what was seen follows a colon.
func found(o result.Outcome, clause, seen string) result.Finding {
	return result.Finding{Outcome: o, Clause: clause + " (MUST)", Requirement: clause, Expected: "400", Actual: seen}
}

// with is a case of the clauses and what it found.
func with(id string, findings ...result.Finding) result.Case {
	c := result.Case{ID: id, Requirements: []string{"R-1", "R-2"}, Outcome: result.Pass, Findings: findings}
	for _, f := range findings {
		c.Outcome = result.Worst(c.Outcome, f.Outcome)
	}
	return c
}

// What is listed hides nothing else: an entry is about findings, of one clause, one outcome
// and, if it is pinned, one thing seen.
func TestApplyByFinding(t *testing.T) {
	t.Parallel()
	const (
		r1Fails = "known: [{requirement: R-1, outcome: fail, reason: one}]"
		r1Warns = "known: [{case: a, requirement: R-1, outcome: warn, reason: one}]"
		pinned  = "known: [{case: a, requirement: R-1, outcome: warn, seen: got 401, reason: one}]"
		old     = "known: [{case: a, outcome: fail, clause: CIBA Core 7.1, reason: old}]"
		both    = "known: [{requirement: R-1, outcome: fail, reason: one}, {requirement: R-2, outcome: fail, reason: two}]"
		news    = "warnings: news\n" + r1Warns
	)
	const fail, warn = result.Fail, result.Warn
	for _, c := range []struct {
		name     string
		baseline string
		of       result.Case
		strict   bool
		known    string // reasons of the case
		open     string // clauses of the findings that no entry expects
		problems string
	}{
		{name: "one clause is listed, the other is news", baseline: r1Fails, of: with("a", found(fail, "R-1", "401"), found(fail, "R-2", "401")), open: "R-2"},
		{name: "a clause is listed that holds", baseline: r1Fails, of: with("a", found(fail, "R-2", "401")), open: "R-2", problems: "stale R-1"},
		{name: "both are listed", baseline: both, of: with("a", found(fail, "R-1", "401"), found(fail, "R-2", "401")), known: "one; two"},
		{name: "a tolerated value beside a wrong one", baseline: r1Warns, of: with("a", found(warn, "R-1", "401"), found(fail, "R-1", "200")), open: "R-1"},
		{name: "a tolerated value became a wrong one", baseline: r1Warns, of: with("a", found(fail, "R-1", "200")), open: "R-1", problems: "stale a R-1"},
		{name: "another tolerated value, not pinned", baseline: r1Warns, of: with("a", found(warn, "R-1", "403")), known: "one"},
		{name: "as it is pinned", baseline: pinned, of: with("a", found(warn, "R-1", "401")), known: "one"},
		{name: "beside what is pinned", baseline: pinned, of: with("a", found(warn, "R-1", "401"), found(warn, "R-1", "403")), open: "R-1"},
		{name: "other than pinned", baseline: pinned, of: with("a", found(warn, "R-1", "403")), open: "R-1", problems: "stale a R-1"},
		{name: "another case than the entry's", baseline: r1Warns, of: with("b", found(warn, "R-1", "401")), open: "R-1", problems: "unmatched a R-1"},
		{name: "an entry without a clause", baseline: old, of: with("a", found(fail, "R-1", "401"), found(warn, "R-2", "403")), known: "old"},
		{name: "an entry without a clause, and it warns only", baseline: old, of: with("a", found(warn, "R-2", "403")), open: "R-2", problems: "stale a"},
		{name: "a strict run", baseline: r1Warns, of: with("a", found(warn, "R-1", "401")), strict: true, known: "one"},
		{name: "a warning where they are news", baseline: news, of: with("a", found(warn, "R-1", "401"), found(warn, "R-2", "401")), open: "R-2", problems: "unlisted a R-2"},
		{name: "an observation", baseline: r1Fails, of: with("a", found(fail, "R-1", "401"), found(result.Info, "R-2", "x")), known: "one", open: "R-2"},
	} {
		run := result.Run{Cases: []result.Case{c.of}, Selection: result.Selection{Strict: c.strict}}
		if c.strict {
			run.Cases[0].Outcome = fail
		}
		parsed(t, c.baseline).Apply(&run, false)
		var open, problems []string
		for _, f := range run.Cases[0].Findings {
			if f.Known == "" {
				open = append(open, f.Requirement)
			}
		}
		for _, p := range run.Baseline.Problems {
			problems = append(problems, string(p.Kind)+" "+p.Entry)
		}
		got := []string{run.Cases[0].Known, strings.Join(open, " "), strings.Join(problems, ", ")}
		if diff := cmp.Diff([]string{c.known, c.open, c.problems}, got); diff != "" {
			t.Errorf("%s: known, open and problems -want +got\n%s", c.name, diff)
		}
	}
}

// A case that stopped before its end refutes nothing.
func TestStoppedCaseRefutesNothing(t *testing.T) {
	t.Parallel()
	stopped := with("a", found(result.Fail, "R-2", "401"))
	stopped.Ended = result.Error
	run := result.Run{Cases: []result.Case{stopped}}
	parsed(t, "known: [{requirement: R-1, outcome: fail, reason: one}]").Apply(&run, false)
	if len(run.Baseline.Problems) > 0 {
		t.Errorf("got %v", run.Baseline.Problems)
	}
}

func TestUpdateByFinding(t *testing.T) {
	t.Parallel()
	run := result.Run{Cases: []result.Case{
		with("a", found(result.Fail, "R-1", "401"), found(result.Fail, "R-1", "403"), found(result.Warn, "R-2", "401")), with("b"),
	}}
	before := "known:\n- {requirement: R-2, outcome: warn, reason: r}\n- {case: b, requirement: R-1, outcome: fail, reason: gone}\n"
	for _, c := range []struct {
		pin  bool
		want string
	}{
		{false, "known:\n- {requirement: R-2, outcome: warn, reason: r}\n" +
			"- {case: a, requirement: R-1, outcome: fail, reason: 'unexplained: want 400, got 401'}\n"},
		{true, "known:\n- {requirement: R-2, outcome: warn, reason: r}\n" +
			"- {case: a, requirement: R-1, outcome: fail, seen: '400, got 401', reason: 'unexplained: want 400, got 401'}\n" +
			"- {case: a, requirement: R-1, outcome: fail, seen: '400, got 403', reason: 'unexplained: want 400, got 403'}\n"},
	} {
		got, err := Update("known.yaml", []byte(before), run, Options{Now: today, Pin: c.pin})
		if diff := cmp.Diff(c.want, string(got.Text)); diff != "" || err != nil {
			t.Errorf("pin %v: %v -want +got\n%s", c.pin, err, diff)
		}
		b := parsed(t, string(got.Text))
		b.Apply(&run, false)
		if run.Cases[0].Known == "" || len(run.Baseline.Problems) > 0 {
			t.Errorf("pin %v: what was learnt does not hold: %+v, %v", c.pin, run.Cases[0], run.Baseline.Problems)
		}
		run.Cases[0].Known = ""
		for i := range run.Cases[0].Findings {
			run.Cases[0].Findings[i].Known = ""
		}
	}
}

package result

import "testing"

// Cases of a run with a baseline: what it lists has a reason.
var (
	passed       = Case{Outcome: Pass}
	failed       = Case{Outcome: Fail}
	failedKnown  = Case{Outcome: Fail, Known: "a reason"}
	erred        = Case{Outcome: Error}
	erredKnown   = Case{Outcome: Error, Known: "a reason"}
	staleEntries = &Baseline{Problems: []BaselineProblem{{Entry: "a", Kind: Stale}}}
)

func TestStanding(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		run  Run
		want Standing
	}{
		{"conformant", Run{Verdict: Conformant, Cases: []Case{passed}}, AsExpected},
		{"a failure", Run{Verdict: NonConformant, Cases: []Case{passed, failed}}, Deviates},
		{"a file that lists no cases", Run{Verdict: NonConformant}, Deviates},
		{"partial", Run{Verdict: Partial, Cases: []Case{erred}}, NotJudged},
		{"interrupted", Run{Verdict: NonConformant, Cases: []Case{failed}, Interrupted: true}, Interrupted},
		{"a listed failure", Run{Verdict: NonConformant, Cases: []Case{failedKnown}, Baseline: &Baseline{}}, AsExpected},
		{"a listed failure and a new one", Run{Verdict: NonConformant, Cases: []Case{failedKnown, failed}, Baseline: &Baseline{}}, Deviates},
		{"a listed failure and an error", Run{Verdict: NonConformant, Cases: []Case{failedKnown, erred}, Baseline: &Baseline{}}, NotJudged},
		{"both listed", Run{Verdict: NonConformant, Cases: []Case{failedKnown, erredKnown}, Baseline: &Baseline{}}, AsExpected},
		{"nothing but a listed error", Run{Verdict: Partial, Cases: []Case{erredKnown}, Baseline: &Baseline{}}, NotJudged},
		{"a stale baseline", Run{Verdict: Conformant, Cases: []Case{passed}, Baseline: staleEntries}, Deviates},
		{"a stale baseline of a partial run", Run{Verdict: Partial, Cases: []Case{erred}, Baseline: staleEntries}, Deviates},
	} {
		if got := c.run.Standing(); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func TestCoverage(t *testing.T) {
	t.Parallel()
	must := func(o Outcome) Requirement { return Requirement{Level: "MUST", Outcome: o} }
	should := Requirement{Level: "SHOULD", Outcome: Pass}
	for _, c := range []struct {
		name string
		of   []Requirement
		want Coverage
	}{
		{"nothing", nil, Coverage{}},
		{"every outcome", []Requirement{must(Pass), must(Fail), must(Warn), must(Info), must(Skip), must(Error), must(Uncovered), should}, Coverage{"MUST", 4, 1, 1}},
		{"no MUST", []Requirement{should, {Level: "MAY", Outcome: Skip}}, Coverage{"", 1, 1, 0}},
		{"MUSTs without a case", []Requirement{must(Uncovered), should}, Coverage{"", 1, 0, 0}},
	} {
		if got := (Run{Requirements: c.of}).Coverage(); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

package baseline

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/cibatest/cibatest/internal/yamlfile"
	"github.com/cibatest/cibatest/reports/result"
	"github.com/google/go-cmp/cmp"
)

var today = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func TestEntriesExpireAfterTheirLastDay(t *testing.T) {
	t.Parallel()
	got, err := Parse("b.yaml", []byte(`known:
- {case: forever, outcome: fail, reason: known}
- {case: last-day, outcome: warn, reason: known, expires: 2026-11-24}
- {requirement: CIBA-7.1, outcome: error, reason: known, clause: , expires: 2026-11-23}
`), today)
	want := &Baseline{File: "b.yaml", Known: []Entry{
		{Case: "forever", Outcome: result.Fail, Reason: "known"},
		{Case: "last-day", Outcome: result.Warn, Reason: "known", Expires: "2026-11-24"},
		{Requirement: "CIBA-7.1", Outcome: result.Error, Reason: "known", Expires: "2026-11-23", Expired: true},
	}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v -want +got\n%s", err, diff)
	}
	for _, text := range []string{"", "# nothing is known", "known:", "known: []"} {
		if b, err := Parse("b.yaml", []byte(text), today); err != nil || len(b.Known) > 0 {
			t.Errorf("%q reads as %v, %v", text, b, err)
		}
	}
}

func TestMistakesArePlaced(t *testing.T) {
	t.Parallel()
	_, err := Parse("b.yaml", []byte(`known:
- {case: a, requirement: b, outcome: pass, reason: r, because: x}
- {outcome: fail, reason: ""}
- {case: a, outcome: fail, expires: soon}
`), today)
	want := []string{
		`b.yaml:2:38: known[0].outcome: is "pass"; allowed are fail, warn, error`,
		"b.yaml:2:55: known[0].because: unknown key; allowed are case, clause, expires, outcome, reason, requirement, seen",
		"b.yaml:3:3: known[1]: needs a case, a requirement or both",
		"b.yaml:3:27: known[1].reason: is empty",
		"b.yaml:4:3: known[2].reason: is missing",
		`b.yaml:4:37: known[2].expires: is "soon"; wanted a day such as 2027-12-31`,
	}
	var problems yamlfile.Problems
	if !errors.As(err, &problems) {
		t.Fatalf("got %v", err)
	}
	if diff := cmp.Diff(want, problems.Lines()); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// TestCommittedBaselines reads the baselines of the OPs that are judged regularly.
func TestCommittedBaselines(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob("../../fixtures/ops/*/baseline.yaml")
	if err != nil || len(paths) == 0 {
		t.Fatalf("found %v, %v", paths, err)
	}
	for _, path := range paths {
		b, err := Load(path, today)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		for _, e := range b.Known {
			if e.Expired || !e.explained() {
				t.Errorf("%s: %s has expired, or nobody explained it", path, e.name())
			}
		}
	}
}

package reports

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cibatest/cibatest/reports/result"
)

// runOf is a run whose cases have these outcomes, in the order of their ids.
func runOf(outcomes map[string]result.Outcome) result.Run {
	var run result.Run
	for id, o := range outcomes {
		run.Cases = append(run.Cases, result.Case{ID: id, Outcome: o})
	}
	slices.SortFunc(run.Cases, func(a, b result.Case) int { return strings.Compare(a.ID, b.ID) })
	return run
}

func ids(changes []Change) string {
	var list []string
	for _, c := range changes {
		list = append(list, c.Case)
	}
	return strings.Join(list, " ")
}

func TestCompare(t *testing.T) {
	before := runOf(map[string]result.Outcome{
		"breaks": "pass", "warned": "warn", "stays": "fail", "heals": "fail", "to-warn": "fail", "to-error": "fail",
		"lost": "pass", "skips": "pass", "was-skipped": "skip", "error-stays": "error", "gone": "fail", "same": "pass",
	})
	after := runOf(map[string]result.Outcome{
		"breaks": "fail", "warned": "fail", "stays": "fail", "heals": "pass", "to-warn": "warn", "to-error": "error",
		"lost": "error", "skips": "skip", "was-skipped": "pass", "error-stays": "error", "new-bad": "fail", "new-good": "pass", "same": "pass",
	})
	d := Compare(before, after)
	got := map[string]string{
		"new failures": ids(d.NewFailures), "still failing": ids(d.StillFailing), "fixed": ids(d.Fixed), "new errors": ids(d.NewErrors),
		"newly skipped": ids(d.NewlySkipped), "added": ids(d.Added), "removed": ids(d.Removed),
	}
	want := map[string]string{
		"new failures": "breaks new-bad warned", "still failing": "stays", "fixed": "heals to-warn", "new errors": "lost to-error",
		"newly skipped": "skips", "added": "new-bad new-good", "removed": "gone",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if !d.Bad() {
		t.Error("new failures are not bad")
	}
	if again := Compare(after, after); again.Bad() || again.Warns() {
		t.Error("a run that fails nothing new is bad")
	}
}

func TestCompareWrites(t *testing.T) {
	d := Compare(runOf(map[string]result.Outcome{"breaks": "pass", "heals": "fail"}), runOf(map[string]result.Outcome{"breaks": "fail", "heals": "pass"}))
	var text, data bytes.Buffer
	if err := d.WriteText(&text, TextOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"New failures (1)\n  breaks  pass → fail\n", "Fixed (1)\n  heals  fail → pass\n"} {
		if !strings.Contains(text.String(), line) {
			t.Errorf("%q is missing from:\n%s", line, text.String())
		}
	}
	if err := d.WriteJSON(&data); err != nil {
		t.Fatal(err)
	}
	var again map[string]any
	if err := json.Unmarshal(data.Bytes(), &again); err != nil {
		t.Fatal(err)
	}
	for _, list := range []string{"new_failures", "still_failing", "fixed", "new_errors", "newly_skipped", "added", "removed", "new_findings", "gone_findings"} {
		if _, ok := again[list].([]any); !ok {
			t.Errorf("%s is no list: %v", list, again[list])
		}
	}
}

func TestCompareHostile(t *testing.T) {
	var text bytes.Buffer
	if err := Compare(sample(), hostile()).WriteText(&text, TextOptions{}); err != nil {
		t.Fatal(err)
	}
	if i := strings.IndexFunc(text.String(), func(r rune) bool { return acts(r, "\n") }); i >= 0 {
		t.Errorf("%q is not inert", text.String()[i:min(i+20, text.Len())])
	}
}

// A case that fails in both runs may fail for something else; a new warning is news as well.
func TestCompareFindings(t *testing.T) {
	t.Parallel()
	found := func(o result.Outcome, status int, seconds string) result.Finding {
		return result.Finding{Outcome: o, Requirement: "R", Expected: "400", Actual: fmt.Sprintf("%d after %s s", status, seconds), Seen: &result.Seen{Status: status}}
	}
	of := func(o result.Outcome, findings ...result.Finding) result.Run {
		return result.Run{Cases: []result.Case{{ID: "a", Outcome: o, Findings: findings}}}
	}
	for _, c := range []struct {
		name          string
		before, after result.Run
		fresh, gone   int
		bad, strict   bool
	}{
		{"the same at another moment", of(result.Fail, found("fail", 401, "1.5")), of(result.Fail, found("fail", 401, "2.25")), 0, 0, false, false},
		{"one more failure", of(result.Fail, found("fail", 401, "1")), of(result.Fail, found("fail", 401, "1"), found("fail", 403, "1")), 1, 0, true, true},
		{"one more warning", of(result.Warn, found("warn", 401, "1")), of(result.Warn, found("warn", 401, "1"), found("warn", 403, "1")), 1, 0, false, true},
		{"another failure", of(result.Fail, found("fail", 401, "1")), of(result.Fail, found("fail", 403, "1")), 1, 1, true, true},
		{"not judged before", of(result.Error), of(result.Warn, found("warn", 403, "1")), 0, 0, false, false},
		{"an observation", of(result.Pass), of(result.Info, found("info", 403, "1")), 0, 0, false, false},
	} {
		d := Compare(c.before, c.after)
		if len(d.NewFindings) != c.fresh || len(d.GoneFindings) != c.gone || d.Bad() != c.bad || (d.Bad() || d.Warns()) != c.strict {
			t.Errorf("%s: %d new, %d gone, bad %v, warns %v", c.name, len(d.NewFindings), len(d.GoneFindings), d.Bad(), d.Warns())
		}
	}
}

// A reason that many cases share is told once, below them.
func TestCompareGroupsReasons(t *testing.T) {
	t.Parallel()
	var text bytes.Buffer
	d := Difference{NewlySkipped: []Change{
		{Case: "a", Before: "pass", After: "skip", Message: "no device"},
		{Case: "b", Before: "pass", After: "skip", Message: "no user"},
		{Case: "c", Before: "pass", After: "skip", Message: "no device"},
	}}
	if err := d.WriteText(&text, TextOptions{}); err != nil {
		t.Fatal(err)
	}
	want := "  a  pass → skip\n  c  pass → skip\n    no device\n  b  pass → skip\n    no user\n"
	if !strings.Contains(text.String(), want) {
		t.Errorf("got\n%s", text.String())
	}
}

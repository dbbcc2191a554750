package reports

import (
	"fmt"

	"github.com/cibatest/cibatest/reports/result"
)

// FindingChange is a finding that only one of two runs has.
type FindingChange struct {
	Case     string         `json:"case"`
	Clause   string         `json:"clause"` // its id
	Outcome  result.Outcome `json:"outcome"`
	Gravity  result.Gravity `json:"gravity,omitempty"`
	Expected string         `json:"expected"`
	Actual   string         `json:"actual"`
}

// compareFindings adds what was found and not found before, and the other way round, for
// cases that both runs judged. The outcome of a case hides it: where a case fails on, it
// may fail for something else as well.
func (d *Difference) compareFindings(before, after result.Case) {
	if !before.Outcome.Judged() || !after.Outcome.Judged() {
		return
	}
	d.NewFindings = append(d.NewFindings, onlyIn(after, before)...)
	d.GoneFindings = append(d.GoneFindings, onlyIn(before, after)...)
}

// onlyIn are the failures and warnings that one case has and the other has not.
func onlyIn(here, there result.Case) []FindingChange {
	known := map[string]bool{}
	for _, f := range there.Findings {
		known[f.Essence()] = true
	}
	var list []FindingChange
	for _, f := range here.Findings {
		if f.Outcome == result.Info || known[f.Essence()] {
			continue
		}
		known[f.Essence()] = true
		list = append(list, FindingChange{here.ID, f.ClauseID(), f.Outcome, f.Gravity, f.Expected, f.Actual})
	}
	return list
}

func hasOutcome(list []FindingChange, o result.Outcome) bool {
	for _, f := range list {
		if f.Outcome == o {
			return true
		}
	}
	return false
}

// findings lists changes of findings, as many as one reads.
func (t *textWriter) findings(title string, s style, list []FindingChange) {
	if len(list) == 0 {
		return
	}
	t.line("\n" + t.paint(bold, fmt.Sprintf("%s (%d)", title, len(list))))
	for i, f := range list {
		if i == manyCauses {
			t.wrap(2, fmt.Sprintf("and %d more, see --json", len(list)-i))
			return
		}
		t.line(fmt.Sprintf("  %s  %s", t.paint(s, string(f.Outcome)), joined(" ", f.Case, f.Clause)))
		t.wrap(4, fmt.Sprintf("want %s, got %s", f.Expected, f.Actual))
	}
}

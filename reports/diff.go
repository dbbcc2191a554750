package reports

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"github.com/cibatest/cibatest/reports/result"
)

// Difference is what changed from one run to another, case by case.
type Difference struct {
	Before       RunSummary `json:"before"`
	After        RunSummary `json:"after"`
	NewFailures  []Change   `json:"new_failures"`  // fail now, did not before
	StillFailing []Change   `json:"still_failing"` // fail in both
	Fixed        []Change   `json:"fixed"`         // failed before, judged and better now
	NewErrors    []Change   `json:"new_errors"`    // cannot be judged any more
	NewlySkipped []Change   `json:"newly_skipped"` // judged before, skipped now
	Added        []Change   `json:"added"`         // cases that the run before did not have
	Removed      []Change   `json:"removed"`       // cases that the run after does not have

	NewFindings  []FindingChange `json:"new_findings"`  // failures and warnings of cases judged in both that are new
	GoneFindings []FindingChange `json:"gone_findings"` // those that are no more
}

// RunSummary names one side of a comparison.
type RunSummary struct {
	Issuer  string         `json:"issuer"`
	Started string         `json:"started"`
	Tool    string         `json:"tool"`
	Verdict result.Verdict `json:"verdict"`
	Summary result.Summary `json:"summary"`
}

// Change is one case on both sides; an outcome is empty where the case is not.
type Change struct {
	Case         string         `json:"case"`
	Requirements []string       `json:"requirements"`
	Before       result.Outcome `json:"before,omitempty"`
	After        result.Outcome `json:"after,omitempty"`
	Message      string         `json:"message,omitempty"` // of the later side
}

// Bad reports whether something fails that did not fail before, in a case that failed for
// other reasons as well.
func (d Difference) Bad() bool {
	return len(d.NewFailures) > 0 || hasOutcome(d.NewFindings, result.Fail)
}

// Warns reports whether a case of both runs warns about something that it did not warn about
// before.
func (d Difference) Warns() bool { return hasOutcome(d.NewFindings, result.Warn) }

// Compare tells how two runs differ. A failure that the baseline expects is a
// failure here too: both sides are seen as they are.
func Compare(before, after result.Run) Difference {
	before, after = inert(before), inert(after)
	d := Difference{Before: runSummary(before), After: runSummary(after)}
	old := map[string]result.Case{}
	for _, c := range before.Cases {
		old[c.ID] = c
	}
	seen := map[string]bool{}
	for _, c := range after.Cases {
		b, known := old[c.ID]
		seen[c.ID] = true
		if known {
			d.compareFindings(b, c)
		}
		d.sort(known, Change{c.ID, c.Requirements, b.Outcome, c.Outcome, firstOf(c.Message, c.Reason)})
	}
	for _, c := range before.Cases {
		if !seen[c.ID] {
			d.Removed = append(d.Removed, Change{Case: c.ID, Requirements: c.Requirements, Before: c.Outcome})
		}
	}
	return d
}

// sort puts a change where it belongs. A new case that fails is a new failure.
func (d *Difference) sort(known bool, c Change) {
	if !known {
		d.Added = append(d.Added, c)
	}
	judged := c.After != result.Skip && c.After != result.Error
	switch {
	case c.After == result.Fail && c.Before == result.Fail:
		d.StillFailing = append(d.StillFailing, c)
	case c.After == result.Fail:
		d.NewFailures = append(d.NewFailures, c)
	case c.Before == result.Fail && judged:
		d.Fixed = append(d.Fixed, c)
	case c.After == result.Error && c.Before != result.Error:
		d.NewErrors = append(d.NewErrors, c)
	case known && c.After == result.Skip && c.Before != result.Skip:
		d.NewlySkipped = append(d.NewlySkipped, c)
	}
}

func runSummary(run result.Run) RunSummary {
	return RunSummary{run.Target.Issuer, stamp(run.Started), joined(" ", run.Tool.Name, run.Tool.Version), run.Verdict, run.Summary}
}

// WriteJSON writes the difference for another program.
func (d Difference) WriteJSON(w io.Writer) error {
	for _, list := range []*[]Change{&d.NewFailures, &d.StillFailing, &d.Fixed, &d.NewErrors, &d.NewlySkipped, &d.Added, &d.Removed} {
		if *list == nil {
			*list = []Change{}
		}
	}
	for _, list := range []*[]FindingChange{&d.NewFindings, &d.GoneFindings} {
		if *list == nil {
			*list = []FindingChange{}
		}
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(d)
}

// WriteText writes the difference for a terminal, news first.
func (d Difference) WriteText(w io.Writer, o TextOptions) error {
	t := newTextWriter(o)
	for _, side := range []struct {
		name string
		run  RunSummary
	}{{"before", d.Before}, {"after", d.After}} {
		t.hang(fmt.Sprintf("%-8s", side.name), fmt.Sprintf("%s, %s, %s, %s", side.run.Verdict, side.run.Issuer, side.run.Started, side.run.Tool))
	}
	same := true
	for _, part := range []struct {
		title string
		style style
		list  []Change
	}{
		{"New failures", red, d.NewFailures},
		{"Cannot be judged any more", red, d.NewErrors},
		{"Still failing", yellow, d.StillFailing},
		{"Newly skipped", yellow, d.NewlySkipped},
		{"Fixed", green, d.Fixed},
		{"New cases", "", d.Added},
		{"Gone cases", "", d.Removed},
	} {
		same = same && len(part.list) == 0
		t.changes(part.title, part.style, part.list)
	}
	t.findings("New findings", red, d.NewFindings)
	t.findings("Gone findings", green, d.GoneFindings)
	if same && len(d.NewFindings)+len(d.GoneFindings) == 0 {
		t.line("\nno difference in outcomes and findings")
	}
	_, err := bytes.NewReader(t.b.Bytes()).WriteTo(w)
	return err
}

// changes lists cases below a title; a message that many share stands once, below them.
func (t *textWriter) changes(title string, s style, list []Change) {
	if len(list) == 0 {
		return
	}
	t.line("\n" + t.paint(bold, fmt.Sprintf("%s (%d)", title, len(list))))
	var messages []string
	sharing := map[string][]Change{}
	for _, c := range list {
		if sharing[c.Message] == nil {
			messages = append(messages, c.Message)
		}
		sharing[c.Message] = append(sharing[c.Message], c)
	}
	for _, message := range messages {
		for _, c := range sharing[message] {
			t.line(fmt.Sprintf("  %s  %s → %s", t.paint(s, c.Case), firstOf(string(c.Before), "absent"), firstOf(string(c.After), "absent")))
		}
		t.wrap(4, message)
	}
}

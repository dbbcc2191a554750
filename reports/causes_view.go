package reports

import (
	"fmt"

	"github.com/cibatest/cibatest/reports/result"
)

// causeView is a cause as the page shows it: its gravest finding in full, and where all
// others are.
type causeView struct {
	result.Cause
	Number    int
	Lead      clauseView
	Why       string
	Says      string
	Summary   string // how much it explains
	Rows      []causeRow
	More      int // findings that are left out
	Reproduce string
}

// causeRow is one finding of a cause.
type causeRow struct {
	Case, Clause link
	findingView
}

// manyRows bounds the findings that the page lists for a cause.
const manyRows = 200

// caused is the section of some causes.
func (p *places) caused(title string, cases int, list []result.Cause) attentionView {
	a := attentionView{Title: title, Count: plural(cases, "case", "cases")}
	if len(list) > 0 && cases != len(list) {
		a.Count += ", " + plural(len(list), "cause", "causes")
	}
	for i, c := range list {
		if i == 3*manyCauses {
			a.More = len(list) - i
			break
		}
		a.Causes = append(a.Causes, p.causeView(i+1, c))
	}
	return a
}

func (p *places) causeView(number int, c result.Cause) causeView {
	first := c.Findings[0]
	of := p.views[first.Case]
	group := clauseGroup{Clause: first.Clause, Requirement: p.requirement(first.Finding), Findings: []result.Finding{first.Finding}}
	v := causeView{
		Cause: c, Number: number, Lead: newClauseView(group, of), Why: first.Why, Says: first.Says, Reproduce: of.Reproduce,
		Summary: fmt.Sprintf("%s in %s about %s", plural(len(c.Findings), "finding", "findings"),
			plural(len(c.Cases()), "case", "cases"), plural(len(c.Clauses()), "clause", "clauses")),
	}
	v.Lead.Findings[0].Differs = false // the cause says it
	for i, f := range c.Findings {
		if i == manyRows {
			v.More = len(c.Findings) - i
			break
		}
		v.Rows = append(v.Rows, p.causeRow(c, f))
	}
	return v
}

func (p *places) causeRow(c result.Cause, f result.CauseFinding) causeRow {
	of := p.views[f.Case]
	row := causeRow{
		Case: link{f.Case, of.Anchor}, Clause: link{f.ClauseID(), anchor(f.ClauseID())}, findingView: newFindingView(f.Finding, of),
	}
	row.Differs = f.Outcome != c.Outcome
	return row
}

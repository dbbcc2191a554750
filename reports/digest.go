package reports

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cibatest/cibatest/reports/result"
)

// digest is a run sorted by what a reader has to do about it.
type digest struct {
	result.Run
	failures, errors, warnings []result.Case // not listed in a baseline
	known                      []result.Case // as the baseline expects
	skipped                    []result.Reason
	causes                     causes
	byID                       map[string]result.Requirement
	cases                      map[string]result.Case
}

func newDigest(run result.Run) digest {
	d := digest{
		Run: run, byID: make(map[string]result.Requirement, len(run.Requirements)), cases: make(map[string]result.Case, len(run.Cases)),
	}
	for _, r := range run.Requirements {
		d.byID[r.ID] = r
	}
	var skips []result.Case
	for _, c := range run.Cases {
		d.cases[c.ID] = c
		switch {
		case c.Known != "":
			d.known = append(d.known, c)
		case c.Outcome == result.Fail:
			d.failures = append(d.failures, c)
		case c.Outcome == result.Error:
			d.errors = append(d.errors, c)
		case c.Outcome == result.Warn:
			d.warnings = append(d.warnings, c)
		case c.Outcome == result.Skip:
			skips = append(skips, c)
		}
	}
	d.skipped = result.Reasons(skips)
	d.causes = causesOf(run)
	return d
}

// clauseGroup is what a case found about one clause.
type clauseGroup struct {
	Clause      string
	Requirement result.Requirement // empty when the run does not list it
	Findings    []result.Finding
}

// clauses groups the findings of a case, in the order they were made.
func (d digest) clauses(c result.Case) []clauseGroup {
	var groups []clauseGroup
	for _, f := range c.Findings {
		i := slices.IndexFunc(groups, func(g clauseGroup) bool { return g.Clause == f.Clause })
		if i < 0 {
			i = len(groups)
			groups = append(groups, clauseGroup{Clause: f.Clause, Requirement: d.requirement(f)})
		}
		groups[i].Findings = append(groups[i].Findings, f)
	}
	return groups
}

func (d digest) requirement(f result.Finding) result.Requirement {
	return d.byID[f.ClauseID()]
}

// source is where the clause stands, unless its name says so already.
func (g clauseGroup) source() string {
	if strings.Contains(g.Clause, g.Requirement.Source) {
		return ""
	}
	return g.Requirement.Source
}

// scope says how much of the catalogue the run speaks of.
func (d digest) scope() string {
	n := map[result.Outcome]int{}
	for _, r := range d.Requirements {
		n[r.Outcome]++
	}
	judged := len(d.Requirements) - n[result.Skip] - n[result.Error] - n[result.Uncovered]
	parts := []string{fmt.Sprintf("%d of %s", judged, plural(len(d.Requirements), "requirement", "requirements"))}
	for _, rest := range []struct {
		outcome result.Outcome
		words   string
	}{{result.Skip, "skipped"}, {result.Error, "not judged"}, {result.Uncovered, "without a case"}} {
		if n[rest.outcome] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n[rest.outcome], rest.words))
		}
	}
	return strings.Join(parts, ", ")
}

// selected says what part of the suites was run.
func (d digest) selected() string {
	var parts []string
	if d.Selection.Smoke {
		parts = append(parts, "smoke")
	}
	if d.Selection.Budget > 0 {
		parts = append(parts, fmt.Sprintf("budget of %d prompts", d.Selection.Budget))
	}
	if len(d.Selection.Profiles) > 0 {
		parts = append(parts, "profiles: "+strings.Join(d.Selection.Profiles, " "))
	}
	if len(d.Selection.Arguments) > 0 {
		parts = append(parts, strings.Join(d.Selection.Arguments, " "))
	}
	if d.Selection.LabelFilter != "" {
		parts = append(parts, "labels: "+d.Selection.LabelFilter)
	}
	if len(parts) == 0 {
		parts = append(parts, "everything")
	}
	if d.Selection.Strict {
		parts = append(parts, "strict")
	}
	return strings.Join(parts, ", ")
}

// exchangeLine tells an exchange in a line, and who the caller was where it was the OP.
func exchangeLine(x result.Exchange) string {
	line := strings.TrimSpace(fmt.Sprintf("%s %s", x.Request.Method, x.Request.URL)) + " → " + answerLine(x)
	if x.Direction == result.Inbound {
		return "from the OP: " + line
	}
	return line
}

// answerLine tells what came to an exchange.
func answerLine(x result.Exchange) string {
	switch {
	case x.Response != nil:
		return fmt.Sprint(x.Response.Status)
	case x.Error != "":
		return "no answer: " + x.Error
	}
	return "no answer"
}

// decisive is the exchange a finding points at, or nil.
func decisive(c result.Case, f result.Finding) *result.Exchange {
	if f.Exchange < 1 || f.Exchange > len(c.Exchanges) {
		return nil
	}
	return &c.Exchanges[f.Exchange-1]
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// span shows milliseconds as a person would say them.
func span(ms int64) string {
	d := time.Duration(ms) * time.Millisecond
	switch {
	case d == 0:
		return "0ms"
	case d < time.Second:
		return d.String()
	case d < time.Minute:
		return d.Round(100 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}

// stamp is when the run began.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

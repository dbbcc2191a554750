package baseline

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cibatest/cibatest/reports/result"
)

// Apply marks the deviations of the run that are listed as known, finding by finding, and
// writes into the run what is wrong with the baseline. A case is known when all that makes
// it come out as it does is. With strict, an entry without a person's reason is wrong.
func (b *Baseline) Apply(run *result.Run, strict bool) {
	run.Baseline = &result.Baseline{File: b.File, Entries: len(b.Known)}
	for i := range run.Cases {
		b.mark(*run, &run.Cases[i])
	}
	for _, e := range b.Known {
		run.Baseline.Problems = append(run.Baseline.Problems, e.problems(*run, strict)...)
	}
	if b.WarningsNews {
		run.Baseline.Problems = append(run.Baseline.Problems, unlisted(*run)...)
	}
}

// Knows reports whether all that makes a case come out as it does is listed, while its run
// still goes on: of the run only the selection counts. A nil baseline knows nothing.
func (b *Baseline) Knows(run result.Run, c result.Case) bool {
	if b == nil {
		return false
	}
	c.Known, c.Findings = "", slices.Clone(c.Findings)
	b.mark(run, &c)
	return c.Known != ""
}

// mark writes the reasons of the entries that expect them into the findings of a case.
func (b *Baseline) mark(run result.Run, c *result.Case) {
	for _, e := range b.Known {
		if e.Expired {
			continue
		}
		for i := range c.Findings {
			if f := &c.Findings[i]; f.Known == "" && e.expects(run, *c, *f) {
				f.Known = e.Reason
			}
		}
		if c.Known == "" && e.expectsBare(run, *c) {
			c.Known = e.Reason
		}
	}
	if reasons, all := reasonsOf(run, *c); all {
		c.Known = strings.Join(reasons, "; ")
	}
}

// reasonsOf are the reasons for what makes a case come out as it does, each once, and
// whether there is one for all of it.
func reasonsOf(run result.Run, c result.Case) (reasons []string, all bool) {
	for _, f := range c.Findings {
		switch {
		case counted(run, f) != c.Outcome:
		case f.Known == "":
			return nil, false
		case !slices.Contains(reasons, f.Known):
			reasons = append(reasons, f.Known)
		}
	}
	return reasons, len(reasons) > 0
}

// counted is what a finding makes its case come to.
func counted(run result.Run, f result.Finding) result.Outcome {
	if run.Selection.Strict && f.Outcome == result.Warn {
		return result.Fail
	}
	return f.Outcome
}

// NewWarnings are the cases with a warning that is not listed. They are news, and fail no
// run unless the baseline says so.
func NewWarnings(run result.Run) []string {
	var ids []string
	for _, c := range run.Cases {
		bare := len(c.Findings) == 0 && c.Outcome == result.Warn && c.Known == ""
		if bare || slices.ContainsFunc(c.Findings, isNewWarning) {
			ids = append(ids, c.ID)
		}
	}
	return ids
}

func isNewWarning(f result.Finding) bool { return f.Outcome == result.Warn && f.Known == "" }

// unlisted are the warnings that no entry lists, one for each case and clause.
func unlisted(run result.Run) []result.BaselineProblem {
	var list []result.BaselineProblem
	told := map[Entry]bool{}
	for _, c := range run.Cases {
		for _, f := range c.Findings {
			e := Entry{Case: c.ID, Requirement: f.ClauseID()}
			if !isNewWarning(f) || told[e] {
				continue
			}
			told[e] = true
			list = append(list, result.BaselineProblem{
				Entry: e.name(), Kind: result.Unlisted, Text: fmt.Sprintf("warns and is not listed; mend the OP or list it (%s)", shown(f)),
			})
		}
	}
	return list
}

// shown is what was expected and seen, in a line. Entries are pinned to a part of it.
func shown(f result.Finding) string { return f.Expected + ", got " + f.Actual }

// expects reports whether the entry is about a finding and says how it came out. In a
// strict run a warning counts as a failure, and the entry may say either. An entry without
// a clause that lists a failing case covers the warnings beside the failure, too.
func (e Entry) expects(run result.Run, c result.Case, f result.Finding) bool {
	if !e.about(c, f) {
		return false
	}
	if e.says(run, f) {
		return true
	}
	milder := f.Outcome == result.Warn && e.Requirement == "" && e.Outcome == result.Fail
	return milder && slices.ContainsFunc(c.Findings, func(worse result.Finding) bool { return e.says(run, worse) })
}

// says reports whether the entry gives the outcome of a finding.
func (e Entry) says(run result.Run, f result.Finding) bool {
	return e.Outcome == f.Outcome || e.Outcome == counted(run, f)
}

// about reports whether the entry is about a finding, however it came out.
func (e Entry) about(c result.Case, f result.Finding) bool {
	return (e.Case == "" || e.Case == c.ID) && (e.Requirement == "" || e.Requirement == f.ClauseID()) && strings.Contains(shown(f), e.Seen)
}

// expectsBare reports whether the entry says what a case came to without a finding of that
// outcome, such as that it could not be judged.
func (e Entry) expectsBare(run result.Run, c result.Case) bool {
	if slices.ContainsFunc(c.Findings, func(f result.Finding) bool { return counted(run, f) == c.Outcome }) {
		return false
	}
	return e.covers(c) && e.Outcome == c.Outcome && strings.Contains(c.Reason, e.Seen)
}

// covers reports whether the entry is about the case.
func (e Entry) covers(c result.Case) bool {
	if e.Case != "" {
		return e.Case == c.ID
	}
	return slices.Contains(c.Clauses(), e.Requirement)
}

// explains reports whether the case came out as the entry says, in part at least.
func (e Entry) explains(run result.Run, c result.Case) bool {
	return e.expectsBare(run, c) || slices.ContainsFunc(c.Findings, func(f result.Finding) bool { return e.expects(run, c, f) })
}

// finding is what a run says about an entry.
type finding int

const (
	untold    finding = iota // a case was not judged, or the run did not have all of them
	confirmed                // a case is as listed
	refuted                  // every case was judged, and none is as listed
	unmatched                // a run of everything has no such case
)

// finding holds an entry against a run. Only what was judged can refute it: a case that
// was filtered out, skipped, not judged to its end or interrupted leaves it as it is.
func (e Entry) finding(run result.Run) finding {
	cases := e.cases(run)
	whole := wholeRun(run)
	switch {
	case slices.ContainsFunc(cases, func(c result.Case) bool { return e.explains(run, c) }):
		return confirmed
	case len(cases) == 0 && whole:
		return unmatched
	case len(cases) == 0 || run.Interrupted:
		return untold
	case e.Case == "" && !whole && !asked(run, e.Requirement):
		return untold
	case slices.ContainsFunc(cases, func(c result.Case) bool { return !c.Outcome.Judged() || c.Ended != "" }):
		return untold
	}
	return refuted
}

// cases are those of the run that the entry is about.
func (e Entry) cases(run result.Run) []result.Case {
	var cases []result.Case
	for _, c := range run.Cases {
		if e.covers(c) {
			cases = append(cases, c)
		}
	}
	return cases
}

// wholeRun reports whether nothing kept a case from running.
func wholeRun(run result.Run) bool {
	s := run.Selection
	return len(s.Arguments) == 0 && s.LabelFilter == "" && !s.Smoke && s.Budget == 0 && !run.Interrupted
}

// asked reports whether the run had every case of a requirement because it was named.
func asked(run result.Run, requirement string) bool {
	s := run.Selection
	return slices.Contains(s.Arguments, requirement) && s.LabelFilter == "" && !s.Smoke && s.Budget == 0
}

// problems are what is wrong with the entry, in words.
func (e Entry) problems(run result.Run, strict bool) []result.BaselineProblem {
	var list []result.BaselineProblem
	add := func(kind result.BaselineProblemKind, format string, args ...any) {
		list = append(list, result.BaselineProblem{Entry: e.name(), Kind: kind, Text: fmt.Sprintf(format, args...)})
	}
	if e.Expired {
		add(result.Expired, "the entry expired after %s; renew it or remove it (%s)", e.Expires, e.Reason)
	}
	if strict && !e.explained() {
		add(result.Unexplained, "the entry has no reason yet; write why %s is accepted", e.Outcome)
	}
	switch e.finding(run) {
	case refuted:
		add(result.Stale, "is listed as %s%s and is %s now; correct or remove the entry (%s)",
			e.Outcome, e.pinned(), e.outcomesNow(run), e.Reason)
	case unmatched:
		add(result.Unmatched, "no case answers to it; correct or remove the entry (%s)", e.Reason)
	case confirmed, untold:
	}
	return list
}

func (e Entry) pinned() string {
	if e.Seen == "" {
		return ""
	}
	return fmt.Sprintf(" with %q", e.Seen)
}

// outcomesNow are the outcomes of what the entry is about: of its clause, else of its case.
func (e Entry) outcomesNow(run result.Run) string {
	var words []string
	for _, c := range e.cases(run) {
		now := c.Outcome
		if e.Requirement != "" {
			now = c.About(e.Requirement, false)
		}
		if word := string(now); !slices.Contains(words, word) {
			words = append(words, word)
		}
	}
	return strings.Join(words, ", ")
}

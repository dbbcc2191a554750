package baseline

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cibatest/cibatest/reports/result"
)

// Apply marks the deviations of the run that are listed as known, and writes into the run
// what is wrong with the baseline. With strict, an entry without a person's reason is wrong.
func (b *Baseline) Apply(run *result.Run, strict bool) {
	run.Baseline = &result.Baseline{File: b.File, Entries: len(b.Known)}
	for _, e := range b.Known {
		for i := range run.Cases {
			if c := &run.Cases[i]; !e.Expired && e.explains(*run, *c) {
				c.Known = e.Reason
			}
		}
		run.Baseline.Problems = append(run.Baseline.Problems, e.problems(*run, strict)...)
	}
}

// Knows reports whether the outcome of a case is listed, while its run still goes on: of the
// run only the selection counts. A nil baseline knows nothing.
func (b *Baseline) Knows(run result.Run, c result.Case) bool {
	return b != nil && slices.ContainsFunc(b.Known, func(e Entry) bool { return !e.Expired && e.explains(run, c) })
}

// NewWarnings are the cases that warn and are not listed. They are news, and fail no run.
func NewWarnings(run result.Run) []string {
	var ids []string
	for _, c := range run.Cases {
		if c.Outcome == result.Warn && c.Known == "" {
			ids = append(ids, c.ID)
		}
	}
	return ids
}

// covers reports whether the entry is about the case.
func (e Entry) covers(c result.Case) bool {
	return e.Case == c.ID || e.Requirement != "" && slices.Contains(c.Requirements, e.Requirement)
}

// explains reports whether the case came out as the entry says. In a strict run a warning
// counts as a failure, and the entry may say either.
func (e Entry) explains(run result.Run, c result.Case) bool {
	return e.covers(c) && (e.Outcome == c.Outcome || e.Outcome == listedAs(run, c))
}

// listedAs is the outcome that an entry about the case gives: its own, and the warning
// behind a failure that only a strict run makes of it.
func listedAs(run result.Run, c result.Case) result.Outcome {
	var found []result.Outcome
	for _, f := range c.Findings {
		found = append(found, f.Outcome)
	}
	if run.Selection.Strict && c.Outcome == result.Fail && result.Worst(found...) == result.Warn {
		return result.Warn
	}
	return c.Outcome
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
// was filtered out, skipped, not judged or interrupted leaves it as it is.
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
	case e.Requirement != "" && !whole && !asked(run, e.Requirement):
		return untold
	case slices.ContainsFunc(cases, func(c result.Case) bool { return !c.Outcome.Judged() }):
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
	return len(s.Arguments) == 0 && s.LabelFilter == "" && !s.Smoke && !run.Interrupted
}

// asked reports whether the run had every case of a requirement because it was named.
func asked(run result.Run, requirement string) bool {
	s := run.Selection
	return slices.Contains(s.Arguments, requirement) && s.LabelFilter == "" && !s.Smoke
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
		add(result.Stale, "is listed as %s and is %s now; correct or remove the entry (%s)", e.Outcome, e.outcomesNow(run), e.Reason)
	case unmatched:
		add(result.Unmatched, "no case answers to it; correct or remove the entry (%s)", e.Reason)
	case confirmed, untold:
	}
	return list
}

// outcomesNow are the outcomes of the entry's cases.
func (e Entry) outcomesNow(run result.Run) string {
	var words []string
	for _, c := range e.cases(run) {
		if word := string(listedAs(run, c)); !slices.Contains(words, word) {
			words = append(words, word)
		}
	}
	return strings.Join(words, ", ")
}

package reports

import (
	"fmt"
	"strings"

	"github.com/cibatest/cibatest/reports/result"
)

// headline is the verdict in words, and what the baseline makes of it.
func (d digest) headline() string { return d.seenByBaseline(d.verdictWords()) }

// verdictWords are how a page calls the verdict.
func (d digest) verdictWords() string {
	switch {
	case d.nothingJudged():
		return "Not judged"
	case d.Verdict == result.Conformant:
		return "Conformant"
	case d.Verdict == result.NonConformant:
		return "Not conformant"
	case d.Verdict == result.Partial:
		return "Partly judged"
	}
	return string(d.Verdict)
}

// verdictWord is the verdict as run.json has it, for a terminal and a badge.
func (d digest) verdictWord() string {
	word := string(d.Verdict)
	if d.nothingJudged() {
		word = "not judged"
	}
	return d.seenByBaseline(word)
}

// nothingJudged reports whether the run says nothing about the OP. Older files call that partial.
func (d digest) nothingJudged() bool {
	return d.Verdict == result.NoVerdict || d.Verdict == result.Partial && d.Coverage().Judged == 0
}

// seenByBaseline adds to the verdict what the baseline makes of it.
func (d digest) seenByBaseline(verdict string) string {
	standing := d.Standing()
	switch {
	case len(d.BaselineProblems()) > 0:
		return verdict + ", but the baseline does not hold"
	case d.Verdict == result.NonConformant && standing == result.AsExpected:
		return verdict + ", as the baseline expects"
	case d.Verdict == result.NonConformant && standing == result.NotJudged:
		return verdict + ", as the baseline expects, but not all was judged"
	}
	return verdict
}

// coverage tells how much of what was asked was judged.
func (d digest) coverage() string {
	c := d.Coverage()
	one, many := "requirement", "requirements"
	if c.Level != "" {
		one, many = c.Level, c.Level+"s"
	}
	parts := []string{fmt.Sprintf("%d of %s judged", c.Judged, plural(c.All(), one, many))}
	if c.Skipped > 0 {
		parts = append(parts, fmt.Sprintf("%d skipped", c.Skipped))
	}
	if c.Errors > 0 {
		parts = append(parts, fmt.Sprintf("%d could not be judged", c.Errors))
	}
	return strings.Join(parts, ", ")
}

// tone is the verdict whose colour the report wears, so that red, yellow and green mean
// what the exit code means.
func (d digest) tone() result.Verdict {
	switch d.Standing() {
	case result.Deviates:
		return result.NonConformant
	case result.NotJudged:
		return result.Partial
	case result.AsExpected:
		if d.Verdict == result.NonConformant {
			return result.Partial
		}
	case result.Interrupted:
		if d.Verdict == result.NoVerdict {
			return result.Partial
		}
	}
	return d.Verdict
}

// explanation says in a sentence why the verdict is what it is.
func (d digest) explanation() string {
	return joined("; ", d.verdictExplained(), d.causes.gravest(), d.baselineExplained())
}

func (d digest) verdictExplained() string {
	s := d.Summary
	known := 0
	for _, c := range d.known {
		if c.Outcome == result.Fail {
			known++
		}
	}
	switch {
	case d.Verdict == result.NonConformant && known > 0 && known >= s.Fail:
		return plural(known, "failure", "failures") + ", all of them known deviations"
	case d.Verdict == result.NonConformant && known > 0:
		return plural(s.Fail, "failure", "failures") + fmt.Sprintf(", %d of them known", known)
	case d.Verdict == result.NonConformant:
		return plural(s.Fail, "case shows", "cases show") + " a departure from a clause that must hold"
	case d.Interrupted:
		return "the run was interrupted before every case was judged"
	case d.nothingJudged():
		return "nothing that was asked could be judged, so this is no verdict"
	case d.Verdict == result.Partial:
		return "nothing failed, but a clause that must hold could not be judged"
	case s.Warn > 0:
		return "every clause that must hold and was judged holds; " + plural(s.Warn, "warning", "warnings")
	case d.Verdict == result.Conformant:
		return "every clause that was judged holds"
	}
	return ""
}

// baselineExplained tells how many entries do not hold.
func (d digest) baselineExplained() string {
	if n := len(d.BaselineProblems()); n > 0 {
		return plural(n, "entry", "entries") + " of the baseline to mend"
	}
	return ""
}

// warningsTitle says that the warnings are news where a baseline lists the others.
func (d digest) warningsTitle() string {
	if d.Baseline != nil {
		return "New warnings"
	}
	return "Warnings"
}

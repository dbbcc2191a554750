package reports

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/cibatest/cibatest/reports/result"
)

// causes are the causes of what was found, by what a reader has to do about them.
type causes struct {
	failing, warning, known []result.Cause
}

func causesOf(run result.Run) causes {
	var c causes
	for _, cause := range run.Causes() {
		switch {
		case cause.Known != "":
			c.known = append(c.known, cause)
		case cause.Outcome == result.Fail:
			c.failing = append(c.failing, cause)
		default:
			c.warning = append(c.warning, cause)
		}
	}
	return c
}

// How much of a cause a list tells; the report has it all.
const (
	manyCauses   = 40 // in a section
	manyFindings = 5  // of a cause, those that differ
	manyNames    = 12 // cases or clauses of a cause
)

// withoutFindings are the cases for which no cause stands.
func withoutFindings(cases []result.Case) []result.Case {
	return slices.DeleteFunc(slices.Clone(cases), func(c result.Case) bool { return len(c.Findings) > 0 })
}

// causeTitle counts cases, and the causes that explain them.
func causeTitle(title string, cases int, list []result.Cause) string {
	if len(list) == 0 || len(list) == cases {
		return fmt.Sprintf("%s (%d)", title, cases)
	}
	return fmt.Sprintf("%s (%s, %s)", title, plural(cases, "case", "cases"), plural(len(list), "cause", "causes"))
}

// casesIn counts the cases of some causes.
func casesIn(list []result.Cause) int {
	ids := map[string]bool{}
	for _, cause := range list {
		for _, f := range cause.Findings {
			ids[f.Case] = true
		}
	}
	return len(ids)
}

// inWords is a cause with its gravity.
func inWords(c result.Cause) string { return joined(": ", string(c.Gravity), c.Title) }

// some lists names, the first ones only when there are many.
func some(names []string) string {
	if len(names) <= manyNames+1 {
		return strings.Join(names, " ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:manyNames], " "), len(names)-manyNames)
}

// telling are the findings of a cause that differ in what they say.
func telling(c result.Cause) []result.CauseFinding {
	var list []result.CauseFinding
	for _, f := range c.Findings {
		same := func(other result.CauseFinding) bool { return other.Expected == f.Expected && other.Actual == f.Actual }
		if !slices.ContainsFunc(list, same) {
			list = append(list, f)
		}
	}
	return list
}

// others are the clauses of a cause but that of its gravest finding.
func others(c result.Cause) []string { return c.Clauses()[1:] }

// published is the address of a text at its publisher. A result file may come from anybody,
// and its report leads nowhere else.
var published = regexp.MustCompile(`^https://(openid\.net/specs|www\.rfc-editor\.org/rfc)/[A-Za-z0-9._-]+(#[A-Za-z0-9._-]+)?$`)

// linksOf are where to read the clause.
func linksOf(r result.Requirement) []result.Link {
	return slices.DeleteFunc(slices.Clone(r.Links), func(l result.Link) bool { return !published.MatchString(l.URL) })
}

// linkOf is the first of [linksOf], empty when that is not known.
func linkOf(r result.Requirement) string {
	for _, l := range linksOf(r) {
		return l.URL
	}
	return ""
}

// meanings tell in a headline what a gravity means; what is foreign text has no place there.
var meanings = map[result.Gravity]string{
	result.LetIn:       "lets in what has to be kept out",
	result.WrongEffect: "refuses, loses or alters what is right",
	result.WrongCode:   "is a refusal in other words",
	result.WrongForm:   "is a matter of form",
}

// gravest tells how many causes there are for what fails, and what the gravest means.
func (c causes) gravest() string {
	if len(c.failing) == 0 {
		return ""
	}
	count := plural(len(c.failing), "cause", "causes")
	meaning := meanings[c.failing[0].Gravity]
	switch {
	case meaning == "":
		return count
	case len(c.failing) == 1:
		return count + ", which " + meaning
	}
	return count + ", the gravest " + meaning
}

// expected reports whether the baseline explains everything that makes the requirement come
// out as it does.
func (d digest) expected(r result.Requirement) bool {
	found := false
	for _, id := range r.Cases {
		c := d.cases[id]
		if r.Outcome == result.Pass || c.About(r.ID, d.Selection.Strict) != r.Outcome {
			continue
		}
		if !knownAbout(c, r.ID) {
			return false
		}
		found = true
	}
	return found
}

// knownAbout reports whether the baseline expects all that a case found about a clause. In
// files of older versions it speaks of whole cases only.
func knownAbout(c result.Case, clause string) bool {
	isKnown := func(f result.Finding) bool { return f.Known != "" }
	if !slices.ContainsFunc(c.Findings, isKnown) {
		return c.Known != ""
	}
	return !slices.ContainsFunc(c.Findings, func(f result.Finding) bool {
		return f.ClauseID() == clause && f.Outcome != result.Info && f.Known == ""
	})
}

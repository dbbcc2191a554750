package reports

import (
	"fmt"
	"io"
	"slices"

	"github.com/cibatest/cibatest/reports/result"
)

// LoadJUnit writes a load run as JUnit XML: a test for each objective, one for
// the protocol, and one for whether the generator could keep up at all.
func LoadJUnit(w io.Writer, l result.Load) error {
	l = inertLoad(l)
	s := junitSuite{Name: "load", Timestamp: l.Started.UTC().Format("2006-01-02T15:04:05"), Time: seconds(l.DurationMS)}
	add := func(name string, failure, fault *junitNote) {
		c := junitCase{Name: name, ClassName: "cibatest.load", Time: seconds(0), Failure: failure, Error: fault}
		s.Tests++
		if failure != nil {
			s.Failures++
		}
		if fault != nil {
			s.Errors++
		}
		s.Cases = append(s.Cases, c)
	}
	var limit *junitNote
	switch {
	case l.Interrupted:
		limit = &junitNote{Message: loadLead(l), Type: "interrupted"}
	case l.Verdict == result.Saturated, l.Verdict == result.Aborted, l.Verdict == result.Unjudged:
		limit = &junitNote{Message: loadLead(l), Type: string(l.Verdict)}
	}
	if limit != nil {
		for _, reason := range l.Reasons {
			limit.Text += reason + "\n"
		}
	}
	add("run", nil, limit)
	for _, o := range l.Objectives {
		var missed *junitNote
		if !o.Held {
			missed = &junitNote{Message: fmt.Sprintf("%s: %s", o.Text, o.Actual), Type: "objective"}
		}
		add(o.Text, missed, nil)
	}
	var breach *junitNote
	if len(l.Violations) > 0 {
		breach = &junitNote{Message: fmt.Sprintf("%d violations", l.Counters[result.CountViolations]), Type: "violation"}
		for _, v := range l.Violations {
			breach.Text += fmt.Sprintf("%d: %s (%s)\n", v.Count, v.Text, v.Requirement)
		}
	}
	add("protocol", breach, nil)
	all := junitSuites{Name: "cibatest load", junitCounts: s.junitCounts, Time: s.Time, Suites: []junitSuite{s}}
	return all.write(w)
}

// LoadMarkdown writes the summary of a load run for a merge request or a CI step.
func LoadMarkdown(w io.Writer, l result.Load) error {
	l = inertLoad(l)
	m := &markdown{}
	m.line("## %s: %s\n", firstOf(loadHeadline(l), "Verdict "+code(string(l.Verdict))), code(l.Target.Issuer))
	if lead := loadLead(l); lead != "" {
		m.line("%s.\n", upper(lead))
	}
	for _, reason := range l.Reasons {
		m.line("- %s", code(reason))
	}
	m.line("\n| flows | count | share |\n| :--- | ---: | ---: |")
	for _, s := range funnelSteps(l.Funnel) {
		if s.Count > 0 || s.Always {
			m.line("| %s | %d | %s |", s.Name, s.Count, shareText(s.Count, l.Funnel.Offered))
		}
	}
	m.line("\n| latency | count | p50 | p90 | p99 | p99.9 | max |\n| :--- | ---: | ---: | ---: | ---: | ---: | ---: |")
	for _, c := range l.Latency {
		m.line("| %s | %d | %s | %s | %s | %s | %s |", tableCell(c.Class), c.Count,
			quantity(c, c.P50), quantity(c, c.P90), quantity(c, c.P99), quantity(c, c.P999), quantity(c, c.Max))
	}
	m.loadFindings(l)
	_, err := w.Write(m.b.Bytes())
	return err
}

func (m *markdown) loadFindings(l result.Load) {
	if len(l.Objectives) > 0 {
		m.line("\n### Objectives\n")
	}
	for _, o := range l.Objectives {
		word := "held"
		if !o.Held {
			word = "**missed**"
		}
		m.line("- %s %s: %s", word, code(o.Text), code(o.Actual))
	}
	if len(l.Violations) > 0 {
		m.line("\n### Violations of the protocol\n")
	}
	for _, v := range l.Violations {
		m.line("- %d: %s %s", v.Count, code(v.Text), code(v.Requirement))
	}
}

// tableCell keeps a name of ours in its cell; a file may hold any.
func tableCell(name string) string {
	if slices.Contains(result.ClassOrder, name) {
		return name
	}
	return "other"
}

package reports

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/cibatest/cibatest/reports/result"
)

// Bounds of the Markdown summary: merge-request comments take 64 kB, and a step
// summary over its limit is dropped as a whole.
const (
	maxMarkdown     = 60 << 10
	maxMarkdownText = 600
)

// Markdown writes a summary for a merge request or a CI step. All text that an
// OP could have chosen stands in code spans, where neither HTML, links, mentions
// nor issue references work.
func Markdown(w io.Writer, run result.Run) error {
	d := newDigest(inert(run))
	m := &markdown{}
	m.head(d)
	m.explained(d, "Failures", len(d.failures), d.causes.failing)
	m.list("Failures without a finding", withoutFindings(d.failures), m.reason)
	m.notJudged(d)
	m.baseline(d.BaselineProblems())
	m.explained(d, d.warningsTitle(), casesIn(d.causes.warning), d.causes.warning)
	m.list("Warnings without a finding", withoutFindings(d.warnings), m.reason)
	m.explained(d, "Known deviations", casesIn(d.causes.known), d.causes.known)
	m.list("Known without a finding", withoutFindings(d.known), m.known)
	m.skips(d.skipped)
	_, err := w.Write(m.b.Bytes())
	return err
}

type markdown struct{ b bytes.Buffer }

func (m *markdown) line(format string, args ...any) { fmt.Fprintf(&m.b, format+"\n", args...) }

// marks show the tone of a verdict where Markdown has no colours.
var marks = map[result.Verdict]string{result.Conformant: "✅", result.NonConformant: "❌", result.Partial: "⚠️"}

func (m *markdown) head(d digest) {
	title := "Verdict " + code(string(d.Verdict))
	if mark := marks[d.tone()]; mark != "" {
		title = mark + " " + d.headline()
	}
	m.line("## %s: %s\n", title, d.coverage())
	m.line("%s\n", code(d.Target.Issuer))
	if text := d.explanation(); text != "" {
		m.line("%s.\n", upper(text))
	}
	m.profiles(d.profiles())
	s := d.Summary
	m.line("| pass | fail | not judged | warn | info | skip | known |")
	m.line("| ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
	m.line("| %d | %d | %d | %d | %d | %d | %d |\n", s.Pass, s.Fail, s.Error, s.Warn, s.Info, s.Skip, len(d.known))
	m.line("Persona %s, %s %s, %s, selection %s. Critical path %s, wall %s, sum of case times %s.\n",
		code(d.Target.Persona), code(d.Tool.Name), code(d.Tool.Version), stamp(d.Started), code(d.selected()),
		span(d.Timing.CriticalPathMS), span(d.Timing.WallMS), span(d.Timing.SumMS))
}

// profiles tells the verdict of each profile, and what it leaves out.
func (m *markdown) profiles(list []profileView) {
	for _, p := range list {
		if m.b.Len() > maxMarkdown/4 {
			m.line("- and more profiles, see the report")
			break
		}
		m.line("- %s: %s, %s", code(p.Title), code(string(p.Verdict)), p.Coverage)
		for _, reason := range p.Reasons {
			m.line("  - %s", code(reason))
		}
	}
	if len(list) > 0 {
		m.line("")
	}
}

// list writes a section as long as there is room, then says what is left out.
func (m *markdown) list(title string, cases []result.Case, entry func(result.Case)) {
	if len(cases) == 0 {
		return
	}
	m.line("### %s (%d)\n", title, len(cases))
	for i, c := range cases {
		if m.b.Len() > maxMarkdown-8*maxMarkdownText {
			m.line("- and %d more, see the report", len(cases)-i)
			break
		}
		entry(c)
	}
	m.line("")
}

// explained writes causes as long as there is room.
func (m *markdown) explained(d digest, title string, cases int, list []result.Cause) {
	if len(list) == 0 {
		return
	}
	m.line("### %s\n", causeTitle(title, cases, list))
	for i, c := range list {
		if i == manyCauses || m.b.Len() > maxMarkdown-12*maxMarkdownText {
			m.line("- and %d more, see the report", len(list)-i)
			break
		}
		m.cause(d, c)
	}
	m.line("")
}

func (m *markdown) cause(d digest, c result.Cause) {
	first := c.Findings[0]
	m.line("- %s %s", code(inWords(c)), plural(len(c.Cases()), "case", "cases"))
	m.field("known", c.Known)
	if link := linkOf(d.requirement(first.Finding)); link != "" {
		m.line("  - %s, [the text](%s): expected %s, got %s", code(first.Clause), link, code(first.Expected), code(first.Actual))
	} else {
		m.line("  - %s: expected %s, got %s", code(first.Clause), code(first.Expected), code(first.Actual))
	}
	m.field("the OP says", first.Says)
	m.field("change", c.Change)
	m.field("no failure", first.Why)
	m.field("also", some(others(c)))
	m.field("cases", some(c.Cases()))
	m.field("reproduce", d.cases[first.Case].Reproduce)
}

// notJudged tells why cases were not judged, a reason once.
func (m *markdown) notJudged(d digest) {
	if len(d.errors) == 0 {
		return
	}
	m.line("### Not judged (%d)\n", len(d.errors))
	reasons := result.Reasons(d.errors)
	for i, r := range reasons {
		if i == manyCauses || m.b.Len() > maxMarkdown-8*maxMarkdownText {
			m.line("- and %d more reasons, see the report", len(reasons)-i)
			break
		}
		m.line("- %s: %s", plural(len(r.Cases), "case", "cases"), code(firstOf(r.Text, "no reason given")))
		m.field("cases", some(r.Cases))
		m.field("reproduce", d.cases[r.Cases[0]].Reproduce)
	}
	m.line("")
}

func (m *markdown) reason(c result.Case) {
	m.line("- %s %s", code(c.ID), code(firstOf(c.Reason, c.Message, c.Title)))
	m.field("reproduce", c.Reproduce)
}

func (m *markdown) known(c result.Case) {
	m.line("- %s (%s): %s", code(c.ID), code(string(c.Outcome)), code(c.Known))
}

// baseline tells of the entries that do not hold, as long as there is room.
func (m *markdown) baseline(problems []result.BaselineProblem) {
	if len(problems) == 0 {
		return
	}
	m.line("### Baseline: entries to mend (%d)\n", len(problems))
	for i, p := range problems {
		if m.b.Len() > maxMarkdown-8*maxMarkdownText {
			m.line("- and %d more, see the report", len(problems)-i)
			break
		}
		m.line("- %s (%s): %s", code(p.Entry), code(string(p.Kind)), code(p.Text))
	}
	m.line("")
}

func (m *markdown) field(name, text string) {
	if text != "" {
		m.line("  - %s: %s", name, code(text))
	}
}

func (m *markdown) skips(groups []result.Reason) {
	if len(groups) == 0 {
		return
	}
	m.line("### Skipped\n")
	for i, g := range groups {
		if m.b.Len() > maxMarkdown-maxMarkdownText {
			m.line("- and %d more reasons, see the report", len(groups)-i)
			break
		}
		m.line("- %s: %s", plural(len(g.Cases), "case", "cases"), code(firstOf(g.Text, "no reason given")))
	}
}

// code is inert text as a code span: its fence is longer than any run of
// backticks inside. It does not go into tables, whose cells end at a vertical bar
// even there. Empty text stays visible.
func code(s string) string {
	if s == "" {
		return "(none)"
	}
	s = clip(s, maxMarkdownText)
	fence := "`"
	for strings.Contains(s, fence) {
		fence += "`"
	}
	if strings.HasPrefix(s, "`") || strings.HasSuffix(s, "`") || strings.TrimSpace(s) == "" {
		s = " " + s + " "
	}
	return fence + s + fence
}

// clip cuts a line after about n bytes.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + " …"
}

func upper(s string) string {
	if s == "" {
		return ""
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

package reports

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/cibatest/cibatest/reports/result"
)

// TextOptions are how Text writes. The zero value is plain text 80 wide.
type TextOptions struct {
	Color bool // ANSI colours; the words alone say everything
	Width int  // columns; below 40 counts as 40, 0 as 80
}

// The widths of Text: of the narrowest terminal it lays out for, and the widest
// line that is still easy to read.
const (
	defaultWidth = 80
	minWidth     = 40
	maxWidth     = 120
	textMargin   = 12 // the column of the names of a failure's lines
)

// Text writes the summary for a terminal: the verdict first, then what needs
// attention.
func Text(w io.Writer, run result.Run, o TextOptions) error {
	t := newTextWriter(o)
	t.run(newDigest(inert(run)))
	_, err := w.Write(t.b.Bytes())
	return err
}

type textWriter struct {
	b     bytes.Buffer
	color bool
	width int
}

func newTextWriter(o TextOptions) *textWriter {
	if o.Width == 0 {
		o.Width = defaultWidth
	}
	return &textWriter{color: o.Color, width: min(max(o.Width, minWidth), maxWidth)}
}

// style is an ANSI colour or weight.
type style string

const (
	bold   style = "1"
	faint  style = "2"
	red    style = "1;31"
	green  style = "1;32"
	yellow style = "33"
	blue   style = "34"
)

var outcomeStyles = map[result.Outcome]style{
	result.Fail: red, result.Error: red, result.Warn: yellow, result.Info: blue, result.Pass: green, result.Skip: faint,
}

var verdictStyles = map[result.Verdict]style{
	result.Conformant: green, result.NonConformant: red, result.Partial: yellow, result.NoVerdict: faint,
}

func (t *textWriter) paint(s style, text string) string {
	if !t.color || s == "" {
		return text
	}
	return "\x1b[" + string(s) + "m" + text + "\x1b[0m"
}

func (t *textWriter) line(text string) { t.b.WriteString(text + "\n") }

func (t *textWriter) run(d digest) {
	t.head(d)
	t.explained(d, "Failures", len(d.failures), d.causes.failing)
	t.section("Failures without a finding", withoutFindings(d.failures), t.notJudged)
	t.notJudgedFor("Not judged", result.Reasons(d.errors), d)
	t.baseline(d.BaselineProblems())
	t.explained(d, d.warningsTitle(), casesIn(d.causes.warning), d.causes.warning)
	t.section("Warnings without a finding", withoutFindings(d.warnings), t.notJudged)
	t.explained(d, "Known deviations, as the baseline expects", casesIn(d.causes.known), d.causes.known)
	t.section("Known without a finding, as the baseline expects", withoutFindings(d.known), t.known)
	t.skips(d.skipped)
	t.line("")
	t.wrap(0, fmt.Sprintf("critical path %s, wall %s, sum of case times %s",
		span(d.Timing.CriticalPathMS), span(d.Timing.WallMS), span(d.Timing.SumMS)))
	if t.long() {
		t.verdict(d) // the first line has scrolled away
		t.counts(d)
	}
}

// long reports whether more was written than a screen holds.
func (t *textWriter) long() bool { return bytes.Count(t.b.Bytes(), []byte("\n")) > 40 }

func (t *textWriter) verdict(d digest) {
	t.line("")
	t.wrap(0, t.paint(verdictStyles[d.tone()], strings.ToUpper(d.verdictWord()))+": "+d.coverage())
	t.wrap(0, d.Target.Issuer)
}

func (t *textWriter) head(d digest) {
	t.verdict(d)
	if text := d.explanation(); text != "" {
		t.wrap(0, text)
	}
	t.profiles(d.profiles())
	t.line("")
	t.counts(d)
	t.line("")
	t.field("persona", d.Target.Persona)
	t.field("tool", strings.TrimSpace(d.Tool.Name+" "+d.Tool.Version))
	t.field("judged", d.scope())
	t.field("started", stamp(d.Started))
	t.field("selection", fmt.Sprintf("%s; seed %d", d.selected(), d.Seed))
	for _, note := range d.Notes {
		t.field("note", note)
	}
}

// profiles tells the verdict of each profile, and what it leaves out.
func (t *textWriter) profiles(list []profileView) {
	if len(list) == 0 {
		return
	}
	t.line("")
	for _, p := range list {
		t.hang("  "+p.Title+": ", t.paint(verdictStyles[p.Verdict], string(p.Verdict))+", "+p.Coverage)
		for _, reason := range p.Reasons {
			t.wrap(6, reason)
		}
	}
}

// counts tells the outcomes worst first; what did not happen is left out.
func (t *textWriter) counts(d digest) {
	s := d.Summary
	var parts []string
	for _, c := range []struct {
		n       int
		outcome result.Outcome
	}{
		{s.Fail, result.Fail},
		{s.Error, result.Error},
		{s.Warn, result.Warn},
		{s.Info, result.Info},
		{s.Pass, result.Pass},
		{s.Skip, result.Skip},
	} {
		if c.n > 0 {
			parts = append(parts, t.paint(outcomeStyles[c.outcome], fmt.Sprintf("%d %s", c.n, word(c.outcome))))
		}
	}
	t.wrap(0, plural(len(d.Cases), "case", "cases")+": "+strings.Join(parts, ", "))
}

func (t *textWriter) section(title string, cases []result.Case, entry func(result.Case)) {
	if len(cases) == 0 {
		return
	}
	t.line("")
	t.wrap(0, t.paint(bold, fmt.Sprintf("%s (%d)", title, len(cases))))
	for _, c := range cases {
		entry(c)
	}
}

func (t *textWriter) title(c result.Case) {
	t.line("")
	t.hang("  "+t.paint(outcomeStyles[c.Outcome], word(c.Outcome))+" ", c.ID)
	t.wrap(4, c.Title)
}

// explained tells causes, each with what it explains.
func (t *textWriter) explained(d digest, title string, cases int, list []result.Cause) {
	if len(list) == 0 {
		return
	}
	t.line("")
	t.wrap(0, t.paint(bold, causeTitle(title, cases, list)))
	for i, c := range list {
		if i == manyCauses {
			t.line("")
			t.wrap(2, fmt.Sprintf("and %s, see report.html", plural(len(list)-i, "more cause", "more causes")))
			return
		}
		t.cause(d, c)
	}
}

func (t *textWriter) cause(d digest, c result.Cause) {
	first := c.Findings[0]
	clause := d.requirement(first.Finding)
	t.line("")
	t.hang("  "+t.paint(outcomeStyles[c.Outcome], word(c.Outcome))+" ", inWords(c))
	t.field("known", c.Known)
	t.field("clause", joined(", ", first.Clause, clauseGroup{Clause: first.Clause, Requirement: clause}.source()))
	t.field("says", clause.Text)
	t.address("read", linkOf(clause))
	for i, f := range telling(c) {
		if i == manyFindings {
			t.field("and", plural(len(telling(c))-i, "more finding", "more findings"))
			break
		}
		t.evidence(d.cases[f.Case], f.Finding)
	}
	t.field("change", c.Change)
	t.field("no failure", first.Why)
	t.field("also", some(others(c)))
	t.field("cases", some(c.Cases()))
	t.command(d.cases[first.Case].Reproduce)
}

// evidence tells what was expected and what came.
func (t *textWriter) evidence(c result.Case, f result.Finding) {
	t.field("expected", f.Expected)
	t.field("actual", f.Actual)
	if f.Says != "" {
		t.field("the OP says", fmt.Sprintf("%q", f.Says))
	}
	if x := decisive(c, f); x != nil {
		t.field("exchange", fmt.Sprintf("%d of %d of %s, %s", f.Exchange, len(c.Exchanges), c.ID, exchangeLine(*x)))
	}
}

// notJudgedFor tells why cases were not judged, a reason once.
func (t *textWriter) notJudgedFor(title string, reasons []result.Reason, d digest) {
	if len(reasons) == 0 {
		return
	}
	t.line("")
	t.wrap(0, t.paint(bold, fmt.Sprintf("%s (%d)", title, len(d.errors))))
	for i, r := range reasons {
		t.line("")
		if i == manyCauses {
			t.wrap(2, fmt.Sprintf("and %s, see report.html", plural(len(reasons)-i, "more reason", "more reasons")))
			return
		}
		t.hang("  "+t.paint(outcomeStyles[result.Error], word(result.Error))+" ", firstOf(r.Text, "no reason given"))
		t.field("cases", some(r.Cases))
		t.command(d.cases[r.Cases[0]].Reproduce)
	}
}

// joined puts a separator between the texts that are not empty.
func joined(separator string, texts ...string) string {
	return strings.Join(slices.DeleteFunc(texts, func(s string) bool { return s == "" }), separator)
}

func (t *textWriter) notJudged(c result.Case) {
	t.title(c)
	t.field("because", firstOf(c.Reason, c.Message))
	t.command(c.Reproduce)
}

func (t *textWriter) known(c result.Case) {
	t.title(c)
	t.field("known", c.Known)
	t.field("seen", firstOf(c.Message, c.Reason))
}

// baseline tells of the entries that do not hold.
func (t *textWriter) baseline(problems []result.BaselineProblem) {
	if len(problems) == 0 {
		return
	}
	t.line("")
	t.wrap(0, t.paint(bold, fmt.Sprintf("Baseline: entries to mend (%d)", len(problems))))
	for _, p := range problems {
		t.line("")
		t.hang("  "+t.paint(outcomeStyles[result.Fail], string(p.Kind))+" ", p.Entry)
		t.wrap(4, p.Text)
	}
}

func (t *textWriter) skips(groups []result.Reason) {
	if len(groups) == 0 {
		return
	}
	total := 0
	for _, g := range groups {
		total += len(g.Cases)
	}
	t.line("")
	t.line(t.paint(bold, fmt.Sprintf("Skipped (%d)", total)))
	for i, g := range groups {
		if i == manyCauses {
			t.wrap(8, fmt.Sprintf("and %s, see report.html", plural(len(groups)-i, "more reason", "more reasons")))
			return
		}
		t.hang(fmt.Sprintf("%6d  ", len(g.Cases)), firstOf(g.Text, "no reason given"))
	}
}

// field is a named value, wrapped under itself; an empty one is left out.
func (t *textWriter) field(name, text string) {
	if text == "" {
		return
	}
	t.hang(fmt.Sprintf("%*s  ", textMargin, name), text)
}

// command is never wrapped, so that it can be copied.
func (t *textWriter) command(text string) { t.address("reproduce", text) }

// address is what can be copied as a whole.
func (t *textWriter) address(name, text string) {
	if text != "" {
		t.line(fmt.Sprintf("%*s  ", textMargin, name) + t.paint(faint, text))
	}
}

func (t *textWriter) wrap(indent int, text string) { t.hang(strings.Repeat(" ", indent), text) }

// hang writes text wrapped to the width, every line after the first as far in as
// the text of the first.
func (t *textWriter) hang(first, text string) {
	indent := strings.Repeat(" ", columns(first))
	for i, line := range wrapped(text, max(t.width-len(indent), minWidth/2)) {
		if i > 0 {
			first = indent
		}
		t.line(first + line)
	}
}

var paints = regexp.MustCompile("\x1b\\[[0-9;]*m")

// columns is how wide a text shows. Only our own colours begin with ESC.
func columns(s string) int { return utf8.RuneCountInString(paints.ReplaceAllString(s, "")) }

// wrapped breaks text between words; a word longer than a line is cut.
func wrapped(text string, width int) []string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		for columns(word) > width {
			if line != "" {
				lines, line = append(lines, line), ""
			}
			runes := []rune(word)
			lines, word = append(lines, string(runes[:width])), string(runes[width:])
		}
		switch {
		case line == "":
			line = word
		case columns(line)+1+columns(word) <= width:
			line += " " + word
		default:
			lines, line = append(lines, line), word
		}
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}

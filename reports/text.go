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
	t.section("Failures", d.failures, t.finding(d))
	t.section("Not judged", d.errors, t.notJudged)
	t.baseline(d.BaselineProblems())
	t.section(d.warningsTitle(), d.warnings, t.finding(d))
	t.section("Known deviations, as the baseline expects", d.known, t.known)
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

// manyFindings is how many findings about one clause are told.
const manyFindings = 5

func (t *textWriter) finding(d digest) func(result.Case) {
	return func(c result.Case) {
		t.title(c)
		if len(c.Findings) == 0 {
			t.field("seen", c.Message)
		}
		for _, g := range d.clauses(c) {
			t.field("clause", joined(", ", g.Clause, g.source()))
			t.field("says", g.Requirement.Text)
			for i, f := range g.Findings {
				if i == manyFindings {
					t.field("and", plural(len(g.Findings)-i, "more finding", "more findings"))
					break
				}
				t.field("expected", f.Expected)
				t.field("actual", f.Actual)
				if x := decisive(c, f); x != nil {
					t.field("exchange", fmt.Sprintf("%d of %d, %s", f.Exchange, len(c.Exchanges), exchangeLine(*x)))
				}
			}
		}
		t.field("not judged", c.Reason)
		t.command(c.Reproduce)
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
	t.field("seen", c.Message)
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

func (t *textWriter) skips(groups []skipGroup) {
	if len(groups) == 0 {
		return
	}
	total := 0
	for _, g := range groups {
		total += len(g.Cases)
	}
	t.line("")
	t.line(t.paint(bold, fmt.Sprintf("Skipped (%d)", total)))
	for _, g := range groups {
		t.hang(fmt.Sprintf("%6d  ", len(g.Cases)), firstOf(g.Reason, "no reason given"))
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
func (t *textWriter) command(text string) {
	if text != "" {
		t.line(fmt.Sprintf("%*s  ", textMargin, "reproduce") + t.paint(faint, text))
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

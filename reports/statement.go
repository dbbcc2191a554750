package reports

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/cibatest/cibatest/reports/result"
)

var (
	//go:embed templates/statement.html
	statementText string
	//go:embed templates/statement.css
	statementStyle string

	statementPage = template.Must(template.Must(report.Clone()).New("statement").Parse(statementText))
)

// Source is the result file that a statement is made from.
type Source struct {
	File   string // its name, without folders
	SHA256 string // of its bytes, in hex
}

// What a statement lists, so that it stays within five printed pages. What is beyond it is
// counted and stands in the report.
const (
	maxDeviations = 40 // in all, those that fail first
	maxGaps       = 12
	claimReasons  = 8   // of one profile
	maxSeen       = 100 // bytes of a sentence
)

// Statement writes what a run says about an OP on a few pages that can be handed over: the
// verdict with its scope, the texts in their editions, each deviation with its clause, and
// all it takes to check the statement or to make it again. The page is self-contained and
// has no script.
func Statement(w io.Writer, run result.Run, from Source) error {
	v := newStatement(newDigest(inert(run)))
	v.Source = Source{inertLine(from.File), inertLine(from.SHA256)}
	style := pageStyle + statementStyle
	v.Policy = fmt.Sprintf("default-src 'none'; style-src '%s'; base-uri 'none'; form-action 'none'", hash(style))
	v.Style = template.HTML("<style>" + style + "</style>") //nolint:gosec // our own files
	var b bytes.Buffer
	if err := statementPage.Execute(&b, v); err != nil {
		return err
	}
	_, err := w.Write(b.Bytes())
	return err
}

// statement is what its template shows.
type statement struct {
	digest
	Source                   Source
	Policy                   string
	Style                    template.HTML
	Headline, Lead           string
	Coverage, Scope          string
	Selected, Date, Machine  string
	Took                     string
	Tone                     result.Verdict
	Outcomes                 []result.Outcome
	Levels                   []levelView
	Areas                    []areaView
	Texts                    []result.Text // without RFCs
	RFCs                     string        // their names
	Claims                   []profileView
	Unread                   string // names of texts whose editions the result does not tell
	Failed, Tolerated, Known deviations
	Gaps                     []string
	MoreGaps                 int
}

// deviations are clauses that are not obeyed, and how many more there are.
type deviations struct {
	Rows []deviation
	More int
}

// All is how many there are.
func (d deviations) All() int { return len(d.Rows) + d.More }

// cut leaves at most so many rows and returns how many it left.
func (d *deviations) cut(most int) int {
	kept := min(len(d.Rows), most)
	d.Rows, d.More = d.Rows[:kept], len(d.Rows)-kept
	return kept
}

// deviation is one clause that the OP does not obey.
type deviation struct {
	result.Requirement
	Expected, Seen string // Expected is empty where no finding tells it
	Reason         string // why it is known
}

func newStatement(d digest) statement {
	v := statement{
		digest: d, Headline: d.headline(), Lead: upper(d.explanation()), Coverage: d.coverage(), Scope: d.scope(), Selected: d.selected(),
		Date: stamp(d.Started), Machine: d.Started.UTC().Format("2006-01-02T15:04:05Z"), Took: span(d.DurationMS), Tone: d.tone(),
		Outcomes: outcomes, Levels: levels(d.Requirements), Areas: areaTallies(d.Requirements), Claims: d.profilesWith(claimReasons),
	}
	if n := d.Summary.Error; n > 0 {
		v.Gaps = append(v.Gaps, plural(n, "case", "cases")+" that the tool could not carry through")
	}
	told := len(d.skipped)
	if told > maxGaps+1 { // one more takes no more room than to say so
		told = maxGaps
	}
	for _, gap := range d.skipped[:told] {
		v.Gaps = append(v.Gaps, plural(len(gap.Cases), "case", "cases")+": "+gap.Text)
	}
	v.MoreGaps = len(d.skipped) - told
	v.addTexts()
	for _, r := range d.Requirements {
		if r.Outcome != result.Fail && r.Outcome != result.Warn {
			continue
		}
		one := d.deviation(r)
		switch {
		case d.expected(r):
			v.Known.Rows = append(v.Known.Rows, one)
		case r.Outcome == result.Fail:
			v.Failed.Rows = append(v.Failed.Rows, one)
		default:
			v.Tolerated.Rows = append(v.Tolerated.Rows, one)
		}
	}
	left := maxDeviations
	for _, list := range []*deviations{&v.Failed, &v.Known, &v.Tolerated} {
		left -= list.cut(left)
	}
	return v
}

// deviation tells what was seen of a clause, by the gravest finding about it.
func (d digest) deviation(r result.Requirement) deviation {
	one := deviation{Requirement: r}
	for _, id := range r.Cases {
		c := d.cases[id]
		for _, f := range c.Findings {
			if f.ClauseID() == r.ID && f.Outcome == r.Outcome {
				one.Expected, one.Seen, one.Reason = shortened(f.Expected), shortened(f.Actual), shortened(firstOf(f.Known, c.Known))
				return one
			}
		}
		if one.Seen == "" && c.Outcome == r.Outcome {
			one.Seen, one.Reason = shortened(c.Message), shortened(c.Known)
		}
	}
	return one
}

// addTexts sorts the texts of the run. A result that names none still has the sources of
// its requirements.
func (s *statement) addTexts() {
	var rfcs, unread []string
	for _, t := range s.digest.Texts {
		if strings.HasPrefix(t.Name, "RFC ") {
			rfcs = append(rfcs, t.Name)
		} else {
			s.Texts = append(s.Texts, t)
		}
	}
	if len(s.digest.Texts) == 0 {
		for _, r := range s.Requirements {
			for part := range strings.SplitSeq(r.Source, ";") {
				name, _, _ := strings.Cut(strings.TrimSpace(part), " §")
				if !slices.Contains(unread, name) {
					unread = append(unread, name)
				}
			}
		}
	}
	s.RFCs, s.Unread = strings.Join(rfcs, ", "), strings.Join(unread, ", ")
}

// shortened is a sentence for a cell of a printed table.
func shortened(s string) string {
	if len(s) <= maxSeen {
		return s
	}
	cut := maxSeen
	for !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + " …"
}

package reports

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"

	"github.com/cibatest/cibatest/reports/result"
)

var (
	//go:embed templates/sidebyside.html
	sideBySideText string
	//go:embed templates/sidebyside.css
	sideBySideStyle string

	sideBySidePage = template.Must(template.Must(report.Clone()).New("sidebyside").Parse(sideBySideText))
)

// SideBySide shows several OPs, or several versions of one, next to each other. Every list
// of cells has one for each run, in the order of the runs.
type SideBySide struct {
	Runs         []SideRun     `json:"runs"`
	Profiles     []ProfileRow  `json:"profiles"`
	Areas        []AreaRow     `json:"areas"`
	Requirements []SideClause  `json:"requirements"` // those that some run judged, in the order of the catalogue
	different    []*SideClause // those of them on which judgements differ
}

// SideRun names one run. Names differ from each other.
type SideRun struct {
	Name     string         `json:"name"` // product, or issuer where none is said
	Issuer   string         `json:"issuer"`
	Verdict  result.Verdict `json:"verdict"`
	Coverage string         `json:"coverage"` // how much of what was asked was judged, in words
	Selected string         `json:"selected"` // what part of the suites was run, in words
	Started  string         `json:"started"`
	Tool     string         `json:"tool"`
	Asked    string         `json:"asked"` // what is true of a profile that the run has no verdict on: "not claimed" or "not asked"
	Headline string         `json:"-"`
	Tone     result.Verdict `json:"-"`
}

// ProfileRow is one profile in all runs. A cell is nil where the run has no verdict on it.
type ProfileRow struct {
	ID    string         `json:"id"`
	Title string         `json:"title"`
	Cells []*ProfileCell `json:"cells"`
}

// ProfileCell is what one run says about a profile.
type ProfileCell struct {
	Verdict result.Verdict `json:"verdict"`
	MUSTs   int            `json:"musts"`
	Judged  int            `json:"judged"` // of the MUSTs
	Failed  int            `json:"failed"` // requirements of any level

	OtherModes int `json:"other_modes"` // of the MUSTs: judged with clients of another delivery mode alone
}

// Words tell the counts of the cell.
func (c ProfileCell) Words() string {
	words := fmt.Sprintf("%d of %d MUSTs", c.Judged, c.MUSTs)
	if c.OtherModes > 0 {
		words += fmt.Sprintf(", %d with clients of another mode alone", c.OtherModes)
	}
	if c.Failed > 0 {
		words += fmt.Sprintf(", %d failed", c.Failed)
	}
	return words
}

// AreaRow is one area in all runs.
type AreaRow struct {
	Name  string     `json:"name"`
	Cells []AreaCell `json:"cells"`
}

// AreaCell counts the requirements of an area that a run judged. All are zero where it
// judged none.
type AreaCell struct {
	Judged int     `json:"judged"`
	Failed int     `json:"failed"`
	Warned int     `json:"warned"`
	Bar    barView `json:"-"`
}

// SideClause is one requirement in all runs.
type SideClause struct {
	ID     string       `json:"id"`
	Level  string       `json:"level"`
	Area   string       `json:"area"`
	Source string       `json:"source"`
	Text   string       `json:"text"`
	Cells  []ClauseCell `json:"cells"`
}

// ClauseCell is the outcome of a requirement in one run, empty where the run does not have it.
type ClauseCell struct {
	Outcome result.Outcome `json:"outcome,omitempty"`
	Known   bool           `json:"known,omitempty"` // as the baseline expects
}

// LaySideBySide lays runs next to each other. Names are what columns are called where two
// runs would be called alike, such as the names of their files; there are as many as runs.
func LaySideBySide(runs []result.Run, names []string) SideBySide {
	digests := make([]digest, len(runs))
	for i, run := range runs {
		digests[i] = newDigest(inert(run))
	}
	var s SideBySide
	for i, d := range digests {
		s.Runs = append(s.Runs, SideRun{
			Name: sideName(digests, i, inertLine(names[i])), Issuer: d.Target.Issuer, Verdict: d.Verdict, Coverage: d.coverage(),
			Selected: d.selected(), Started: stamp(d.Started), Tool: joined(" ", d.Tool.Name, d.Tool.Version),
			Asked: d.withoutProfile(), Headline: d.headline(), Tone: d.tone(),
		})
	}
	s.addProfiles(digests)
	s.addRequirements(digests)
	s.addAreas()
	return s
}

// sideName is what a run is called: its product or issuer, and more where another run is
// called so.
func sideName(all []digest, at int, file string) string {
	name := func(d digest) string { return firstOf(d.Target.Product, d.Target.Issuer) }
	own := name(all[at])
	for i, d := range all {
		if i != at && name(d) == own {
			return joined(", ", own, file)
		}
	}
	return own
}

// withoutProfile is what is true of a profile that a run says nothing about. One of selected
// cases, or of named profiles, asked about no other claim.
func (d digest) withoutProfile() string {
	if len(d.Profiles) == 0 || len(d.Selection.Profiles) > 0 {
		return "not asked"
	}
	return "not claimed"
}

func (s *SideBySide) addProfiles(digests []digest) {
	for i, d := range digests {
		for _, p := range d.Profiles {
			at := slices.IndexFunc(s.Profiles, func(r ProfileRow) bool { return r.ID == p.ID })
			if at < 0 {
				at = len(s.Profiles)
				s.Profiles = append(s.Profiles, ProfileRow{ID: p.ID, Title: p.Title, Cells: make([]*ProfileCell, len(digests))})
			}
			cell := &ProfileCell{Verdict: p.Verdict, MUSTs: p.MUSTs, Judged: p.Judged, Failed: p.Failed}
			for _, o := range p.OtherModes {
				cell.OtherModes += len(o.Requirements)
			}
			s.Profiles[at].Cells[i] = cell
		}
	}
}

// addRequirements takes every requirement that some run judged.
func (s *SideBySide) addRequirements(digests []digest) {
	index := map[string]int{}
	for i, d := range digests {
		for _, r := range d.Requirements {
			at, ok := index[r.ID]
			if !ok {
				at = len(s.Requirements)
				index[r.ID] = at
				s.Requirements = append(s.Requirements, SideClause{
					ID: r.ID, Level: r.Level, Area: r.Area, Source: r.Source, Text: r.Text, Cells: make([]ClauseCell, len(digests)),
				})
			}
			s.Requirements[at].Cells[i] = ClauseCell{Outcome: r.Outcome, Known: d.expected(r)}
		}
	}
	s.Requirements = slices.DeleteFunc(s.Requirements, func(r SideClause) bool { return len(r.judgements()) == 0 })
	for i := range s.Requirements {
		if r := &s.Requirements[i]; len(r.judgements()) > 1 {
			s.different = append(s.different, r)
		}
	}
}

// judgements are the different outcomes that say something about an OP. That an observation
// was made is no difference from a pass.
func (c SideClause) judgements() []result.Outcome {
	var list []result.Outcome
	for _, cell := range c.Cells {
		o := cell.Outcome
		if o == result.Info {
			o = result.Pass
		}
		if o.Judged() && !slices.Contains(list, o) {
			list = append(list, o)
		}
	}
	return list
}

func (s *SideBySide) addAreas() {
	outcomes := map[string][][]result.Outcome{} // by area and run
	for _, r := range s.Requirements {
		if outcomes[r.Area] == nil {
			outcomes[r.Area] = make([][]result.Outcome, len(s.Runs))
			s.Areas = append(s.Areas, AreaRow{Name: r.Area, Cells: make([]AreaCell, len(s.Runs))})
		}
		for i, c := range r.Cells {
			if c.Outcome != "" {
				outcomes[r.Area][i] = append(outcomes[r.Area][i], c.Outcome)
			}
		}
	}
	for _, row := range s.Areas {
		for i, of := range outcomes[row.Name] {
			row.Cells[i] = areaCell(of)
		}
	}
}

func areaCell(of []result.Outcome) AreaCell {
	cell := AreaCell{Bar: bar(tally(of))}
	for _, o := range of {
		if o.Judged() {
			cell.Judged++
		}
		switch o {
		case result.Fail:
			cell.Failed++
		case result.Warn:
			cell.Warned++
		case result.Error, result.Info, result.Pass, result.Skip, result.Uncovered:
		}
	}
	return cell
}

// Words tell the cell in a table.
func (c AreaCell) Words() string {
	if c.Judged == 0 {
		return "not judged"
	}
	words := fmt.Sprintf("%d of %d", c.Judged-c.Failed, c.Judged)
	if c.Warned > 0 {
		words += ", " + plural(c.Warned, "warning", "warnings")
	}
	return words
}

// WriteJSON writes it for another program.
func (s SideBySide) WriteJSON(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(s)
}

// WriteHTML writes it as one self-contained page without scripts.
func (s SideBySide) WriteHTML(w io.Writer) error {
	style := pageStyle + sideBySideStyle
	v := struct {
		SideBySide
		Policy    string
		Style     template.HTML
		Different []*SideClause
		Groups    []sideGroup
	}{SideBySide: s, Different: s.different, Groups: s.groups()}
	v.Policy = fmt.Sprintf("default-src 'none'; style-src '%s'; base-uri 'none'; form-action 'none'", hash(style))
	v.Style = template.HTML("<style>" + style + "</style>") //nolint:gosec // our own files
	var b bytes.Buffer
	if err := sideBySidePage.Execute(&b, v); err != nil {
		return err
	}
	_, err := w.Write(b.Bytes())
	return err
}

// sideGroup is the requirements of one area.
type sideGroup struct {
	AreaRow
	Clauses []SideClause
}

func (s SideBySide) groups() []sideGroup {
	groups := make([]sideGroup, len(s.Areas))
	for i, a := range s.Areas {
		groups[i].AreaRow = a
		for _, r := range s.Requirements {
			if r.Area == a.Name {
				groups[i].Clauses = append(groups[i].Clauses, r)
			}
		}
	}
	return groups
}

// maxDifferent is how many requirements the Markdown lists.
const maxDifferent = 100

// WriteMarkdown writes profiles, areas, and the requirements on which the runs differ.
func (s SideBySide) WriteMarkdown(w io.Writer) error {
	m := &markdown{}
	m.sideHead(s, "")
	sideRow(m, "verdict", s.Runs, func(r SideRun) string { return code(r.Headline) })
	sideRow(m, "judged", s.Runs, func(r SideRun) string { return code(r.Coverage) })
	sideRow(m, "date", s.Runs, func(r SideRun) string { return r.Started })
	for _, p := range s.Profiles {
		line := make([]string, len(s.Runs))
		for i, c := range p.Cells {
			line[i] = s.Runs[i].Asked
			if c != nil {
				line[i] = code(string(c.Verdict)) + ", " + c.Words()
			}
		}
		sideRow(m, code(p.Title), line, func(words string) string { return words })
	}
	m.line("\n### Requirements that hold, of those judged\n")
	m.sideHead(s, "area")
	for _, a := range s.Areas {
		sideRow(m, code(a.Name), a.Cells, AreaCell.Words)
	}
	m.line("\n### Where they differ: %s\n", plural(len(s.different), "requirement", "requirements"))
	if len(s.different) > 0 {
		m.sideHead(s, "requirement")
	}
	for i, r := range s.different {
		if i == maxDifferent {
			m.line("\nand %d more", len(s.different)-i)
			break
		}
		sideRow(m, code(r.ID)+" "+code(r.Level), r.Cells, ClauseCell.words)
	}
	_, err := w.Write(m.b.Bytes())
	return err
}

// words tell the cell in a table.
func (c ClauseCell) words() string {
	if c.Outcome == "" {
		return "-"
	}
	text := code(string(c.Outcome))
	if c.Known {
		text += " (known)"
	}
	return text
}

func (m *markdown) sideHead(s SideBySide, first string) {
	sideRow(m, first, s.Runs, func(r SideRun) string { return code(r.Name) })
	m.line("|%s", strings.Repeat(" :--- |", len(s.Runs)+1))
}

func sideRow[C any](m *markdown, first string, cells []C, words func(C) string) {
	line := "| " + first + " |"
	for _, c := range cells {
		line += " " + words(c) + " |"
	}
	m.line("%s", line)
}

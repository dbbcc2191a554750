package reports

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html/template"
	"slices"
	"strings"

	"github.com/cibatest/cibatest/reports/result"
)

// outcomes is the order of columns: what needs a person first.
var outcomes = []result.Outcome{
	result.Fail, result.Error, result.Warn, result.Info, result.Pass, result.Skip, result.Uncovered,
}

// view is what the page's template shows.
type view struct {
	digest
	Policy        string
	Style, Script template.HTML

	Headline, Lead          string
	Coverage                string // how much of what was asked was judged
	Claims                  []profileView
	Tone                    result.Verdict // whose colour the page wears
	Date, Machine           string
	Selected, Scope         string
	CriticalPath, Wall, Sum string
	Outcomes                []result.Outcome
	Levels                  []levelView
	CaseTally               []count
	Attention               []attentionView
	Skipped                 []result.Reason
	Areas                   []areaView
	Stray                   []caseView // cases of requirements the run does not list
	Timeline                *timeline  // nil: there is nothing to show
	Matrix                  matrixView
	Capabilities            []capabilityView
	Configuration           string
}

// attentionView is a section of what needs attention. Its cases are those that no cause
// stands for.
type attentionView struct {
	Title  string
	Count  string
	Folded bool
	Causes []causeView
	More   int // causes that are left out
	Why    []result.Reason
	Cases  []caseView
}

type areaView struct {
	Name, Anchor string
	Tally        []count
	Bar          barView
	Requirements []requirementView
}

type requirementView struct {
	result.Requirement
	Anchor    string
	Known     bool       // the baseline expects all that is wrong
	Shown     []caseView // in full here
	Elsewhere []link     // in full under another requirement
}

type link struct{ ID, Anchor string }

type caseView struct {
	result.Case
	Anchor, Took string
	ReasonLabel  string
	Also         []link
	Clauses      []clauseView
	Exchanges    []exchangeView
	LeftOut      string // why exchanges are not shown
}

type clauseView struct {
	Clause, Anchor, Source, Text string
	Links                        []result.Link
	Findings                     []findingView
}

type findingView struct {
	result.Finding
	Differs  bool // from what the case came to
	Evidence *exchangeView
}

type capabilityView struct {
	Name string
	result.Capability
}

func newView(d digest) view {
	v := view{
		digest: d, Headline: d.headline(), Coverage: d.coverage(), Tone: d.tone(), Lead: upper(d.explanation()),
		Selected: d.selected(), Scope: d.scope(),
		Date: stamp(d.Started), Machine: d.Started.UTC().Format("2006-01-02T15:04:05Z"),
		CriticalPath: span(d.Timing.CriticalPathMS), Wall: span(d.Timing.WallMS), Sum: span(d.Timing.SumMS),
		Claims: d.profilesWith(claimReasons), Outcomes: outcomes, Levels: levels(d.Requirements),
		CaseTally: tallyCases(d.Cases), Skipped: d.skipped,
		Timeline: newTimeline(d), Matrix: matrix(d), Capabilities: capabilities(d), Configuration: configuration(d.Target.Configuration),
	}
	for i := range v.Claims {
		v.Claims[i].Folded = true
	}
	p := &places{digest: d, urgent: maxUrgentEvidence, quiet: maxQuietEvidence, views: map[string]caseView{}, shown: map[string]bool{}}
	p.place()
	v.Attention = p.attention()
	v.Areas, v.Stray = p.areas()
	return v
}

// places turns cases into views and finds each its place: a case is shown in
// full once, under the first requirement that lists it.
type places struct {
	digest
	urgent, quiet int // bytes of evidence there still is room for
	views         map[string]caseView
	shown         map[string]bool
}

func (p *places) place() {
	for _, c := range p.Cases {
		p.views[c.ID] = p.caseView(c)
	}
}

func (p *places) caseView(c result.Case) caseView {
	v := caseView{Case: c, Anchor: caseAnchor(c.ID), Took: span(c.DurationMS), ReasonLabel: "not judged because"}
	if c.Outcome == result.Skip {
		v.ReasonLabel = "skipped because"
	}
	for _, id := range c.Requirements {
		v.Also = append(v.Also, link{id, anchor(id)})
	}
	for i, x := range c.Exchanges {
		v.Exchanges = append(v.Exchanges, newExchangeView(v.Anchor, i+1, x))
	}
	p.afford(&v)
	for _, g := range p.clauses(c) {
		v.Clauses = append(v.Clauses, newClauseView(g, v))
	}
	return v
}

func newClauseView(g clauseGroup, c caseView) clauseView {
	clause, remark, _ := strings.Cut(g.Clause, ", ") // "CIBA-7.1-PUBLIC-CLIENT (MUST), deduced from ..."
	v := clauseView{Clause: clause, Source: joined(", ", remark, g.source()), Text: g.Requirement.Text, Links: linksOf(g.Requirement)}
	if g.Requirement.ID != "" {
		v.Anchor = anchor(g.Requirement.ID)
	}
	for _, f := range g.Findings {
		v.Findings = append(v.Findings, newFindingView(f, c))
	}
	return v
}

func newFindingView(f result.Finding, c caseView) findingView {
	v := findingView{Finding: f, Differs: f.Outcome != c.Outcome}
	if f.Exchange >= 1 && f.Exchange <= len(c.Exchanges) {
		v.Evidence = &c.Exchanges[f.Exchange-1]
	}
	return v
}

// How much evidence the page holds, so that it stays a page that opens quickly:
// of cases that need attention, whatever a sane OP can cause; of the others some.
const (
	maxUrgentEvidence = 24 << 20
	maxQuietEvidence  = 6 << 20
)

// afford leaves out the exchanges of a case when there is no room left.
func (p *places) afford(v *caseView) {
	room := &p.urgent
	if slices.Contains([]result.Outcome{result.Pass, result.Info, result.Skip}, v.Outcome) {
		room = &p.quiet
	}
	size := 0
	for _, x := range v.Exchanges {
		size += x.size()
	}
	if size > *room {
		v.LeftOut = plural(len(v.Exchanges), "exchange is", "exchanges are") + " left out here to keep the page small; run.json has them"
		v.Exchanges = nil
		return
	}
	*room -= size
}

func (p *places) attention() []attentionView {
	var list []attentionView
	add := func(a attentionView, cases []result.Case) {
		for _, c := range cases {
			a.Cases = append(a.Cases, p.views[c.ID])
		}
		if len(a.Causes)+len(a.Why)+len(a.Cases) > 0 {
			list = append(list, a)
		}
	}
	failures := p.caused("Failures", len(p.failures), p.causes.failing)
	known := p.caused("Known deviations", casesIn(p.causes.known)+len(withoutFindings(p.known)), p.causes.known)
	known.Folded = true
	add(failures, withoutFindings(p.failures))
	add(attentionView{Title: "Not judged", Count: fmt.Sprint(len(p.errors)), Why: result.Reasons(p.errors)}, nil)
	add(p.caused(p.warningsTitle(), casesIn(p.causes.warning)+len(withoutFindings(p.warnings)), p.causes.warning), withoutFindings(p.warnings))
	add(known, withoutFindings(p.known))
	return list
}

func (p *places) areas() ([]areaView, []caseView) {
	list := areaTallies(p.Requirements)
	for i := range list {
		for j, r := range list[i].Requirements {
			list[i].Requirements[j] = p.requirementView(r.Requirement)
		}
	}
	var stray []caseView
	for _, c := range p.Cases {
		if !p.shown[c.ID] {
			stray = append(stray, p.views[c.ID])
		}
	}
	return list, stray
}

// areaTallies sorts requirements by their areas, in the order of the areas, and counts them.
func areaTallies(requirements []result.Requirement) []areaView {
	var list []areaView
	for _, r := range requirements {
		i := slices.IndexFunc(list, func(a areaView) bool { return a.Name == r.Area })
		if i < 0 {
			i = len(list)
			list = append(list, areaView{Name: r.Area, Anchor: anchor("area-" + r.Area)})
		}
		list[i].Requirements = append(list[i].Requirements, requirementView{Requirement: r})
	}
	for i := range list {
		var of []result.Outcome
		for _, r := range list[i].Requirements {
			of = append(of, r.Outcome)
		}
		list[i].Tally = tally(of)
		list[i].Bar = bar(list[i].Tally)
	}
	return list
}

func (p *places) requirementView(r result.Requirement) requirementView {
	v := requirementView{Requirement: r, Anchor: anchor(r.ID), Known: p.expected(r)}
	v.Links = linksOf(r)
	for _, id := range r.Cases {
		c, ok := p.views[id]
		switch {
		case !ok:
		case p.shown[id]:
			v.Elsewhere = append(v.Elsewhere, link{id, c.Anchor})
		default:
			p.shown[id] = true
			c.Also = slices.DeleteFunc(slices.Clone(c.Also), func(l link) bool { return l.ID == r.ID })
			v.Shown = append(v.Shown, c)
		}
	}
	return v
}

func capabilities(d digest) []capabilityView {
	var list []capabilityView
	for name, c := range d.Target.Capabilities {
		list = append(list, capabilityView{name, c})
	}
	slices.SortFunc(list, func(a, b capabilityView) int { return strings.Compare(a.Name, b.Name) })
	return list
}

func configuration(c map[string]any) string {
	if len(c) == 0 {
		return ""
	}
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(c); err != nil {
		return "cannot be shown: " + err.Error()
	}
	return b.String()
}

func caseAnchor(id string) string { return anchor("case-" + id) }

// anchor is a fragment id: stable, and made of characters that need no escaping
// anywhere. The ids of the catalogue come out as they are.
func anchor(id string) string {
	id = strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '.', r == '_':
			return r
		}
		return '_'
	}, id)
	return id[:min(len(id), 200)]
}

package reports

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"

	"github.com/cibatest/cibatest/reports/result"
)

var (
	//go:embed templates/load.html
	loadText string
	//go:embed templates/load.css
	loadStyle string
	//go:embed templates/load.js
	loadScript string

	loadPage = template.Must(template.Must(report.Clone()).New("load").Parse(loadText))
)

// loadView is a load run as its page shows it.
type loadView struct {
	result.Load
	Policy                  string
	Style, Script           template.HTML
	Headline, Lead, Kind    string
	Date, Machine, Took     string
	Facts                   [][2]string
	Steps                   []stepView
	Charts                  []chartGroup
	Rows                    []latencyRow
	AnswerRows, FailureRows []countRow
	Breaches                []breachView
	Config                  string
}

type stepView struct {
	funnelStep
	Share string
	Width string
}

type chartGroup struct {
	Title, Intro string
	Charts       []chart
}

type latencyRow struct {
	Class, Count, P50, P90, P99, P999, Max string
}

type countRow struct {
	Name  string
	Count int64
}

type breachView struct {
	result.Violation
	Exchanges []evidenceView
}

type evidenceView struct {
	Flow     int64
	At, Text string
	Exchange exchangeView
}

// LoadHTML writes a load run as one self-contained page. It says everything without its
// script, which shows the values of charts under the pointer.
func LoadHTML(w io.Writer, l result.Load) error {
	v, err := newLoadView(inertLoad(l))
	if err != nil {
		return err
	}
	style := pageStyle + loadStyle
	v.Policy = fmt.Sprintf("default-src 'none'; style-src '%s'; script-src '%s'; base-uri 'none'; form-action 'none'",
		hash(style), hash(loadScript))
	v.Script = template.HTML("<script>" + loadScript + "</script>") //nolint:gosec // our own file
	v.Style = template.HTML("<style>" + style + "</style>")         //nolint:gosec // our own files
	var b bytes.Buffer
	if err := loadPage.Execute(&b, v); err != nil {
		return err
	}
	_, err = w.Write(b.Bytes())
	return err
}

// loadLooks are how verdicts look: like those of conformance.
var loadLooks = map[result.LoadVerdict]string{
	result.Held: "conformant", result.Measured: "conformant", result.Missed: "non-conformant", result.Aborted: "non-conformant",
	result.Saturated: "partial", result.Unjudged: "partial",
}

var loadHeadlines = map[result.LoadVerdict]string{
	result.Held: "Objectives held", result.Measured: "Measured", result.Missed: "Missed", result.Aborted: "Aborted",
	result.Saturated: "Generator was the limit", result.Unjudged: "Not judged",
}

// loadHeadline is the headline of a page; empty for a verdict that is not known.
func loadHeadline(l result.Load) string {
	if l.Interrupted {
		return "Interrupted"
	}
	return loadHeadlines[l.Verdict]
}

// loadLook is how the headline looks.
func loadLook(l result.Load) string {
	if l.Interrupted {
		return "partial"
	}
	return loadLooks[l.Verdict]
}

func newLoadView(l result.Load) (loadView, error) {
	v := loadView{
		Load: l, Kind: loadLook(l), Headline: firstOf(loadHeadline(l), string(l.Verdict)), Date: stamp(l.Started),
		Machine: l.Started.UTC().Format("2006-01-02T15:04:05Z"), Took: span(l.DurationMS), Config: configuration(l.Target.Configuration),
	}
	v.Lead = upper(loadLead(l)) + "."
	v.Facts = loadFacts(l)
	for _, s := range funnelSteps(l.Funnel) {
		if s.Count > 0 || s.Always {
			share := 0.0
			if l.Funnel.Offered > 0 {
				share = 100 * float64(s.Count) / float64(l.Funnel.Offered)
			}
			v.Steps = append(v.Steps, stepView{s, shareText(s.Count, l.Funnel.Offered), fmt.Sprintf("%.2f", share)})
		}
	}
	for _, c := range l.Latency {
		show := func(n int64) string { return quantity(c, n) }
		v.Rows = append(v.Rows, latencyRow{c.Class, fmt.Sprint(c.Count), show(c.P50), show(c.P90), show(c.P99), show(c.P999), show(c.Max)})
	}
	v.AnswerRows, v.FailureRows = countRows(l.Answers), countRows(l.FailedFor)
	for i, violation := range l.Violations {
		v.Breaches = append(v.Breaches, newBreachView(i, violation))
	}
	var err error
	v.Charts, err = loadCharts(l)
	return v, err
}

func loadFacts(l result.Load) [][2]string {
	p, c, g := l.Plan, l.Counters, l.Generator
	facts := [][2]string{
		{"Load", fmt.Sprintf("%s, %s, %s and up to %s to drain", p.Rate, p.Arrivals, span(p.DurationMS), span(p.DrainMS))},
		{"Client", fmt.Sprintf("%s by %s, %s, polling %s", p.Client, p.AuthMethod, deliveryOf(p), p.Pollers)},
		{"Users", fmt.Sprintf("%s, %s, thinking %s", plural(p.Users, "user", "users"), p.Decisions, p.ThinkTime)},
		{"Requests", fmt.Sprintf("%d over %s, %d without an answer of the protocol",
			c[result.CountRequests], plural(int(c[result.CountConnections]), "connection", "connections"), c[result.CountErrors])},
		{"Polling", fmt.Sprintf("%d early, %d answered slow_down, of them %d unprovoked",
			c[result.CountEarlyPolls], c[result.CountSlowDown], c[result.CountUnprovoked])},
		{"Generator", fmt.Sprintf("%s of CPU on %s, peak %d MiB, transport %s",
			span(g.CPUMS), plural(g.Cores, "core", "cores"), g.PeakRSSBytes>>20, p.Transport)},
		{"Tool", strings.TrimSpace(l.Tool.Name+" "+l.Tool.Version) + fmt.Sprintf(", seed %d", l.Seed)},
	}
	for _, part := range l.Parts {
		facts = append(facts, [2]string{"Merged", part})
	}
	return facts
}

func countRows(counts map[string]int64) (rows []countRow) {
	for _, name := range byCount(counts) {
		rows = append(rows, countRow{name, counts[name]})
	}
	return rows
}

func newBreachView(number int, v result.Violation) breachView {
	b := breachView{Violation: v}
	for i, e := range v.Evidence {
		exchange := newExchangeView(fmt.Sprintf("violation-%d", number+1), i+1, e.Exchange)
		b.Exchanges = append(b.Exchanges, evidenceView{e.Flow, span(e.AtMS), e.Text, exchange})
	}
	return b
}

// chartClasses are the classes of which there is a chart over time.
var chartClasses = []struct{ class, name, title string }{
	{"initiate.corrected", "initiate", "initiate"},
	{"pending.corrected", "pending", "pending"},
	{"redeem.corrected", "redeem", "redeem"},
	{result.DecisionToToken, result.DecisionToToken, "decision_to_token: from the user's approval to the tokens"},
	{result.Notify, result.Notify, "notify: from the user's decision until the OP called"},
	{result.NotifyToToken, result.NotifyToToken, "notify_to_token: from the call until the client had tokens"},
}

const lagClass = "lag.poll"

// loadCharts draws what changes over the run.
func loadCharts(l result.Load) ([]chartGroup, error) {
	classes := []string{lagClass}
	for _, c := range chartClasses {
		classes = append(classes, c.class)
	}
	windows, err := coarse(l.Windows, classes)
	if err != nil || len(windows) < 2 {
		return nil, err
	}
	last := windows[len(windows)-1]
	page := charted{windows: windows, end: float64(last.StartMS + last.SpanMS)}
	page.latency(l)
	page.work()
	page.distributions(l)
	return page.groups, page.err
}

// charted are the charts of a page as they are drawn. The first error ends it.
type charted struct {
	windows []result.Window
	end     float64 // of the run, in milliseconds
	groups  []chartGroup
	err     error
}

// group adds a group of those charts that show anything.
func (c *charted) group(title, intro string, list []overTime) {
	g := chartGroup{Title: title, Intro: intro}
	for _, o := range list {
		if c.err != nil || !o.shown() {
			continue
		}
		var one chart
		one, c.err = o.draw(c.windows, c.end)
		g.Charts = append(g.Charts, one)
	}
	if len(g.Charts) > 0 {
		c.groups = append(c.groups, g)
	}
}

func (c *charted) quantiles(class string) []series {
	list, err := quantiles(c.windows, class)
	if c.err == nil {
		c.err = err
	}
	return list
}

func (c *charted) latency(l result.Load) {
	var list []overTime
	for _, one := range chartClasses {
		list = append(list, overTime{title: one.title, series: c.quantiles(one.class), unit: duration, goals: goalsOf(l, one.name)})
	}
	c.group("Latency over time", "From the moment a request was intended to the last byte of its answer, in each window. "+
		"A stall shows in full, whoever caused it.", list)
}

func (c *charted) work() {
	offered, pending := make([]float64, len(c.windows)), make([]float64, len(c.windows))
	for i, w := range c.windows {
		offered[i], pending[i] = w.OfferedPS, float64(w.Pending)
	}
	rates := func(counter, class string) series { return series{counter, class, rate(c.windows, counter)} }
	c.group("Throughput and outcomes", "", []overTime{
		{title: "Starts offered and made", unit: perSecond, series: []series{{"offered", "s1", offered}, rates(result.CountStarted, "s0")}},
		{title: "Requests", unit: perSecond, series: []series{rates(result.CountRequests, "s0"), rates(result.CountErrors, "s2")}},
		{title: "Flows by outcome", unit: perSecond, stacked: true, series: []series{
			rates(result.CountApproved, "pass"), rates(result.CountDenied, "info"), rates(result.CountExpired, "skip"),
			rates(result.CountFailed, "fail"), rates(result.CountUndelivered, "error"), rates(result.CountRefused, "warn"),
		}},
		{title: "Flows that wait for their user", unit: plain, series: []series{{"pending", "s0", pending}}},
		{title: "Lag of polls", unit: duration, series: c.quantiles(lagClass)},
	})
}

// drawnClasses are the steps of a flow whose latency is drawn as a distribution.
var drawnClasses = []string{"initiate", "pending", "redeem", result.DecisionToToken, result.Notify, result.NotifyToToken}

func (c *charted) distributions(l result.Load) {
	g := chartGroup{
		Title: "Distribution of latency",
		Intro: "What the server took. Each step is a range that ends a quarter above its beginning.",
	}
	for _, one := range l.Latency {
		if c.err != nil || !slices.Contains(drawnClasses, one.Class) {
			continue
		}
		drawn, ok, err := spread(one)
		if c.err = err; ok {
			g.Charts = append(g.Charts, drawn)
		}
	}
	if len(g.Charts) > 0 {
		c.groups = append(c.groups, g)
	}
}

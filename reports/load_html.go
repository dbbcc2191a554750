package reports

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"strings"

	"github.com/cibatest/cibatest/reports/result"
)

var (
	//go:embed templates/load.html
	loadText string
	//go:embed templates/load.css
	loadStyle string

	loadPage = template.Must(template.Must(report.Clone()).New("load").Parse(loadText))
)

// loadView is a load run as its page shows it.
type loadView struct {
	result.Load
	Policy                  string
	Style                   template.HTML
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

// LoadHTML writes a load run as one self-contained page without scripts.
func LoadHTML(w io.Writer, l result.Load) error {
	v, err := newLoadView(inertLoad(l))
	if err != nil {
		return err
	}
	style := pageStyle + loadStyle
	v.Policy = fmt.Sprintf("default-src 'none'; style-src '%s'; img-src data:; base-uri 'none'; form-action 'none'", hash(style))
	v.Style = template.HTML("<style>" + style + "</style>") //nolint:gosec // our own files
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

func newLoadView(l result.Load) (loadView, error) {
	v := loadView{
		Load: l, Kind: loadLooks[l.Verdict], Headline: firstOf(loadHeadlines[l.Verdict], string(l.Verdict)), Date: stamp(l.Started),
		Machine: l.Started.UTC().Format("2006-01-02T15:04:05Z"), Took: span(l.DurationMS), Config: configuration(l.Target.Configuration),
	}
	v.Lead = upper(verdictWords[l.Verdict]) + "."
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
		{"Client", fmt.Sprintf("%s by %s, polling %s", p.Client, p.AuthMethod, p.Pollers)},
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

// loadCharts draws what changes over the run.
func loadCharts(l result.Load) ([]chartGroup, error) {
	windows, err := coarse(l.Windows, []string{"initiate.corrected", "pending.corrected", "redeem.corrected", "lag.poll"})
	if err != nil || len(windows) < 2 {
		return nil, err
	}
	percentiles, names := []float64{50, 95, 99}, []string{"p50", "p95", "p99"}
	latency := chartGroup{
		Title: "Latency over time",
		Intro: "From the moment a request was intended to the last byte of its answer, in each window. " +
			"A stall shows in full, whoever caused it.",
	}
	for _, class := range []string{"initiate", "pending", "redeem"} {
		values, err := quantiles(windows, class+".corrected", percentiles)
		if err != nil {
			return nil, err
		}
		if err := latency.add(overTime(windows, lines{title: class, names: names, values: values, unit: duration})); err != nil {
			return nil, err
		}
	}
	work := chartGroup{Title: "Throughput and outcomes"}
	offered := make([]float64, len(windows))
	pending := make([]float64, len(windows))
	for i, w := range windows {
		offered[i], pending[i] = w.OfferedPS, float64(w.Pending)
	}
	lag, err := quantiles(windows, "lag.poll", percentiles)
	if err != nil {
		return nil, err
	}
	outcomes := []string{
		result.CountApproved, result.CountDenied, result.CountExpired, result.CountFailed, result.CountUndelivered, result.CountRefused,
	}
	var bands [][]float64
	for _, o := range outcomes {
		bands = append(bands, rate(windows, o))
	}
	for _, one := range []lines{
		{
			title: "Starts offered and made", names: []string{"offered", "started"},
			values: [][]float64{offered, rate(windows, result.CountStarted)}, unit: perSecond,
		},
		{
			title: "Requests", names: []string{"requests", "errors"},
			values: [][]float64{rate(windows, result.CountRequests), rate(windows, result.CountErrors)}, unit: perSecond,
		},
		{title: "Flows by outcome", names: outcomes, values: bands, stacked: true, unit: perSecond},
		{title: "Flows that wait for their user", names: []string{"pending"}, values: [][]float64{pending}, unit: plain},
		{title: "Lag of polls", names: names, values: lag, unit: duration},
	} {
		if err := work.add(overTime(windows, one)); err != nil {
			return nil, err
		}
	}
	histograms, err := histogramCharts(l)
	return []chartGroup{latency, work, histograms}, err
}

func histogramCharts(l result.Load) (chartGroup, error) {
	g := chartGroup{
		Title: "Distribution of latency",
		Intro: "What the server took. Each bar is a range that ends a quarter above its beginning.",
	}
	for _, c := range l.Latency {
		if c.Class != "initiate" && c.Class != "pending" && c.Class != "redeem" && c.Class != "decision_to_token" {
			continue
		}
		labels, counts, err := spread(c)
		if err != nil {
			return g, err
		}
		if len(counts) < 2 {
			continue
		}
		if err := g.add(bars(fmt.Sprintf("%s, %d values", c.Class, c.Count), labels, counts)); err != nil {
			return g, err
		}
	}
	return g, nil
}

func (g *chartGroup) add(c chart, err error) error {
	g.Charts = append(g.Charts, c)
	return err
}

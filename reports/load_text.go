package reports

import (
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/cibatest/cibatest/reports/result"
)

// inertLoad is a copy of a load run in which no text can act. Histograms are
// kept whole; they are base64 and never shown.
func inertLoad(l result.Load) result.Load {
	c := inertCopy(reflect.ValueOf(l), "").Interface().(result.Load)
	for i := range c.Latency {
		c.Latency[i].Histogram = l.Latency[i].Histogram
	}
	for i := range c.Windows {
		c.Windows[i].Histograms = l.Windows[i].Histograms
	}
	return c
}

var loadStyles = map[result.LoadVerdict]style{
	result.Held: green, result.Measured: blue, result.Missed: red, result.Aborted: red, result.Saturated: yellow, result.Unjudged: yellow,
}

// verdictWords explain a verdict.
var verdictWords = map[result.LoadVerdict]string{
	result.Held:      "every objective was held",
	result.Measured:  "there was no objective to hold",
	result.Missed:    "an objective was missed, the protocol was violated, or what users decided did not arrive",
	result.Aborted:   "the run ended before its time",
	result.Unjudged:  "no flow came about, or users could not decide: nothing is said about the OP",
	result.Saturated: "the generator was the limit: nothing is said about the OP",
}

// loadLead is the sentence below the headline. What an interrupted run measured is told of
// as a part of what was planned, as the plan may ask for more than that part shows.
func loadLead(l result.Load) string {
	if !l.Interrupted {
		return verdictWords[l.Verdict]
	}
	return fmt.Sprintf("the run was interrupted: it lasted %s, its drain included, where %s and a drain were planned; of this part: %s",
		span(l.DurationMS), span(l.Plan.DurationMS), firstOf(verdictWords[l.Verdict], "nothing is said"))
}

// LoadText writes the summary of a load run for a terminal.
func LoadText(w io.Writer, l result.Load, o TextOptions) error {
	t := newTextWriter(o)
	t.load(inertLoad(l))
	_, err := w.Write(t.b.Bytes())
	return err
}

func (t *textWriter) load(l result.Load) {
	t.line("")
	style, word := loadStyles[l.Verdict], string(l.Verdict)
	if l.Interrupted {
		style, word = yellow, "interrupted"
	}
	t.wrap(0, t.paint(style, strings.ToUpper(word))+" "+l.Target.Issuer)
	t.wrap(0, loadLead(l))
	for _, reason := range l.Reasons {
		t.hang("  - ", reason)
	}
	t.loadPlan(l)
	t.funnel(l)
	t.latencies(l)
	t.tallies("Answers", l.Answers)
	t.tallies("Failed for", l.FailedFor)
	t.violations(l.Violations)
	t.objectives(l.Objectives)
	t.generator(l)
}

func (t *textWriter) loadPlan(l result.Load) {
	p := l.Plan
	t.line("")
	t.field("load", fmt.Sprintf("%s, %s, for %s and up to %s to drain; %s",
		p.Rate, p.Arrivals, span(p.DurationMS), span(p.DrainMS), p.Pollers))
	t.field("client", fmt.Sprintf("%s by %s, %s, %s, transport %s",
		p.Client, p.AuthMethod, deliveryOf(p), plural(p.Users, "user", "users"), p.Transport))
	t.field("users", fmt.Sprintf("%s, thinking %s", p.Decisions, p.ThinkTime))
	t.field("started", fmt.Sprintf("%s, seed %d", stamp(l.Started), l.Seed))
	for _, part := range l.Parts {
		t.field("merged", part)
	}
	for _, note := range l.Notes {
		t.field("note", note)
	}
}

// deliveryOf is how the client hears of decisions.
func deliveryOf(p result.LoadPlan) string {
	mode := firstOf(p.Mode, "poll") + " mode"
	if p.Patience != "" {
		mode += ", polling when not called for " + p.Patience
	}
	return mode
}

func (t *textWriter) funnel(l result.Load) {
	f := l.Funnel
	t.title2("Flows")
	for _, step := range funnelSteps(f) {
		if step.Count > 0 || step.Always {
			t.line(fmt.Sprintf("  %-14s %10d  %6s  %s", step.Name, step.Count, shareText(step.Count, f.Offered), step.Note))
		}
	}
	if !f.AddsUp() {
		t.wrap(2, "these numbers do not add up: please report this as a defect of cibatest")
	}
}

// funnelStep is a line of the funnel.
type funnelStep struct {
	Name   string
	Count  int64
	Note   string
	Always bool
}

func funnelSteps(f result.Funnel) []funnelStep {
	return []funnelStep{
		{"offered", f.Offered, "", true},
		{"dropped", f.Dropped, "not started: too many were pending, or the run ended first", false},
		{"started", f.Started, "", true},
		{"refused", f.Refused, "no auth_req_id came back", false},
		{"acknowledged", f.Acknowledged, "", true},
		{"notified", f.Notified, "the OP called the client", false},
		{"fell back", f.Fallbacks, "polled, because no call had come", false},
		{"approved", f.Approved, "ended in tokens", true},
		{"denied", f.Denied, "", false},
		{"expired", f.Expired, "", false},
		{"failed", f.Failed, "", false},
		{"undelivered", f.Undelivered, "the user had decided, and nothing came of it", false},
		{"abandoned", f.Abandoned, "the run ended first", false},
	}
}

func shareText(n, of int64) string {
	if of == 0 {
		return ""
	}
	return fmt.Sprintf("%.1f%%", float64(n)*100/float64(of))
}

func (t *textWriter) title2(text string) {
	t.line("")
	t.line(t.paint(bold, text))
}

func (t *textWriter) latencies(l result.Load) {
	t.title2("Latency")
	t.line(fmt.Sprintf("  %-22s %9s %9s %9s %9s %9s %9s", "", "count", "p50", "p90", "p99", "p99.9", "max"))
	for _, c := range l.Latency {
		show := func(v int64) string { return quantity(c, v) }
		t.line(fmt.Sprintf("  %-22s %9d %9s %9s %9s %9s %9s", c.Class, c.Count, show(c.P50), show(c.P90), show(c.P99), show(c.P999), show(c.Max)))
	}
	t.wrap(2, "corrected: from the moment a request was intended; lag: how late it left; the rest: what the server took")
}

// quantity is a value of a class in three or four digits.
func quantity(c result.Latency, v int64) string {
	if c.Unit == "" {
		return fmt.Sprint(v)
	}
	return micros(v)
}

func micros(v int64) string {
	switch d := time.Duration(v) * time.Microsecond; {
	case d >= 10*time.Second:
		return fmt.Sprintf("%.1fs", d.Seconds())
	case d >= time.Second:
		return fmt.Sprintf("%.2fs", d.Seconds())
	case d >= 10*time.Millisecond:
		return fmt.Sprintf("%.1fms", d.Seconds()*1e3)
	default:
		return fmt.Sprintf("%.2fms", d.Seconds()*1e3)
	}
}

func (t *textWriter) tallies(title string, counts map[string]int64) {
	if len(counts) == 0 {
		return
	}
	t.title2(title)
	names := byCount(counts)
	for i, name := range names {
		if i == manyCauses {
			t.hang("            ", fmt.Sprintf("and %d more, see load.json", len(names)-i))
			return
		}
		t.hang(fmt.Sprintf("%10d  ", counts[name]), name)
	}
}

// byCount sorts names by their counts, the highest first.
func byCount(counts map[string]int64) []string {
	return slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		if d := counts[b] - counts[a]; d != 0 {
			return int(max(-1, min(1, d)))
		}
		return strings.Compare(a, b)
	})
}

func (t *textWriter) violations(list []result.Violation) {
	if len(list) == 0 {
		return
	}
	t.title2("Violations of the protocol")
	for _, v := range list {
		t.hang("  "+t.paint(red, fmt.Sprintf("%d", v.Count))+" ", joined(", ", v.Text, v.Requirement))
		for _, e := range v.Evidence {
			t.field(fmt.Sprintf("flow %d", e.Flow), fmt.Sprintf("after %s: %s; %s", span(e.AtMS), e.Text, exchangeLine(e.Exchange)))
		}
	}
}

func (t *textWriter) objectives(list []result.Objective) {
	if len(list) == 0 {
		return
	}
	t.title2("Objectives")
	for _, o := range list {
		word := t.paint(green, "held  ")
		if !o.Held {
			word = t.paint(red, "missed")
		}
		t.hang("  "+word+"  ", fmt.Sprintf("%s: %s", o.Text, o.Actual))
	}
}

func (t *textWriter) generator(l result.Load) {
	c, g := l.Counters, l.Generator
	took := float64(max(1, l.DurationMS)) / 1000
	t.line("")
	t.field("requests", fmt.Sprintf("%d in %s, %.1f/s; %d without an answer of the protocol; "+
		"slow_down %d, of them %d unprovoked; early polls %d",
		c[result.CountRequests], span(l.DurationMS), float64(c[result.CountRequests])/took, c[result.CountErrors],
		c[result.CountSlowDown], c[result.CountUnprovoked], c[result.CountEarlyPolls]))
	t.field("generator", fmt.Sprintf("%s of CPU on %s, %.0f requests a CPU second, peak %d MiB, at most %s under way",
		span(g.CPUMS), plural(g.Cores, "core", "cores"), g.RequestsPerCS, g.PeakRSSBytes>>20,
		plural(int(g.PeakUnderWay), "request", "requests")))
	if n := c[result.CountSignings]; n > 0 {
		t.field("signing", fmt.Sprintf("%d client assertions, %s each", n, time.Duration(c[result.CountSigningNS]/n).Round(time.Microsecond)))
	}
}

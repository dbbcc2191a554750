package reports

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/cibatest/cibatest/reports/result"
)

// LoadDifference is what changed from one load run to another.
type LoadDifference struct {
	Before        LoadSide  `json:"before"`
	After         LoadSide  `json:"after"`
	Plan          []Differs `json:"plan"`           // what was asked for otherwise: such runs compare badly
	NewlyMissed   []Differs `json:"newly_missed"`   // objectives that are missed now and were not
	StillMissed   []Differs `json:"still_missed"`   // objectives missed in both
	NewlyHeld     []Differs `json:"newly_held"`     // objectives that were missed and are held
	NewViolations []Differs `json:"new_violations"` // kinds of violations that the run before did not have
	Violations    []Differs `json:"violations"`     // kinds that both have, by their counts
	Gone          []Differs `json:"gone"`           // kinds that only the run before had
	Counts        []Measure `json:"counts"`         // of flows and requests
	Rates         []Measure `json:"rates"`          // by second, and shares in percent
	Latency       []Measure `json:"latency"`        // quantiles by class, in microseconds
}

// LoadSide names one side of a comparison.
type LoadSide struct {
	Issuer  string             `json:"issuer"`
	Started string             `json:"started"`
	Tool    string             `json:"tool"`
	Verdict result.LoadVerdict `json:"verdict"`
}

// Differs is something in words on both sides; a side that does not have it is empty.
type Differs struct {
	Name   string `json:"name"`
	Before string `json:"before,omitempty"`
	After  string `json:"after,omitempty"`
}

// Measure is a number on both sides.
type Measure struct {
	Name    string   `json:"name"`
	Before  float64  `json:"before"`
	After   float64  `json:"after"`
	Percent *float64 `json:"change_percent"` // nil: before was nothing, so there is no share of it
	Unit    string   `json:"unit,omitempty"` // "us", "/s" or "%"; empty for counts
}

// Bad reports whether an objective is missed that was not missed before, or the protocol is
// violated in a way that it was not before. What only got slower is no such thing: no two
// runs are equally fast, and how slow is too slow is what objectives say.
func (d LoadDifference) Bad() bool { return len(d.NewlyMissed)+len(d.NewViolations) > 0 }

// Unsaid reports whether one of the runs says nothing about the OP, so that nothing follows
// from comparing it.
func (d LoadDifference) Unsaid() bool {
	nothing := []result.LoadVerdict{result.Saturated, result.Unjudged}
	return slices.Contains(nothing, d.Before.Verdict) || slices.Contains(nothing, d.After.Verdict)
}

// CompareLoads tells how two load runs differ.
func CompareLoads(before, after result.Load) LoadDifference {
	before, after = inertLoad(before), inertLoad(after)
	d := LoadDifference{Before: loadSide(before), After: loadSide(after)}
	d.plans(before.Plan, after.Plan)
	d.objectives(before.Objectives, after.Objectives)
	d.violations(before.Violations, after.Violations)
	d.measure(before, after)
	return d
}

func loadSide(l result.Load) LoadSide {
	return LoadSide{l.Target.Issuer, stamp(l.Started), joined(" ", l.Tool.Name, l.Tool.Version), l.Verdict}
}

func (d *LoadDifference) plans(before, after result.LoadPlan) {
	for _, asked := range []Differs{
		{"rate", before.Rate, after.Rate},
		{"arrivals", before.Arrivals, after.Arrivals},
		{"duration", span(before.DurationMS), span(after.DurationMS)},
		{"pollers", before.Pollers, after.Pollers},
		{"decisions", before.Decisions, after.Decisions},
		{"think time", before.ThinkTime, after.ThinkTime},
		{"probes", before.Probes, after.Probes},
		{"users", fmt.Sprint(before.Users), fmt.Sprint(after.Users)},
		{"client", joined(" by ", before.Client, before.AuthMethod), joined(" by ", after.Client, after.AuthMethod)},
		{"transport", before.Transport, after.Transport},
		{"authorization_details", before.RAR, after.RAR},
	} {
		if asked.Before != asked.After {
			d.Plan = append(d.Plan, asked)
		}
	}
}

func (d *LoadDifference) objectives(before, after []result.Objective) {
	old := map[string]result.Objective{}
	for _, o := range before {
		old[o.Text] = o
	}
	for _, o := range after {
		was, asked := old[o.Text]
		one := Differs{o.Text, was.Actual, o.Actual}
		switch missed := asked && !was.Held; {
		case !o.Held && missed:
			d.StillMissed = append(d.StillMissed, one)
		case !o.Held:
			d.NewlyMissed = append(d.NewlyMissed, one)
		case missed:
			d.NewlyHeld = append(d.NewlyHeld, one)
		}
	}
}

func (d *LoadDifference) violations(before, after []result.Violation) {
	old := map[string]int64{}
	for _, v := range before {
		old[v.Kind] = v.Count
	}
	for _, v := range after {
		one := Differs{Name: joined(", ", v.Text, v.Requirement), After: fmt.Sprint(v.Count)}
		n, known := old[v.Kind]
		delete(old, v.Kind)
		if !known {
			d.NewViolations = append(d.NewViolations, one)
			continue
		}
		one.Before = fmt.Sprint(n)
		d.Violations = append(d.Violations, one)
	}
	for _, v := range before {
		if n, gone := old[v.Kind]; gone {
			d.Gone = append(d.Gone, Differs{Name: joined(", ", v.Text, v.Requirement), Before: fmt.Sprint(n)})
		}
	}
}

func (d *LoadDifference) measure(before, after result.Load) {
	steps := funnelSteps(after.Funnel)
	for i, step := range funnelSteps(before.Funnel) {
		d.Counts = both(d.Counts, step.Name, "", float64(step.Count), float64(steps[i].Count))
	}
	for _, name := range []string{
		result.CountRequests, result.CountErrors, result.CountSlowDown, result.CountUnprovoked, result.CountConnections,
	} {
		d.Counts = both(d.Counts, name, "", float64(before.Counters[name]), float64(after.Counters[name]))
	}
	for _, name := range []string{result.CountStarted, result.CountApproved, result.CountRequests} {
		d.Rates = both(d.Rates, name, "/s", perRunSecond(before, name), perRunSecond(after, name))
	}
	d.Rates = both(d.Rates, "approved of those offered", "%", shareOf(before.Funnel.Approved, before.Funnel.Offered),
		shareOf(after.Funnel.Approved, after.Funnel.Offered))
	d.quantiles(before.Latency, after.Latency)
}

func (d *LoadDifference) quantiles(before, after []result.Latency) {
	old := map[string]result.Latency{}
	for _, l := range before {
		old[l.Class] = l
	}
	for _, l := range after {
		was := old[l.Class]
		if was.Count == 0 || l.Count == 0 {
			continue // nothing to compare with
		}
		for _, q := range []struct {
			name          string
			before, after int64
		}{{"p50", was.P50, l.P50}, {"p90", was.P90, l.P90}, {"p99", was.P99, l.P99}, {"max", was.Max, l.Max}} {
			d.Latency = both(d.Latency, l.Class+"."+q.name, l.Unit, float64(q.before), float64(q.after))
		}
	}
}

// both adds a measure, unless it is nothing on both sides.
func both(list []Measure, name, unit string, before, after float64) []Measure {
	if before == 0 && after == 0 {
		return list
	}
	m := Measure{Name: name, Unit: unit, Before: before, After: after}
	if before != 0 {
		change := math.Round(1000*(after-before)/before) / 10
		m.Percent = &change
	}
	return append(list, m)
}

func perRunSecond(l result.Load, counter string) float64 {
	if l.DurationMS <= 0 {
		return 0
	}
	return float64(l.Counters[counter]) * 1000 / float64(l.DurationMS)
}

func shareOf(n, of int64) float64 {
	if of == 0 {
		return 0
	}
	return 100 * float64(n) / float64(of)
}

// WriteJSON writes the difference for another program.
func (d LoadDifference) WriteJSON(w io.Writer) error {
	for _, list := range []*[]Differs{&d.Plan, &d.NewlyMissed, &d.StillMissed, &d.NewlyHeld, &d.NewViolations, &d.Violations, &d.Gone} {
		*list = append([]Differs{}, *list...)
	}
	for _, list := range []*[]Measure{&d.Counts, &d.Rates, &d.Latency} {
		*list = append([]Measure{}, *list...)
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(d)
}

// WriteText writes the difference for a terminal, news first.
func (d LoadDifference) WriteText(w io.Writer, o TextOptions) error {
	t := newTextWriter(o)
	for _, side := range []struct {
		name string
		LoadSide
	}{{"before", d.Before}, {"after", d.After}} {
		t.hang(fmt.Sprintf("%-8s", side.name), fmt.Sprintf("%s, %s, %s, %s", side.Verdict, side.Issuer, side.Started, side.Tool))
	}
	if d.Unsaid() {
		t.wrap(0, "one of the two says nothing about the OP, so nothing follows from comparing them")
	}
	for _, part := range []struct {
		title string
		style style
		list  []Differs
	}{
		{"Asked for otherwise", yellow, d.Plan},
		{"Objectives missed now", red, d.NewlyMissed},
		{"New violations of the protocol", red, d.NewViolations},
		{"Objectives still missed", yellow, d.StillMissed},
		{"Violations as before", yellow, d.Violations},
		{"Objectives held again", green, d.NewlyHeld},
		{"Violations gone", green, d.Gone},
	} {
		t.differs(part.title, part.style, part.list)
	}
	t.measures("Counts", d.Counts)
	t.measures("Rates", d.Rates)
	t.measures("Latency", d.Latency)
	_, err := w.Write(t.b.Bytes())
	return err
}

func (t *textWriter) differs(title string, s style, list []Differs) {
	if len(list) == 0 {
		return
	}
	t.title2(fmt.Sprintf("%s (%d)", title, len(list)))
	for _, d := range list {
		t.hang("  "+t.paint(s, "-")+" ", fmt.Sprintf("%s: %s → %s", d.Name, firstOf(d.Before, "none"), firstOf(d.After, "none")))
	}
}

func (t *textWriter) measures(title string, list []Measure) {
	if len(list) == 0 {
		return
	}
	t.title2(title)
	for _, m := range list {
		change := ""
		if m.Percent != nil {
			change = fmt.Sprintf("%+.1f%%", *m.Percent)
		}
		t.line(strings.TrimRight(fmt.Sprintf("  %-26s %12s %12s %9s", m.Name, m.text(m.Before), m.text(m.After), change), " "))
	}
}

// text is a number of the measure with its unit.
func (m Measure) text(v float64) string {
	switch m.Unit {
	case "us":
		return micros(int64(v))
	case "/s":
		return fmt.Sprintf("%.1f/s", v)
	case "%":
		return fmt.Sprintf("%.1f%%", v)
	}
	return fmt.Sprintf("%.0f", v)
}

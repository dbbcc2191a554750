package reports

import (
	"encoding/json"
	"fmt"
	"html/template"
	"math"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/cibatest/cibatest/reports/result"
)

// chart is a picture of the run. It stands in the page itself, in the page's colours.
type chart struct {
	Title, Text  string // Text says what is seen, for those who do not see it
	Keys         []key
	Wide, Narrow template.HTML
	Data         string // what a script shows under the pointer; see chartData
}

// key explains a line by its class.
type key struct{ Class, Text string }

// chartData is what is known of a chart at each place of its horizontal axis.
type chartData struct {
	Wide   frame      `json:"wide"`
	Narrow frame      `json:"narrow"`
	Min    float64    `json:"min"`
	Max    float64    `json:"max"`
	X      []float64  `json:"x"`
	At     []string   `json:"at"`     // what the place is called
	Names  []string   `json:"names"`  // of the lines
	Values [][]string `json:"values"` // by line and place; empty where nothing was measured
}

// chartPoints is the most points of a line in a chart.
const chartPoints = 300

// nothing is the value of a line where nothing was measured.
var nothing = math.NaN()

// series is a measure over the windows of a run.
type series struct {
	name, class string
	values      []float64
}

// overTime is a chart of measures over the time of a run.
type overTime struct {
	title   string
	series  []series
	stacked bool
	unit    func(float64) string
	goals   []goal
}

// goal is an objective that a chart can show.
type goal struct {
	text  string
	limit float64 // in microseconds
}

// shown reports whether there is anything to see.
func (o overTime) shown() bool {
	return slices.ContainsFunc(o.series, func(s series) bool { return highest(s.values) > 0 })
}

// draw draws the chart over windows, which end at a time of the run in milliseconds.
func (o overTime) draw(windows []result.Window, end float64) (chart, error) {
	o.series = slices.DeleteFunc(slices.Clone(o.series), func(s series) bool { return highest(s.values) <= 0 })
	c := chart{Title: o.title, Text: o.summary()}
	data := chartData{Max: end}
	for _, w := range windows {
		data.X = append(data.X, middle(w))
		data.At = append(data.At, momentText(w))
	}
	p := plot{max: end, across: timeTicks(end)}
	sums := make([]float64, len(windows))
	for _, s := range o.series {
		c.Keys = append(c.Keys, key{s.class, s.name})
		data.Names = append(data.Names, s.name)
		data.Values = append(data.Values, texts(s.values, o.unit))
		values := s.values
		if o.stacked {
			for i := range values {
				sums[i] += values[i]
			}
			values = slices.Clone(sums)
		}
		p.top = max(p.top, highest(values))
		p.lines = append(p.lines, pieces(windows, series{s.name, s.class, values}, o.stacked)...)
	}
	if o.stacked {
		slices.Reverse(p.lines) // a lower band covers those that it is part of
	}
	c.Keys = append(c.Keys, p.hold(o.goals)...)
	p.up = niceSteps(p.top, o.unit)
	return c, c.drawn(p, data)
}

// hold adds the lines of goals, and explains them. A goal that is far beyond what was
// measured would press the lines flat and is only told.
func (p *plot) hold(goals []goal) []key {
	var keys []key
	measured := p.top
	for _, g := range goals {
		if g.limit > 3*measured {
			keys = append(keys, key{"goal", g.text + ", above this picture"})
			continue
		}
		p.goals, p.top = append(p.goals, g.limit), max(p.top, g.limit)
		keys = append(keys, key{"goal", g.text})
	}
	return keys
}

func (c *chart) drawn(p plot, data chartData) error {
	var err error
	if c.Wide, data.Wide, err = p.svg(wide); err != nil {
		return err
	}
	if c.Narrow, data.Narrow, err = p.svg(narrow); err != nil {
		return err
	}
	text, err := json.Marshal(data)
	c.Data = string(text)
	return err
}

func middle(w result.Window) float64 { return float64(w.StartMS) + float64(w.SpanMS)/2 }

// momentText names a window by its beginning.
func momentText(w result.Window) string {
	return (time.Duration(w.StartMS) * time.Millisecond).Round(100 * time.Millisecond).String()
}

func texts(values []float64, unit func(float64) string) []string {
	list := make([]string, len(values))
	for i, v := range values {
		if !math.IsNaN(v) {
			list[i] = unit(v)
		}
	}
	return list
}

// pieces are the stretches of a series in which there is something in every window. One
// window alone is drawn over its span, since a point cannot be seen.
func pieces(windows []result.Window, s series, filled bool) []line {
	var list []line
	open := false
	for i, w := range windows {
		if math.IsNaN(s.values[i]) {
			open = false
			continue
		}
		if !open {
			list = append(list, line{class: s.class, filled: filled})
		}
		open = true
		l := &list[len(list)-1]
		l.x, l.y = append(l.x, middle(w)), append(l.y, s.values[i])
	}
	for i := range list {
		if l := &list[i]; len(l.x) == 1 {
			w := windows[slices.IndexFunc(windows, func(w result.Window) bool { return middle(w) == l.x[0] })]
			l.x = []float64{float64(w.StartMS), float64(w.StartMS + w.SpanMS)}
			l.y = append(l.y, l.y[0])
		}
	}
	return list
}

func highest(values []float64) float64 {
	most := 0.0
	for _, v := range values {
		if !math.IsNaN(v) {
			most = max(most, v)
		}
	}
	return most
}

// summary tells the highest value of each line.
func (o overTime) summary() string {
	text := "Over the time of the run, highest values:"
	for _, s := range o.series {
		text += fmt.Sprintf(" %s %s.", s.name, o.unit(highest(s.values)))
	}
	return text
}

// goalForm is an objective over a quantile of a class.
var goalForm = regexp.MustCompile(`^([a-z_]+)\.(p50|p90|p95|p99|p99\.9|max|mean)<=?([0-9.]+)(us|ms|s|m)$`)

// goalsOf are the objectives over a class that a chart of it can show.
func goalsOf(l result.Load, class string) []goal {
	var goals []goal
	for _, o := range l.Objectives {
		m := goalForm.FindStringSubmatch(o.Text)
		if m == nil || m[1] != class {
			continue
		}
		limit, err := strconv.ParseFloat(m[3], 64)
		if err != nil {
			continue // not a number that this tool wrote
		}
		state := "held"
		if !o.Held {
			state = "missed"
		}
		scale := map[string]float64{"us": 1, "ms": 1e3, "s": 1e6, "m": 60e6}[m[4]]
		goals = append(goals, goal{fmt.Sprintf("objective %s below %s%s: %s", m[2], m[3], m[4], state), limit * scale})
	}
	return goals
}

func plain(v float64) string { return fmt.Sprintf("%.4g", v) }

func perSecond(v float64) string { return fmt.Sprintf("%.4g/s", v) }

// duration is a number of microseconds in three digits.
func duration(v float64) string {
	switch {
	case v == 0:
		return "0"
	case v < 1e3:
		return fmt.Sprintf("%.3gus", v)
	case v < 1e6:
		return fmt.Sprintf("%.3gms", v/1e3)
	case v < 1e9:
		return fmt.Sprintf("%.3gs", v/1e6)
	}
	return fmt.Sprintf("%.0fs", v/1e6)
}

// coarse joins neighbouring windows until there are few enough for a chart. A
// joined window keeps exact counts and buckets, of these classes only.
func coarse(all []result.Window, classes []string) ([]result.Window, error) {
	windows := slices.Clone(all)
	for i, w := range windows {
		windows[i].Histograms = map[string]result.Histogram{}
		for _, class := range classes {
			windows[i].Histograms[class] = w.Histograms[class]
		}
	}
	size := (len(windows) + chartPoints - 1) / chartPoints
	if size <= 1 {
		return windows, nil
	}
	var list []result.Window
	for group := range slices.Chunk(windows, size) {
		joined := group[0]
		for _, next := range group[1:] {
			var err error
			if joined, err = joined.Then(next); err != nil {
				return nil, err
			}
		}
		list = append(list, joined)
	}
	return list, nil
}

// rate is a counter a second.
func rate(windows []result.Window, counter string) []float64 {
	values := make([]float64, len(windows))
	for i, w := range windows {
		if w.SpanMS > 0 {
			values[i] = float64(w.Counters[counter]) * 1000 / float64(w.SpanMS)
		}
	}
	return values
}

// quantiles are those of a class in each window.
func quantiles(windows []result.Window, class string) ([]series, error) {
	list := []series{{name: "p50", class: "s0"}, {name: "p95", class: "s1"}, {name: "p99", class: "s2"}}
	for _, w := range windows {
		h, err := w.Histograms[class].Decode()
		if err != nil {
			return nil, err
		}
		for i, percentile := range []float64{50, 95, 99} {
			v := nothing
			if h.TotalCount() > 0 {
				v = float64(h.ValueAtPercentile(percentile))
			}
			list[i].values = append(list[i].values, v)
		}
	}
	return list, nil
}

// perDecade is into how many ranges a distribution divides each power of ten.
const perDecade = 10

// spread draws how many values of a class fell into ranges that grow by a fixed factor. It
// is nothing to look at where there are too few, and then returns false.
func spread(l result.Latency) (chart, bool, error) {
	h, err := l.Histogram.Decode()
	if err != nil || h.TotalCount() == 0 {
		return chart{}, false, err
	}
	place := func(v int64) int { return int(math.Floor(math.Log10(float64(max(1, v))) * perDecade)) }
	first, last := place(h.Min()), place(h.Max())
	if last == first {
		return chart{}, false, nil
	}
	counts := make([]float64, last-first+1)
	for _, b := range h.Distribution() {
		if b.Count > 0 {
			counts[min(max(place(b.From)-first, 0), len(counts)-1)] += float64(b.Count)
		}
	}
	from, to := float64(first)/perDecade, float64(last+1)/perDecade
	data := chartData{Min: from, Max: to, Names: []string{"values"}, Values: [][]string{texts(counts, plain)}}
	steps := line{class: "s0", filled: true}
	for i, n := range counts {
		begin, end := from+float64(i)/perDecade, from+float64(i+1)/perDecade
		steps.x, steps.y = append(steps.x, begin, end), append(steps.y, n, n)
		data.X = append(data.X, (begin+end)/2)
		data.At = append(data.At, duration(math.Pow(10, begin))+" to "+duration(math.Pow(10, end)))
	}
	c := chart{Title: fmt.Sprintf("%s, %d values", l.Class, l.Count), Text: fmt.Sprintf("From %s to %s, half of them below %s.",
		duration(float64(l.Min)), duration(float64(l.Max)), duration(float64(l.P50)))}
	p := plot{lines: []line{steps}, min: from, max: to, across: decadeTicks(from, to, duration), up: niceSteps(highest(counts), plain)}
	return c, true, c.drawn(p, data)
}

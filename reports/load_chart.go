package reports

import (
	"encoding/base64"
	"fmt"
	"html/template"
	"math"
	"slices"
	"time"

	"github.com/go-analyze/charts"

	"github.com/cibatest/cibatest/reports/result"
)

// chart is a picture in both colour schemes, as data URLs: the page stays one
// file, and nothing in a picture can act.
type chart struct {
	Title, Text string // Text says what is seen, for those who do not see it
	Light       template.URL
	Dark        template.Srcset
}

// lines are series over the time of the run.
type lines struct {
	title   string
	names   []string
	values  [][]float64
	stacked bool
	unit    func(float64) string
}

// The size of a chart in its own pixels, and the most points of a line in it.
const (
	chartWidth  = 900
	chartHeight = 280
	chartPoints = 300
)

var (
	seriesColors = []charts.Color{
		hex("#1f5b99"), hex("#d6952a"), hex("#b3261e"), hex("#4fa377"), hex("#9c62bb"), hex("#7d838a"), hex("#5b7f95"),
	}
	themes = map[bool]charts.ColorPalette{
		false: chartTheme(false, "#fcfcfa", "#1d1f21", "#5a5f66", "#dcdcd4"),
		true:  chartTheme(true, "#16181a", "#e4e5e2", "#a2a7ad", "#363a3e"),
	}
)

func hex(text string) charts.Color { return charts.ParseColor(text) }

func chartTheme(dark bool, paper, ink, soft, rule string) charts.ColorPalette {
	return charts.MakeTheme(charts.ThemeOption{
		IsDarkMode: dark, BackgroundColor: hex(paper), TextColor: hex(ink), TextColorTitle: hex(ink), TextColorLegend: hex(ink),
		TextColorXAxis: hex(soft), TextColorYAxis: hex(soft), AxisStrokeColor: hex(soft), AxisSplitLineColor: hex(rule),
		SeriesColors: seriesColors,
	})
}

// overTime draws lines over windows.
func overTime(windows []result.Window, l lines) (chart, error) {
	labels := make([]string, len(windows))
	for i, w := range windows {
		labels[i] = (time.Duration(w.StartMS) * time.Millisecond).Round(time.Second).String()
	}
	return drawn(l.title, l.summary(), func(p *charts.Painter, theme charts.ColorPalette) error {
		o := charts.NewLineChartOptionWithData(l.values)
		o.Theme, o.Legend.SeriesNames, o.XAxis.Labels, o.LineStrokeWidth = theme, l.names, labels, 1.5
		o.Symbol.Shape = charts.SymbolNone
		o.XAxis.BoundaryGap = new(false)
		o.XAxis.LabelCount = 10
		o.ValueFormatter = l.unit
		o.YAxis = []charts.YAxisOption{{Min: new(0.0), ValueFormatter: l.unit}}
		if l.stacked {
			o.StackSeries = new(true)
		}
		return p.LineChart(o)
	})
}

// summary tells the highest value of each line.
func (l lines) summary() string {
	text := "Over the time of the run, highest values:"
	for i, name := range l.names {
		highest := 0.0
		for _, v := range l.values[i] {
			if v != charts.GetNullValue() {
				highest = max(highest, v)
			}
		}
		text += fmt.Sprintf(" %s %s.", name, l.unit(highest))
	}
	return text
}

// bars draws how many values fell into each range.
func bars(title string, labels []string, counts []float64) (chart, error) {
	return drawn(title, title, func(p *charts.Painter, theme charts.ColorPalette) error {
		o := charts.NewBarChartOptionWithData([][]float64{counts})
		o.Theme, o.CategoryAxis.Labels = theme, labels
		o.CategoryAxis.LabelCount = 12
		o.ValueFormatter = plain
		o.ValueAxis = []charts.ValueAxisOption{{Min: new(0.0), ValueFormatter: plain}}
		return p.BarChart(o)
	})
}

func drawn(title, text string, draw func(*charts.Painter, charts.ColorPalette) error) (chart, error) {
	c := chart{Title: title, Text: text}
	for _, dark := range []bool{false, true} {
		p := charts.NewPainter(charts.PainterOptions{
			OutputFormat: charts.ChartOutputSVG, Width: chartWidth, Height: chartHeight, Theme: themes[dark],
		})
		if err := draw(p, themes[dark]); err != nil {
			return c, fmt.Errorf("chart %q: %w", title, err)
		}
		data, err := p.Bytes()
		if err != nil {
			return c, fmt.Errorf("chart %q: %w", title, err)
		}
		url := "data:image/svg+xml;base64," + base64.StdEncoding.EncodeToString(data)
		if dark {
			c.Dark = template.Srcset(url) //nolint:gosec // a picture we drew
		} else {
			c.Light = template.URL(url) //nolint:gosec // a picture we drew
		}
	}
	return c, nil
}

func plain(v float64) string { return fmt.Sprintf("%.4g", v) }

func perSecond(v float64) string { return fmt.Sprintf("%.4g/s", v) }

func duration(v float64) string { return micros(int64(v)) }

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

// quantiles are those of a class in each window; where nothing was measured the
// line has a gap.
func quantiles(windows []result.Window, class string, percentiles []float64) ([][]float64, error) {
	values := make([][]float64, len(percentiles))
	for _, w := range windows {
		h, err := w.Histograms[class].Decode()
		if err != nil {
			return nil, err
		}
		for i, p := range percentiles {
			v := charts.GetNullValue()
			if h.TotalCount() > 0 {
				v = float64(h.ValueAtPercentile(p))
			}
			values[i] = append(values[i], v)
		}
	}
	return values, nil
}

// spread counts the values of a class in ranges that grow by a fixed factor.
func spread(l result.Latency) (labels []string, counts []float64, err error) {
	h, err := l.Histogram.Decode()
	if err != nil || h.TotalCount() == 0 {
		return nil, nil, err
	}
	const perDecade = 10
	place := func(v int64) int { return int(math.Floor(math.Log10(float64(max(1, v))) * perDecade)) }
	first, last := place(h.Min()), place(h.Max())
	counts = make([]float64, last-first+1)
	for i := first; i <= last; i++ {
		labels = append(labels, micros(int64(math.Pow(10, float64(i)/perDecade))))
	}
	for _, b := range h.Distribution() {
		if b.Count > 0 {
			counts[min(max(place(b.From)-first, 0), len(counts)-1)] += float64(b.Count)
		}
	}
	return labels, counts, nil
}

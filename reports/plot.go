package reports

import (
	"bytes"
	"fmt"
	"html/template"
	"math"

	"github.com/go-analyze/charts/chartdraw"
	"github.com/go-analyze/charts/chartdraw/drawing"
)

// plot is a picture with two axes. Its colours are left to the page's style, so that one
// drawing serves both colour schemes; it is drawn once for wide and once for narrow pages,
// with text of one size.
type plot struct {
	lines    []line
	goals    []float64 // lines across, of what is to be held
	min, max float64   // of the horizontal axis
	across   func(most int) []tick
	top      float64 // of the vertical axis, which begins at zero
	up       []tick
}

// line is one series. Where it has a gap it goes on as another one of the same class.
type line struct {
	class  string
	x, y   []float64
	filled bool
}

// tick is a mark on an axis. One without a label only ends the axis.
type tick struct {
	at    float64
	label string
}

// size is how large a plot is drawn, in pixels, and how many labels fit below it.
type size struct{ width, height, labels int }

var (
	wide   = size{900, 260, 9}
	narrow = size{370, 230, 4}
)

// frame is where in its picture a plot has its lines, in pixels: left, top, right, bottom,
// and the width of the picture.
type frame [5]int

// paint is any colour: the library leaves out what has none, and where a class is set it
// writes no colour at all.
var paint = drawing.ColorBlack

// svg draws the plot with classes in place of colours and no style of its own, which the
// policy of the page would refuse.
func (p plot) svg(s size) (template.HTML, frame, error) {
	var at frame
	axis := chartdraw.Style{
		ClassName: "axis", StrokeColor: paint, StrokeWidth: 1, FontStyle: chartdraw.FontStyle{FontSize: 12, FontColor: paint},
	}
	hidden := chartdraw.Hidden()
	blank := chartdraw.Style{ClassName: "blank", Padding: chartdraw.Box{Top: 10, Left: 8, Right: 20, Bottom: 8, IsSet: true}}
	c := chartdraw.Chart{
		Width: s.width, Height: s.height, DPI: 72, Background: blank, Canvas: chartdraw.Style{ClassName: "blank"},
		XAxis: chartdraw.XAxis{Style: axis, Ticks: drawnTicks(p.across(s.labels)), GridMajorStyle: hidden, GridMinorStyle: hidden},
		YAxis: chartdraw.YAxis{
			Style: axis, Ticks: drawnTicks(p.up), AxisType: chartdraw.YAxisSecondary, // which stands on the left
			GridMajorStyle: hidden, GridMinorStyle: hidden, Zero: chartdraw.GridLine{Style: hidden},
		},
		YAxisSecondary: chartdraw.YAxis{Style: hidden},
		Elements: []chartdraw.Renderable{func(_ chartdraw.Renderer, box chartdraw.Box, _ chartdraw.Style) {
			at = frame{box.Left, box.Top, box.Right, box.Bottom, s.width}
		}},
	}
	across := func(class string, y float64) {
		c.Series = append(c.Series, drawnLine(line{class: class, x: []float64{p.min, p.max}, y: []float64{y, y}}))
	}
	for _, t := range p.up {
		across("grid", t.at)
	}
	for _, l := range p.lines {
		c.Series = append(c.Series, drawnLine(l))
	}
	for _, goal := range p.goals {
		across("goal", goal)
	}
	var b bytes.Buffer
	if err := c.Render(chartdraw.SVG, &b); err != nil {
		return "", at, fmt.Errorf("drawing a chart: %w", err)
	}
	return template.HTML(b.String()), at, nil //nolint:gosec // the library's, of numbers and of our own words
}

func drawnLine(l line) chartdraw.Series {
	style := chartdraw.Style{ClassName: l.class, StrokeColor: paint, StrokeWidth: 1}
	if l.filled {
		style.FillColor = paint
	}
	return chartdraw.ContinuousSeries{Style: style, XValues: l.x, YValues: l.y}
}

func drawnTicks(ticks []tick) []chartdraw.Tick {
	list := make([]chartdraw.Tick, len(ticks))
	for i, t := range ticks {
		list[i] = chartdraw.Tick{Value: t.at, Label: t.label}
	}
	return list
}

// niceSteps divides the way up to a value into at most five steps that people count in: 1, 2
// or 5 of a power of ten.
func niceSteps(highest float64, label func(float64) string) []tick {
	const most = 5
	if highest <= 0 {
		highest = 1
	}
	step := math.Pow(10, math.Floor(math.Log10(highest/most)))
	for _, factor := range []float64{1, 2, 5, 10} {
		if highest <= step*factor*most {
			step *= factor
			break
		}
	}
	var ticks []tick
	for i := 0; ; i++ {
		at := float64(i) * step
		ticks = append(ticks, tick{at, label(at)})
		if at >= highest {
			return ticks
		}
	}
}

// timeSteps are the steps of a time axis, in seconds.
var timeSteps = []int64{1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21600, 43200, 86400}

// timeTicks mark the time of a run up to its end, in milliseconds.
func timeTicks(end float64) func(most int) []tick {
	return func(most int) []tick {
		step := timeSteps[len(timeSteps)-1]
		for _, s := range timeSteps {
			if end <= float64(s)*1000*float64(most) {
				step = s
				break
			}
		}
		var ticks []tick
		for at := int64(0); float64(at*1000) <= end; at += step {
			ticks = append(ticks, tick{float64(at * 1000), clockText(at)})
		}
		return append(ticks, tick{end, ""})
	}
}

// clockText is a time of the run in seconds, as short as it can be said.
func clockText(seconds int64) string {
	h, m, s := seconds/3600, seconds/60%60, seconds%60
	switch {
	case seconds == 0:
		return "0"
	case h > 0 && m == 0 && s == 0:
		return fmt.Sprintf("%dh", h)
	case h > 0:
		return fmt.Sprintf("%dh%dm", h, m)
	case m > 0 && s == 0:
		return fmt.Sprintf("%dm", m)
	case m > 0:
		return fmt.Sprintf("%dm%ds", m, s)
	}
	return fmt.Sprintf("%ds", s)
}

// decadeTicks mark a logarithmic axis between two powers of ten: where there is room also
// the twos and fives.
func decadeTicks(from, to float64, label func(float64) string) func(most int) []tick {
	return func(most int) []tick {
		for _, factors := range [][]float64{{1, 2, 5}, {1, 3}, {1}} {
			ticks := []tick{{from, ""}}
			for decade := math.Floor(from); decade <= to; decade++ {
				for _, f := range factors {
					if at := decade + math.Log10(f); at >= from && at <= to {
						ticks = append(ticks, tick{at, label(math.Pow(10, decade) * f)})
					}
				}
			}
			if len(ticks)-1 <= most || len(factors) == 1 {
				return append(ticks, tick{to, ""})
			}
		}
		return nil
	}
}

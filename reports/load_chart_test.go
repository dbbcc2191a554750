package reports

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cibatest/cibatest/reports/result"
)

func labels(ticks []tick) string {
	var list []string
	for _, t := range ticks {
		if t.label != "" {
			list = append(list, t.label)
		}
	}
	return strings.Join(list, " ")
}

func TestTicks(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, got, want string }{
		{"a minute, wide", labels(timeTicks(60_000)(9)), "0 10s 20s 30s 40s 50s 1m"},
		{"a minute, narrow", labels(timeTicks(60_000)(4)), "0 15s 30s 45s 1m"},
		{"an odd end", labels(timeTicks(133_000)(4)), "0 1m 2m"},
		{"hours", labels(timeTicks(9_000_000)(9)), "0 30m 1h 1h30m 2h 2h30m"},
		{"half a second", labels(timeTicks(500)(9)), "0"},
		{"milliseconds", labels(niceSteps(7_511, duration)), "0 2ms 4ms 6ms 8ms"},
		{"across units", labels(niceSteps(1_400_000, duration)), "0 500ms 1s 1.5s"},
		{"nothing", labels(niceSteps(0, plain)), "0 0.2 0.4 0.6 0.8 1"},
		{"a decade", labels(decadeTicks(3, 4, duration)(9)), "1ms 2ms 5ms 10ms"},
		{"six decades, narrow", labels(decadeTicks(1, 7, duration)(4)), "10us 100us 1ms 10ms 100ms 1s 10s"},
	} {
		if c.got != c.want {
			t.Errorf("%s: %s, want %s", c.name, c.got, c.want)
		}
	}
}

func chartsOf(t *testing.T, l result.Load) map[string]chart {
	t.Helper()
	if err := l.Sum(); err != nil {
		t.Fatal(err)
	}
	groups, err := loadCharts(l)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]chart{}
	for _, g := range groups {
		for _, c := range g.Charts {
			all[c.Title] = c
		}
	}
	return all
}

func dataOf(t *testing.T, c chart) (d chartData) {
	t.Helper()
	if err := json.Unmarshal([]byte(c.Data), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// Windows of different lengths stand where they were in time: a stall of a minute and a
// half is as wide as it was long.
func TestChartsHaveATrueTimeAxis(t *testing.T) {
	t.Parallel()
	l := sampleLoad()
	l.Windows = l.Windows[:4]
	for i, at := range [][2]int64{{0, 36_000}, {36_000, 1_000}, {37_000, 96_000}, {133_000, 67_000}} {
		l.Windows[i].StartMS, l.Windows[i].SpanMS = at[0], at[1]
	}
	c := chartsOf(t, l)["Requests"]
	data := dataOf(t, c)
	if diff := cmp.Diff([]float64{18_000, 36_500, 85_000, 166_500}, data.X); diff != "" || data.Max != 200_000 {
		t.Errorf("places up to %v, -want +got:\n%s", data.Max, diff)
	}
	left, right := float64(data.Wide[0]), float64(data.Wide[2])
	place := func(ms float64) int { return int(left + (right-left)*ms/200_000 + 0.999) }
	for _, ms := range data.X {
		if want := fmt.Sprintf(" %d ", place(ms)); !strings.Contains(strings.ReplaceAll(string(c.Wide), "\n", " "), want) {
			t.Errorf("nothing is drawn at %s", want)
		}
	}
}

// What was never measured has no chart, and a line without values no key.
func TestChartsAreNeverEmpty(t *testing.T) {
	t.Parallel()
	l := sampleLoad()
	for i := range l.Windows {
		w := &l.Windows[i]
		w.Histograms = map[string]result.Histogram{"initiate.corrected": w.Histograms["initiate.corrected"]}
		w.Pending, w.Counters[result.CountErrors] = 0, 0
	}
	all := chartsOf(t, l)
	want := []string{"Flows by outcome", "Requests", "Starts offered and made", "initiate"}
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(all))); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if keys := all["Requests"].Keys; len(keys) != 1 {
		t.Errorf("keys %v for requests without an error", keys)
	}
	if l.Windows = nil; len(chartsOf(t, l)) != 0 {
		t.Error("a run without windows has charts")
	}
}

func TestChartsShowObjectives(t *testing.T) {
	t.Parallel()
	l := sampleLoad()
	l.Objectives = []result.Objective{
		{Text: "redeem.p99<20ms", Held: true},
		{Text: "redeem.p95<10ms"},
		{Text: "redeem.p99<900s", Held: true},
		{Text: "redeem.service.p99<1s"},
		{Text: "redeem.p99<<script>1s"},
		{Text: "decision_to_token.p95<15ms", Held: true},
		{Text: "violations==0"},
	}
	all := chartsOf(t, l)
	var keys []string
	for _, k := range slices.Concat(all["redeem"].Keys, all["decision_to_token: from the user's approval to the tokens"].Keys) {
		if k.Class == "goal" {
			keys = append(keys, k.Text)
		}
	}
	want := []string{
		"objective p99 below 20ms: held", "objective p95 below 10ms: missed", "objective p99 below 900s: held, above this picture",
		"objective p95 below 15ms: held",
	}
	if diff := cmp.Diff(want, keys); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if n := strings.Count(string(all["redeem"].Wide), `class="goal stroke"`); n != 2 {
		t.Errorf("%d lines of objectives, want 2", n)
	}
}

// The page's policy refuses styles of single elements, so a drawing has none, and the page
// says the colours.
func TestChartsHaveClassesOnly(t *testing.T) {
	t.Parallel()
	for title, c := range chartsOf(t, sampleLoad()) {
		for _, drawing := range []string{string(c.Wide), string(c.Narrow)} {
			if strings.Contains(drawing, "style=") || !strings.Contains(drawing, ` stroke"`) {
				t.Errorf("%s is not drawn by classes: %.300s", title, drawing)
			}
		}
		if c.Text == "" || c.Data == "" {
			t.Errorf("%s lacks its words or values", title)
		}
	}
}

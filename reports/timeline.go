package reports

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/cibatest/cibatest/reports/result"
)

// What a case spends its time on. It is read off its exchanges: what lies between two of
// them was waited, and the later one tells for what.
const (
	working   = "work"   // requests, and pauses too short to be a wait
	forPace   = "pace"   // until the OP allows the next poll
	forExpiry = "expiry" // until a request is at its end, or nearly
	forOther  = "other"  // for a user's decision, for other cases, or a time of its own
)

var waitWords = []struct{ kind, words string }{
	{forExpiry, "the life of a request"},
	{forPace, "the pace of polls"},
	{forOther, "a decision, other cases, or a set time"},
	{working, "requests and answers"},
}

// The bounds of the timeline: a shorter pause is no wait, a longer one than this beyond the
// interval is none for the pace, and what would be drawn beyond these numbers is left out.
const (
	shortestWait   = 500 // milliseconds
	beyondPace     = 7_000
	maxTimeline    = 2000 // cases
	maxWaitsOfCase = 40
	longestShown   = 8 // cases in the table
)

// timeline shows when cases ran and what they waited for.
type timeline struct {
	Text   string // for those who do not see the picture
	Height int
	Ticks  []timeTick
	Bands  []timeBand
	Keys   []timeKey
	Top    []timeRow // cases that took longest
}

type timeTick struct{ X, Label string }

// timeBand is the cases of one area, in as many lanes as ran at once.
type timeBand struct {
	Name  string
	Y     int
	Spans []timeSpan
}

// timeSpan is a stretch of a case, in percent of the run.
type timeSpan struct {
	Kind, X, Width, Title string
	Y                     int
}

type timeKey struct{ Kind, Words, Sum string }

type timeRow struct {
	link
	Took, Spent string
}

// spent is what a case did in a stretch of the run, in milliseconds.
type spent struct {
	kind     string
	from, to int64
}

// newTimeline draws the cases of a run that took any time; nil where there are none, or too
// many to see anything.
func newTimeline(d digest) *timeline {
	cases := slices.DeleteFunc(slices.Clone(d.Cases), func(c result.Case) bool { return c.DurationMS <= 0 || c.StartedMS < 0 })
	if len(cases) == 0 || len(cases) > maxTimeline {
		return nil
	}
	end := int64(0)
	for _, c := range cases {
		end = max(end, c.StartedMS+c.DurationMS)
	}
	t := &timeline{}
	for _, mark := range timeTicks(float64(end))(6) {
		if mark.label != "" {
			t.Ticks = append(t.Ticks, timeTick{share(int64(mark.at), end), mark.label})
		}
	}
	t.bands(cases, end)
	t.keys(cases)
	t.longest(cases)
	return t
}

const (
	laneHeight = 4
	bandGap    = 22 // with the name of the area
)

func (t *timeline) bands(cases []result.Case, end int64) {
	y := 0
	for _, area := range areasOf(cases) {
		band := timeBand{Name: area, Y: y + bandGap - 6}
		y += bandGap
		var free []int64 // when each lane is free again
		for _, c := range cases {
			if c.Area != area {
				continue
			}
			lane := slices.IndexFunc(free, func(at int64) bool { return at <= c.StartedMS })
			if lane < 0 {
				lane = len(free)
				free = append(free, 0)
			}
			free[lane] = c.StartedMS + c.DurationMS
			band.add(c, y+lane*laneHeight, end)
		}
		y += len(free) * laneHeight
		t.Bands = append(t.Bands, band)
	}
	t.Height = y + 4
}

// areasOf are the areas in the order in which their first cases began.
func areasOf(cases []result.Case) []string {
	slices.SortStableFunc(cases, func(a, b result.Case) int {
		if a.StartedMS != b.StartedMS {
			return int(max(-1, min(1, a.StartedMS-b.StartedMS)))
		}
		return strings.Compare(a.ID, b.ID)
	})
	var areas []string
	for _, c := range cases {
		if !slices.Contains(areas, c.Area) {
			areas = append(areas, c.Area)
		}
	}
	return areas
}

func (b *timeBand) add(c result.Case, y int, end int64) {
	title := fmt.Sprintf("%s: %s, from %s", c.ID, span(c.DurationMS), span(c.StartedMS))
	b.Spans = append(b.Spans, timeSpan{working, share(c.StartedMS, end), share(c.DurationMS, end), title, y})
	for _, s := range spending(c) {
		b.Spans = append(b.Spans, timeSpan{s.kind, share(s.from, end), share(s.to-s.from, end), title + ", here it waits", y})
	}
}

func share(ms, of int64) string { return fmt.Sprintf("%.2f%%", 100*float64(ms)/float64(max(1, of))) }

// spending are the waits of a case, in the order of time.
func spending(c result.Case) []spent {
	var own []result.Exchange
	for _, x := range c.Exchanges {
		if x.StartedMS >= c.StartedMS { // what was shared may be older
			own = append(own, x)
		}
	}
	slices.SortStableFunc(own, func(a, b result.Exchange) int { return int(max(-1, min(1, a.StartedMS-b.StartedMS))) })
	var list []spent
	pace := int64(5_000)
	until := c.StartedMS
	add := func(kind string, to int64) {
		if to-until >= shortestWait && len(list) < maxWaitsOfCase {
			list = append(list, spent{kind, until, to})
		}
	}
	for _, x := range own {
		add(waitedFor(x, x.StartedMS-until, pace), x.StartedMS)
		pace = max(pace, 1000*intervalIn(x))
		until = max(until, x.StartedMS+int64(x.DurationMS))
	}
	add(forOther, c.StartedMS+c.DurationMS)
	return list
}

// waitedFor is what the pause before an exchange was for.
func waitedFor(next result.Exchange, pause, pace int64) string {
	switch {
	case next.Label != "token request":
		return forOther
	case pause > pace+beyondPace, next.Response != nil && strings.Contains(next.Response.Body, `"expired_token"`) && pause > pace:
		return forExpiry
	}
	return forPace
}

// intervalIn is the interval of an acknowledgement, in seconds; zero where it has none.
func intervalIn(x result.Exchange) int64 {
	if x.Response == nil || x.Response.Status != 200 {
		return 0
	}
	var ack struct {
		Interval float64 `json:"interval"`
	}
	if json.Unmarshal([]byte(x.Response.Body), &ack) != nil || ack.Interval < 0 || ack.Interval > 3600 {
		return 0
	}
	return int64(ack.Interval)
}

// sums is what some cases spent their time on, in milliseconds.
func sums(cases ...result.Case) map[string]int64 {
	total := map[string]int64{}
	for _, c := range cases {
		total[working] += c.DurationMS
		for _, s := range spending(c) {
			total[s.kind] += s.to - s.from
			total[working] -= s.to - s.from
		}
	}
	return total
}

func (t *timeline) keys(cases []result.Case) {
	total := sums(cases...)
	words := []string{}
	for _, w := range waitWords {
		t.Keys = append(t.Keys, timeKey{w.kind, w.words, span(max(0, total[w.kind]))})
		words = append(words, fmt.Sprintf("%s %s", w.words, span(max(0, total[w.kind]))))
	}
	t.Text = plural(len(cases), "case", "cases") + " over the time of the run. All cases added up: " + strings.Join(words, ", ") + "."
}

// longest tells where the time of those cases went that took the most.
func (t *timeline) longest(cases []result.Case) {
	byTime := slices.Clone(cases)
	slices.SortStableFunc(byTime, func(a, b result.Case) int { return int(max(-1, min(1, b.DurationMS-a.DurationMS))) })
	for _, c := range byTime[:min(longestShown, len(byTime))] {
		total := sums(c)
		var words []string
		for _, w := range waitWords {
			if ms := total[w.kind]; ms >= shortestWait {
				words = append(words, w.words+" "+span(ms))
			}
		}
		t.Top = append(t.Top, timeRow{link{c.ID, caseAnchor(c.ID)}, span(c.DurationMS), strings.Join(words, ", ")})
	}
}

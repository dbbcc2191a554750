package result

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Then makes one window of two that follow each other.
func (w Window) Then(next Window) (Window, error) {
	joined, err := w.plus(next)
	joined.SpanMS = w.SpanMS + next.SpanMS
	if joined.SpanMS > 0 {
		joined.OfferedPS = (w.OfferedPS*float64(w.SpanMS) + next.OfferedPS*float64(next.SpanMS)) / float64(joined.SpanMS)
	}
	joined.Pending, joined.UnderWay, joined.RSSBytes = next.Pending, next.UnderWay, max(w.RSSBytes, next.RSSBytes)
	return joined, err
}

// plus adds the counts and buckets of another window, and its gauges, as for
// two generators in the same second.
func (w Window) plus(other Window) (Window, error) {
	sum := w
	sum.Counters = added(w.Counters, other.Counters)
	sum.Answers = added(w.Answers, other.Answers)
	sum.FailedFor = added(w.FailedFor, other.FailedFor)
	sum.Pending += other.Pending
	sum.UnderWay += other.UnderWay
	sum.OfferedPS += other.OfferedPS
	sum.CPUMS += other.CPUMS
	sum.RSSBytes += other.RSSBytes
	sum.SpanMS = max(w.SpanMS, other.SpanMS)
	sum.Histograms = maps.Clone(w.Histograms)
	if sum.Histograms == nil {
		sum.Histograms = map[string]Histogram{}
	}
	for class, h := range other.Histograms {
		merged, err := mergeHistograms(sum.Histograms[class], h)
		if err != nil {
			return w, fmt.Errorf("class %s: %w", class, err)
		}
		sum.Histograms[class] = merged
	}
	return sum, nil
}

func added(a, b map[string]int64) map[string]int64 {
	sum := maps.Clone(a)
	if sum == nil {
		sum = map[string]int64{}
	}
	for name, n := range b {
		sum[name] += n
	}
	return sum
}

func mergeHistograms(a, b Histogram) (Histogram, error) {
	if a == "" || b == "" {
		return a + b, nil
	}
	into, err := a.Decode()
	if err != nil {
		return "", err
	}
	from, err := b.Decode()
	if err != nil {
		return "", err
	}
	into.Merge(from)
	return EncodeSparse(into), nil
}

// ClassOrder is the order in which a reader wants the classes.
var ClassOrder = []string{
	"initiate", "initiate.corrected",
	"pending", "pending.corrected",
	"slow_down", "slow_down.corrected",
	"redeem", "redeem.corrected",
	"ended", "ended.corrected",
	"error", "error.corrected",
	"decision_to_token", "flow", "decide",
	"lag.initiate", "lag.poll",
	"polls_per_flow",
}

// Sum makes the totals of a result from its windows.
func (l *Load) Sum() error {
	l.Counters, l.Answers, l.FailedFor = map[string]int64{}, map[string]int64{}, map[string]int64{}
	totals := map[string]*hdrhistogram.Histogram{}
	l.Generator.CPUMS = 0
	for _, w := range l.Windows {
		l.Counters, l.Answers, l.FailedFor = added(l.Counters, w.Counters), added(l.Answers, w.Answers), added(l.FailedFor, w.FailedFor)
		l.Generator.CPUMS += w.CPUMS
		for class, encoded := range w.Histograms {
			h, err := encoded.Decode()
			if err != nil {
				return fmt.Errorf("window at %d ms, class %s: %w", w.StartMS, class, err)
			}
			if totals[class] == nil {
				totals[class] = h
				continue
			}
			totals[class].Merge(h)
		}
	}
	l.Funnel = FunnelOf(l.Counters)
	l.Latency = latencies(totals)
	if l.Generator.CPUMS > 0 {
		l.Generator.RequestsPerCS = float64(l.Counters[CountRequests]) * 1000 / float64(l.Generator.CPUMS)
	}
	return nil
}

func latencies(totals map[string]*hdrhistogram.Histogram) []Latency {
	list := []Latency{}
	for _, class := range slices.SortedFunc(maps.Keys(totals), byClassOrder) {
		l := LatencyOf(class, totals[class])
		if class == "polls_per_flow" {
			l.Unit = ""
		}
		list = append(list, l)
	}
	return list
}

// byClassOrder puts classes nobody knows at the end, by name.
func byClassOrder(a, b string) int {
	place := func(class string) int {
		if at := slices.Index(ClassOrder, class); at >= 0 {
			return at
		}
		return len(ClassOrder)
	}
	if d := place(a) - place(b); d != 0 {
		return d
	}
	if a < b {
		return -1
	}
	return 1
}

// MergeLoads adds up the results of generators that ran side by side. Counters
// and histograms are exact sums; windows are laid side by side by the clock.
func MergeLoads(parts []Load) (Load, error) {
	if len(parts) == 0 {
		return Load{}, errors.New("there is nothing to merge")
	}
	merged := parts[0]
	merged.Windows, merged.Violations, merged.Parts, merged.Objectives, merged.Reasons, merged.Notes = nil, nil, nil, nil, nil, nil
	merged.Generator = Generator{}
	end := merged.Started
	for _, p := range parts {
		if p.Target.Issuer != merged.Target.Issuer {
			return Load{}, fmt.Errorf("the parts are about two targets, %s and %s", merged.Target.Issuer, p.Target.Issuer)
		}
		if p.Started.Before(merged.Started) {
			merged.Started = p.Started
		}
		if ended := p.Started.Add(time.Duration(p.DurationMS) * time.Millisecond); ended.After(end) {
			end = ended
		}
	}
	merged.DurationMS = end.Sub(merged.Started).Milliseconds()
	for i, p := range parts {
		if err := merged.include(p, fmt.Sprintf("part %d, seed %d", i+1, p.Seed)); err != nil {
			return Load{}, fmt.Errorf("part %d: %w", i+1, err)
		}
	}
	merged.Notes = slices.Compact(slices.Sorted(slices.Values(merged.Notes)))
	return merged, merged.Sum()
}

// include adds one part.
func (l *Load) include(p Load, name string) error {
	shift := p.Started.Sub(l.Started).Milliseconds()
	for _, w := range p.Windows {
		w.StartMS += shift
		at := slices.IndexFunc(l.Windows, func(other Window) bool { return other.SpanMS > 0 && abs(other.StartMS-w.StartMS) <= other.SpanMS/2 })
		if at < 0 {
			l.Windows = append(l.Windows, w)
			continue
		}
		sum, err := l.Windows[at].plus(w)
		if err != nil {
			return err
		}
		l.Windows[at] = sum
	}
	slices.SortStableFunc(l.Windows, func(a, b Window) int { return int(a.StartMS - b.StartMS) })
	l.includeViolations(p.Violations)
	l.Parts = append(l.Parts, name)
	l.Notes = append(l.Notes, p.Notes...)
	l.Interrupted = l.Interrupted || p.Interrupted
	l.Unfinished = l.Unfinished || p.Unfinished
	g := &l.Generator
	g.Cores += p.Generator.Cores
	g.PeakRSSBytes += p.Generator.PeakRSSBytes
	g.PeakUnderWay += p.Generator.PeakUnderWay
	l.Reasons = append(l.Reasons, p.Reasons...)
	if worse(p.Verdict, l.Verdict) {
		l.Verdict = p.Verdict
	}
	for _, o := range p.Objectives {
		o.Text += " (" + name + ")"
		l.Objectives = append(l.Objectives, o)
	}
	return nil
}

func (l *Load) includeViolations(list []Violation) {
	for _, v := range list {
		at := slices.IndexFunc(l.Violations, func(other Violation) bool { return other.Kind == v.Kind })
		if at < 0 {
			l.Violations = append(l.Violations, v)
			continue
		}
		l.Violations[at].Count += v.Count
		l.Violations[at].Evidence = append(slices.Clone(l.Violations[at].Evidence), v.Evidence...)
	}
}

// worse compares verdicts.
func worse(a, b LoadVerdict) bool {
	order := []LoadVerdict{Saturated, Aborted, Missed, Measured, Held}
	return slices.Index(order, a) < slices.Index(order, b)
}

func abs(n int64) int64 { return max(n, -n) }

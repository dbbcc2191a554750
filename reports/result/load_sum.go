package result

import (
	"cmp"
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

// OtherNames stands for all names of a tally beyond those that are told apart, since an OP
// can make up as many as it likes.
const OtherNames = "others"

// mostNames is how many names of a tally are told apart, the most frequent ones.
const mostNames = 200

func added(a, b map[string]int64) map[string]int64 {
	sum := maps.Clone(a)
	if sum == nil {
		sum = map[string]int64{}
	}
	for name, n := range b {
		sum[name] += n
	}
	if len(sum) > mostNames {
		foldRare(sum)
	}
	return sum
}

// foldRare counts the least frequent names of a tally together.
func foldRare(sum map[string]int64) {
	names := slices.SortedFunc(maps.Keys(sum), func(a, b string) int {
		return cmp.Or(cmp.Compare(sum[b], sum[a]), cmp.Compare(a, b))
	})
	for _, name := range names[mostNames-1:] {
		if name != OtherNames {
			sum[OtherNames] += sum[name]
			delete(sum, name)
		}
	}
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

// The classes that tell how long users who approved waited for their tokens.
const (
	// DecisionToToken is the wait from the approval to the tokens. Windows hold the waits
	// of those who got tokens; in the totals those who got none are added, see
	// [Load.Sum].
	DecisionToToken = "decision_to_token"

	// WaitedInVain is the wait of those who got none, until their flow ended.
	WaitedInVain = "waited_in_vain"
)

// The classes of ping and push.
const (
	Notify        = "notify"          // from the decision until the OP called the client
	NotifyToToken = "notify_to_token" // ping: from the call until the client had tokens
)

// ClassOrder is the order in which a reader wants the classes.
var ClassOrder = []string{
	"initiate", "initiate.corrected",
	"pending", "pending.corrected",
	"slow_down", "slow_down.corrected",
	"redeem", "redeem.corrected",
	"ended", "ended.corrected",
	"error", "error.corrected",
	DecisionToToken, Notify, NotifyToToken, WaitedInVain, "flow", "decide",
	"lag.initiate", "lag.poll", "lag.notify",
	"polls_per_flow",
}

// Sum makes the totals of a result from its windows. To the waits for tokens it adds
// those that were in vain: such a user waited at least as long as was seen, and at least
// as long as whoever waited longest and got tokens. A quantile of decision_to_token can
// therefore only rise by users who got nothing, and is a lower bound where it falls
// among them.
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
	if inVain := totals[WaitedInVain]; inVain != nil {
		totals[DecisionToToken] = withWaitsInVain(orEmpty(totals[DecisionToToken]), inVain)
	}
	l.Latency = latencies(totals)
	if l.Generator.CPUMS > 0 {
		l.Generator.RequestsPerCS = float64(l.Counters[CountRequests]) * 1000 / float64(l.Generator.CPUMS)
	}
	return nil
}

// withWaitsInVain adds censored waits to complete ones, each no shorter than the longest
// of the complete ones.
func withWaitsInVain(complete, inVain *hdrhistogram.Histogram) *hdrhistogram.Histogram {
	longest := complete.Max()
	for _, bar := range inVain.Distribution() {
		if bar.Count > 0 {
			_ = complete.RecordValues(min(max(bar.To, longest), histogramMax), bar.Count) // within the limits it cannot fail
		}
	}
	return complete
}

func orEmpty(h *hdrhistogram.Histogram) *hdrhistogram.Histogram {
	if h == nil {
		return NewHistogram()
	}
	return h
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
// and histograms are exact sums; windows are laid side by side by the clock. It refuses
// parts about different targets, a run that is in two of them, and parts with time
// between them: their rates were never there at once, so that no sum of them is true.
func MergeLoads(parts []Load) (Load, error) {
	if len(parts) == 0 {
		return Load{}, errors.New("there is nothing to merge")
	}
	if err := errors.Join(distinct(parts), sideBySide(parts)); err != nil {
		return Load{}, err
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
		if p.end().After(end) {
			end = p.end()
		}
	}
	merged.DurationMS = end.Sub(merged.Started).Milliseconds()
	for i, p := range parts {
		if err := merged.include(p, fmt.Sprintf("part %d", i+1)); err != nil {
			return Load{}, fmt.Errorf("part %d: %w", i+1, err)
		}
	}
	merged.Notes = slices.Compact(slices.Sorted(slices.Values(merged.Notes)))
	return merged, merged.Sum()
}

// origins are the runs that a result is made of: itself, or what was merged into it.
func (l *Load) origins() []string {
	if len(l.Parts) > 0 {
		return l.Parts
	}
	return []string{fmt.Sprintf("seed %d, started %s", l.Seed, l.Started.UTC().Format(time.RFC3339Nano))}
}

// end is when the run was over.
func (l *Load) end() time.Time {
	return l.Started.Add(time.Duration(l.DurationMS) * time.Millisecond)
}

// distinct refuses a run that would count twice.
func distinct(parts []Load) error {
	seen := map[string]int{}
	for i, p := range parts {
		for _, origin := range p.origins() {
			if first := seen[origin]; first > 0 {
				return fmt.Errorf("parts %d and %d hold the same run (%s), which would count twice", first, i+1, origin)
			}
			seen[origin] = i + 1
		}
	}
	return nil
}

// sideBySide refuses parts with time between them.
func sideBySide(parts []Load) error {
	inOrder := slices.SortedFunc(slices.Values(parts), func(a, b Load) int { return a.Started.Compare(b.Started) })
	end := inOrder[0].end()
	for _, p := range inOrder[1:] {
		if p.Started.After(end) {
			return fmt.Errorf("the part that started %s began %s after the others had ended: parts run side by side; "+
				"look at runs that came one after the other by themselves", p.Started.UTC().Format(time.RFC3339), p.Started.Sub(end).Round(time.Second))
		}
		if p.end().After(end) {
			end = p.end()
		}
	}
	return nil
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
	l.Parts = append(l.Parts, p.origins()...)
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

// worse compares the verdicts of parts. What one part proved is not undone by another
// one that could not keep up.
func worse(a, b LoadVerdict) bool {
	order := []LoadVerdict{Missed, Aborted, Unjudged, Saturated, Measured, Held}
	return slices.Index(order, a) < slices.Index(order, b)
}

func abs(n int64) int64 { return max(n, -n) }
